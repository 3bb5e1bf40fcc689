import { describe, expect, it } from "vitest";
import type { ServerVad } from "../../../src/domain/agent-profile.js";
import type { ItemId, ResponseId, ToolCallId } from "../../../src/domain/ids.js";
import {
  type HistoryItem,
  type ModelSessionEvents,
  RELAYED_AUDIO,
  type SessionFailure,
} from "../../../src/relay/model/model-session.js";
import {
  HUNG_MS,
  RealtimeSession,
} from "../../../src/relay/model/openai-realtime/realtime-session.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { FakeDialer } from "../../fakes/fake-upstream.js";

const VAD: ServerVad = {
  type: "server_vad",
  threshold: 0.5,
  prefixPaddingMs: 300,
  silenceDurationMs: 500,
  idleTimeoutMs: null,
  createResponse: true,
  interruptResponse: true,
};

function open(options: { history?: HistoryItem[]; vad?: Partial<ServerVad> } = {}) {
  const clock = new FakeClock();
  const dialer = new FakeDialer();
  const told: [string, ...unknown[]][] = [];
  const failures: SessionFailure[] = [];
  let ready = 0;
  const events = new Proxy({} as ModelSessionEvents, {
    get:
      (_target, name) =>
      (...args: unknown[]) => {
        told.push([
          String(name),
          ...(name === "audio" ? [args[0], Number(args[3]) - Number(args[2])] : args),
        ]);
      },
  });
  const session = new RealtimeSession(
    {
      profile: {
        model: "gpt-realtime-2.1",
        voice: "marin",
        instructions: "Be brief.",
        turnDetection: { ...VAD, ...options.vad },
        noiseReduction: null,
        transcription: { model: "gpt-live-transcribe", language: null },
        tools: [{ type: "function", name: "t", description: "d", parameters: { type: "object" } }],
      },
      history: options.history ?? [],
      audio: RELAYED_AUDIO,
      events,
      lifecycle: { ready: () => void ready++, lost: (failure) => void failures.push(failure) },
    },
    {
      dialer,
      url: "wss://api.openai.com/v1/realtime",
      nowMs: () => clock.nowMs(),
      metrics: new FakeMetrics().metrics,
      log: new FakeLog(),
    },
  );
  const model = dialer.last;
  /** As a call does it: a tick every 20 ms. */
  const live = (ms: number): void => {
    for (let lived = 0; lived < ms; lived += 20) {
      clock.advance(Math.min(20, ms - lived));
      session.tick(clock.nowMs());
    }
  };
  return { session, model, clock, live, told, failures, readyCount: () => ready };
}

const kinds = (told: [string, ...unknown[]][]) => told.map(([name]) => name);

