import { afterEach, describe, expect, it } from "vitest";
import { identityAudio } from "../../sim/audio/identity.js";
import { silence, speechLike } from "../../sim/audio/synth.js";
import type { Turn } from "../../sim/model/script.js";
import { type ModelOptions, type SimulatedModel, startModel } from "../../sim/model.js";
import { fastClock } from "./fast-clock.js";
import { ModelClient, SESSION } from "./model-client.js";

let model: SimulatedModel;
afterEach(() => model.close());

const FAST = { burstMs: 1 };

async function start(
  turns: readonly Turn[],
  options: Partial<ModelOptions> = {},
): Promise<ModelClient> {
  model = await startModel({
    script: { turns, transcripts: ["Where is it?"] },
    pace: FAST,
    ...options,
  });
  return ModelClient.configured(model);
}

const withTranscripts = {
  ...SESSION,
  audio: { ...SESSION.audio, input: { ...SESSION.audio.input, transcription: { model: "t" } } },
};

describe("a response of the simulated model", () => {
  it("comes in the API's order, in deltas that are no frames and no base64 groups, whole", async () => {
    const audio = identityAudio(7, 100);
    const client = await start([{ say: { text: "One two three four.", audio }, delayMs: 0 }]);
    client.send({ type: "response.create" });
    const done = await client.next("rate_limits.updated");
    expect(done).toBeDefined();
    const order = client
      .types()
      .filter((type, i, all) => type !== all[i - 1] || !type.endsWith("delta"));
    const steps = order.filter((type) => !type.endsWith(".delta"));
    expect(steps).toEqual([
      "session.created",
      "session.updated",
      "response.created",
      "response.output_item.added",
      "conversation.item.added",
      "response.content_part.added",
      "response.output_audio.done",
      "response.output_audio_transcript.done",
      "response.content_part.done",
      "response.output_item.done",
      "conversation.item.done",
      "response.done",
      "rate_limits.updated",
    ]);
    const sizes = client.events
      .filter((event) => event.type === "response.output_audio.delta")
      .map((event) => Buffer.from(event["delta"], "base64").length);
    for (const size of sizes.slice(0, -1)) {
      expect(size % 160).not.toBe(0);
      expect(size % 3).not.toBe(0);
    }
    const response = client.events.find((event) => event.type === "response.done")!["response"];
    expect(client.audioOf(response.output[0].id).equals(audio)).toBe(true);
    expect(response).toMatchObject({
      status: "completed",
      usage: { output_token_details: { audio_tokens: 40 } },
    });
    expect(model.violations()).toEqual([]);
  });

  it("is made of two audio items and parallel calls where the script says so", async () => {
    const client = await start([
      {
        say: ["First.", "Second."],
        calls: [
          { name: "a", arguments: { x: 1 } },
          { name: "b", arguments: "{}" },
        ],
        delayMs: 0,
      },
      { say: "Thanks.", delayMs: 0 },
    ]);
    client.send({ type: "response.create" });
    const { output } = (await client.next("response.done"))["response"];
    expect(output.map((item: { type: string }) => item.type)).toEqual([
      "message",
      "message",
      "function_call",
      "function_call",
    ]);
    expect(JSON.parse(output[2].arguments)).toEqual({ x: 1 });
    const answer = (call_id: string) =>
      client.send({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id, output: "{}" },
      });
    answer(output[2].call_id);
    // Asking for the answer with one call open is a mistake, though the API lets it pass.
    client.send({ type: "response.create" });
    await client.next("response.done");
    expect(model.violations()).toEqual([
      `session 0: response.create while ${output[3].call_id} has no output`,
    ]);
    answer(output[3].call_id);
    expect(
      (
        await client.refused({
          type: "conversation.item.create",
          item: { type: "function_call_output", call_id: output[3].call_id, output: "{}" },
        })
      ).message,
    ).toContain("has an output already");
  });

  it("can fail, be cut short, and leave out its usage", async () => {
    const client = await start([
      {
        status: "failed",
        error: { type: "rate_limit", code: "rate_limit_exceeded", message: "slow down" },
        usage: "none",
        delayMs: 0,
      },
      {
        say: "A long enough sentence.",
        untilMs: 200,
        status: "incomplete",
        reason: "content_filter",
        usage: "bare",
        delayMs: 0,
      },
    ]);
    client.send({ type: "response.create" });
    expect((await client.next("response.done"))["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "rate_limit_exceeded" } },
      usage: null,
    });
    client.send({ type: "response.create" });
    const response = (await client.next("response.done"))["response"];
    expect(response).toMatchObject({
      status: "incomplete",
      status_details: { reason: "content_filter" },
    });
    expect(response.usage.output_token_details).toBeUndefined();
    expect(client.audioOf(response.output[0].id)).toHaveLength(1600);
  });

  it("runs outside of the conversation when asked to, and says what the instructions quote", async () => {
    const client = await start([{ say: "Main.", delayMs: 0 }]);
    client.send({
      type: "response.create",
      response: {
        conversation: "none",
        instructions: 'Say "Just a second."',
        metadata: { why: "wait" },
      },
    });
    client.send({ type: "response.create" });
    const done = [await client.next("response.done"), await client.next("response.done")].map(
      (event) => event["response"],
    );
    const aside = done.find((response) => response.conversation_id === null);
    expect(aside).toMatchObject({ metadata: { why: "wait" } });
    expect(aside.output[0].content[0].transcript).toBe("Just a second.");
    expect(model.sessions[0]!.item(aside.output[0].id)).toBeUndefined();
    expect(model.violations()).toEqual([]);
  });
});

