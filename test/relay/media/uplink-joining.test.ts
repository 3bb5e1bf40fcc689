import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { speechLike } from "../../../sim/audio/synth.js";
import { agent, CallBench } from "../../fakes/call-bench.js";
import type { FakeUpstream } from "../../fakes/fake-upstream.js";

const SPEECH = speechLike(4_000, 7);
const word = (n: number): Uint8Array => SPEECH.subarray((n % 200) * 160, (n % 200) * 160 + 160);

/** A silent frame that can be told from its neighbours. */
const quiet = (n: number): Uint8Array => {
  const frame = new Uint8Array(160).fill(0xff);
  frame[0] = 0xf0 | (n & 0x0f);
  frame[1] = 0xf0 | ((n >> 4) & 0x0f);
  return frame;
};

/** Sizes of the appends, in ms. */
const appends = (model: FakeUpstream): number[] =>
  model
    .of("input_audio_buffer.append")
    .map((event) => Buffer.from(event["audio"] as string, "base64").length / 8);

const audioOf = (model: FakeUpstream): Buffer =>
  Buffer.concat(
    model
      .of("input_audio_buffer.append")
      .map((event) => Buffer.from(event["audio"] as string, "base64")),
  );

async function call(idlePtimeMs = 100) {
  const bench = new CallBench(agent({ greeting: null }), {}, undefined, null, idlePtimeMs);
  const { stream, model } = await bench.talk();
  const sent: Uint8Array[] = [];
  const frame = (bytes: Uint8Array, gapMs = 0): void => {
    sent.push(bytes);
    stream.frame(bytes, gapMs);
    bench.run(20, 20);
  };
  return { bench, stream, model, frame, sent };
}

describe("caller audio on its way to the model", () => {
  it("is joined once it is certain that no one talks, and flushed by the first frame of speech", async () => {
    const { model, frame } = await call();
    for (let n = 0; n < 40; n++) frame(quiet(n));
    expect(appends(model).slice(-3)).toEqual([100, 100, 100]);
    // Two more wait; the third is speech and takes them along at once.
    const before = appends(model).reduce((sum, ms) => sum + ms, 0);
    expect(before).toBeGreaterThanOrEqual(700);
    while (appends(model).reduce((sum, ms) => sum + ms, 0) < before + 100) frame(quiet(1));
    frame(quiet(2));
    frame(quiet(3));
    frame(word(10));
    expect(appends(model).at(-1)).toBe(60);
    frame(word(11));
    frame(word(12));
    expect(appends(model).slice(-2)).toEqual([20, 20]);
  });

  it("is not joined while the model is in a turn of the caller: it must find its end", async () => {
    const { model, frame } = await call();
    for (let n = 0; n < 40; n++) frame(quiet(n));
    for (let n = 0; n < 20; n++) frame(word(n + 10));
    model.says({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 800 });
    for (let n = 0; n < 60; n++) frame(quiet(n));
    expect(new Set(appends(model).slice(-60))).toEqual(new Set([20]));
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 1_200 });
    for (let n = 0; n < 10; n++) frame(quiet(n));
    expect(appends(model).at(-1)).toBe(100);
  });

  it("is never joined where both times are equal", async () => {
    const { model, frame } = await call(20);
    for (let n = 0; n < 40; n++) frame(quiet(n));
    expect(new Set(appends(model))).toEqual(new Set([20]));
  });

  it("does not wait for a frame that never comes", async () => {
    const { bench, model, frame } = await call();
    for (let n = 0; n < 38; n++) frame(quiet(n));
    const sentMs = 38 * 20;
    bench.run(200, 20);
    expect(appends(model).reduce((sum, ms) => sum + ms, 0)).toBe(sentMs);
  });

  it("keeps what waited for the next session when the model is lost", async () => {
    const { bench, model, frame, sent } = await call();
    for (let n = 0; n < 38; n++) frame(quiet(n));
    model.drops();
    frame(quiet(38));
    bench.dialer.last.becomesReady();
    for (let n = 39; n < 60; n++) frame(quiet(n));
    bench.run(200, 20);
    const all = Buffer.concat([audioOf(model), audioOf(bench.dialer.last)]);
    expect(Buffer.compare(all, Buffer.concat(sent))).toBe(0);
  });

  it("reaches the model once, in order, byte for byte, however speech, silence and gaps follow each other", async () => {
    const stretch = fc.record({
      talks: fc.boolean(),
      frames: fc.integer({ min: 1, max: 40 }),
      gapFrames: fc.constantFrom(0, 0, 0, 1, 7),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(stretch, { minLength: 1, maxLength: 8 }), async (stretches) => {
        const { bench, model, frame } = await call();
        const expected: Uint8Array[] = [];
        let n = 0;
        for (const { talks, frames, gapFrames } of stretches) {
          for (let i = 0; i < frames; i++) {
            const bytes = talks ? word(n++) : quiet(n++);
            const gap = i === 0 && expected.length > 0 ? gapFrames : 0;
            if (gap > 0) expected.push(new Uint8Array(gap * 160).fill(0xff));
            expected.push(bytes);
            frame(bytes, gap * 20);
          }
        }
        bench.run(200, 20);
        expect(Buffer.compare(audioOf(model), Buffer.concat(expected))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
