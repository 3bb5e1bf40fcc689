import type { CallSid } from "../../domain/ids.js";
import type { RecordEvent } from "../../domain/record-event.js";
import { CallSpans } from "../../records/call-spans.js";
import { OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.js";
import { TraceIds } from "./trace-ids.js";

export interface CallTracingSettings {
  /** `https://…/v1/traces`. */
  readonly url: string;
  /** `name=value`, separated by commas, values percent-encoded; null: none. */
  readonly headers: string | null;
  /** The same; null: none. */
  readonly resourceAttributes: string | null;
  /** Null: that of the attributes, or murelay. */
  readonly serviceName: string | null;
  readonly timeoutMs: number;
  /** The share of calls that are traced, 0 to 1. */
  readonly ratio: number;
  readonly node: string;
  readonly worker: number;
  readonly version: string;
}

/** Traces of calls. It exists only where a collector is set. */
export class CallTracing {
  readonly #ids: TraceIds;
  readonly #spans: CallSpans;
  readonly #exporter: OtlpExporter;

  constructor(
    settings: CallTracingSettings,
    parts: Pick<OtlpExporterOptions, "network" | "clock" | "log">,
  ) {
    this.#ids = new TraceIds(settings.ratio);
    const { url, headers, timeoutMs, version } = settings;
    this.#exporter = new OtlpExporter({
      ...parts,
      url: new URL(url),
      headers: readPairs(headers, true),
      timeoutMs,
      resource: { version, attributes: resourceOf(settings) },
    });
    this.#spans = new CallSpans(this.#ids, (span) => this.#exporter.add(span));
  }

  /** One record event of a call. */
  event(callSid: CallSid, event: RecordEvent): void {
    if (this.#ids.isSampled(callSid)) this.#spans.event(callSid, event);
  }

  /** The header that continues a call's trace elsewhere. */
  traceparent(callSid: CallSid): string {
    return this.#ids.traceparent(callSid);
  }

  async stop(): Promise<void> {
    await this.#exporter.stop();
  }
}

function resourceOf(settings: CallTracingSettings): Readonly<Record<string, string>> {
  const { serviceName, resourceAttributes, node, worker, version } = settings;
  return {
    "service.name": "murelay",
    "service.version": version,
    "service.instance.id": `${node}/${worker}`,
    ...readPairs(resourceAttributes, false),
    ...(serviceName === null ? {} : { "service.name": serviceName }),
  };
}

/**
 * @param headers  names do not depend on case.
 *
 * Source: OpenTelemetry, OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES.
 */
export function readPairs(text: string | null, headers: boolean): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (const pair of (text ?? "").split(",")) {
    const equals = pair.indexOf("=");
    if (equals <= 0) continue;
    const name = pair.slice(0, equals).trim();
    pairs[headers ? name.toLowerCase() : name] = decoded(pair.slice(equals + 1).trim());
  }
  return pairs;
}

/** People forget to encode a percent sign. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
