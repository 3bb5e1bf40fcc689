import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId, ToolCallId } from "../../../../src/domain/ids.js";
import { PROBE_MS, QUIET_MS } from "../../../../src/relay/model/openai-realtime/liveness.js";
import { MAX_BACKLOG_BYTES } from "../../../../src/relay/model/openai-realtime/outbox.js";
import { openSession, readySession } from "./session-stage.js";

const call = (id: string, more: object = {}) => ({
  type: "function_call",
  id: `item_${id}`,
  call_id: id,
  name: "t",
  arguments: "{}",
  status: "completed",
  ...more,
});
const cut = (heardMs: number) => ({
  itemId: "i1" as ItemId,
  responseId: "r1" as ResponseId,
  contentIndex: 0,
  heardMs,
});
const spoken = { type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 };
const stopped = { type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 900 };
const committed = { type: "input_audio_buffer.committed", item_id: "u1" };

describe("a session's audio", () => {
  it("sends the caller's audio only once it is ready", () => {
    const { session, model } = openSession();
    const silence = new Uint8Array(160).fill(0xff);
    session.appendUlaw(silence, 0, 160);
    model.becomesReady();
    session.appendUlaw(silence, 0, 160);
    expect(model.of("input_audio_buffer.append")).toEqual([
      { type: "input_audio_buffer.append", audio: Buffer.from(silence).toString("base64") },
    ]);
  });

  it("reads a delta in any layout the same way", () => {
    const { model, of } = readySession();
    model.created("r1");
    model.delta("r1", "i1", 100);
    model.says({
      delta: Buffer.alloc(100, 0x7f).toString("base64"),
      content_index: 0,
      item_id: "i\\1",
      response_id: "r1",
      type: "response.output_audio.delta",
    });
    expect(of("audio")).toMatchObject([
      [{ itemId: "i1" }, 136],
      [{ itemId: "i\\1" }, 136],
    ]);
  });

  it("cuts what was not heard, and drops late audio of an interrupted response", () => {
    const { session, model, of, names } = readySession();
    model.created("r1");
    model.delta("r1", "i1", 999);
    session.interrupted([cut(42)]);
    expect(model.of("conversation.item.truncate")).toMatchObject([
      { item_id: "i1", content_index: 0, audio_end_ms: 42 },
    ]);
    expect(model.of("response.cancel")).toEqual([]);
    model.delta("r1", "i1", 999);
    model.delta("r1", "i2", 500);
    model.says({
      type: "response.output_audio.done",
      response_id: "r1",
      item_id: "i1",
      content_index: 0,
    });
    expect(of("audio")).toHaveLength(1);
    expect(names()).not.toContain("audioDone");
    model.done("r1", {
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
    });
    // The caller heard nothing of the second item, so the model must not remember having said it.
    expect(model.of("conversation.item.delete")).toMatchObject([{ item_id: "i2" }]);
    model.delta("r1", "i1", 999);
    expect(of("audio")).toHaveLength(1);
  });

  it("cancels itself where the server does not interrupt", () => {
    const { session, model } = readySession({ vad: { interruptResponse: false } });
    model.created("r1");
    session.interrupted([]);
    expect(model.of("response.cancel")).toMatchObject([{ response_id: "r1" }]);
  });

  it("deletes an item whose truncation at 0 the server refuses", () => {
    const { session, model, of } = readySession();
    session.interrupted([cut(0)]);
    const [truncate] = model.of("conversation.item.truncate");
    model.says({
      type: "error",
      error: {
        type: "invalid_request_error",
        code: "invalid_value",
        message: "Only model output audio messages can be truncated",
        event_id: truncate!["event_id"],
      },
    });
    expect(model.of("conversation.item.delete")).toMatchObject([{ item_id: "i1" }]);
    expect(of("warning")).toEqual([["invalid_value", "truncate"]]);
  });

  it("is lost when the socket takes nothing more of what is sent", () => {
    const { model, live, failures } = readySession();
    model.backlogBytes = MAX_BACKLOG_BYTES;
    live(100);
    expect(failures).toEqual([]);
    model.backlogBytes++;
    live(100);
    expect(failures).toMatchObject([{ code: "upstream_congested", retryable: true }]);
  });
});

