/**
 * Every metric, named once: what is scraped and what `docs/metrics.md` says. All carry the label `worker`.
 */
import { ERROR_CODES } from "../../domain/errors.js";

export type MetricKind = "counter" | "gauge" | "histogram";

export interface MetricDefinition {
  /** Without the prefix `murelay_`; base units. */
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** At most two; each with a closed list of values, never an id. */
  readonly labels: readonly string[];
  /** Upper bounds, rising. */
  readonly buckets?: readonly number[];
  /** Label values that exist from the start with 0, so that a rate over them works from the first event on. */
  readonly preset?: readonly (readonly string[])[];
  /** What to do about it, or what it is good for; for the documentation. */
  readonly note: string;
}

export const PREFIX = "murelay_";

const each = (...values: string[]): readonly (readonly string[])[] =>
  values.map((value) => [value]);

export const METRICS = {
  callsActive: {
    name: "calls_active",
    kind: "gauge",
    help: "Calls that this worker carries now",
    labels: [],
    note: "Against MAX_CALLS: how full a worker is.",
  },
  calls: {
    name: "calls_total",
    kind: "counter",
    help: "Calls that ended, by outcome",
    labels: ["outcome"],
    preset: each("completed", "transferred", "abandoned", "failed", "rejected"),
    note: "Alert on the share of `failed`.",
  },
  callsRejected: {
    name: "calls_rejected_total",
    kind: "counter",
    help: "Callers who were not let in to an agent, by reason",
    labels: ["reason"],
    preset: each("full", "draining", "overloaded", "tokens", "no_agent", "internal"),
    note: "`full`: add workers, or raise MAX_CALLS. `overloaded`: the worker's core is at its end. `tokens`: the model's limit a minute is nearly used up.",
  },
  frameTransit: {
    name: "frame_transit_seconds",
    kind: "histogram",
    help: "From reading a frame off one socket to handing it to the other",
    labels: ["direction"],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1],
    preset: each("uplink", "downlink"),
    note: "The relay's own delay. Downlink leaves out the wait that pacing wants.",
  },
  voiceToVoice: {
    name: "voice_to_voice_seconds",
    kind: "histogram",
    help: "Caller stopped speaking to first byte of the answer on its way to them",
    labels: [],
    buckets: [0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5],
    note: "What the caller feels. Mostly the model's.",
  },
  firstAudio: {
    name: "first_audio_seconds",
    kind: "histogram",
    help: "Stream start to first byte of agent audio on its way to the caller",
    labels: [],
    buckets: [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10],
    note: "Without PREWARM it holds the dial to the model too.",
  },
  playoutBuffer: {
    name: "playout_buffer_seconds",
    kind: "histogram",
    help: "Audio of a call that waits here to be played, sampled",
    labels: [],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300],
    note: "Models send faster than real time: seconds are normal, 300 is the limit.",
  },
  underruns: {
    name: "playout_underruns_total",
    kind: "counter",
    help: "Times the caller heard a gap inside a response",
    labels: [],
    note: "Above 0 with a low lag: the model is slower than real time. With a high lag: this worker is overloaded.",
  },
  bargeIns: {
    name: "barge_ins_total",
    kind: "counter",
    help: "Interruptions by the caller, by who noticed first",
    labels: ["source"],
    preset: each("model", "local"),
    note: "`local`: the relay's own voice detector paused before the model confirmed.",
  },
  bargeInClear: {
    name: "barge_in_clear_seconds",
    kind: "histogram",
    help: "speech_started read to clear handed to Twilio's socket",
    labels: [],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25],
    note: "Should stay in the lowest buckets.",
  },
  truncationRejected: {
    name: "truncation_rejected_total",
    kind: "counter",
    help: "Truncations that the model refused",
    labels: [],
    note: "Should be 0: the model now believes that the caller heard more than they did.",
  },
  uplinkGaps: {
    name: "uplink_gaps_total",
    kind: "counter",
    help: "Holes in Twilio's timestamps that were filled with silence",
    labels: [],
    note: "Packet loss before Twilio.",
  },
  uplinkDropped: {
    name: "uplink_dropped_frames_total",
    kind: "counter",
    help: "Caller frames given up because the bounded backlog was full",
    labels: [],
    note: "The model was unreachable for more than 10 s.",
  },
  downlinkDropped: {
    name: "downlink_dropped_frames_total",
    kind: "counter",
    help: "Model audio given up because the bounded playout was full, in frames",
    labels: [],
    note: "A response longer than 5 minutes.",
  },
  unknownMessages: {
    name: "unknown_messages_total",
    kind: "counter",
    help: "Messages of a type that this version does not know, by leg",
    labels: ["leg"],
    preset: each("media", "upstream"),
    note: "A protocol has grown: time to look at the change log.",
  },
  upstreamConnect: {
    name: "upstream_connect_seconds",
    kind: "histogram",
    help: "Dialling the model to a configured session",
    labels: [],
    buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 6],
    note: "UPSTREAM_TIMEOUT_MS should be well above its 99th percentile.",
  },
  upstreamErrors: {
    name: "upstream_errors_total",
    kind: "counter",
    help: "Failures of the model's socket, session or responses, by error code",
    labels: ["code"],
    preset: ERROR_CODES.filter((code) => code.startsWith("upstream_")).map((code) => [code]),
    note: "Codes: docs/errors.md.",
  },
  upstreamReconnects: {
    name: "upstream_reconnects_total",
    kind: "counter",
    help: "Redials of the model in mid-call, by outcome",
    labels: ["outcome"],
    preset: each("ok", "failed"),
    note: "`failed`: the caller went to the fallback destination.",
  },
  warmSessions: {
    name: "warm_sessions",
    kind: "gauge",
    help: "Model sessions opened ahead of their call's stream",
    labels: [],
    note: "Stays near 0; growth means streams that never start.",
  },
  toolSeconds: {
    name: "tool_seconds",
    kind: "histogram",
    help: "Tool calls, by tool and outcome",
    labels: ["tool", "outcome"],
    buckets: [0.05, 0.2, 0.5, 1, 2.5, 5, 10],
    note: "`timeout` and `error`: the system behind the tool.",
  },
  transfers: {
    name: "transfers_total",
    kind: "counter",
    help: "Transfers, by kind and outcome",
    labels: ["kind", "outcome"],
    note: "Alert on outcomes other than `answered`.",
  },
  twilioRequests: {
    name: "twilio_requests_seconds",
    kind: "histogram",
    help: "Requests to Twilio's REST, by operation and outcome",
    labels: ["operation", "outcome"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    note: "Outcome `ok` or an error code. A transfer waits for one of these.",
  },
  tokens: {
    name: "tokens_total",
    kind: "counter",
    help: "Tokens billed by the model, by kind",
    labels: ["model", "kind"],
    note: "Cached input is counted in its own kinds only.",
  },
  cost: {
    name: "cost_usd_total",
    kind: "counter",
    help: "Estimated cost of tokens, by model",
    labels: ["model"],
    note: "By the price list in the agents file's `pricing`, else the shipped one: an estimate, not the bill.",
  },
  authFailures: {
    name: "auth_failures_total",
    kind: "counter",
    help: "Requests and sockets refused, by surface and reason",
    labels: ["surface", "reason"],
    preset: ["webhook", "media", "token", "openai", "api"].flatMap((surface) =>
      ["missing", "invalid"].map((reason) => [surface, reason]),
    ),
    note: "A rise of webhook/invalid after a change of domain: PUBLIC_URL is not what Twilio calls.",
  },
  eventLoopLag: {
    name: "event_loop_lag_seconds",
    kind: "histogram",
    help: "How late a 100 ms timer fired",
    labels: [],
    buckets: [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1],
    note: "Above 20 ms frames are late: the worker is overloaded.",
  },
  workerUp: {
    name: "worker_up",
    kind: "gauge",
    help: "1 while the worker answers",
    labels: [],
    preset: [[]],
    note: "0: the supervisor is replacing it.",
  },
  draining: {
    name: "draining",
    kind: "gauge",
    help: "1 while no new calls are taken",
    labels: [],
    note: "Set by SIGTERM.",
  },
  recordsPending: {
    name: "records_pending",
    kind: "gauge",
    help: "Record events that wait to be stored",
    labels: [],
    note: "Grows while the database is away; they are spooled on disk.",
  },
  recordsDropped: {
    name: "records_dropped_total",
    kind: "counter",
    help: "Record events given up because the spool was full",
    labels: [],
    note: "Should be 0.",
  },
  buildInfo: {
    name: "build_info",
    kind: "gauge",
    help: "1, with the running version",
    labels: ["version"],
    note: "For joining versions to everything else.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
