import { describe, expect, it } from "vitest";
import { core, coreNumbers, placeAudio } from "../../src/codec/audio-core.js";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { encodeUlaw, ulawToLinear } from "../../src/codec/ulaw.js";
import { signal, whiteNoise } from "./signals.js";

/** Powers of the frame: the whole, then around 1333, 2667 and 4000 Hz, and around 333 and 667 Hz. */
const powers = coreNumbers("POWERS", 6);
const WHOLE = 0;
const WIDE = 1;
const LOW = 4;
const state = coreNumbers("STATE", 9);

/** What is found in the last frame of `ulaw`. */
function analyse(ulaw: Uint8Array): {
  power: number;
  wide: number[];
  low: number[];
  repeats: number;
} {
  state.fill(0);
  let repeats = 0;
  for (let at = 0; at + FRAME_BYTES <= ulaw.length; at += FRAME_BYTES) {
    core.splitWide(placeAudio(ulaw, at, at + FRAME_BYTES));
    repeats = core.splitLow();
  }
  return {
    power: powers[WHOLE]!,
    wide: [...powers.subarray(WIDE, LOW)],
    low: [...powers.subarray(LOW)],
    repeats,
  };
}

const tone = (hz: number) => signal(1600, (i) => 8000 * Math.sin((2 * Math.PI * hz * i) / 8000));

function loudest(bands: readonly number[]): number {
  return bands.indexOf(Math.max(...bands));
}

describe("a frame's spectrum", () => {
  it("tells the mean square of what was decoded", () => {
    const ulaw = tone(440).subarray(0, FRAME_BYTES);
    let sum = 0;
    for (const byte of ulaw) sum += ulawToLinear[byte]! ** 2;
    expect(analyse(ulaw).power).toBeCloseTo(sum / FRAME_BYTES, 3);
  });

  it.each([
    [1333, 0],
    [2667, 1],
    [3900, 2],
  ])("finds %i Hz in the upper spectrum's band %i", (hz, band) => {
    expect(loudest(analyse(tone(hz)).wide)).toBe(band);
  });

  it.each([
    [333, 0],
    [667, 1],
  ])("finds %i Hz in the lower spectrum's band %i", (hz, band) => {
    expect(loudest(analyse(tone(hz)).low)).toBe(band);
  });

  it("has no power far below zero, however strong its neighbours are", () => {
    for (let hz = 20; hz < 4000; hz += 37) {
      const { wide, low, power } = analyse(tone(hz));
      for (const band of [...wide, ...low]) expect(band / power).toBeGreaterThan(-0.05);
    }
  });

  it("hears a voice's pitch repeat, and noise not", () => {
    const voice = (hz: number) =>
      signal(1600, (i) => {
        let sum = 0;
        for (let k = 1; k * hz < 3000; k++)
          sum += Math.cos((2 * Math.PI * hz * k * i) / 8000 + k * k) / k;
        return 4000 * sum;
      });
    for (const hz of [90, 120, 180, 260])
      expect(analyse(voice(hz)).repeats).toBeGreaterThanOrEqual(29);
    let sum = 0;
    for (let seed = 1; seed <= 40; seed++) sum += analyse(whiteNoise(1600, 3000, seed)).repeats;
    expect(sum / 40).toBeLessThan(25);
  });

  it("does not mistake a line's DC offset for a signal", () => {
    const flat = new Uint8Array(FRAME_BYTES * 40);
    encodeUlaw(new Int16Array(flat.length).fill(900), flat);
    expect(Math.max(...analyse(flat).low)).toBeLessThan(1);
  });

  it("goes on from frame to frame: the same sound cut elsewhere looks the same", () => {
    const sound = whiteNoise(FRAME_BYTES * 21, 3000, 9);
    const whole = analyse(sound.subarray(0, FRAME_BYTES * 20));
    const longer = analyse(sound.subarray(FRAME_BYTES * 10, FRAME_BYTES * 20));
    whole.wide.forEach((power, band) => {
      expect(longer.wide[band]! / power).toBeCloseTo(1, 6);
    });
    expect(longer.repeats).toBe(whole.repeats);
  });
});