describe("a session's responses", () => {
  it("answers parallel calls together, then requests one reply", () => {
    const { session, model, ends } = readySession();
    model.created("r1");
    model.done("r1", {
      output: [call("a"), call("b", { arguments: '{"x"', status: "incomplete" })],
    });
    expect(ends()).toMatchObject([{ calls: [{ callId: "a", name: "t", arguments: "{}" }] }]);
    session.toolResults([{ callId: "a" as ToolCallId, output: "1" }], true);
    expect(model.sent.slice(-2).map((event) => event["type"])).toEqual([
      "conversation.item.create",
      "response.create",
    ]);
    expect(model.of("response.create")).toHaveLength(1);
  });

  it("runs the tools of a response once, and counts its tokens once, when its end comes twice", () => {
    const { model, ends, of } = readySession();
    const end = {
      output: [call("a")],
      usage: { output_tokens: 7, output_token_details: { text_tokens: 7 } },
    };
    model.created("r1");
    model.done("r1", end);
    model.created("r2");
    model.done("r1", end);
    model.done("r2");
    model.done("r2");
    expect(ends().map(({ responseId, calls }) => [responseId, calls.length])).toEqual([
      ["r1", 1],
      ["r2", 0],
    ]);
    expect(of("usage")).toHaveLength(1);
  });

  it.each([true, false])(
    "gives one answer to a turn that is told twice, before and after it (automatic: %s)",
    (createResponse) => {
      const { model, of, live, session } = readySession({ vad: { createResponse } });
      const turn = [spoken, stopped, committed];
      for (const event of turn) model.says(event);
      for (const event of turn) model.says(event);
      const asked = createResponse ? 0 : 1;
      expect(model.of("response.create")).toHaveLength(asked);
      model.speaks("r1");
      for (const event of turn) model.says(event);
      live(10_000);
      expect(model.of("response.create")).toHaveLength(asked);
      expect(of("callerTurn")).toEqual([["u1"]]);
      expect(of("callerSpeech").map(([state]) => state)).toEqual(["started", "stopped"]);
      expect(session.quiet).toBe(true);
    },
  );

  it("waits for no second end of a response whose beginning is told again", () => {
    const { session, model, of } = readySession();
    model.created("r1");
    model.created("r1");
    model.delta("r1", "i1", 800);
    model.created("r1");
    model.done("r1");
    model.created("r1");
    expect(of("responseStarted")).toEqual([["r1"]]);
    expect(of("responseDone")).toMatchObject([[{ spoke: true }]]);
    expect(session.quiet).toBe(true);
  });

  it("commits what the caller said before it asks for the reply to a turn without an end", () => {
    const { session, model, of, live } = readySession();
    const sent = () => model.sent.map((event) => event["type"]).slice(-2);
    model.says(spoken);
    session.callerSilent();
    expect(model.of("input_audio_buffer.commit")).toEqual([]);
    session.askAgain();
    expect(sent()).toEqual(["input_audio_buffer.commit", "response.create"]);
    model.says({ type: "input_audio_buffer.committed", item_id: "c1" });
    expect(of("callerTurn")).toEqual([["c1"]]);
    model.speaks("r1");
    // The server answers only turns whose end it has found.
    expect(session.quiet).toBe(true);
    // The same turn still has no end, a minute later.
    session.callerSilent();
    session.askAgain();
    expect(sent()).toEqual(["input_audio_buffer.commit", "response.create"]);
    model.says({ type: "input_audio_buffer.committed", item_id: "c2" });
    model.speaks("r2");
    // Now it has one, and the server answers the rest of it.
    model.says(stopped);
    model.says(committed);
    expect(session.quiet).toBe(false);
    model.speaks("r3");
    live(10_000);
    expect(model.of("input_audio_buffer.commit")).toHaveLength(2);
    expect(model.of("response.create")).toHaveLength(2);
  });

  it("asks for the reply although there is too little to commit", () => {
    const { session, model, of } = readySession();
    model.says(spoken);
    session.callerSilent();
    session.askAgain();
    const [commit] = model.of("input_audio_buffer.commit");
    model.says({
      type: "error",
      error: {
        type: "invalid_request_error",
        code: "input_audio_buffer_commit_empty",
        message: "buffer too small",
        event_id: commit!["event_id"],
      },
    });
    expect([of("warning"), of("responseDone")]).toEqual([[], []]);
    expect(model.of("response.create")).toHaveLength(1);
    model.speaks("r1");
    // No commit is awaited, and so this is the end of a turn.
    model.says({ type: "input_audio_buffer.committed", item_id: "c1" });
    expect(session.quiet).toBe(false);
  });

  it("commits nothing for words that are no reply", () => {
    const { session, model } = readySession();
    model.says(spoken);
    session.callerSilent();
    session.speak("One moment, please.");
    expect(model.of("input_audio_buffer.commit")).toEqual([]);
  });

  it("reports a call whose name is too long, and its neighbours", () => {
    const { model, ends } = readySession();
    model.created("r1");
    model.done("r1", {
      output: [call("a", { name: "n".repeat(2_000) }), 7, { type: "message" }, call("b")],
    });
    expect(ends()[0]?.calls.map(({ callId, name }) => [callId, name.length])).toEqual([
      ["a", 256],
      ["b", 1],
    ]);
  });

  it("gives one answer to a turn in which a tool result came", () => {
    const { session, model } = readySession();
    model.says(spoken);
    session.toolResults([{ callId: "a" as ToolCallId, output: "1" }], true);
    model.says(stopped);
    model.says(committed);
    expect(model.of("response.create")).toEqual([]);
    model.created("r1");
    model.done("r1");
    expect(model.of("response.create")).toEqual([]);
  });

  it("cancels a response that begins while the caller speaks, and lets nothing of it be heard", () => {
    const { session, model, of } = readySession();
    session.speak("Goodbye.");
    model.says(spoken);
    model.created("r1");
    model.delta("r1", "i1", 800);
    expect(model.of("response.cancel")).toMatchObject([{ response_id: "r1" }]);
    expect(of("audio")).toEqual([]);
  });

  it.each([
    ["completed", null, { status: "completed", problem: null }],
    [
      "incomplete",
      { type: "incomplete", reason: "max_output_tokens" },
      { status: "incomplete", problem: "max_output_tokens" },
    ],
    [
      "failed",
      { type: "failed", error: { type: "server_error", code: "server_error", message: "?" } },
      { status: "failed", problem: "server_error" },
    ],
    ["failed", { type: "failed", error: { type: "server_error" } }, { problem: "server_error" }],
    ["failed", null, { status: "failed", problem: null }],
    [
      "cancelled",
      { type: "cancelled", reason: "turn_detected" },
      { status: "cancelled", problem: "turn_detected" },
    ],
    ["paused", null, { status: "failed", problem: "unknown_status" }],
  ])("tells how a response ended: %s, %j", (status, status_details, end) => {
    const { model, ends } = readySession();
    model.created("r1");
    model.done("r1", { status, status_details });
    expect(ends()).toMatchObject([{ ...end, spoke: false, calls: [] }]);
  });

  it("takes a response of an unknown status for completed when it was heard", () => {
    const { model, ends } = readySession();
    model.created("r1");
    model.delta("r1", "i1", 800);
    model.done("r1", { status: "paused" });
    expect(ends()).toMatchObject([{ status: "completed", spoke: true }]);
  });

  it.each([
    ["Rate limit reached … Please try again in 1.2s. Visit …", 1_200],
    ["Rate limit reached … Please try again in 350ms.", 350],
    ["Rate limit reached.", null],
  ])("tells the wait of a rate limit: %s", (message, retryAfterMs) => {
    const { model, ends } = readySession();
    model.created("r1");
    const error = { type: "tokens", code: "rate_limit_exceeded", message };
    model.done("r1", { status: "failed", status_details: { type: "failed", error } });
    expect(ends()).toMatchObject([{ problem: "rate_limit_exceeded", retryAfterMs }]);
  });

  it("takes the wait from the limits when the message tells none", () => {
    const { session, model, ends } = readySession();
    model.says({
      type: "rate_limits.updated",
      rate_limits: [{ name: "tokens", limit: 40_000, remaining: 0, reset_seconds: 2.5 }],
    });
    session.requestResponse();
    const [create] = model.of("response.create");
    model.says({
      type: "error",
      error: {
        type: "invalid_request_error",
        code: "rate_limit_exceeded",
        message: "slow down",
        event_id: create!["event_id"],
      },
    });
    expect(ends()).toMatchObject([
      { status: "failed", problem: "rate_limit_exceeded", retryAfterMs: 2_500 },
    ]);
  });

  it("is lost for good when the account is at fault", () => {
    const { model, failures } = readySession();
    model.created("r1");
    const error = { type: "insufficient_quota", code: "insufficient_quota" };
    model.done("r1", { status: "failed", status_details: { type: "failed", error } });
    expect(failures).toMatchObject([{ code: "upstream_account", retryable: false }]);
  });

  it.each([
    "response_cancel_not_active",
    "input_audio_buffer_commit_empty",
    "conversation_already_has_active_response",
    "item_retrieve_invalid_item_id",
  ])("does not warn about %s", (code) => {
    const { model, names, failures } = readySession();
    model.says({ type: "error", error: { type: "invalid_request_error", code, message: "?" } });
    expect(names()).toEqual([]);
    expect(failures).toEqual([]);
  });

  it("warns about an error that nothing explains, and goes on", () => {
    const { model, of, failures } = readySession();
    model.says({ type: "error", error: { type: "server_error", code: null, message: "?" } });
    expect(of("warning")).toEqual([["server_error", "other"]]);
    expect(failures).toEqual([]);
  });
});

