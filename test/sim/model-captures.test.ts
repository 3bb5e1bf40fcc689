/** What live captures show of the API, beyond its type definitions. */
import { afterEach, describe, expect, it } from "vitest";
import { identityAudio } from "../../sim/audio/identity.js";
import { silence, speechLike } from "../../sim/audio/synth.js";
import type { Turn } from "../../sim/model/script.js";
import { type ModelOptions, type SimulatedModel, startModel } from "../../sim/model.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { ModelClient, SESSION, type ServerEvent } from "./model-client.js";

let model: SimulatedModel;
afterEach(() => model.close());

async function start(
  turns: readonly (Turn | null)[],
  options: Partial<ModelOptions> = {},
): Promise<ModelClient> {
  const script = { turns, transcripts: ["Where is it?"] };
  model = await startModel({ script, pace: { burstMs: 1 }, ...options });
  return ModelClient.configured(model);
}

const transcribed = (by: string) => ({
  type: "realtime",
  audio: { input: { transcription: { model: by } } },
});

describe("events of the simulated model", () => {
  it("begin with their type, then their id", async () => {
    const client = await start([{ say: "Yes.", delayMs: 0 }]);
    client.send({ type: "response.create" });
    await client.next("response.done");
    for (const event of client.events)
      expect(Object.keys(event).slice(0, 2)).toEqual(["type", "event_id"]);
  });

  it("hold items without an object field, and null details of a completed response", async () => {
    const client = await start([
      { say: "Yes.", calls: [{ name: "f", arguments: {} }], delayMs: 0 },
    ]);
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    expect(response.status_details).toBeNull();
    const items = client.events.flatMap((event) => event["item"] ?? []);
    expect(items.length).toBeGreaterThan(4);
    for (const item of [...items, ...response.output]) expect(item).not.toHaveProperty("object");
  });

  it("carry obfuscation beside each piece of text, in random lengths", async () => {
    const words = "One two three four five six seven eight nine ten.";
    const client = await start([{ say: words, delayMs: 0 }]);
    client.send({ type: "response.create" });
    await client.next("response.done");
    const deltas = client.events.filter(
      ({ type }) => type === "response.output_audio_transcript.delta",
    );
    expect(deltas.map((event) => event["delta"]).join("")).toBe(words);
    const lengths = new Set(deltas.map((event) => event["obfuscation"].length));
    expect(lengths.size).toBeGreaterThan(1);
  });

  it("announce an audio part though the item's content says output_audio", async () => {
    const client = await start([{ say: "Yes.", delayMs: 0 }]);
    client.send({ type: "response.create" });
    expect((await client.next("response.content_part.added"))["part"]).toEqual({
      type: "audio",
      transcript: "",
    });
    const { response } = await client.next("response.done");
    expect(response.output[0].content).toEqual([{ type: "output_audio", transcript: "Yes." }]);
  });

  it("tell the rate limit of tokens alone, 40 ms after the response is done", async () => {
    const client = await start([{ say: "Yes.", delayMs: 0 }], {});
    client.send({ type: "response.create" });
    const limits = await client.next("rate_limits.updated");
    expect(limits["rate_limits"]).toEqual([
      { name: "tokens", limit: 40_000, remaining: 38_000, reset_seconds: 3 },
    ]);
    expect(client.types().indexOf("response.done")).toBeLessThan(
      client.types().indexOf("rate_limits.updated"),
    );
    expect(performance.now() - model.sessions[0]!.responses[0]!.doneAtMs!).toBeGreaterThan(38);
  });

  it("mark a message before calls as commentary, any other as the final answer", async () => {
    const client = await start([
      { say: "Let me look.", calls: [{ name: "f", arguments: {} }], delayMs: 0 },
      { say: "It left yesterday.", delayMs: 0 },
      { say: { text: "Unmarked.", phase: null }, delayMs: 0 },
    ]);
    const output = async () => {
      client.send({ type: "response.create", response: { instructions: "Go on." } });
      return (await client.next("response.done"))["response"].output;
    };
    const [message, call] = await output();
    expect(message.phase).toBe("commentary");
    expect(call).not.toHaveProperty("phase");
    expect((await output())[0].phase).toBe("final_answer");
    expect((await output())[0]).not.toHaveProperty("phase");
  });

  it("mark no message where the model is of another family", async () => {
    model = await startModel({ script: { turns: [{ say: "Yes.", delayMs: 0 }] } });
    const client = ModelClient.dial(model, "?model=gpt-realtime");
    await client.next("session.created");
    client.send({ type: "session.update", session: SESSION });
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    expect(response.output[0]).not.toHaveProperty("phase");
  });
});

describe("the simulated model pings its clients", () => {
  it("every 20.26 s, with four bytes", async () => {
    const clock = new FakeClock();
    model = await startModel({ script: { turns: [] }, clock });
    const client = ModelClient.dial(model);
    await client.opened;
    const session = await model.session(0);
    clock.advance(20_259);
    expect(session.pings).toBe(0);
    const ping = client.nextPing();
    clock.advance(1);
    expect(await ping).toHaveLength(4);
    clock.advance(20_259);
    expect(session.pings).toBe(1);
    clock.advance(1);
    expect(session.pings).toBe(2);
    expect(session.closed).toBeNull();
  });

  it("and closes one that does not answer", async () => {
    const clock = new FakeClock();
    model = await startModel({ script: { turns: [] }, clock });
    const client = ModelClient.dial(model, undefined, {}, { autoPong: false });
    await client.opened;
    await model.session(0);
    clock.advance(20_260 + 20_000);
    expect(await client.closed).toEqual({ code: 1011, reason: "keepalive ping timeout" });
  });
});

