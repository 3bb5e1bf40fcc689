import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { speechLike } from "../../../sim/audio/synth.js";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import { agent, CallBench, type FakeStream } from "../../fakes/call-bench.js";
import type { FakeUpstream } from "../../fakes/fake-upstream.js";

const SPEECH = speechLike(4_000, 7);
const QUIET = new Uint8Array(160).fill(0xff);
const GREETED = { type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 };

/** One frame of a caller who talks. */
const word = (n: number): Uint8Array => SPEECH.subarray((n % 200) * 160, (n % 200) * 160 + 160);

/** Audio of which every stretch is different, so that a lost or doubled byte shows. */
function spoken(bytes: number, seed: number): Uint8Array {
  let x = seed * 2_654_435_761 + 1;
  const audio = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    // Quiet, so that it is no echo for the VAD.
    audio[i] = 0xe0 | (x >>> 27);
  }
  return audio;
}

function says(model: FakeUpstream, id: string, audio: Uint8Array): void {
  model.created(id);
  model.says({
    type: "response.output_audio.delta",
    response_id: id,
    item_id: `i-${id}`,
    output_index: 0,
    content_index: 0,
    delta: Buffer.from(audio).toString("base64"),
  });
  model.says({
    type: "response.output_audio.done",
    response_id: id,
    item_id: `i-${id}`,
    output_index: 0,
    content_index: 0,
  });
  model.done(id);
}

const mediaBytes = (stream: FakeStream): number =>
  stream.of("media").reduce((sum, message) => {
    const { payload } = message["media"] as { payload: string };
    return sum + Buffer.from(payload, "base64").length;
  }, 0);

/** A call whose VAD knows the line, and whose agent is speaking. */
async function speaking(audio = spoken(40_000, 1), profile: AgentProfile = agent()) {
  const bench = new CallBench(profile);
  const { stream, model } = await bench.talk();
  model.created("g");
  model.done("g");
  for (let n = 0; n < 50; n++) {
    stream.frame(QUIET);
    bench.run(20, 20);
  }
  says(model, "r1", audio);
  for (let n = 0; n < 25; n++) {
    stream.frame(QUIET);
    bench.run(20, 20);
  }
  const frame = (bytes: Uint8Array): void => {
    stream.frame(bytes);
    bench.run(20, 20);
  };
  return { bench, stream, model, frame };
}

describe("local barge-in", () => {
  it("stops sending within two frames of the caller's first, and takes back nothing yet", async () => {
    const { stream, frame, model } = await speaking();
    frame(word(10));
    frame(word(11));
    const before = mediaBytes(stream);
    for (let n = 12; n < 20; n++) frame(word(n));
    expect(mediaBytes(stream)).toBe(before);
    expect(stream.of("clear")).toEqual([]);
    expect(model.of("conversation.item.truncate")).toEqual([]);
  });

  it("becomes an interruption when the model hears it, too, first heard by the relay", async () => {
    const { bench, stream, frame, model } = await speaking();
    for (let n = 10; n < 16; n++) frame(word(n));
    model.says(GREETED);
    expect(stream.of("clear")).toHaveLength(1);
    expect(model.of("conversation.item.truncate")).toHaveLength(1);
    expect(bench.fake.count("bargeIns", { source: "local" })).toBe(1);
    const before = mediaBytes(stream);
    bench.run(1_000, 20);
    expect(mediaBytes(stream)).toBe(before);
  });

  it("does not hold the next answer where the phone ran dry before it was confirmed", async () => {
    const { bench, stream, frame, model } = await speaking(spoken(4_800, 3));
    for (let n = 10; n < 30; n++) frame(word(n));
    model.says(GREETED);
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 900 });
    const before = mediaBytes(stream);
    says(model, "r2", spoken(1_600, 4));
    bench.run(600, 20);
    expect(mediaBytes(stream) - before).toBe(1_600);
  });

  it("can be switched off", async () => {
    const base = agent();
    const { stream, frame } = await speaking(
      undefined,
      agent({ vad: { ...base.vad, localBargeIn: false } }),
    );
    const before = mediaBytes(stream);
    for (let n = 10; n < 20; n++) frame(word(n));
    expect(mediaBytes(stream)).toBeGreaterThan(before);
  });

  it("goes on to the byte where it stopped, a thousand times", { timeout: 120_000 }, async () => {
    let holds = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1 << 20 }),
        fc.integer({ min: 9_000, max: 30_000 }),
        fc.array(fc.record({ after: fc.nat(30), frames: fc.integer({ min: 3, max: 12 }) }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (seed, bytes, bursts) => {
          const audio = spoken(bytes, seed);
          const { bench, stream, frame } = await speaking(audio);
          for (const { after, frames } of bursts) {
            for (let n = 0; n < after; n++) frame(QUIET);
            for (let n = 0; n < frames; n++) frame(word(n + 10));
          }
          bench.run(bytes / 8 + 2_000, 100);
          const held = bench
            .recorded("note")
            .filter((note) => note.type === "note" && note.name === "playout_held");
          holds += held.length;
          expect(stream.of("clear")).toEqual([]);
          expect(Buffer.compare(Buffer.from(stream.phone.heard), Buffer.from(audio))).toBe(0);
        },
      ),
      { numRuns: 1_000 },
    );
    expect(holds).toBeGreaterThan(1_000);
  });
});

describe("a protected greeting", () => {
  const base = agent();
  const protectedAgent = agent({ vad: { ...base.vad, greetingProtectionMs: 1_000 } });

  it("is cut neither here nor by the server, and what follows it can be", async () => {
    const bench = new CallBench(protectedAgent);
    const { stream, model } = await bench.talk();
    const turns = (n: number): unknown =>
      (
        model.of("session.update").at(n) as {
          session: { audio?: { input?: { turn_detection?: unknown } } };
        }
      ).session.audio?.input?.turn_detection;
    expect(turns(0)).toMatchObject({ interrupt_response: false });
    says(model, "g", spoken(16_000, 2));
    bench.run(500, 20);
    model.says(GREETED);
    expect(stream.of("clear")).toEqual([]);
    bench.run(600, 20);
    expect(turns(-1)).toMatchObject({ type: "server_vad", interrupt_response: true });
    model.says({ ...GREETED, item_id: "u2" });
    expect(stream.of("clear")).toHaveLength(1);
  });
});