describe("a reply as text", () => {
  const text = (words: string) => ({
    type: "response.output_text.done",
    response_id: "r1",
    item_id: "i1",
    output_index: 0,
    content_index: 0,
    text: words,
  });
  const message = (content: object[], more: object = {}) => ({
    type: "message",
    id: "i1",
    role: "assistant",
    status: "completed",
    content,
    ...more,
  });

  it("is kept as what the model said, and told as a reply that the caller did not hear", () => {
    const { model, of, ends } = readySession();
    model.created("r1");
    model.says(text("You are number two."));
    model.done("r1", { output: [message([{ type: "output_text", text: "You are number two." }])] });
    expect(of("agentWrote")).toEqual([["i1", "You are number two."]]);
    expect(of("agentText")).toEqual([]);
    expect(of("audio")).toEqual([]);
    expect(ends()).toMatchObject([{ textOnly: "You are number two.", spoke: false }]);
  });

  it("is told also when only the end of the response has it", () => {
    const { model, ends, of } = readySession();
    model.created("r1");
    model.done("r1", { output: [message([{ type: "output_text", text: "Hello" }])] });
    expect(of("agentWrote")).toEqual([["i1", "Hello"]]);
    expect(ends()).toMatchObject([{ textOnly: "Hello" }]);
  });

  it("is none when there was sound, when it is empty, and when the caller interrupted", () => {
    const { session, model, ends } = readySession();
    model.created("r1");
    model.delta("r1", "i1", 800);
    model.done("r1", { output: [message([{ type: "output_text", text: "Hello" }])] });
    model.created("r2");
    model.done("r2", { output: [message([{ type: "output_text", text: " " }])] });
    model.created("r3");
    session.interrupted([]);
    model.done("r3", { output: [message([{ type: "output_text", text: "Hello" }])] });
    model.created("r4");
    model.done("r4", { output: [message([{ type: "output_audio", transcript: "Hello" }])] });
    expect(ends().map((end) => end.textOnly)).toEqual([null, null, null, null]);
  });

  it("tells the phase of the last words", () => {
    const { model, ends } = readySession();
    model.created("r1");
    model.done("r1", { output: [message([], { phase: "commentary" }), call("a")] });
    model.created("r2");
    model.done("r2", { output: [message([], { phase: "final_answer" })] });
    model.created("r3");
    model.done("r3", { output: [message([])] });
    expect(ends().map((end) => end.phase)).toEqual(["commentary", "final_answer", null]);
  });
});

