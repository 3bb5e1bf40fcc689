/**
 * Every metric, declared once. `Metrics` in `ports/metrics.ts` is derived from this table, the
 * registry in `adapters/metrics/` is built from it, and `docs/metrics.md` is generated from it.
 * Those of the process are in `process-metrics.ts`. To add a metric, add a row and one call where
 * the thing happens. The registry adds the label `worker` to each metric.
 */
import { ERROR_CODES } from "./errors.js";
import { label, type MetricDefinition, openLabel } from "./metric-definition.js";
import { PROCESS_METRICS } from "./process-metrics.js";
import { AGENT_LIMITS, NO_ROOM, OUTBOUND_POLICY } from "./refusal-reasons.js";

const AGENT = openLabel("agent");
const MODEL = openLabel("model");
/** Steps of 50 ms where most answers lie: a median read from them is exact to about 20 ms. */
const VOICE_TO_VOICE_BUCKETS = [
  0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.1, 1.2, 1.35,
  1.5, 1.75, 2, 2.5, 3, 4, 5, 8,
];
const UPSTREAM_CODES = ERROR_CODES.filter((code) => code.startsWith("upstream_"));
const PER_TRANSFER_KIND = label("kind", "dial", "enqueue", "workflow", "warm", "refer");

export const METRICS = {
  callsActive: {
    name: "calls_active",
    kind: "gauge",
    help: "Calls that this worker carries now",
    labels: [],
    note: "Compare with `calls_limit`: how full a worker is.",
  },
  callsLimit: {
    name: "calls_limit",
    kind: "gauge",
    help: "Calls that this worker may carry at the same time (MAX_CALLS)",
    labels: [],
    note: "The capacity. Alert when `calls_active` stays above 80 % of it.",
  },
  calls: {
    name: "calls_total",
    kind: "counter",
    help: "Calls that ended, by agent and outcome",
    labels: [
      AGENT,
      label("outcome", "completed", "transferred", "abandoned", "failed", "rejected"),
    ],
    note: "Alert on the share of `failed`.",
  },
  callsRejected: {
    name: "calls_rejected_total",
    kind: "counter",
    help: "Callers who were not connected to an agent, by reason",
    labels: [label("reason", ...NO_ROOM, ...AGENT_LIMITS, "no_agent", "internal")],
    preset: true,
    note:
      "`full`: add workers, or raise MAX_CALLS. `overloaded`: the worker's core is saturated. " +
      "`tokens`: the model's limit per minute is nearly used up. `caller_limit`, `withheld_limit`, " +
      "`line_limit`, `daily_budget`: the agent's `limits` are reached.",
  },
  outboundRefused: {
    name: "outbound_refused_total",
    kind: "counter",
    help: "Calls that the relay was asked to place and refused, by reason",
    labels: [label("reason", ...NO_ROOM, ...OUTBOUND_POLICY)],
    note: "A faulty script, or a stolen token. See docs/outbound.md.",
  },
  frameTransit: {
    name: "frame_transit_seconds",
    kind: "histogram",
    help: "From reading a frame off one socket to handing it to the other",
    labels: [label("direction", "uplink", "downlink")],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1],
    preset: true,
    note: "The relay's own delay. The downlink value leaves out the wait that pacing requires.",
  },
  voiceToVoice: {
    name: "voice_to_voice_seconds",
    kind: "histogram",
    help: "From the end of the caller's speech to the first byte of the answer sent to Twilio",
    labels: [AGENT],
    buckets: VOICE_TO_VOICE_BUCKETS,
    note: "What the caller notices. Most of it is the model's. `voice_to_voice_part_seconds` says where it went.",
  },
  voiceToVoicePart: {
    name: "voice_to_voice_part_seconds",
    kind: "histogram",
    help: "The parts of voice_to_voice_seconds, which add up to it",
    labels: [label("part", "end_of_turn", "model", "tool", "relay")],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5],
    preset: true,
    note:
      "Which part is slow? `end_of_turn`: the way to the model and turn detection's silence. " +
      "`model`: it generates. `tool`: tools and MCP calls run. `relay`: the answer waits here.",
  },
  firstAudio: {
    name: "first_audio_seconds",
    kind: "histogram",
    help: "From the start of the stream to the first byte of agent audio sent to Twilio",
    labels: [],
    buckets: [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10],
    note: "Without PREWARM it includes the dial to the model.",
  },
  playoutBuffer: {
    name: "playout_buffer_seconds",
    kind: "histogram",
    help: "Audio of a call that waits in the relay to be played, sampled",
    labels: [],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300],
    note: "Models send faster than real time: seconds are normal, 300 is the limit.",
  },
  underruns: {
    name: "playout_underruns_total",
    kind: "counter",
    help: "Times the caller heard a gap inside a response",
    labels: [],
    note:
      "Above 0 with a low event loop lag: the model is slower than real time. With a high lag: " +
      "this worker is overloaded.",
  },
  bargeIns: {
    name: "barge_ins_total",
    kind: "counter",
    help: "Interruptions by the caller, by agent and by which detector noticed first",
    labels: [AGENT, label("source", "model", "local")],
    note: "`local`: the relay's own voice detector paused playout before the model confirmed.",
  },
  bargeInClear: {
    name: "barge_in_clear_seconds",
    kind: "histogram",
    help: "From reading speech_started to handing clear to Twilio's socket",
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
  owedReplies: {
    name: "owed_replies_total",
    kind: "counter",
    help: "Replies that a caller was owed, by cause and by how the wait ended",
    labels: [
      label(
        "cause",
        "greeting",
        "caller_turn",
        "keys",
        "tool_result",
        "mcp_result",
        "response_failed",
        "response_incomplete",
        "text_reply",
        "session_lost",
        "transfer",
        "transfer_failed",
        "prompt",
      ),
      label("outcome", "on_time", "comforted", "asked_again", "gave_up", "withdrawn"),
    ],
    note: "`gave_up`: the caller went to the fallback destination. Alert on it.",
  },
  sessionPartsRefused: {
    name: "session_parts_refused_total",
    kind: "counter",
    help: "Optional parts of a session that the model refused, so that the call went on without",
    labels: [
      label(
        "part",
        "transcription",
        "transcription_language",
        "noise_reduction",
        "turn_detection",
        "idle_timeout",
        "instructions",
        "voice",
        "reasoning",
        "speed",
        "tracing",
        "truncation",
        "max_output_tokens",
        "parallel_tool_calls",
        "tool",
      ),
    ],
    preset: true,
    note: "Should be 0: the agents file asks for something that the model does not offer.",
  },
  uplinkGaps: {
    name: "uplink_gaps_total",
    kind: "counter",
    help: "Gaps in Twilio's timestamps that were filled with silence",
    labels: [],
    note: "Packet loss before Twilio.",
  },
  uplinkDropped: {
    name: "uplink_dropped_frames_total",
    kind: "counter",
    help: "Caller frames dropped because the bounded backlog was full",
    labels: [],
    note: "The model was unreachable for more than 10 s.",
  },
  downlinkDropped: {
    name: "downlink_dropped_frames_total",
    kind: "counter",
    help: "Model audio dropped because the bounded playout was full, in frames",
    labels: [],
    note: "A response longer than 5 minutes.",
  },
  unknownMessages: {
    name: "unknown_messages_total",
    kind: "counter",
    help: "Messages of a type that this version does not know, by leg",
    labels: [label("leg", "media", "upstream")],
    preset: true,
    note: "A protocol has new messages: look at its change log.",
  },
  upstreamConnect: {
    name: "upstream_connect_seconds",
    kind: "histogram",
    help: "From dialling the model to a configured session",
    labels: [],
    buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 6],
    note: "UPSTREAM_TIMEOUT_MS should be well above its 99th percentile.",
  },
  upstreamErrors: {
    name: "upstream_errors_total",
    kind: "counter",
    help: "Failures of the model's socket, session or responses, by error code",
    labels: [label("code", ...UPSTREAM_CODES)],
    preset: true,
    note: "Codes: docs/errors.md.",
  },
  upstreamReconnects: {
    name: "upstream_reconnects_total",
    kind: "counter",
    help: "Redials of the model in mid-call, by outcome",
    labels: [label("outcome", "ok", "failed")],
    preset: true,
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
    labels: [
      openLabel("tool"),
      label("outcome", "ok", "error", "timeout", "invalid", "denied", "cancelled"),
    ],
    buckets: [0.05, 0.2, 0.5, 1, 2.5, 5, 10],
    note: "`timeout` and `error`: the system behind the tool.",
  },
  transfers: {
    name: "transfers_total",
    kind: "counter",
    help: "Transfers, by agent, kind and outcome",
    labels: [
      AGENT,
      PER_TRANSFER_KIND,
      label(
        "outcome",
        "answered",
        "busy",
        "no_answer",
        "failed",
        "declined",
        "caller_gone",
        "denied",
      ),
    ],
    note: "Alert on outcomes other than `answered`.",
  },
  twilioRequests: {
    name: "twilio_requests_seconds",
    kind: "histogram",
    help: "Requests to Twilio's REST API, by operation and outcome",
    labels: [openLabel("operation"), label("outcome", "ok", ...ERROR_CODES)],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    note: "Outcome `ok` or an error code. A transfer waits for one of these.",
  },
  tokens: {
    name: "tokens_total",
    kind: "counter",
    help: "Tokens billed by the model, by kind",
    labels: [
      MODEL,
      label(
        "kind",
        "input_text",
        "input_audio",
        "input_image",
        "cached_text",
        "cached_audio",
        "cached_image",
        "output_text",
        "output_audio",
      ),
    ],
    note: "Cached input is counted in its own kinds only.",
  },
  cost: {
    name: "cost_usd_total",
    kind: "counter",
    help: "Estimated cost of calls, by agent and model",
    labels: [AGENT, MODEL],
    note:
      "By the price list in the agents file's `pricing`, otherwise the built-in one: an " +
      "estimate, not the bill.",
  },
  authFailures: {
    name: "auth_failures_total",
    kind: "counter",
    help: "Requests and sockets refused, by surface and reason",
    labels: [
      label("surface", "webhook", "media", "token", "openai", "api"),
      label("reason", "missing", "invalid", "expired", "replayed"),
    ],
    preset: true,
    note:
      "A rise of webhook/invalid after a change of domain: PUBLIC_URL is not the address that " +
      "Twilio calls.",
  },
  httpRequests: {
    name: "http_requests_seconds",
    kind: "histogram",
    help: "HTTP requests to both listeners, by route and status, from the head to the answer",
    labels: [openLabel("route"), openLabel("status")],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
    note: "Twilio waits 15 s for a voice webhook. Route `other`: no such path.",
  },
  ...PROCESS_METRICS,
} as const satisfies Readonly<Record<string, MetricDefinition>>;
