import { describe, expect, it } from "vitest";
import type { ToolCallId } from "../../../../src/domain/ids.js";
import { RealtimeSession } from "../../../../src/relay/model/openai-realtime/realtime-session.js";
import { openSession, PROFILE, readySession } from "./session-stage.js";

const error = (code: string | null, more: object = {}) => ({
  type: "error",
  error: {
    type: "invalid_request_error",
    code,
    message: "?",
    param: null,
    event_id: null,
    ...more,
  },
});
const FORMAT = (type: string) => ({
  input: { format: { type } },
  output: { format: { type: "audio/pcmu" } },
});

/** Up to the first `session.update`. */
function configuring(options: Parameters<typeof openSession>[0] = {}) {
  const stage = openSession(options);
  stage.model.open();
  stage.model.says({ type: "session.created", session: { id: "sess" } });
  return stage;
}

describe("opening a session", () => {
  it("configures mu-law both ways, and is ready only once that is in force", () => {
    const { session, model, readyCount } = openSession();
    expect(session).toBeInstanceOf(RealtimeSession);
    expect(model.url).toBe("wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1");
    model.open();
    expect(model.sent).toEqual([]);
    model.says({ type: "session.created", session: { id: "sess" } });
    expect(model.sent).toMatchObject([
      { type: "session.update", event_id: "configure", session: { audio: FORMAT("audio/pcmu") } },
    ]);
    expect(readyCount()).toBe(0);
    model.says({ type: "session.updated", session: { id: "sess", audio: FORMAT("audio/pcmu") } });
    expect(readyCount()).toBe(1);
  });

  it("gives the conversation so far back, in order, before it is ready", () => {
    const { model } = openSession({
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

  it("attaches to a call whose sound does not pass here, without configuring it", () => {
    const audioOf = { path: "direct", callId: "rtc_1" } as const;
    const { model, readyCount, failures } = openSession({ audio: audioOf });
    expect(model.url).toBe("wss://api.openai.com/v1/realtime?call_id=rtc_1");
    model.open();
    const audio = FORMAT("audio/pcma");
    model.says({ type: "session.created", session: { id: "sess", audio } });
    model.says({ type: "session.updated", session: { id: "sess", audio } });
    expect(model.sent).toEqual([]);
    expect(readyCount()).toBe(1);
    expect(failures).toEqual([]);
  });

  it("is no session when its audio is not that of the phone", () => {
    const { model, failures, readyCount } = configuring();
    model.says({ type: "session.updated", session: { audio: FORMAT("audio/pcm") } });
    expect(readyCount()).toBe(0);
    expect(failures).toMatchObject([
      { code: "upstream_rejected", retryable: false, detail: "the session's audio is audio/pcm" },
    ]);
  });

  it("is lost when its audio changes in mid-call", () => {
    const { model, failures } = readySession();
    model.says({ type: "session.updated", session: { audio: FORMAT("audio/pcm") } });
    expect(failures).toMatchObject([{ code: "upstream_rejected" }]);
  });
});

describe("a refused session", () => {
  it.each([
    [error("invalid_api_key"), 3000, "upstream_account"],
    [error(null), 3000, "upstream_account"],
    [error("invalid_model"), 4000, "upstream_account"],
    [error("missing_model"), 4000, "upstream_account"],
    [error("beta_api_shape_disabled"), 4000, "upstream_rejected"],
  ])("is not worth another dial: %j, then CLOSE %i", (told, closed, code) => {
    const { model, failures } = openSession();
    model.open();
    model.says(told);
    model.drops(closed);
    expect(failures).toMatchObject([{ code, retryable: false }]);
  });

  it("lives on after an error that no close follows", () => {
    const { model, failures, readyCount } = openSession();
    model.open();
    model.says(error("invalid_event"));
    expect(failures).toEqual([]);
    model.says({ type: "session.created", session: {} });
    model.says({ type: "session.updated", session: {} });
    expect(readyCount()).toBe(1);
    model.drops(1011);
    expect(failures).toMatchObject([{ code: "upstream_closed", retryable: true }]);
  });
});

describe("a refused configuration", () => {
  const refuse = (stage: ReturnType<typeof configuring>, param: string | null) => {
    const sent = stage.model.of("session.update").at(-1)!;
    stage.model.says(error("invalid_value", { param, event_id: sent["event_id"] }));
  };

  it("is sent again without the parts that the errors name, one after the other", () => {
    const stage = configuring({
      profile: { noiseReduction: "far_field", settings: { reasoningEffort: "low" } },
    });
    refuse(stage, "session.audio.input.transcription.model");
    refuse(stage, "session.reasoning");
    const updates = stage.model.of("session.update");
    expect(updates.map((update) => update["event_id"])).toEqual([
      "configure",
      "configure-2",
      "configure-3",
    ]);
    expect(updates[1]).toMatchObject({
      session: { audio: { input: { transcription: null } }, reasoning: { effort: "low" } },
    });
    expect(updates[2]?.["session"]).not.toHaveProperty("reasoning");
    expect(stage.of("sessionPartRefused")).toEqual([
      ["transcription", null],
      ["reasoning", null],
    ]);
    stage.model.says({ type: "session.updated", session: {} });
    expect(stage.readyCount()).toBe(1);
    expect(stage.failures).toEqual([]);
  });

  it("is sent again also where the server does not repeat the id of what it refuses", () => {
    const stage = configuring();
    stage.model.says(error("invalid_value", { param: "session.audio.input.transcription.model" }));
    expect(stage.model.of("session.update").at(-1)).toMatchObject({
      event_id: "configure-2",
      session: { audio: { input: { transcription: null } } },
    });
    // Which event this one is about is not known: a close may follow, or not.
    stage.model.says(error("server_error"));
    stage.model.says({ type: "session.updated", session: {} });
    expect([stage.readyCount(), stage.failures]).toEqual([1, []]);
  });

  it("is not sent before the session exists, whatever an error names", () => {
    const stage = openSession();
    stage.model.open();
    stage.model.says(error("invalid_value", { param: "session.audio.output.voice" }));
    expect(stage.model.sent).toEqual([]);
  });

  it("tells which tool was left out", () => {
    const stage = configuring();
    refuse(stage, "session.tools[0].parameters");
    expect(stage.of("sessionPartRefused")).toEqual([["tool", "t"]]);
    expect(stage.model.of("session.update").at(-1)).toMatchObject({ session: { tools: [] } });
  });

  it("costs the session when the error names nothing that it can do without", () => {
    const stage = configuring();
    refuse(stage, "session.audio.input.format");
    expect(stage.failures).toMatchObject([
      {
        code: "upstream_rejected",
        retryable: false,
        detail: "invalid_value: session.audio.input.format",
      },
    ]);
    expect(stage.model.of("session.update")).toHaveLength(1);
  });

  it("does not go on for ever", () => {
    const names = Array.from({ length: 40 }, (_, i) => `tool_${i}`);
    const stage = configuring({
      profile: {
        tools: names.map((name) => ({ type: "function", name, description: "", parameters: {} })),
      },
    });
    for (let i = 0; i < 40 && stage.failures.length === 0; i++) refuse(stage, "session.tools[0]");
    expect(stage.failures).toMatchObject([{ code: "upstream_rejected" }]);
    expect(stage.model.of("session.update").length).toBeLessThanOrEqual(17);
  });
});

describe("a change of the configuration", () => {
  const refuse = (stage: ReturnType<typeof readySession>, param: string | null) => {
    const sent = stage.model.of("session.update").at(-1)!;
    stage.model.says(error("invalid_value", { param, event_id: sent["event_id"] }));
  };

  it("is sent again without what was refused, which stays as it was", () => {
    const stage = readySession();
    stage.session.update({ instructions: "Habla español.", voice: "nobody" });
    refuse(stage, "session.audio.output.voice");
    expect(stage.model.of("session.update").at(-1)?.["session"]).toEqual({
      type: "realtime",
      instructions: "Habla español.",
    });
    expect(stage.of("sessionPartRefused")).toEqual([["voice", null]]);
    expect(stage.of("warning")).toEqual([]);
  });

  it("keeps the turn detection that is in force when another one is refused", () => {
    const stage = readySession();
    const turnDetection = { ...PROFILE.turnDetection, interruptResponse: false };
    stage.session.update({ turnDetection });
    stage.model.created("r1");
    stage.session.interrupted([]);
    expect(stage.model.of("response.cancel")).toHaveLength(1);
    refuse(stage, "session.audio.input.turn_detection.threshold");
    expect(stage.of("sessionPartRefused")).toEqual([["turn_detection", null]]);
    // The server interrupts by itself, as before.
    stage.model.created("r2");
    stage.session.interrupted([]);
    expect(stage.model.of("response.cancel")).toHaveLength(1);
    expect(stage.model.of("session.update")).toHaveLength(2);
  });

  it("leaves the voice alone once the model has spoken", () => {
    const { session, model } = readySession();
    session.update({ voice: "cedar" });
    expect(model.of("session.update").at(-1)).toMatchObject({
      session: { audio: { output: { voice: "cedar" } } },
    });
    model.created("r1");
    model.delta("r1", "i1", 800);
    session.update({ voice: "coral", instructions: "Be brief." });
    session.update({ voice: "coral" });
    expect(model.of("session.update").slice(2)).toMatchObject([
      { session: { type: "realtime", instructions: "Be brief." } },
    ]);
  });
});