describe("transcription", () => {
  const transcribed = (usage: object, itemId = "u1") => ({
    type: "conversation.item.input_audio_transcription.completed",
    item_id: itemId,
    content_index: 0,
    transcript: "hello",
    usage,
  });

  it("reports usage by tokens and by duration", () => {
    const { model, of } = readySession();
    model.says(
      transcribed({ type: "tokens", input_tokens: 10, output_tokens: 5, total_tokens: 15 }),
    );
    model.says(transcribed({ type: "duration", seconds: 2.5 }, "u2"));
    // Told twice, it is paid for once.
    model.says(transcribed({ type: "duration", seconds: 2.5 }, "u2"));
    expect(of("callerText")).toEqual([
      ["u1", "hello"],
      ["u2", "hello"],
    ]);
    expect(of("transcriptionUsage")).toEqual([
      ["gpt-live-transcribe", 15, 0],
      ["gpt-live-transcribe", 0, 2.5],
    ]);
  });
});

describe("a quiet server", () => {
  it("is probed when it owes an answer, and is lost only when the probe is not answered", () => {
    const { model, live, failures, of } = readySession();
    live(60_000);
    expect(model.of("session.update")).toHaveLength(1);
    model.says(committed);
    live(QUIET_MS);
    expect(model.of("session.update").at(-1)?.["session"]).toEqual({ type: "realtime" });
    model.says({ type: "session.updated", session: {} });
    expect(of("probeAnswered")).toEqual([[]]);
    live(QUIET_MS + PROBE_MS - 20);
    expect(failures).toEqual([]);
    live(20);
    expect(failures).toMatchObject([{ code: "upstream_hung", retryable: true }]);
    expect(model.closedWith).not.toBeNull();
  });

  it("is probed when it stops in the middle of a response", () => {
    const { model, live, failures } = readySession();
    model.created("r1");
    model.delta("r1", "i1", 800);
    live(QUIET_MS);
    expect(failures).toEqual([]);
    live(PROBE_MS);
    expect(failures).toMatchObject([{ code: "upstream_hung" }]);
  });

  it("is probed when it says nothing about a caller whom the relay heard", () => {
    const { session, model, live } = readySession();
    live(10_000);
    session.callerPaused();
    live(QUIET_MS);
    expect(model.of("session.update").at(-1)?.["session"]).toEqual({ type: "realtime" });
  });

  it("is not lost for a time in which this process stood still", () => {
    const { session, model, clock, live, failures } = readySession();
    model.says(committed);
    live(QUIET_MS + 1_000);
    clock.standStill(60_000);
    // Several ticks come before the model's socket is read.
    for (let tick = 0; tick < 300; tick++) session.tick(clock.nowMs());
    expect(failures).toEqual([]);
    live(PROBE_MS - 1_020);
    expect(failures).toEqual([]);
    live(40);
    expect(failures).toMatchObject([{ code: "upstream_hung" }]);
  });

  it("tells when it was heard last, and can be probed by the call", () => {
    const { session, model, clock, live, of } = readySession();
    live(1_000);
    model.says({ type: "input_audio_buffer.cleared" });
    const heardMs = clock.nowMs();
    live(500);
    expect(session.lastEventMs).toBe(heardMs);
    session.probe();
    session.probe();
    expect(model.of("session.update")).toHaveLength(2);
    model.says({ type: "error", error: { type: "server_error", event_id: "probe-1" } });
    expect(of("probeAnswered")).toHaveLength(1);
    expect(of("warning")).toEqual([]);
  });
});

describe("a closed session", () => {
  it("reports nothing", () => {
    const { session, model, told, failures } = readySession();
    session.close();
    model.delta("r1", "i1", 800);
    model.drops();
    expect(told).toEqual([]);
    expect(failures).toEqual([]);
    expect(model.closedWith).toBe(1000);
  });
});
