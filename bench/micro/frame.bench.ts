import { bench, describe } from "vitest";
import { FrameCutter } from "../../src/codec/frame.js";

describe("cutting a second of audio in odd chunks", () => {
  const chunk = new Uint8Array(1001);
  const sink = { frames: 0, frame: () => {} };
  const cutter = new FrameCutter();
  bench("FrameCutter.push, 8 times", () => {
    for (let i = 0; i < 8; i++) cutter.push(chunk, 0, chunk.length, sink);
  });
});
