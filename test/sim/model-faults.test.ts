/** Each fault of the simulated model that a test can switch on, one by one. */
import { afterEach, describe, expect, it } from "vitest";
import { silence, speechLike } from "../../sim/audio/synth.js";
import type { Script, Turn } from "../../sim/model/script.js";
import {
  failed,
  incomplete,
  longTranscript,
  oversizedEvent,
  rateLimited,
  stalled,
  writtenReply,
} from "../../sim/model/turns.js";
import { type ModelOptions, type SimulatedModel, startModel } from "../../sim/model.js";
import { ModelClient } from "./model-client.js";

let model: SimulatedModel;
afterEach(() => model.close());

async function start(
  turns: Script["turns"],
  options: Partial<ModelOptions> = {},
): Promise<ModelClient> {
  model = await startModel({ script: { turns }, pace: { burstMs: 1 }, ...options });
  return ModelClient.configured(model);
}

/** The finished response to a request, and the audio of its items in ms. */
async function respond(client: ModelClient) {
  client.send({ type: "response.create" });
  const { response } = await client.next("response.done");
  const items: { id: string }[] = response.output;
  const soundMs = items.reduce((sum, { id }) => sum + client.audioOf(id).length / 8, 0);
  return { response, soundMs };
}

/** Round trip to the server: what was sent before has been answered. */
async function probe(client: ModelClient): Promise<void> {
  client.send({ type: "input_audio_buffer.clear" });
  await client.next("input_audio_buffer.cleared");
}

describe("a response can", () => {
  it.each<[string, Turn, string, number]>([
    ["fail without sound", failed(), "failed", 0],
    ["fail after sound", failed(200), "failed", 200],
    ["be cut for its length without sound", incomplete("max_output_tokens"), "incomplete", 0],
    ["be cut for its length after sound", incomplete("max_output_tokens", 300), "incomplete", 300],
    ["be filtered without sound", incomplete("content_filter"), "incomplete", 0],
    ["be filtered after sound", incomplete("content_filter", 100), "incomplete", 100],
  ])("%s", async (_name, turn, status, soundMs) => {
    const client = await start([turn]);
    const end = await respond(client);
    expect(end.response.status).toBe(status);
    expect(end.soundMs).toBe(soundMs);
    if (turn.reason !== undefined)
      expect(end.response.status_details).toEqual({ type: "incomplete", reason: turn.reason });
  });

  it("fail for its rate limit, with a told wait", async () => {
    const client = await start([rateLimited(1.2)]);
    const { response } = await respond(client);
    expect(response.status_details.error).toMatchObject({ code: "rate_limit_exceeded" });
    expect(response.status_details.error.message).toContain("Please try again in 1.2s.");
  });

  it("come as text though audio was asked for", async () => {
    const client = await start([writtenReply("It left yesterday.")]);
    const { response, soundMs } = await respond(client);
    expect(soundMs).toBe(0);
    expect(response.output[0].content).toEqual([
      { type: "output_text", text: "It left yesterday." },
    ]);
  });

  it("hold calls in every response, several at once, with names over every limit", async () => {
    const name = "n".repeat(600);
    const client = await start(() => ({
      calls: [
        { name, arguments: {} },
        { name: "lookup_order", arguments: {} },
      ],
      delayMs: 0,
    }));
    for (let i = 0; i < 3; i++) {
      const { response } = await respond(client);
      const calls: { name: string; call_id: string }[] = response.output;
      expect(calls.map((call) => call.name)).toEqual([name, "lookup_order"]);
      for (const { call_id } of calls)
        client.send({
          type: "conversation.item.create",
          item: { type: "function_call_output", call_id, output: "{}" },
        });
    }
    expect(model.violations()).toEqual([]);
  });

  it("bring a control event of 8 MB, and a transcript of 10 MB", async () => {
    const client = await start([
      {
        events: [oversizedEvent(8_000_000)],
        say: longTranscript(10_000_000),
        delayMs: 0,
        ratio: 1000,
      },
    ]);
    await respond(client);
    const big = await client.next("rate_limits.updated");
    expect(JSON.stringify(big).length).toBeGreaterThan(8_000_000);
    const said = await client.next("response.output_audio_transcript.done");
    expect(said["transcript"]).toHaveLength(10_000_000);
  });

  it("produce nothing, while the session answers everything else, a cancel too", async () => {
    const client = await start([stalled()]);
    client.send({ type: "response.create" });
    await client.next("response.created");
    await probe(client);
    client.send({ type: "response.cancel" });
    const { response } = await client.next("response.done");
    expect(response).toMatchObject({ status: "cancelled", output: [] });
  });

  it("stop in mid-speech and answer no cancel either", async () => {
    const client = await start([
      { say: "A long sentence.", fault: { afterMs: 200, kind: "stall_for_good" }, delayMs: 0 },
    ]);
    client.send({ type: "response.create" });
    await client.next("response.output_audio.delta");
    client.send({ type: "response.cancel" });
    await probe(client);
    expect((await client.refused({ type: "response.create" })).code).toBe(
      "conversation_already_has_active_response",
    );
    expect(client.types()).not.toContain("response.done");
  });

  it("hang with the whole session: no event, no pong", async () => {
    const client = await start([
      { say: "A long sentence.", fault: { afterMs: 0, kind: "hang" }, delayMs: 0 },
    ]);
    client.send({ type: "response.create" });
    await client.next("response.created");
    while (model.sessions[0]!.active?.status === "in_progress" && !hasHung()) await nextTick();
    expect(await client.answersPing(50)).toBe(false);
    expect(client.types()).not.toContain("response.done");
  });
});

