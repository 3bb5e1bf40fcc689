import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { energyOf, isQuieter, levelDbov, SILENCE_DBOV } from "../../src/codec/level.js";
import { encodeUlaw } from "../../src/codec/ulaw.js";
import { haveSox, run, SOX_ULAW } from "./oracle.js";

function ulawOf(samples: number, at: (i: number) => number): Uint8Array {
  const ulaw = new Uint8Array(samples);
  encodeUlaw(
    Int16Array.from({ length: samples }, (_, i) => Math.round(at(i))),
    ulaw,
  );
  return ulaw;
}

/**
 * Names are the keys of the fixture: 8000 samples each, so that the order of summing cannot matter.
 */
const SIGNALS: Readonly<Record<string, Uint8Array>> = {
  "1 kHz sine at 32000": ulawOf(8000, (i) => 32000 * Math.sin((Math.PI * i) / 4)),
  "400 Hz sine at 1000": ulawOf(8000, (i) => 1000 * Math.sin((Math.PI * i) / 10)),
  "50 Hz sine at 60": ulawOf(8000, (i) => 60 * Math.sin((Math.PI * i) / 80)),
  "saw over all samples": ulawOf(8000, (i) => ((i * 8191) % 65_536) - 32_768),
  "every byte in turn": Uint8Array.from({ length: 8000 }, (_, i) => (i * 37) & 0xff),
};

/** RMS as a fraction of full scale; sox prints six decimals. */
const amplitude = (ulaw: Uint8Array) => 10 ** (levelDbov(ulaw, 0, ulaw.length) / 20);

describe("levelDbov", () => {
  const fixture: unknown = JSON.parse(
    readFileSync(new URL("../fixtures/g711/level-sox.json", import.meta.url), "utf8"),
  );
  const soxSaid = new Map(Object.entries(fixture as Record<string, number>));

  it.each(Object.keys(SIGNALS))("measures what sox measured for the fixture: %s", (name) => {
    expect(Math.abs(amplitude(SIGNALS[name]!) - soxSaid.get(name)!)).toBeLessThan(1e-6);
  });

  it.runIf(haveSox).each(Object.keys(SIGNALS))(
    "measures what the sox of this machine does: %s",
    (name) => {
      const { stderr } = run("sox", ["-V1", ...SOX_ULAW, "-", "-n", "stat"], SIGNALS[name]!);
      const said = /RMS\s+amplitude:\s+([0-9.]+)/.exec(stderr)?.[1];
      expect(Math.abs(amplitude(SIGNALS[name]!) - Number(said))).toBeLessThan(1e-6);
    },
  );

  it("calls digital silence -127, and nothing at all too", () => {
    expect(levelDbov(new Uint8Array(160).fill(0xff), 0, 160)).toBe(SILENCE_DBOV);
    expect(levelDbov(new Uint8Array(160).fill(0x7f), 0, 160)).toBe(-127);
    expect(levelDbov(new Uint8Array(160), 40, 40)).toBe(-127);
  });

  it("puts the loudest square wave just under the overload point", () => {
    // 20 log10(32124 / 32768)
    expect(levelDbov(new Uint8Array(160).fill(0x80), 0, 160)).toBeCloseTo(-0.1724, 3);
    expect(levelDbov(new Uint8Array(160).fill(0x00), 0, 160)).toBeCloseTo(-0.1724, 3);
  });

  it("measures only the range it is told", () => {
    const ulaw = new Uint8Array(480).fill(0x80);
    ulaw.fill(0xff, 160, 320);
    expect(levelDbov(ulaw, 160, 320)).toBe(-127);
    expect(levelDbov(ulaw, 80, 240)).toBeCloseTo(-0.1724 - 3.0103, 3);
  });
});

describe("isQuieter", () => {
  it("agrees with the level, on whichever side of it", () => {
    for (const byte of [0xff, 0xf0, 0xd5, 0xa0, 0x80, 0x12]) {
      const frame = new Uint8Array(170).fill(byte);
      const level = levelDbov(frame, 5, 165);
      expect(isQuieter(frame, 5, 165, energyOf(level + 0.1, 160))).toBe(true);
      expect(isQuieter(frame, 5, 165, energyOf(level - 0.1, 160))).toBe(level === SILENCE_DBOV);
    }
  });
});