describe("a session of the simulated model", () => {
  it("is created a few milliseconds after the upgrade", async () => {
    model = await startModel({ script: { turns: [] }, pace: { createdLagMs: 30 } });
    const client = ModelClient.dial(model);
    await client.opened;
    const openedAtMs = performance.now();
    await client.next("session.created");
    expect(performance.now() - openedAtMs).toBeGreaterThan(20);
  });

  it("expires by itself, with an error and 1001", async () => {
    const client = await start([], { sessionMaxMs: 60 });
    expect((await client.next("error"))["error"].code).toBe("session_expired");
    expect((await client.closed).code).toBe(1001);
  });

  it("shows on retrieval a caller's transcript and an assistant's audio", async () => {
    const audio = identityAudio(5, 20);
    const client = await start([{ say: { text: "There.", audio }, delayMs: 0 }]);
    client.send({ type: "session.update", session: transcribed("gpt-live-transcribe") });
    client.say(speechLike(400));
    client.say(silence(700));
    const heard = await client.next("conversation.item.input_audio_transcription.completed");
    const { response } = await client.next("response.done");
    const retrieve = async (item_id: string) => {
      client.send({ type: "conversation.item.retrieve", item_id });
      return (await client.next("conversation.item.retrieved"))["item"].content;
    };
    expect(await retrieve(heard["item_id"])).toEqual([
      { type: "input_audio", transcript: "Where is it?" },
    ]);
    expect(await retrieve(response.output[0].id)).toEqual([
      { type: "output_audio", transcript: "There.", audio: audio.toString("base64") },
    ]);
  });

  it.each([
    ["gpt-live-transcribe", "duration"],
    ["whisper-1", "duration"],
    ["gpt-transcribe", "duration"],
    ["gpt-4o-mini-transcribe", "tokens"],
  ])("bills a transcript of %s by %s", async (name, kind) => {
    const client = await start([]);
    client.send({ type: "session.update", session: transcribed(name) });
    client.say(speechLike(400));
    client.say(silence(700));
    const { usage, ...event } = await client.next(
      "conversation.item.input_audio_transcription.completed",
    );
    expect(event["transcript"]).toBe("Where is it?");
    expect(usage.type).toBe(kind);
    if (kind === "duration") expect(usage.seconds).toBeGreaterThan(0.8);
  });

  it("is asked for text, and then replies in text", async () => {
    const client = await start([{ say: "It left yesterday.", delayMs: 0 }]);
    client.send({ type: "response.create", response: { output_modalities: ["text"] } });
    const { response } = await client.next("response.done");
    expect(response.output_modalities).toEqual(["text"]);
    expect(response.output[0].content).toEqual([
      { type: "output_text", text: "It left yesterday." },
    ]);
    const steps = client
      .types()
      .filter((type, i, all) => type.startsWith("response.") && type !== all[i - 1]);
    expect(steps).toEqual([
      "response.created",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.done",
    ]);
    const delta = client.events.find(({ type }) => type === "response.output_text.delta");
    expect(delta!["obfuscation"]).toEqual(expect.any(String));
  });
});

describe("a caller's turn", () => {
  const say = (client: ModelClient) => {
    client.say(speechLike(400));
    client.say(silence(700));
  };
  const packetOf = (client: ModelClient, event: ServerEvent) =>
    client.packets[client.events.indexOf(event)];

  it("ends with speech_stopped and committed in one packet", async () => {
    const client = await start([{ say: "Yes." }]);
    say(client);
    const stopped = await client.next("input_audio_buffer.speech_stopped");
    const committed = await client.next("input_audio_buffer.committed");
    expect(packetOf(client, stopped)).toBe(packetOf(client, committed));
  });

  it("can be committed later than its end, and be answered later still", async () => {
    const client = await start([{ say: "Yes." }], {
      pace: { burstMs: 1, commitLagMs: 30, responseLagMs: 30 },
    });
    say(client);
    const stopped = await client.next("input_audio_buffer.speech_stopped");
    expect(client.types()).not.toContain("input_audio_buffer.committed");
    const committed = await client.next("input_audio_buffer.committed");
    expect(client.types()).not.toContain("response.created");
    expect(packetOf(client, stopped)).toBeLessThan(packetOf(client, committed)!);
    await client.next("response.created");
  });

  it("is answered once: the response of VAD is refused while one of the client's runs", async () => {
    const client = await start([{ say: "Yes." }], { pace: { burstMs: 1, responseLagMs: 50 } });
    say(client);
    await client.next("input_audio_buffer.committed");
    client.send({ type: "response.create" });
    expect((await client.next("error"))["error"]).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: null,
    });
    await client.next("response.done");
    expect(model.sessions[0]!.responses).toHaveLength(1);
    expect(model.violations()).toEqual([]);
  });

  it("is answered once: a create is refused while the response of VAD runs", async () => {
    const client = await start([{ say: "Yes." }]);
    say(client);
    await client.next("response.created");
    const error = await client.refused({ type: "response.create", event_id: "mine" });
    expect(error).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: "mine",
    });
    expect(model.sessions[0]!.responses).toHaveLength(1);
    expect(model.sessions[0]!.races).toHaveLength(1);
    expect(model.violations()).toEqual([]);
  });
});
