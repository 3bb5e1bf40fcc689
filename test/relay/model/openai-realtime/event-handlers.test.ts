import { describe, expect, it } from "vitest";
import { handleEvent } from "../../../../src/relay/model/openai-realtime/event-handlers.js";
import type { ServerEvent, ServerEventType } from "../../../../src/wire/realtime-events.js";

/** What the parts answer; all others answer nothing. */
const NEW_EVENTS: Readonly<Record<string, unknown>> = {
  "callerItems.started": true,
  "callerItems.stopped": true,
  "callerItems.timedOut": true,
  "callerItems.transcribed": true,
  "callerItems.committed": "turn",
};

/** Notes every call of every part, whatever the part is. */
function recorder(answers = NEW_EVENTS) {
  const calls: string[] = [];
  const part = (path: string): unknown =>
    new Proxy(() => undefined, {
      get: (_target, name) => part(path === "" ? String(name) : `${path}.${String(name)}`),
      apply: (_target, _this, args) => {
        calls.push(`${path}(${args.filter((arg) => typeof arg !== "object").join(", ")})`);
        return answers[path];
      },
    });
  return { parts: part("") as Parameters<typeof handleEvent>[0], calls };
}

const at = { itemId: "i1", responseId: "r1", contentIndex: 0 };

describe("handleEvent", () => {
  it.each<[ServerEventType | "unknown", object, string[]]>([
    ["session.created", { session: {} }, ["sessionCreated()"]],
    ["session.updated", { session: {} }, ["sessionUpdated()"]],
    [
      "input_audio_buffer.speech_started",
      { itemId: "u1", audioStartMs: 5 },
      [
        "callerItems.started(u1, 5)",
        "sequencer.speechStarted()",
        "events.callerSpeech(started, u1, 5)",
      ],
    ],
    [
      "input_audio_buffer.speech_stopped",
      { itemId: "u1", audioEndMs: 9 },
      [
        "callerItems.stopped(u1, 9)",
        "sequencer.speechStopped(77)",
        "events.callerSpeech(stopped, u1, 9)",
      ],
    ],
    [
      "input_audio_buffer.committed",
      { itemId: "u1" },
      ["callerItems.committed(u1)", "sequencer.committed(77)", "events.callerTurn(u1)"],
    ],
    [
      "input_audio_buffer.timeout_triggered",
      { itemId: "u1" },
      ["callerItems.timedOut(u1)", "events.idleTimeout()"],
    ],
    [
      "conversation.item.input_audio_transcription.completed",
      { itemId: "u1", transcript: "Hi", usage: null },
      ["callerItems.transcribed(u1)", "events.callerText(u1, Hi)"],
    ],
    ["input_audio_buffer.dtmf_event_received", { digit: "7" }, ["events.key(7)"]],
    [
      "output_audio_buffer.started",
      { responseId: "r1" },
      ["responses.hasSound()", "events.playback(started, r1)"],
    ],
    ["output_audio_buffer.stopped", { responseId: "r1" }, ["events.playback(stopped, r1)"]],
    ["output_audio_buffer.cleared", { responseId: "r1" }, ["events.playback(cleared, r1)"]],
    ["conversation.item.truncated", { itemId: "i1", audioEndMs: 40 }, ["events.cut(i1, 40)"]],
    ["conversation.item.added", { item: {} }, ["mcp.item(77)"]],
    ["conversation.item.done", { item: {} }, ["mcp.item(77)"]],
    ["response.output_item.added", { item: {} }, ["mcp.item(77)"]],
    ["response.output_item.done", { item: {} }, ["mcp.item(77)"]],
    [
      "response.output_item.done",
      { responseId: "r1", item: { type: "function_call" } },
      ["responses.toldCall(r1)"],
    ],
    [
      "conversation.item.input_audio_transcription.failed",
      { itemId: "u1", contentIndex: 0, error: { type: "x", code: "audio_unintelligible" } },
      ["events.callerTextFailed(u1, audio_unintelligible)"],
    ],
    ["response.created", { response: {} }, ["responseCreated()"]],
    ["response.done", { response: {} }, ["responseDone()"]],
    ["response.output_audio.delta", { ...at, delta: "AAAA" }, ["speech.parsedAudio(AAAA)"]],
    ["response.output_audio.done", at, ["responses.isInterrupted(r1)", "events.audioDone(i1)"]],
    [
      "response.output_audio_transcript.delta",
      { ...at, delta: "Hi" },
      ["speech.parsedTranscript(i1, Hi)"],
    ],
    [
      "response.output_audio_transcript.done",
      { ...at, transcript: "Hi" },
      ["responses.hasSound()", "texts.whole(i1, Hi)", "events.agentText(i1, , true)"],
    ],
    [
      "response.output_text.done",
      { ...at, text: "Hi" },
      ["responses.wroteText(i1, Hi)", "texts.whole(i1, Hi)", "events.agentWrote(i1, )"],
    ],
    ["mcp_list_tools.failed", { itemId: "l1" }, ["mcp.toolsFailed(l1)"]],
    ["response.mcp_call.in_progress", { itemId: "c1" }, ["mcp.started(c1, 77)"]],
    ["response.mcp_call.completed", { itemId: "c1" }, ["mcp.ended(c1, false, 77)"]],
    ["response.mcp_call.failed", { itemId: "c1" }, ["mcp.ended(c1, true, 77)"]],
    [
      "rate_limits.updated",
      { limits: [{ name: "tokens", limit: 9, remaining: 4, resetSeconds: null }] },
      ["limits.updated(77)", "events.tokensRemaining(4, 9, 0)"],
    ],
    ["error", { error: {} }, ["error()"]],
    ["unknown", { name: "x" }, ["metrics.unknownMessages.add(1, upstream)"]],
    // Known, and told by another event.
    ["input_audio_buffer.cleared", {}, []],
    ["mcp_list_tools.completed", { itemId: "l1" }, []],
    ["response.content_part.done", { ...at, part: {} }, []],
  ])("%s", (type, fields, calls) => {
    const { parts, calls: made } = recorder();
    handleEvent(parts, { type, ...fields } as ServerEvent, 77);
    expect(made).toEqual(calls);
  });

  it.each<[ServerEventType, object, unknown, string]>([
    ["input_audio_buffer.speech_started", { audioStartMs: 5 }, false, "started(u1, 5)"],
    ["input_audio_buffer.speech_stopped", { audioEndMs: 9 }, false, "stopped(u1, 9)"],
    ["input_audio_buffer.committed", {}, "repeated", "committed(u1)"],
    ["input_audio_buffer.timeout_triggered", {}, false, "timedOut(u1)"],
    [
      "conversation.item.input_audio_transcription.completed",
      { transcript: "Hi", usage: { type: "duration", seconds: 2 } },
      false,
      "transcribed(u1)",
    ],
  ])("does nothing more for a repeated %s", (type, fields, answer, asked) => {
    const call = `callerItems.${asked}`;
    const { parts, calls } = recorder({ [call.split("(")[0]!]: answer });
    handleEvent(parts, { type, itemId: "u1", ...fields } as ServerEvent, 77);
    expect(calls).toEqual([call]);
  });

  it("asks for no answer of the server to a turn that the session committed itself", () => {
    const { parts, calls } = recorder({ "callerItems.committed": "forced" });
    handleEvent(parts, { type: "input_audio_buffer.committed", itemId: "u1" } as ServerEvent, 77);
    expect(calls).toEqual(["callerItems.committed(u1)", "events.callerTurn(u1)"]);
  });
});
