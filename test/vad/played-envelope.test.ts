import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { levelDbov } from "../../src/codec/level.js";
import { ENVELOPE_BANDS, envelope, STEP_BYTES, WHOLE_BAND } from "../../src/vad/envelope.js";
import { PlayedEnvelope, STEP_MS } from "../../src/vad/played-envelope.js";
import { signal, whiteNoise } from "./signals.js";

const tone = (hz: number) => signal(1600, (i) => 8000 * Math.sin((2 * Math.PI * hz * i) / 8000));
const NOTHING_DBOV = -73;

describe("envelope", () => {
  it.each([
    [150, 0],
    [750, 1],
    [1_500, 2],
    [3_200, 3],
  ])("finds a tone of %i Hz loudest in band %i", (hz, band) => {
    const out = new Float32Array(ENVELOPE_BANDS);
    envelope(tone(hz), 160, 2, out);
    const bands = [...out.subarray(0, WHOLE_BAND)];
    expect(bands.indexOf(Math.max(...bands))).toBe(band);
  });

  it("has the level of the whole where the bands are one", () => {
    const ulaw = whiteNoise(1600, 2_000, 3);
    const out = new Float32Array(ENVELOPE_BANDS);
    envelope(ulaw, 320, 2, out);
    expect(out[WHOLE_BAND]).toBeCloseTo(levelDbov(ulaw, 320, 320 + 2 * STEP_BYTES), 1);
  });
});

describe("PlayedEnvelope", () => {
  const loud = whiteNoise(8_000, 2_000, 5);

  it("knows the loudest of the 30 ms from any step on, and where nothing plays", () => {
    const played = new PlayedEnvelope();
    played.played(loud, 0, 800, 500);
    const levels = Array.from({ length: 16 }, (_, n) => played.loudestDbov(WHOLE_BAND, 46 + n));
    expect(levels.map((level) => level > -40)).toEqual([
      false,
      false,
      ...Array.from({ length: 12 }, () => true),
      false,
      false,
    ]);
    expect(levels[0]).toBe(NOTHING_DBOV);
    expect(played.announced(47)).toBe(false);
    expect(played.announced(48)).toBe(true);
    expect([played.endsBefore(59), played.endsBefore(60)]).toEqual([false, true]);
  });

  it("reads the same however the audio was cut", () => {
    const whole = new PlayedEnvelope();
    whole.played(loud, 0, 4_000, 1_000);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }),
        (sizes) => {
          const cut = new PlayedEnvelope();
          let at = 0;
          for (const size of [...sizes, 4_000]) {
            const end = Math.min(4_000, at + size);
            if (end > at) cut.played(loud, at, end, 1_000 + at / 8);
            at = end;
          }
          for (let step = 95; step < 155; step++)
            expect(cut.loudestDbov(WHOLE_BAND, step)).toBe(whole.loudestDbov(WHOLE_BAND, step));
        },
      ),
    );
  });

  it("reads many steps as it reads one", () => {
    const played = new PlayedEnvelope();
    for (let at = 0; at < 8_000; at += 160) played.played(loud, at, at + 160, 5_000 + at / 8);
    const out = new Float32Array(70);
    played.readBack(2, 610, 2, out);
    expect([...out]).toEqual(Array.from(out, (_, n) => played.loudestDbov(2, 610 - 2 * n)));
  });

  it("forgets what was announced for after a clear, keeps what was before", () => {
    const played = new PlayedEnvelope();
    played.played(loud, 0, 8_000, 0);
    played.cleared(300);
    expect(played.loudestDbov(WHOLE_BAND, 29)).toBeGreaterThan(-40);
    expect(played.loudestDbov(WHOLE_BAND, 30)).toBe(NOTHING_DBOV);
    played.played(loud, 0, 160, 400);
    expect(played.loudestDbov(WHOLE_BAND, 37)).toBe(NOTHING_DBOV);
    expect(played.loudestDbov(WHOLE_BAND, 40)).toBeGreaterThan(-40);
  });

  it("keeps the longest lead and the longest echo, and no more", () => {
    const played = new PlayedEnvelope();
    for (let ms = 0; ms < 20_000; ms += 20) played.played(loud, 0, 160, ms);
    const oldest = 20_000 - 5_620;
    expect(played.loudestDbov(WHOLE_BAND, oldest / STEP_MS)).toBeGreaterThan(-40);
    expect(played.loudestDbov(WHOLE_BAND, 1_000 / STEP_MS)).toBe(NOTHING_DBOV);
    played.played(loud, 0, 160, 60_000);
    expect(played.loudestDbov(WHOLE_BAND, 5_990)).toBe(NOTHING_DBOV);
  });

  it("takes memory by how far ahead audio is announced, and knows the same within it", () => {
    const [usual, short] = [new PlayedEnvelope(), new PlayedEnvelope(160)];
    const out = [new Float32Array(35), new Float32Array(35)] as const;
    for (let ms = 0; ms < 5_000; ms += 20) {
      for (const played of [usual, short]) played.played(loud, ms % 4_000, (ms % 4_000) + 160, ms);
      const step = ms / STEP_MS - 14;
      for (let band = 0; band <= WHOLE_BAND; band++) {
        usual.readBack(band, step, 2, out[0]);
        short.readBack(band, step, 2, out[1]);
        expect(out[1]).toEqual(out[0]);
      }
    }
  });
});
