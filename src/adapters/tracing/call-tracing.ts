import type { CallSid } from "../../domain/ids.js";
import type { RecordEvent } from "../../domain/record-event.js";
import { CallSpans } from "../../records/call-spans.js";
import { OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.js";
import { TraceIds } from "./trace-ids.js";

export interface CallTracingSettings {
  /** The collector's base address; `/v1/traces` is added. */
  readonly endpoint: string;
  /** `name=value`, separated by commas, values percent-encoded; null: none. */
  readonly headers: string | null;
  readonly serviceName: string;
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
    this.#exporter = new OtlpExporter({
      ...parts,
      url: new URL(`${settings.endpoint}/v1/traces`),
      headers: readHeaders(settings.headers),
      resource: {
        version: settings.version,
        attributes: {
          "service.name": settings.serviceName,
          "service.version": settings.version,
          "service.instance.id": `${settings.node}/${settings.worker}`,
        },
      },
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

/** Source: OpenTelemetry, "OTLP Exporter Configuration", OTEL_EXPORTER_OTLP_HEADERS. */
export function readHeaders(text: string | null): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const pair of (text ?? "").split(",")) {
    const equals = pair.indexOf("=");
    if (equals <= 0) continue;
    const value = pair.slice(equals + 1).trim();
    headers[pair.slice(0, equals).trim().toLowerCase()] = decodeURIComponent(value);
  }
  return headers;
}
