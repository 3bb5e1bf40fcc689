/**
 * The arithmetic of the audio path as WebAssembly with SIMD: base64, voice detection and levels.
 * Build it with `npm run generate`, which writes src/codec/audio-core-module.ts. Every result is
 * the same, to the bit, as that of the plain loops that it replaces; the tests of src/codec and
 * src/vad hold it to that.
 */

export { decodeBase64, encodeBase64 } from "./base64";
export { envelope, isQuieter, stepLevels } from "./envelope";
export { scanMedia } from "./media-layout";
export * from "./memory";
export { toOctaves } from "./power-log";
export { splitLow, splitWide } from "./spectrum";
export { computeCues, recallScores, rememberScore } from "./speech-cues";
export { weighFrame } from "./speech-net";

import { computeCues } from "./speech-cues";
import { weighFrame } from "./speech-net";

export function copy(to: usize, from: usize, length: i32): void {
  memory.copy(to, from, <usize>length);
}

/** @returns the log odds of speech in 160 bytes of mu-law, after the frames before it. */
export function scoreFrame(ulaw: usize): f64 {
  computeCues(ulaw);
  return weighFrame();
}
