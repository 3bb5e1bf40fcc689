import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silence } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { ModelClient, SESSION } from "./model-client.js";

let model: SimulatedModel;
beforeEach(async () => {
  model = await startModel({
    script: { turns: [{ say: "A first answer.", delayMs: 0 }] },
    pace: { burstMs: 1 },
  });
});
afterEach(() => model.close());

const update = (session: object) => ({ type: "session.update", event_id: "mine", session });
const withInput = (input: object) => update({ type: "realtime", audio: { input } });

describe("the simulated model's handshake", () => {
  it.each([
    ["with model and call_id", "?model=gpt-realtime&call_id=rtc_1", {}, /exactly one/],
    ["with an unknown parameter", "?model=gpt-realtime&voice=marin", {}, /unknown query parameter/],
    [
      "with a subprotocol",
      "?model=gpt-realtime",
      { "sec-websocket-protocol": "realtime" },
      /subprotocol/,
    ],
  ])("is answered over HTTP %s", async (_name, query, headers: Record<string, string>, reason) => {
    const client = ModelClient.dial(model, query, headers);
    expect((await client.closed).code).toBe(1006);
    expect(client.events).toEqual([]);
    expect(model.violations()).toEqual([expect.stringMatching(reason)]);
  });

  it.each([401, 403, 407, 429, 500, 502, 503] as const)(
    "is refused by a gateway with %i where a test says so, which is no mistake of the client's",
    async (status) => {
      model.faults.handshake = status;
      const client = ModelClient.dial(model);
      await client.closed;
      expect(client.httpStatus).toBe(status);
      expect(model.refused).toEqual([String(status)]);
      expect(model.violations()).toEqual([]);
    },
  );
});

describe("the simulated model rejects a session after 101, with an error and a close:", () => {
  const TYPE = "invalid_request_error";
  it.each<[string, string, Record<string, string>, string | null, number]>([
    ["a bad key", "?model=gpt-realtime", { authorization: "Bearer x" }, "invalid_api_key", 3000],
    ["no key", "?model=gpt-realtime", { authorization: "" }, null, 3000],
    ["an unknown model", "?model=gpt-realtime-99", {}, "invalid_model", 4000],
    ["no model", "", {}, "missing_model", 4000],
    [
      "the beta header",
      "?model=gpt-realtime",
      { "openai-beta": "realtime=v1" },
      "beta_api_shape_disabled",
      4000,
    ],
  ])("%s", async (_name, query, headers, code, closeCode) => {
    const client = ModelClient.dial(model, query, headers);
    const closed = await client.closed;
    expect(closed).toEqual({ code: closeCode, reason: code === null ? TYPE : `${TYPE}.${code}` });
    expect(client.events).toEqual([
      { type: "error", event_id: expect.any(String), error: expect.objectContaining({ code }) },
    ]);
    expect(model.sessions).toEqual([]);
    expect(model.violations()).toHaveLength(1);
  });

  it("whatever it names, where a test says so, which is no mistake of the client's", async () => {
    model.faults.rejectSessions = "invalid_model";
    const client = ModelClient.dial(model);
    expect((await client.closed).code).toBe(4000);
    expect(model.refused).toEqual(["invalid_model"]);
    expect(model.violations()).toEqual([]);
  });
});

