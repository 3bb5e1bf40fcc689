import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ENDPOINTER_DEFAULTS, type Endpoint, Endpointer } from "../../src/vad/endpointer.js";

const FRAME_MS = 20;

interface Border {
  readonly what: Endpoint;
  /** Beginning of the frame with which it was certain. */
  readonly atMs: number;
  readonly startedMs: number;
  readonly stoppedMs: number;
}

/** "#" is a frame of speech, "." one without. */
function bordersOf(frames: string, endpointer: Endpointer, fromMs = 0): Border[] {
  return [...frames].flatMap((frame, i) => {
    const atMs = fromMs + i * FRAME_MS;
    const what = endpointer.frame(frame === "#", atMs);
    return what === null
      ? []
      : [{ what, atMs, startedMs: endpointer.startedMs, stoppedMs: endpointer.stoppedMs }];
  });
}

const small = () => new Endpointer({ onsetFrames: 3, hangoverFrames: 4 });

describe("an endpointer", () => {
  it("begins with the last of the onset frames, and dates it back to the first", () => {
    expect(bordersOf("..####", small())).toEqual([
      { what: "speech_started", atMs: 80, startedMs: 40, stoppedMs: 100 },
    ]);
  });

  it("ends after the hangover, and dates it back to the first silence", () => {
    expect(bordersOf("..###....", small())[1]).toEqual({
      what: "speech_stopped",
      atMs: 160,
      startedMs: 40,
      stoppedMs: 100,
    });
  });

  it.each([
    ["a click", "..#......"],
    ["two frames", "..##....."],
    ["clicks apart", "#..#..#..#..#.."],
    ["nothing", "........."],
  ])("does not begin for %s", (_, frames) => {
    expect(bordersOf(frames, small())).toEqual([]);
  });

  it("lets one doubtful frame delay an onset without starting it over", () => {
    expect(bordersOf("#.##.#", new Endpointer({ onsetFrames: 2, hangoverFrames: 4 }))).toEqual([
      { what: "speech_started", atMs: 60, startedMs: 40, stoppedMs: 80 },
    ]);
    expect(bordersOf("##.##", small())).toEqual([
      { what: "speech_started", atMs: 80, startedMs: 0, stoppedMs: 100 },
    ]);
  });

  it("bridges a pause shorter than the hangover", () => {
    const borders = bordersOf("###...###....", small());
    expect(borders.map(({ what }) => what)).toEqual(["speech_started", "speech_stopped"]);
    expect(borders[1]?.stoppedMs).toBe(9 * FRAME_MS);
  });

  it("tells where speech reaches to while it lasts", () => {
    const endpointer = small();
    bordersOf("#####..", endpointer);
    expect(endpointer.speaking).toBe(true);
    expect(endpointer.stoppedMs).toBe(100);
  });

  it("takes its times from the caller, not from a count of frames", () => {
    expect(bordersOf("###", small(), 5_000)[0]?.startedMs).toBe(5_000);
  });

  it("begins and ends with a single frame where told so", () => {
    const borders = bordersOf("#.#.", new Endpointer({ onsetFrames: 1, hangoverFrames: 1 }));
    expect(borders.map(({ what, startedMs, stoppedMs }) => [what, startedMs, stoppedMs])).toEqual([
      ["speech_started", 0, 20],
      ["speech_stopped", 0, 20],
      ["speech_started", 40, 60],
      ["speech_stopped", 40, 60],
    ]);
  });

  it("forgets everything on reset", () => {
    const endpointer = small();
    bordersOf("####", endpointer);
    endpointer.reset();
    expect(endpointer.speaking).toBe(false);
    expect([endpointer.startedMs, endpointer.stoppedMs]).toEqual([0, 0]);
    expect(bordersOf("..####", endpointer)).toEqual(bordersOf("..####", small()));
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %s frames", (frames) => {
    expect(() => new Endpointer({ onsetFrames: frames })).toThrow(RangeError);
    expect(() => new Endpointer({ hangoverFrames: frames })).toThrow(RangeError);
  });

  it("takes turns between beginnings and ends, in order of time, whatever it is fed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 300 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 15 }),
        (frames, onsetFrames, hangoverFrames) => {
          const endpointer = new Endpointer({ onsetFrames, hangoverFrames });
          const borders = bordersOf(
            frames.map((speech) => (speech ? "#" : ".")).join(""),
            endpointer,
          );
          borders.forEach(({ what, startedMs, stoppedMs, atMs }, i) => {
            expect(what).toBe(i % 2 === 0 ? "speech_started" : "speech_stopped");
            if (what === "speech_started")
              expect(startedMs).toBeGreaterThanOrEqual(borders[i - 1]?.stoppedMs ?? 0);
            expect(stoppedMs - startedMs).toBeGreaterThanOrEqual(onsetFrames * FRAME_MS);
            expect(frames[startedMs / FRAME_MS]).toBe(true);
            expect(frames[stoppedMs / FRAME_MS - 1]).toBe(true);
            if (what === "speech_stopped")
              expect(atMs - stoppedMs).toBe((hangoverFrames - 1) * FRAME_MS);
          });
          expect(endpointer.speaking).toBe(borders.length % 2 === 1);
        },
      ),
    );
  });

  it("by default needs more than a click to begin, and bridges the closures inside words", () => {
    expect(ENDPOINTER_DEFAULTS.onsetFrames).toBeGreaterThan(1);
    expect(ENDPOINTER_DEFAULTS.hangoverFrames * FRAME_MS).toBeGreaterThan(150);
    expect(ENDPOINTER_DEFAULTS.hangoverFrames * FRAME_MS).toBeLessThan(300);
  });
});
