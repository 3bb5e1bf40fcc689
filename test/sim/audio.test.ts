import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdentityChecker, identityAudio } from "../../sim/audio/identity.js";
import { decodeUlaw, encodeUlaw, levelDbov } from "../../sim/audio/mulaw.js";
import { silence, speechLike } from "../../sim/audio/synth.js";
import { readWavAsUlaw, stereoWav, ulawWav } from "../../sim/audio/wav.js";
import { EnergyVad } from "../../sim/model/vad.js";
import { ClipVoice, IdentityVoice, talking } from "../../sim/twilio/voice.js";

const fixture = (name: string) =>
  readFileSync(new URL(`../fixtures/g711/${name}`, import.meta.url));

describe("mu-law of the simulators", () => {
  it("decodes all 256 codes as sox does", () => {
    const sox = fixture("decode-sox.s16");
    const ours = decodeUlaw(Uint8Array.from({ length: 256 }, (_, i) => i));
    expect([...ours]).toEqual(Array.from({ length: 256 }, (_, i) => sox.readInt16LE(i * 2)));
  });

  it("gives back every code after decoding and encoding, negative zero aside", () => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const again = encodeUlaw(decodeUlaw(codes));
    expect([...again]).toEqual([...codes].map((code) => (code === 0x7f ? 0xff : code)));
  });
});

describe("WAV files", () => {
  it("come back as they were", () => {
    const audio = speechLike(100);
    expect(readWavAsUlaw(ulawWav(audio)).equals(audio)).toBe(true);
  });

  it("hold two channels of 16 bits, the shorter padded", () => {
    const file = stereoWav(Uint8Array.of(0x80, 0x80), Uint8Array.of(0x00));
    expect(file.readUInt16LE(22)).toBe(2);
    expect([44, 46, 48, 50].map((at) => file.readInt16LE(at))).toEqual([32124, -32124, 32124, 0]);
  });

  it("of another rate are refused", () => {
    const file = ulawWav(silence(20));
    file.writeUInt32LE(16000, 24);
    expect(() => readWavAsUlaw(file)).toThrow(/16000 Hz/);
  });
});

describe("identity audio", () => {
  it("is found whole, however it is cut into pieces", () => {
    const audio = identityAudio(0xdeadbeef, 25);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }),
        (sizes) => {
          const checker = new IdentityChecker();
          let at = 0;
          for (let i = 0; at < audio.length; i++) {
            const size = sizes[i % sizes.length]!;
            checker.push(audio.subarray(at, at + size));
            at += size;
          }
          expect(checker.report()).toEqual({
            frames: 25,
            lost: 0,
            duplicated: 0,
            reordered: 0,
            altered: 0,
            fillBytes: 0,
            strayBytes: 0,
          });
          expect(checker.streams.get(0xdeadbeef)?.next).toBe(25);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("tells reordered frames from lost ones", () => {
    const frame = (seq: number) => identityAudio(1, 1, true, seq);
    const checker = new IdentityChecker();
    for (const seq of [0, 2, 1, 5, 3]) checker.push(frame(seq));
    expect(checker.report()).toMatchObject({ frames: 5, lost: 1, reordered: 2, duplicated: 0 });
  });

  it("counts the cut end of an item as stray, and goes on with the next", () => {
    const checker = new IdentityChecker();
    checker.push(identityAudio(1, 3).subarray(0, 400));
    checker.push(identityAudio(2, 2));
    expect(checker.report()).toMatchObject({ frames: 4, lost: 0, altered: 0, strayBytes: 80 });
  });

  it("notices one changed bit anywhere", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1599 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const audio = identityAudio(5, 10);
        audio[at]! ^= 1 << bit;
        const checker = new IdentityChecker();
        checker.push(audio);
        const { frames, altered, lost, strayBytes } = checker.report();
        expect(frames + lost).toBeGreaterThanOrEqual(9);
        expect(altered + lost > 0 || strayBytes > 0).toBe(true);
      }),
    );
  });

  it("sounds like speech when loud and like a quiet line when not", () => {
    expect(levelDbov(identityAudio(1, 10, true))).toBeGreaterThan(-20);
    expect(levelDbov(identityAudio(1, 10, false))).toBeLessThan(-48);
  });
});

describe("EnergyVad", () => {
  const run = (...parts: readonly Uint8Array[]) => {
    const events: [string, number][] = [];
    const vad = new EnergyVad(
      { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 500 },
      {
        started: (ms) => events.push(["started", ms]),
        stopped: (ms) => events.push(["stopped", ms]),
      },
    );
    for (const part of parts) vad.push(part);
    return events;
  };

  it("reports onset less padding, and the end with its silence", () => {
    const loud = identityAudio(1, 50);
    expect(run(silence(1000), loud, silence(600))).toEqual([
      ["started", 700],
      ["stopped", 2500],
    ]);
  });

  it("does not go below the beginning", () => {
    expect(run(identityAudio(1, 10))).toEqual([["started", 0]]);
  });

  it("ignores clicks and pauses shorter than the silence", () => {
    const click = identityAudio(1, 2);
    const word = identityAudio(1, 10);
    expect(run(silence(400), click, silence(200), word, silence(400), word)).toEqual([
      ["started", 340],
    ]);
  });

  it("hears the same whatever the sizes of the appends", () => {
    const audio = Buffer.concat([silence(333), speechLike(500), silence(700)]);
    const whole = run(audio);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < audio.length; at += 37) pieces.push(audio.subarray(at, at + 37));
    expect(run(...pieces)).toEqual(whole);
    expect(whole.map(([name]) => name)).toEqual(["started", "stopped"]);
  });
});

describe("voices", () => {
  const frames = (voice: { next(out: Uint8Array, at: number): void }, count: number) => {
    const out = new Uint8Array(count * 160);
    for (let i = 0; i < count; i++) voice.next(out, i * 160);
    return out;
  };

  it("say a clip once and are quiet around it", async () => {
    const voice = new ClipVoice();
    const clip = new Uint8Array(250).fill(0x80);
    const before = frames(voice, 5);
    const said = voice.say(clip);
    const out = frames(voice, 3);
    await said;
    expect(levelDbov(before)).toBeLessThan(-60);
    expect([...out.subarray(0, 250)]).toEqual([...clip]);
    expect(levelDbov(out, 250)).toBeLessThan(-60);
    expect(voice.speaking).toBe(false);
  });

  it("count their frames when they carry identity", () => {
    const checker = new IdentityChecker();
    checker.push(frames(new IdentityVoice(3, talking(40, 100, 20)), 8));
    expect(checker.report()).toMatchObject({ frames: 8, lost: 0, altered: 0 });
  });

  it("talk when they should", () => {
    const loud = talking(40, 100, 20);
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(loud)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
      true,
      true,
      false,
    ]);
  });
});