describe("the simulated model refuses", () => {
  it.each<[string, object, string, string | null]>([
    [
      "a session without type",
      update({ instructions: "x" }),
      "missing_required_parameter",
      "session.type",
    ],
    [
      "temperature",
      update({ type: "realtime", temperature: 0.8 }),
      "unknown_parameter",
      "session.temperature",
    ],
    [
      "a field of the beta",
      update({ type: "realtime", modalities: ["audio"] }),
      "unknown_parameter",
      "session.modalities",
    ],
    [
      "a rate on pcmu",
      withInput({ format: { type: "audio/pcmu", rate: 8000 } }),
      "unknown_parameter",
      "session.audio.input.format.rate",
    ],
    [
      "the beta's name of mu-law",
      withInput({ format: "g711_ulaw" }),
      "invalid_type",
      "session.audio.input.format",
    ],
    [
      "PCM without a rate",
      withInput({ format: { type: "audio/pcm" } }),
      "missing_required_parameter",
      "session.audio.input.format.rate",
    ],
    [
      "both modalities",
      update({ type: "realtime", output_modalities: ["audio", "text"] }),
      "invalid_value",
      "session.output_modalities",
    ],
    [
      "a language with a region",
      withInput({ transcription: { model: "gpt-live-transcribe", language: "en-US" } }),
      "invalid_value",
      "session.audio.input.transcription.language",
    ],
    [
      "a tool name with a space",
      update({ type: "realtime", tools: [{ type: "function", name: "look up" }] }),
      "invalid_value",
      "session.tools[0].name",
    ],
    [
      "an approval that answers no request",
      {
        type: "conversation.item.create",
        event_id: "mine",
        item: { type: "mcp_approval_response", approval_request_id: "mcpr_x", approve: true },
      },
      "invalid_value",
      "item.approval_request_id",
    ],
    [
      "a threshold above 1",
      withInput({ turn_detection: { type: "server_vad", threshold: 1.5 } }),
      "invalid_value",
      "session.audio.input.turn_detection.threshold",
    ],
    [
      "an idle timeout under 5 s",
      withInput({ turn_detection: { type: "server_vad", idle_timeout_ms: 1000 } }),
      "invalid_value",
      "session.audio.input.turn_detection.idle_timeout_ms",
    ],
    [
      "a threshold for semantic VAD",
      withInput({ turn_detection: { type: "semantic_vad", threshold: 0.5 } }),
      "unknown_parameter",
      "session.audio.input.turn_detection.threshold",
    ],
    [
      "a tool in the style of chat completions",
      update({ type: "realtime", tools: [{ type: "function", function: { name: "f" } }] }),
      "unknown_parameter",
      "session.tools[0].function",
    ],
    [
      "an unknown field beside an event's own",
      { type: "response.cancel", event_id: "mine", reason: "x" },
      "unknown_parameter",
      "reason",
    ],
    [
      "an unknown event",
      { type: "response.audio.delta", event_id: "mine" },
      "invalid_event",
      "type",
    ],
    [
      "audio that is not base64",
      { type: "input_audio_buffer.append", event_id: "mine", audio: "ab-_" },
      "invalid_value",
      "audio",
    ],
    [
      "a commit of less than 100 ms",
      { type: "input_audio_buffer.commit", event_id: "mine" },
      "input_audio_buffer_commit_empty",
      null,
    ],
    [
      "a truncate of an unknown item",
      {
        type: "conversation.item.truncate",
        event_id: "mine",
        item_id: "item_x",
        content_index: 0,
        audio_end_ms: 0,
      },
      "item_truncate_invalid_item_id",
      "item_id",
    ],
    [
      "a truncate at a fraction of a ms",
      {
        type: "conversation.item.truncate",
        event_id: "mine",
        item_id: "item_x",
        content_index: 0,
        audio_end_ms: 10.5,
      },
      "invalid_type",
      "audio_end_ms",
    ],
    [
      "a cancel with nothing running",
      { type: "response.cancel", event_id: "mine" },
      "response_cancel_not_active",
      null,
    ],
    [
      "an output of an unknown call",
      {
        type: "conversation.item.create",
        event_id: "mine",
        item: { type: "function_call_output", call_id: "call_x", output: "{}" },
      },
      "invalid_value",
      "item.call_id",
    ],
    [
      "an assistant item with audio",
      {
        type: "conversation.item.create",
        event_id: "mine",
        item: {
          type: "message",
          role: "assistant",
          content: [{ type: "output_audio", audio: "" }],
        },
      },
      "invalid_value",
      "item.content[0].type",
    ],
    [
      "a WebRTC event",
      { type: "output_audio_buffer.clear", event_id: "mine" },
      "invalid_value",
      "type",
    ],
  ])("%s", async (_name, event, code, param) => {
    const client = await ModelClient.configured(model);
    const error = await client.refused(event);
    expect(error).toMatchObject({ type: "invalid_request_error", code, param, event_id: "mine" });
    expect(model.violations()).toHaveLength(1);
    expect(model.sessions[0]!.errors).toHaveLength(1);
  });

  it("text that is not JSON, and goes on", async () => {
    const client = await ModelClient.configured(model);
    client.sendRaw("{");
    expect((await client.next("error"))["error"].code).toBe("invalid_json");
    client.send({ type: "response.create" });
    await client.next("response.done");
  });

  it("a binary frame, and goes on", async () => {
    const client = await ModelClient.configured(model);
    client.sendRaw(Buffer.from("{}"));
    expect((await client.next("error"))["error"].code).toBe("invalid_event");
    client.send({ type: "response.create" });
    await client.next("response.done");
  });

  it("audio before session.updated, in silence: it is only counted", async () => {
    const client = ModelClient.dial(model);
    await client.next("session.created");
    client.say(silence(40));
    client.send({ type: "session.update", session: SESSION });
    await client.next("session.updated");
    expect(model.violations()).toEqual(["session 0: audio before session.updated"]);
    expect(model.sessions[0]!.received).toMatchObject({ appends: 2, bytes: 320 });
  });

  it("a second response while one runs", async () => {
    const client = await ModelClient.configured(model);
    client.send({ type: "response.create" });
    const error = await client.refused({ type: "response.create", event_id: "second" });
    expect(error).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: "second",
    });
    expect((await client.next("response.done"))["response"].status).toBe("completed");
    expect(model.violations()).toHaveLength(1);
  });

  it("a truncate beyond the audio it sent, beyond an earlier truncate, and of an item without sound", async () => {
    const client = await ModelClient.configured(model);
    client.send({ type: "response.create" });
    const done = await client.next("response.done");
    const itemId: string = done["response"].output[0].id;
    const lengthMs = Math.floor(client.audioOf(itemId).length / 8);
    const cut = (audio_end_ms: number, item_id = itemId) => ({
      type: "conversation.item.truncate",
      item_id,
      content_index: 0,
      audio_end_ms,
    });
    expect((await client.refused(cut(lengthMs + 1))).message).toBe(
      `Audio content of ${lengthMs}ms is already shorter than ${lengthMs + 1}ms`,
    );
    client.send(cut(lengthMs - 100));
    expect((await client.next("conversation.item.truncated"))["audio_end_ms"]).toBe(lengthMs - 100);
    expect((await client.refused(cut(lengthMs - 99))).code).toBe("invalid_value");
    client.send({
      type: "conversation.item.create",
      item: {
        id: "typed",
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: "Hi" }],
      },
    });
    expect((await client.refused(cut(0, "typed"))).message).toBe(
      "Only model output audio messages can be truncated",
    );
    expect(
      model.sessions[0]!.truncations.map(({ audioEndMs, accepted }) => [audioEndMs, accepted]),
    ).toEqual([
      [lengthMs + 1, false],
      [lengthMs - 100, true],
      [lengthMs - 99, false],
      [0, false],
    ]);
  });

  it("another voice once it has spoken", async () => {
    const client = await ModelClient.configured(model);
    client.send({ type: "response.create" });
    await client.next("response.done");
    const error = await client.refused(
      update({ type: "realtime", audio: { output: { voice: "cedar" } } }),
    );
    expect(error.code).toBe("cannot_update_voice");
  });
});