describe("instructions of a single response", () => {
  it("are said where they quote a text and the script allows it, without using up a turn", async () => {
    model = await startModel({
      script: { turns: [{ say: "First turn.", delayMs: 0 }], quotes: true },
      pace: FAST,
    });
    const client = await ModelClient.configured(model);
    const said = async (instructions?: string) => {
      client.send({
        type: "response.create",
        ...(instructions === undefined ? {} : { response: { instructions } }),
      });
      return (await client.next("response.done"))["response"].output[0].content[0].transcript;
    };
    expect(await said('Say exactly: "Hello there."')).toBe("Hello there.");
    expect(await said("Greet the caller.")).toBe("First turn.");
  });
});

describe("the simulated model's hearing", () => {
  it("finds a turn in the audio itself, commits it and answers", async () => {
    const client = await start([{ say: "There.", delayMs: 0 }], { transcriptDelayMs: 0 });
    client.send({ type: "session.update", session: withTranscripts });
    await client.next("session.updated");
    client.say(silence(1000));
    client.say(speechLike(600));
    client.say(silence(700));
    const started = await client.next("input_audio_buffer.speech_started");
    // 1,000 ms of silence, less 300 ms of padding.
    expect(started["audio_start_ms"]).toBe(700);
    const stopped = await client.next("input_audio_buffer.speech_stopped");
    // Speech ends at 1,600 ms and the silence counts for 500 ms more.
    expect(stopped["audio_end_ms"]).toBeGreaterThanOrEqual(2000);
    expect(stopped["audio_end_ms"]).toBeLessThanOrEqual(2120);
    const committed = await client.next("input_audio_buffer.committed");
    expect(committed["item_id"]).toBe(started["item_id"]);
    const transcript = await client.next("conversation.item.input_audio_transcription.completed");
    expect(transcript).toMatchObject({ item_id: started["item_id"], transcript: "Where is it?" });
    expect((await client.next("response.done"))["response"].status).toBe("completed");
  });

  it("cancels a running response on barge-in; deltas in flight still come, before its end", async () => {
    const audio = identityAudio(3, 3000);
    const client = await start(
      [{ say: { text: "A very long story.", audio }, delayMs: 0, ratio: 3 }],
      {
        pace: { burstMs: 20, lateDeltas: 2 },
      },
    );
    client.send({ type: "response.create" });
    await client.next("response.output_audio.delta");
    client.say(speechLike(400));
    const done = await client.next("response.done");
    expect(done["response"]).toMatchObject({
      status: "cancelled",
      status_details: { reason: "turn_detected" },
      output: [{ status: "incomplete" }],
    });
    const types = client.types();
    const after = types.slice(types.indexOf("input_audio_buffer.speech_started") + 1);
    expect(after.filter((type) => type === "response.output_audio.delta")).toHaveLength(2);
    const tail = after.filter((type) => type.startsWith("response.") && !type.endsWith("delta"));
    expect(tail).toEqual([
      "response.output_audio.done",
      "response.output_audio_transcript.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.done",
    ]);
    const itemId: string = done["response"].output[0].id;
    expect(model.sessions[0]!.item(itemId)!.sentBytes).toBe(client.audioOf(itemId).length);
  });

  it("leaves a response alone when interrupt_response is off, and says so when it cannot answer", async () => {
    const client = await start(
      [{ say: { text: "Long.", audio: identityAudio(4, 400) }, delayMs: 0, ratio: 20 }],
      {
        pace: { burstMs: 20 },
      },
    );
    const turn_detection = {
      type: "server_vad",
      interrupt_response: false,
      silence_duration_ms: 200,
    };
    client.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection } } },
    });
    await client.next("session.updated");
    client.send({ type: "response.create" });
    await client.next("response.output_audio.delta");
    client.say(speechLike(300));
    client.say(silence(400));
    const error = (await client.next("error"))["error"];
    expect(error).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: null,
    });
    expect((await client.next("response.done"))["response"].status).toBe("completed");
    expect(model.violations()).toEqual([]);
  });

  it("hears nothing without turn detection; the client commits", async () => {
    const client = await start([]);
    client.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: null } } },
    });
    await client.next("session.updated");
    client.say(speechLike(400));
    client.say(silence(800));
    client.send({ type: "input_audio_buffer.commit" });
    await client.next("input_audio_buffer.committed");
    expect(client.types()).not.toContain("input_audio_buffer.speech_started");
    expect(model.sessions[0]!.responses).toEqual([]);
  });

  it("keeps transcripts back until the response is over where a test says so", async () => {
    const client = await start([{ say: "Yes.", delayMs: 0 }], {
      transcriptDelayMs: Number.POSITIVE_INFINITY,
    });
    client.send({ type: "session.update", session: withTranscripts });
    await client.next("session.updated");
    client.say(speechLike(400));
    client.say(silence(700));
    await client.next("conversation.item.input_audio_transcription.completed");
    const types = client.types();
    expect(types.indexOf("response.done")).toBeLessThan(
      types.indexOf("conversation.item.input_audio_transcription.completed"),
    );
  });

  it("speaks up after idle_timeout_ms, counted from the end of what it said", async () => {
    const clock = fastClock(50);
    const client = await start(
      [
        { say: "Hello?", delayMs: 0 },
        { say: "Still there?", delayMs: 0 },
      ],
      { clock },
    );
    const turn_detection = { type: "server_vad", idle_timeout_ms: 5000 };
    client.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection } } },
    });
    await client.next("session.updated");
    client.say(silence(6000));
    client.send({ type: "response.create" });
    const timeout = await client.next("input_audio_buffer.timeout_triggered");
    expect(timeout).toMatchObject({ audio_start_ms: 1000, audio_end_ms: 6000 });
    expect((await client.next("input_audio_buffer.committed"))["item_id"]).toBe(timeout["item_id"]);
    await client.next("response.done");
    const second = (await client.next("response.done"))["response"];
    expect(second.output[0].content[0].transcript).toBe("Still there?");
    const [first, idle] = model.sessions[0]!.responses;
    expect(idle!.cause).toBe("idle");
    expect(idle!.createdAtMs).toBeGreaterThanOrEqual(first!.firstDeltaAtMs! + first!.sentMs + 4900);
  });

  it("reports lost, altered and repeated caller audio exactly", async () => {
    const client = await start([], { checkIdentity: true });
    const audio = identityAudio(9, 10, false);
    const altered = Buffer.from(audio.subarray(7 * 160, 8 * 160));
    altered[100]! ^= 1;
    for (const part of [
      audio.subarray(0, 3 * 160),
      audio.subarray(4 * 160, 6 * 160),
      audio.subarray(5 * 160, 7 * 160),
      altered,
      silence(20),
      audio.subarray(8 * 160),
    ])
      client.say(part);
    client.send({ type: "input_audio_buffer.clear" });
    await client.next("input_audio_buffer.cleared");
    expect(model.sessions[0]!.identity!.report()).toEqual({
      frames: 9,
      lost: 1,
      duplicated: 1,
      reordered: 0,
      altered: 1,
      fillBytes: 160,
      strayBytes: 0,
    });
  });
});

