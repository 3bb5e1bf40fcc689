/** The rows of the table of settings that concern traces. Source: OpenTelemetry, SDK variables. */
import { defaulted, optional } from "./setting.js";
import { decimal, flag, httpUrl, text, traceSampler, whole } from "./setting-values.js";

export const TRACE_SETTINGS = {
  otelEndpoint: optional({
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    group: "Traces",
    schema: httpUrl,
    range: "http:// or https://; /v1/traces is added",
    doc:
      "A collector that takes OTLP over HTTP. Traces of calls are off while it is unset. " +
      "See docs/tracing.md.",
    example: "http://localhost:4318",
  }),
  otelTracesEndpoint: optional({
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    group: "Traces",
    schema: httpUrl,
    range: "http:// or https://, with its path",
    doc: "The whole address for traces, instead of the one above.",
    example: "http://localhost:4318/v1/traces",
  }),
  otelHeaders: optional({
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    group: "Traces",
    schema: text(4096),
    secret: true,
    range: "name=value, separated by commas",
    doc: "Headers of each request to the collector, for example its key.",
    example: "authorization=Bearer%20…",
  }),
  otelTracesHeaders: optional({
    name: "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    group: "Traces",
    schema: text(4096),
    secret: true,
    range: "name=value, separated by commas",
    doc: "Headers of each request with traces, instead of those above.",
    example: "authorization=Bearer%20…",
  }),
  otelTimeoutMs: defaulted("10000", {
    name: "OTEL_EXPORTER_OTLP_TIMEOUT",
    group: "Traces",
    schema: whole(100, 600_000),
    range: "100–600,000 ms",
    doc: "From a request to the collector until its answer.",
  }),
  otelServiceName: optional({
    name: "OTEL_SERVICE_NAME",
    group: "Traces",
    schema: text(),
    range: "a name",
    doc: "`service.name` of the traces. Default: that of OTEL_RESOURCE_ATTRIBUTES, or murelay.",
    example: "murelay",
  }),
  otelResourceAttributes: optional({
    name: "OTEL_RESOURCE_ATTRIBUTES",
    group: "Traces",
    schema: text(4096),
    range: "name=value, separated by commas",
    doc: "Attributes of every trace.",
    example: "deployment.environment=production",
  }),
  otelSampler: optional({
    name: "OTEL_TRACES_SAMPLER",
    group: "Traces",
    schema: traceSampler,
    range: "always_on, always_off or traceidratio, each also with parentbased_ before it",
    doc: "Which calls are traced: all, none, or the share below. Default: the share.",
    example: "traceidratio",
  }),
  otelSamplerArg: defaulted("1", {
    name: "OTEL_TRACES_SAMPLER_ARG",
    group: "Traces",
    schema: decimal(0, 1),
    range: "0–1",
    doc: "The share of calls that are traced.",
  }),
  otelDisabled: defaulted("false", {
    name: "OTEL_SDK_DISABLED",
    group: "Traces",
    schema: flag,
    range: "true or false",
    doc: "Traces are off, whatever else is set.",
  }),
} as const;
