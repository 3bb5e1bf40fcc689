/** What a simulated server does with one response, from the usual to the legal but unheard of. */
import type { FakeUpstream } from "./fake-upstream.js";

export const RESPONSE_FATES = [
  "speaks",
  "speaks_late",
  "fails",
  "fails_after_speaking",
  "rate_limited",
  "rate_limited_long",
  "incomplete",
  "incomplete_call",
  "empty",
  "text",
  "text_and_audio",
  "hangs",
  "never_created",
  "calls_tool",
  "calls_badly",
  "calls_mcp",
  "calls_mcp_late",
  "cancelled",
  "no_audio_deltas",
  "transcript_only",
  "created_twice",
  "done_twice",
  "unknown_status",
  "broken_done",
] as const;

export type ResponseFate = (typeof RESPONSE_FATES)[number];

type Json = Readonly<Record<string, unknown>>;

const SPEECH_MS = 1_200;
/** Those with sound from the beginning. */
const SPEAKING: readonly ResponseFate[] = [
  "speaks",
  "fails_after_speaking",
  "text_and_audio",
  "created_twice",
  "done_twice",
  "unknown_status",
  "broken_done",
];

/** From `response.created` to the end. */
export function lastsMs(fate: ResponseFate): number {
  if (fate === "hangs") return Number.POSITIVE_INFINITY;
  return fate === "speaks_late" ? 3_000 : 150;
}

export function beginResponse(model: FakeUpstream, id: string, fate: ResponseFate): void {
  model.created(id);
  if (fate === "created_twice") model.created(id);
  if (SPEAKING.includes(fate)) model.delta(id, `i-${id}`, SPEECH_MS * 8);
}

/** @returns  the id of an MCP call that runs on; null: there is none. */
export function endResponse(model: FakeUpstream, id: string, fate: ResponseFate): string | null {
  switch (fate) {
    case "calls_mcp":
    case "calls_mcp_late":
      return callMcp(model, id, fate === "calls_mcp");
    default:
      end(model, id, fate);
      return null;
  }
}

function end(model: FakeUpstream, id: string, fate: ResponseFate): void {
  switch (fate) {
    case "speaks_late":
      model.delta(id, `i-${id}`, SPEECH_MS * 8);
      model.done(id);
      return;
    case "fails":
    case "fails_after_speaking":
      fail(model, id, "server_error", "The server had an error.");
      return;
    case "rate_limited":
      fail(model, id, "rate_limit_exceeded", "Please try again in 1.2s.");
      return;
    case "rate_limited_long":
      fail(model, id, "rate_limit_exceeded", "Please try again in 20s.");
      return;
    case "cancelled":
      model.done(id, {
        status: "cancelled",
        status_details: { type: "cancelled", reason: "turn_detected" },
      });
      return;
    case "incomplete":
      model.done(id, { status: "incomplete", status_details: { reason: "max_output_tokens" } });
      return;
    case "incomplete_call":
      model.done(id, {
        status: "incomplete",
        status_details: { reason: "max_output_tokens" },
        output: [call(id, { status: "incomplete", arguments: '{"que' })],
      });
      return;
    case "text":
      writeText(model, id);
      model.done(id, { output: [message(id, [{ type: "output_text", text: "Hello." }])] });
      return;
    case "text_and_audio":
      writeText(model, id);
      model.done(id, {
        output: [
          message(id, [
            { type: "output_audio", transcript: "Hello." },
            { type: "output_text", text: "Hello." },
          ]),
        ],
      });
      return;
    case "calls_tool":
      model.done(id, { output: [call(id)] });
      return;
    case "calls_badly":
      model.done(id, {
        output: [
          call(id, { arguments: "{", call_id: `c1-${id}` }),
          call(id, { name: "", call_id: `c2-${id}` }),
          call(id, { call_id: `c3-${id}` }),
        ],
      });
      return;
    case "no_audio_deltas":
      saysOf(model, id, "response.output_audio.done");
      model.done(id, { output: [message(id, [{ type: "output_audio", transcript: "" }])] });
      return;
    case "transcript_only":
      saysOf(model, id, "response.output_audio_transcript.delta", { delta: "Hello." });
      saysOf(model, id, "response.output_audio_transcript.done", { transcript: "Hello." });
      saysOf(model, id, "response.output_audio.done");
      model.done(id, { output: [message(id, [{ type: "output_audio", transcript: "Hello." }])] });
      return;
    case "done_twice":
      model.done(id);
      model.done(id);
      return;
    case "unknown_status":
      model.done(id, { status: "paused" });
      return;
    case "broken_done":
      model.says({ type: "response.done", response: { id, status: "completed", output: 7 } });
      return;
    default:
      model.done(id);
  }
}

function fail(model: FakeUpstream, id: string, code: string, text: string): void {
  model.done(id, {
    status: "failed",
    status_details: { type: "failed", error: { type: "server_error", code, message: text } },
  });
}

function saysOf(model: FakeUpstream, id: string, type: string, more: Json = {}): void {
  const address = { response_id: id, item_id: `i-${id}`, output_index: 0, content_index: 0 };
  model.says({ type, ...address, ...more });
}

function writeText(model: FakeUpstream, id: string): void {
  saysOf(model, id, "response.output_text.done", { text: "Hello." });
}

function message(id: string, content: readonly Json[]): Json {
  return { type: "message", id: `i-${id}`, role: "assistant", status: "completed", content };
}

function call(id: string, more: Json = {}): Json {
  return {
    type: "function_call",
    id: `f-${id}`,
    status: "completed",
    call_id: `c-${id}`,
    name: "lookup_order",
    arguments: "{}",
    ...more,
  };
}

function callMcp(model: FakeUpstream, id: string, endsFirst: boolean): string | null {
  const item = {
    type: "mcp_call",
    id: `m-${id}`,
    server_label: "crm",
    name: "find",
    arguments: "{}",
  };
  model.says({ type: "response.mcp_call.in_progress", item_id: item.id, output_index: 0 });
  if (endsFirst)
    model.says({ type: "response.mcp_call.completed", item_id: item.id, output_index: 0 });
  model.done(id, { output: [{ ...item, output: endsFirst ? "{}" : null, error: null }] });
  return endsFirst ? null : item.id;
}