const nextTick = () => new Promise(setImmediate);
const hasHung = () => !model.sessions[0]!.reachable;

describe("a turn can", () => {
  it("stay without any response, after the caller spoke and after a create", async () => {
    const client = await start([null, null, { say: "At last.", delayMs: 0 }]);
    client.say(speechLike(400));
    client.say(silence(700));
    await client.next("input_audio_buffer.committed");
    client.send({ type: "response.create" });
    await probe(client);
    expect(client.types()).not.toContain("response.created");
    const { response } = await respond(client);
    expect(response.output[0].content[0].transcript).toBe("At last.");
    expect(model.violations()).toEqual([]);
  });

  it("be replaced from outside, for as long as the fault is on", async () => {
    const client = await start([
      { say: "One.", delayMs: 0 },
      { say: "Two.", delayMs: 0 },
    ]);
    const seen: (Turn | null)[] = [];
    model.faults.replaceTurn = (_context, scripted) => {
      seen.push(scripted);
      return failed();
    };
    expect((await respond(client)).response.status).toBe("failed");
    expect(seen).toEqual([{ say: "One.", delayMs: 0 }]);
    model.faults.replaceTurn = null;
    const { response } = await respond(client);
    expect(response.output[0].content[0].transcript).toBe("Two.");
  });
});

describe("a session.update", () => {
  it("is discarded as a whole where one part is refused", async () => {
    const client = await start([]);
    model.faults.refuseParts = [
      { path: "audio.input.transcription.model", when: (value) => value === "gpt-live-transcribe" },
      { path: "speed", code: "unknown_parameter", message: "No speed." },
    ];
    const update = (by: string) => ({
      type: "session.update",
      event_id: "mine",
      session: {
        type: "realtime",
        instructions: "Changed.",
        audio: { input: { transcription: { model: by } } },
      },
    });
    expect(await client.refused(update("gpt-live-transcribe"))).toMatchObject({
      code: "invalid_value",
      param: "session.audio.input.transcription.model",
      message: expect.stringContaining("session.audio.input.transcription.model"),
      event_id: "mine",
    });
    expect(model.sessions[0]!.config).toMatchObject({ instructions: "Be brief." });
    client.send(update("whisper-1"));
    const { session } = await client.next("session.updated");
    expect(session.instructions).toBe("Changed.");
    expect(model.violations()).toEqual([]);
  });

  it("comes back with another audio format", async () => {
    model = await startModel({
      script: { turns: [] },
      faults: { sessionFormat: { output: "audio/pcm" } },
    });
    const client = await ModelClient.configured(model);
    const [updated] = client.events.filter(({ type }) => type === "session.updated");
    expect(updated!["session"].audio).toMatchObject({
      input: { format: { type: "audio/pcmu" } },
      output: { format: { type: "audio/pcm", rate: 24_000 } },
    });
  });

  it("stays unanswered", async () => {
    const client = await start([]);
    model.faults.withholdUpdated = true;
    client.send({ type: "session.update", session: { type: "realtime", instructions: "x" } });
    await probe(client);
    expect(client.types().filter((type) => type === "session.updated")).toHaveLength(1);
  });
});

it("the server can count less audio than the client received", async () => {
  const client = await start([{ say: "A sentence of some length.", delayMs: 0 }]);
  const { response, soundMs } = await respond(client);
  const truncate = (audio_end_ms: number) => ({
    type: "conversation.item.truncate",
    item_id: response.output[0].id,
    content_index: 0,
    audio_end_ms,
  });
  model.faults.audioShorterByMs = 85;
  expect((await client.refused(truncate(soundMs - 84))).message).toContain("already shorter than");
  // The client could not know.
  expect(model.violations()).toEqual([]);
  client.send(truncate(soundMs - 85));
  await client.next("conversation.item.truncated");
});