describe("RealtimeSession", () => {
  it("configures mu-law both ways, in GA words, and is ready only once that holds", () => {
    const { model, readyCount } = open();
    expect(model.url).toBe("wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1");
    model.open();
    expect(model.sent).toEqual([]);
    model.says({ type: "session.created", session: { id: "sess" } });
    expect(model.sent).toEqual([
      {
        type: "session.update",
        event_id: "configure",
        session: {
          type: "realtime",
          instructions: "Be brief.",
          output_modalities: ["audio"],
          audio: {
            input: {
              format: { type: "audio/pcmu" },
              noise_reduction: null,
              transcription: { model: "gpt-live-transcribe" },
              turn_detection: {
                type: "server_vad",
                threshold: 0.5,
                prefix_padding_ms: 300,
                silence_duration_ms: 500,
                idle_timeout_ms: null,
                create_response: true,
                interrupt_response: true,
              },
            },
            output: { format: { type: "audio/pcmu" }, voice: "marin" },
          },
          tools: [
            { type: "function", name: "t", description: "d", parameters: { type: "object" } },
          ],
          tool_choice: "auto",
        },
      },
    ]);
    expect(readyCount()).toBe(0);
    model.says({ type: "session.updated", session: { id: "sess" } });
    expect(readyCount()).toBe(1);
  });

  it("sends no caller audio before it is ready", () => {
    const { session, model } = open();
    const silence = new Uint8Array(160).fill(0xff);
    session.appendUlaw(silence, 0, 160);
    model.becomesReady();
    session.appendUlaw(silence, 0, 160);
    expect(model.of("input_audio_buffer.append")).toEqual([
      { type: "input_audio_buffer.append", audio: Buffer.from(silence).toString("base64") },
    ]);
  });

  it("gives the conversation so far back, in order, before it is ready", () => {
    const { model } = open({
      history: [
        { kind: "caller", text: "hi" },
        { kind: "agent", text: "hello" },
        { kind: "tool", callId: "c" as ToolCallId, name: "t", arguments: "{}", output: "1" },
        { kind: "note", text: "n" },
      ],
    });
    model.becomesReady();
    expect(model.of("conversation.item.create").map((event) => event["item"])).toEqual([
      { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "hello" }] },
      { type: "function_call", call_id: "c", name: "t", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "1" },
      { type: "message", role: "system", content: [{ type: "input_text", text: "n" }] },
    ]);
  });

  it("answers parallel calls together, then asks once to go on", () => {
    const { session, model, told } = open();
    model.becomesReady();
    model.created("r1");
    model.done("r1", {
      output: [
        {
          type: "function_call",
          id: "i1",
          call_id: "a",
          name: "t",
          arguments: "{}",
          status: "completed",
        },
        {
          type: "function_call",
          id: "i2",
          call_id: "b",
          name: "t",
          arguments: '{"x"',
          status: "incomplete",
        },
      ],
    });
    expect(told.find(([name]) => name === "responseDone")![1]).toMatchObject({
      calls: [{ callId: "a", name: "t", arguments: "{}" }],
    });
    session.toolResults([{ callId: "a" as ToolCallId, output: "1" }], true);
    expect(model.sent.slice(-2).map((event) => event["type"])).toEqual([
      "conversation.item.create",
      "response.create",
    ]);
    expect(model.of("response.create")).toHaveLength(1);
  });

  it("cuts what was not heard and drops late audio of an interrupted response, and what follows of it", () => {
    const { session, model, told } = open();
    model.becomesReady();
    model.created("r1");
    model.delta("r1", "i1", 999);
    const cut = {
      itemId: "i1" as ItemId,
      responseId: "r1" as ResponseId,
      contentIndex: 0,
      heardMs: 42,
    };
    session.interrupted([cut]);
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
    expect(kinds(told).filter((name) => name === "audio")).toHaveLength(1);
    expect(kinds(told)).not.toContain("audioDone");
    model.done("r1", {
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
    });
    // Nobody heard the second item, so the model must not remember having said it.
    expect(model.of("conversation.item.delete")).toMatchObject([{ item_id: "i2" }]);
    model.delta("r1", "i1", 999);
    expect(kinds(told).filter((name) => name === "audio")).toHaveLength(1);
  });

  it("cancels itself where the server does not interrupt", () => {
    const { session, model } = open({ vad: { interruptResponse: false } });
    model.becomesReady();
    model.created("r1");
    session.interrupted([]);
    expect(model.of("response.cancel")).toMatchObject([{ response_id: "r1" }]);
  });

  it("reads a delta in any layout the same way", () => {
    const { model, told } = open();
    model.becomesReady();
    model.created("r1");
    model.delta("r1", "i1", 100);
    model.says({
      delta: Buffer.alloc(100, 0x7f).toString("base64"),
      content_index: 0,
      item_id: "i\\1",
      response_id: "r1",
      type: "response.output_audio.delta",
    });
    const audio = told.filter(([name]) => name === "audio");
    expect(audio.map(([, , chars]) => chars)).toEqual([136, 136]);
    expect((audio[1]![1] as { itemId: string }).itemId).toBe("i\\1");
  });

  it.each([
    [401, "upstream_account", false],
    [429, "upstream_refused", true],
    [503, "upstream_refused", true],
  ])("tells what a handshake answered %i means", (status, code, retryable) => {
    const { model, failures } = open();
    model.drops(1006, status);
    expect(failures).toMatchObject([{ code, retryable }]);
  });

  it("is lost when its configuration is refused, and for good when the account is at fault", () => {
    const first = open();
    first.model.open();
    first.model.says({ type: "session.created", session: {} });
    first.model.says({
      type: "error",
      error: { type: "x", code: "unknown_parameter", event_id: "configure" },
    });
    expect(first.failures).toMatchObject([{ code: "upstream_rejected", retryable: false }]);
    const second = open();
    second.model.becomesReady();
    second.model.created("r1");
    second.model.done("r1", {
      status: "failed",
      status_details: {
        type: "failed",
        error: { type: "insufficient_quota", code: "insufficient_quota" },
      },
    });
    expect(second.failures).toMatchObject([{ code: "upstream_account", retryable: false }]);
  });

  it("is lost when an answer that is owed does not come, and not while nobody owes anything", () => {
    const { model, live, failures } = open();
    model.becomesReady();
    live(60_000);
    expect(failures).toEqual([]);
    model.says({ type: "input_audio_buffer.committed", item_id: "u1" });
    live(HUNG_MS - 1);
    expect(failures).toEqual([]);
    live(1);
    expect(failures).toMatchObject([{ code: "upstream_hung", retryable: true }]);
    expect(model.closedWith).not.toBeNull();
  });

  it("is lost when it stops in the middle of a response", () => {
    const { model, live, failures } = open();
    model.becomesReady();
    model.created("r1");
    model.delta("r1", "i1", 800);
    live(HUNG_MS);
    expect(failures).toMatchObject([{ code: "upstream_hung" }]);
  });

  it("is not lost for a silence in which this process stood still", () => {
    const { session, model, clock, live, failures } = open();
    model.becomesReady();
    model.says({ type: "input_audio_buffer.committed", item_id: "u1" });
    live(1_000);
    clock.standStill(60_000);
    // Several beats come before the model's socket is read.
    for (let beat = 0; beat < 300; beat++) session.tick(clock.nowMs());
    expect(failures).toEqual([]);
    live(HUNG_MS - 1_001);
    expect(failures).toEqual([]);
    live(1);
    expect(failures).toMatchObject([{ code: "upstream_hung" }]);
  });

  it("asks a model that says nothing about a caller who spoke whether it lives", () => {
    const { session, model, clock, live, failures } = open();
    model.becomesReady();
    live(10_000);
    session.callerPaused();
    live(HUNG_MS);
    const probe = model.of("session.update").at(-1)!;
    expect(probe["session"]).toEqual({ type: "realtime" });
    model.says({ type: "session.updated", session: {} });
    live(HUNG_MS);
    expect(failures).toEqual([]);
    session.callerPaused();
    live(HUNG_MS);
    clock.standStill(HUNG_MS);
    session.tick(clock.nowMs());
    live(HUNG_MS - 1);
    expect(failures).toEqual([]);
    live(1);
    expect(failures).toMatchObject([{ code: "upstream_hung" }]);
  });

  it("reports nothing after it was closed", () => {
    const { session, model, told, failures } = open();
    model.becomesReady();
    session.close();
    model.delta("r1", "i1", 800);
    model.drops();
    expect(kinds(told)).toEqual([]);
    expect(failures).toEqual([]);
    expect(model.closedWith).toBe(1000);
  });
});
