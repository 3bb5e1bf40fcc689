import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Random } from "../../bench/random.js";
import { type Line, makeLine } from "../../bench/vad/lines.js";
import { EXTRA_KINDS, makeNoise, NOISE_KINDS } from "../../bench/vad/noise.js";
import { halfOf } from "../../bench/vad/prompts.js";
import { markSpeech } from "../../bench/vad/truth.js";
import { readWav } from "../../bench/vad/wav.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import { voices } from "./voices.js";

/** Of samples: to compare long arrays one by one takes seconds. */
function digestOf({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}

const material = { speech: voices(), music: [] };

function rms(samples: ArrayLike<number>, keep: (i: number) => boolean = () => true): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < samples.length; i++) {
    if (!keep(i)) continue;
    sum += samples[i]! ** 2;
    count++;
  }
  return Math.sqrt(sum / count);
}

describe("truth", () => {
  /** Loudness in dB below full scale, frame by frame, as a clean recording. */
  function truthOf(levelsDb: readonly number[]): string {
    const clean = Float32Array.from({ length: levelsDb.length * 160 }, (_, i) => {
      return 10 ** (levelsDb[Math.floor(i / 160)]! / 20) * (i % 2 === 0 ? 1 : -1);
    });
    const truth = new Uint8Array(levelsDb.length);
    markSpeech(clean, 0, clean.length, truth);
    return [...truth].map((speech) => (speech === 1 ? "#" : ".")).join("");
  }

  it("begins within 25 dB of the recording's loudness and ends 30 dB under it", () => {
    expect(truthOf([-80, -80, -47, -20, -20, -47, -47, -51, -51, -51, -51])).toBe("...####....");
  });

  it("fills a closure inside a word, and leaves a pause", () => {
    expect(truthOf([-20, -20, -80, -80, -80, -20, -20])).toBe("#######");
    expect(truthOf([-20, -20, -80, -80, -80, -80, -20, -20])).toBe("##....##");
  });

  it("takes a click for what it is", () => {
    expect(truthOf([-80, -20, -80, -80, -80, -80, -20, -20, -20])).toBe("......###");
  });
});

describe("noise", () => {
  it.each([...NOISE_KINDS, ...EXTRA_KINDS])(
    "%s is as loud as asked for where it sounds, and repeats with its seed",
    (kind) => {
      const make = (seed: number) => makeNoise(kind, 80_000, new Random(seed), material);
      const noise = make(3);
      expect(noise.every(Number.isFinite)).toBe(true);
      const frames = Array.from({ length: 500 }, (_, f) =>
        rms(noise.subarray(f * 160, (f + 1) * 160)),
      );
      const peak = Math.max(...frames);
      const sounding = frames.filter((level) => level > peak / 10);
      expect(
        Math.sqrt(sounding.reduce((sum, level) => sum + level ** 2, 0) / sounding.length),
      ).toBeCloseTo(1, 1);
      expect(digestOf(make(3))).toBe(digestOf(noise));
      expect(digestOf(make(4))).not.toBe(digestOf(noise));
    },
  );
});

describe("a line", () => {
  const spec = { language: "en", noise: "white", seconds: 20, speech: true } as const;

  it.each([20, 5])("has speech %i dB over the noise", (snrDb) => {
    const { ulaw, truth } = makeLine({ ...spec, snrDb }, material.speech, material, new Random(5));
    const samples = Array.from(ulaw, (byte) => ulawToLinear[byte]!);
    const noise = rms(samples.slice(16_000), (i) => truth[Math.floor(i / 160) + 100] === 0);
    const both = rms(samples.slice(16_000), (i) => truth[Math.floor(i / 160) + 100] === 1);
    // The band of the phone takes more of white noise than of speech.
    const found = 10 * Math.log10(both ** 2 / noise ** 2 - 1);
    expect(found).toBeGreaterThan(snrDb - 2);
    expect(found).toBeLessThan(snrDb + 4);
  });

  it("without a speaker has no speech", () => {
    const { truth } = makeLine(
      { ...spec, snrDb: 5, speech: false },
      material.speech,
      material,
      new Random(5),
    );
    expect(truth).not.toContain(1);
  });

  it("repeats with its seed", () => {
    const make = () => makeLine({ ...spec, snrDb: 5 }, material.speech, material, new Random(8));
    const told = ({ ulaw, truth, ...line }: Line) => ({
      ...line,
      ulaw: digestOf(ulaw),
      truth: digestOf(truth),
    });
    expect(told(make())).toEqual(told(make()));
  });
});

describe("the halves of the recordings", () => {
  it("are told by the name alone, and are about as large", () => {
    const names = Array.from({ length: 400 }, (_, i) => `prompt-${i}.wav`);
    const dev = names.filter((name) => halfOf(name) === "dev").length;
    expect(dev).toBeGreaterThan(160);
    expect(dev).toBeLessThan(240);
    expect(halfOf("es/digits/1.wav")).toBe(halfOf("ru/1.wav"));
  });
});

describe("a WAV file", () => {
  function wav(
    rateHz: number,
    channels: number,
    bits: number,
    encoding: number,
    body: Buffer,
  ): Buffer {
    const head = Buffer.alloc(44);
    head.write("RIFF", 0, "latin1");
    head.write("WAVEfmt ", 8, "latin1");
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(encoding, 20);
    head.writeUInt16LE(channels, 22);
    head.writeUInt32LE(rateHz, 24);
    head.writeUInt16LE(bits, 34);
    head.write("data", 36, "latin1");
    head.writeUInt32LE(body.length, 40);
    return Buffer.concat([head, body]);
  }

  it("is read as it is at 8 kHz, channels averaged", () => {
    const body = Buffer.from(Int16Array.of(8192, 16384, -8192, -8192).buffer);
    expect([...readWav(wav(8000, 2, 16, 1, body))]).toEqual([0.375, -0.25]);
    expect([...readWav(wav(8000, 1, 8, 7, Buffer.of(0xff, 0x80)))]).toEqual([0, 32124 / 32768]);
  });

  it("is resampled from 16 kHz: the telephone band stays, what is above goes", () => {
    const tone = (hz: number) =>
      Buffer.from(
        Int16Array.from(
          { length: 16_000 },
          (_, i) => 16_000 * Math.sin((2 * Math.PI * hz * i) / 16_000),
        ).buffer,
      );
    expect(rms(readWav(wav(16_000, 1, 16, 1, tone(1000))))).toBeCloseTo(
      16_000 / 32_768 / Math.SQRT2,
      2,
    );
    expect(rms(readWav(wav(16_000, 1, 16, 1, tone(6000))))).toBeLessThan(0.005);
  });

  it.each([
    ["another rate", wav(11_025, 1, 16, 1, Buffer.alloc(4)), "11025 Hz"],
    ["another encoding", wav(8000, 1, 32, 3, Buffer.alloc(4)), "encoding 3"],
    ["no WAV at all", Buffer.from("ID3 something that is not RIFF"), "not a WAV"],
  ])("is refused for %s", (_, file, why) => {
    expect(() => readWav(file)).toThrow(why);
  });
});
