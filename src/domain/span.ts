/** One span of a trace, as OpenTelemetry means it. Types only. */
export interface Span {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Null: the root. */
  readonly parentSpanId: string | null;
  readonly kind: "server" | "client" | "internal";
  readonly startEpochMs: number;
  readonly endEpochMs: number;
  readonly attributes: SpanAttributes;
  readonly events: readonly SpanEvent[];
  readonly failed: boolean;
}

/** Never speech, secrets or phone numbers. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanEvent {
  readonly name: string;
  readonly epochMs: number;
}
