import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BODIES,
  BODY,
  decode,
  FRAME_BYTES,
  mayBeStamp,
  readFrameText,
  readStamp,
  writeFrame,
} from "../../bench/load/stamped-audio.js";
import { newTally, StreamChecker, type Tally } from "../../bench/load/stream-checker.js";

const ID = 77;

function frame(seq: number, id = ID): Buffer {
  const out = Buffer.alloc(FRAME_BYTES);
  writeFrame(out, 0, id, seq, seq % BODIES);
  return out;
}

function frames(...seqs: number[]): Buffer {
  return Buffer.concat(seqs.map((seq) => frame(seq)));
}

interface Followed {
  readonly checker: StreamChecker;
  readonly tally: Tally;
  readonly seen: number[];
}

function follow(lengthOf: (seq: number) => number = () => FRAME_BYTES): Followed {
  const tally = newTally();
  const seen: number[] = [];
  const checker = new StreamChecker(tally, {
    frame: (seq) => seen.push(seq),
    adopt: () => false,
    frameBytes: lengthOf,
  });
  checker.follow(ID, 0);
  return { checker, tally, seen };
}

/** What a stream of these bytes is found to hold, cut into pieces of these sizes. */
function check(audio: Buffer, sizes: readonly number[] = [audio.length]): Tally {
  const { checker, tally } = follow();
  let at = 0;
  for (let i = 0; at < audio.length; i++) {
    const n = sizes[i % sizes.length]!;
    checker.push(audio, at, Math.min(audio.length, at + n));
    at += n;
  }
  return tally;
}

const CLEAN = newTally();

describe("StreamChecker", () => {
  it("finds a whole stream whole, whatever the sizes of its pieces", () => {
    const audio = frames(...Array.from({ length: 40 }, (_, i) => i));
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 12 }),
        (sizes) => {
          expect(check(audio, sizes)).toEqual({ ...CLEAN, frames: 40 });
        },
      ),
    );
  });

  it("tells where in a piece a frame ended, also when it began in the one before", () => {
    const ends: number[] = [];
    const checker = new StreamChecker(newTally(), {
      frame: (_seq, _body, endOffset) => ends.push(endOffset),
      adopt: () => false,
      frameBytes: () => FRAME_BYTES,
    });
    checker.follow(ID, 0);
    const audio = frames(0, 1, 2);
    checker.push(audio, 0, 200);
    checker.push(audio, 200, 480);
    expect(ends).toEqual([160, 120, 280]);
  });

  it.each([
    ["a lost frame", frames(0, 1, 3, 4), { frames: 4, lost: 1 }],
    ["two lost at once", frames(0, 3, 4), { frames: 3, lost: 2 }],
    ["a doubled frame", frames(0, 1, 1, 2), { frames: 3, doubled: 1 }],
    ["frames that changed places", frames(0, 2, 1, 3), { frames: 4, reordered: 1 }],
    [
      "a frame of another call",
      Buffer.concat([frames(0), frame(1, 5), frames(1)]),
      { frames: 2, foreign: 1 },
    ],
    [
      "silence between frames",
      Buffer.concat([frames(0), Buffer.alloc(320, 0xff), frames(1)]),
      { frames: 2, fillBytes: 320 },
    ],
    [
      "a sound that is not of the stream",
      Buffer.concat([frames(0), Buffer.alloc(800, 0x20), frames(1)]),
      { frames: 2, inserted: 5 },
    ],
    [
      "a frame that cannot be read any more",
      Buffer.concat([frames(0), Buffer.alloc(160, 0x20), frames(2)]),
      { frames: 2, altered: 1 },
    ],
  ])("counts %s", (_name, audio, expected) => {
    expect(check(audio)).toEqual({ ...CLEAN, ...expected });
    expect(check(audio, [7, 161])).toEqual({ ...CLEAN, ...expected });
  });

  it("sees any altered byte", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 160, max: 479 }),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 1, max: 700 }),
        (at, flip, size) => {
          const audio = frames(0, 1, 2, 3);
          audio[at] = audio[at]! ^ flip;
          const tally = check(audio, [size]);
          expect(tally.altered + tally.lost + tally.foreign).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("sees bytes cut out of the middle of a frame", () => {
    const whole = frames(0, 1, 2, 3);
    const tally = check(Buffer.concat([whole.subarray(0, 200), whole.subarray(210)]));
    expect(tally.altered).toBe(1);
    expect(tally.lost).toBe(0);
  });

  it("knows a shorter last frame of an item", () => {
    const { checker, tally } = follow((seq) => (seq === 1 ? 50 : FRAME_BYTES));
    const audio = Buffer.concat([frames(0), frames(1).subarray(0, 50), frames(2)]);
    checker.push(audio, 0, audio.length);
    expect(tally).toEqual({ ...CLEAN, frames: 3 });
  });

  it("calls frames stale that come after the clear which ended them", () => {
    const { checker, tally, seen } = follow();
    const audio = frames(0, 1, 2, 10, 11);
    checker.push(audio, 0, 200);
    checker.cut(10);
    checker.push(audio, 320, audio.length);
    expect(tally).toEqual({ ...CLEAN, frames: 3, stale: 1 });
    expect(seen).toEqual([0, 10, 11]);
  });

  it("misses what never came before the end", () => {
    const { checker, tally } = follow();
    checker.push(frames(0, 1), 0, 320);
    checker.end(5);
    expect(tally.lost).toBe(3);
    checker.push(frames(2), 0, 160);
    expect(tally).toEqual({ ...CLEAN, frames: 3, lost: 2, late: 1 });
  });
});

describe("stamped audio", () => {
  it("reads a frame's base64 as it reads its bytes", () => {
    fc.assert(
      fc.property(fc.nat(0xffffff), fc.nat(0xffffff), fc.nat(BODIES - 1), (id, seq, body) => {
        const bytes = Buffer.alloc(FRAME_BYTES);
        writeFrame(bytes, 0, id, seq, body);
        const text = Buffer.from(bytes.toString("base64"));
        const byText = { id: 0, seq: 0, body: 0 };
        const byBytes = { id: 0, seq: 0, body: 0 };
        expect(readFrameText(text, 0, byText)).toBe(true);
        expect(readStamp(bytes, 0, byBytes)).toBe(true);
        expect(byText).toEqual({ id, seq, body });
        expect(byBytes).toEqual({ id, seq, body });
        const decoded = decode(text, 0, text.length);
        expect(Buffer.from(decoded.bytes.subarray(0, decoded.length))).toEqual(bytes);
      }),
    );
  });

  it("holds no marker in any body, nor silence that looks like filling", () => {
    for (const body of BODY) {
      for (let at = 0; at + 4 <= body.length; at++)
        expect(mayBeStamp(body, at, body.length)).toBe(false);
    }
    expect(BODY[0]).not.toContain(0xff);
  });
});
