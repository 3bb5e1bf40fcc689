// In a process of its own: after the random bytes of other tests V8 may leave the detector's code
// unoptimised for good (once in 25 runs), and such code boxes every number.
import { expect, it } from "vitest";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { FrameVad } from "../../src/vad/frame-vad.js";
import { allocatedPerTurn } from "../fakes/allocation.js";
import { joined, recordedSpeech, whiteNoise } from "./signals.js";

it("listening costs no memory", () => {
  const ulaw = joined(whiteNoise(2 * 8000, 60, 7), recordedSpeech());
  const frames = Math.floor(ulaw.length / FRAME_BYTES);
  const vad = new FrameVad();
  const listen = (times: number) => {
    for (let f = 0; f < times; f++) vad.frame(ulaw, (f % frames) * FRAME_BYTES);
  };
  listen(30_000);
  expect(allocatedPerTurn(20_000, 2, listen)).toBeLessThan(2);
});
