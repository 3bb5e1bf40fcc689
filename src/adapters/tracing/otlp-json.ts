/**
 * Spans as OTLP in JSON.
 *
 * Source: OpenTelemetry Protocol 1.x, "JSON Protobuf Encoding": ids are hexadecimal, 64-bit numbers
 * are strings, enumerations are numbers.
 */
import type { Span } from "../../domain/span.js";

const KINDS = { internal: 1, server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

type Value = string | number | boolean;

export interface TraceResource {
  readonly attributes: Readonly<Record<string, string>>;
  readonly version: string;
}

export function otlpJson(spans: readonly Span[], { attributes, version }: TraceResource): string {
  const scope = { name: "murelay", version };
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues(attributes) },
        scopeSpans: [{ scope, spans: spans.map(spanJson) }],
      },
    ],
  });
}

function spanJson(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startEpochMs),
    endTimeUnixNano: nanoseconds(span.endEpochMs),
    attributes: keyValues(span.attributes),
    events: span.events.map(({ name, epochMs }) => ({ name, timeUnixNano: nanoseconds(epochMs) })),
    status: span.failed ? { code: STATUS_ERROR } : {},
  };
}

const nanoseconds = (epochMs: number): string => `${Math.round(epochMs)}000000`;

function keyValues(attributes: Readonly<Record<string, Value>>) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
