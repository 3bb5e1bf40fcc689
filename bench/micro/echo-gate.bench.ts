import { bench, describe } from "vitest";
import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { encodeUlaw, ulawToLinear } from "../../src/codec/ulaw.js";
import { EchoGate } from "../../src/vad/echo-gate.js";
import { FrameVad } from "../../src/vad/frame-vad.js";
import { recordedSpeech } from "../../test/vad/signals.js";

describe("is it our own echo, 250 frames", () => {
  const FRAMES = 250;
  const DELAY_FRAMES = 10;
  const played = recordedSpeech().subarray(0, FRAMES * FRAME_BYTES);
  const pcm = Int16Array.from(played, (_, i) => {
    const from = (i - DELAY_FRAMES * FRAME_BYTES + played.length) % played.length;
    return 0.08 * ulawToLinear[played[from]!]!;
  });
  const uplink = new Uint8Array(pcm.length);
  encodeUlaw(pcm, uplink);
  const talking = new EchoGate();
  const listening = new EchoGate();
  const vad = new FrameVad();
  let ms = 0;

  bench("while the agent talks: what is played, and the echo of it", () => {
    for (let f = 0; f < FRAMES; f++, ms += FRAME_MS) {
      talking.played(played, f * FRAME_BYTES, (f + 1) * FRAME_BYTES, ms + 160);
      talking.frame(uplink, f * FRAME_BYTES, true, ms + FRAME_MS);
    }
  });
  bench("while the caller talks: nothing is played", () => {
    for (let f = 0; f < FRAMES; f++, ms += FRAME_MS)
      listening.frame(uplink, f * FRAME_BYTES, true, ms);
  });
  bench("FrameVad, beside them", () => {
    for (let f = 0; f < FRAMES; f++) vad.frame(uplink, f * FRAME_BYTES);
  });
});
