import { bench, describe } from "vitest";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import { Endpointer } from "../../src/vad/endpointer.js";
import { FrameVad } from "../../src/vad/frame-vad.js";
import { recordedSpeech } from "../../test/vad/signals.js";
import { Fvad } from "../vad/fvad.js";

describe("speech or not, 250 frames of recorded speech", async () => {
  const FRAMES = 250;
  const speech = recordedSpeech();
  const vad = new FrameVad();
  const endpointer = new Endpointer();
  const fvad = await Fvad.create(3);
  bench("FrameVad", () => {
    for (let f = 0; f < FRAMES; f++) vad.frame(speech, f * FRAME_BYTES);
  });
  bench("FrameVad and Endpointer", () => {
    for (let f = 0; f < FRAMES; f++) endpointer.frame(vad.frame(speech, f * FRAME_BYTES), f * 20);
  });
  bench("WebRTC's (fvad, mode 3), decoding included", () => {
    for (let f = 0; f < FRAMES; f++) {
      const start = f * FRAME_BYTES;
      for (let i = 0; i < FRAME_BYTES; i++) fvad.input[i] = ulawToLinear[speech[start + i]!]!;
      fvad.process();
    }
  });
});
