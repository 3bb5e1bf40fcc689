import { bench, describe } from "vitest";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import { Endpointer } from "../../src/vad/endpointer.js";
import { FrameVad } from "../../src/vad/frame-vad.js";
import { recordedSpeech } from "../../test/vad/signals.js";
import { Fvad } from "../vad/fvad.js";

describe("speech or not, one frame of recorded speech", async () => {
  const speech = recordedSpeech();
  const frames = Math.floor(speech.length / FRAME_BYTES);
  const vad = new FrameVad();
  const endpointer = new Endpointer();
  const fvad = await Fvad.create(3);
  let f = 0;
  const next = () => {
    f = f + 1 === frames ? 0 : f + 1;
    return f * FRAME_BYTES;
  };
  bench("FrameVad", () => {
    vad.frame(speech, next());
  });
  bench("FrameVad and Endpointer", () => {
    endpointer.frame(vad.frame(speech, next()), 0);
  });
  bench("WebRTC's (fvad, mode 3), decoding included", () => {
    const start = next();
    for (let i = 0; i < FRAME_BYTES; i++) fvad.input[i] = ulawToLinear[speech[start + i]!]!;
    fvad.process();
  });
});