describe("the simulated model fails by switch:", () => {
  it("crashes in mid-sentence with 1006", async () => {
    const client = await start([
      { say: "A sentence that never ends.", delayMs: 0, fault: { afterMs: 300, kind: "crash" } },
    ]);
    client.send({ type: "response.create" });
    expect((await client.closed).code).toBe(1006);
    expect(client.types()).toContain("response.output_audio.delta");
    expect(client.types()).not.toContain("response.done");
  });

  it("expires with an error and 1001", async () => {
    const client = await start([]);
    model.sessions[0]!.expire();
    expect((await client.next("error"))["error"].code).toBe("session_expired");
    expect(await client.closed).toMatchObject({
      code: 1001,
      reason: expect.stringContaining("60 minutes"),
    });
  });

  it("never answers the handshake", async () => {
    model = await startModel({ script: { turns: [] } });
    model.faults.handshake = "silent";
    const client = ModelClient.dial(model);
    while (model.refused.length === 0) await new Promise(setImmediate);
    expect(model.refused).toEqual(["silent"]);
    client.close();
  });

  it("withholds session.created", async () => {
    model = await startModel({ script: { turns: [] } });
    model.faults.withholdCreated = true;
    const client = ModelClient.dial(model);
    const session = await model.session(0);
    await client.opened;
    client.send({ type: "session.update", session: SESSION });
    expect((await client.next("session.updated"))["session"].id).toBe(session.id);
    expect(client.types()).not.toContain("session.created");
  });

  it("fails every response while a test says so", async () => {
    const client = await start([{ say: "Never.", delayMs: 0 }]);
    const error = { type: "tokens", code: "insufficient_quota", message: "no money" };
    model.faults.replaceTurn = { status: "failed", error };
    client.send({ type: "response.create" });
    expect((await client.next("response.done"))["response"].status_details.error.code).toBe(
      "insufficient_quota",
    );
  });
});
