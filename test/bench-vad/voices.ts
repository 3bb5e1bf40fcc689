/**
 * The demo's recorded speech as recordings of an evaluation: no package has to be installed for the
 * tests.
 */
import { readFileSync } from "node:fs";
import type { Recording } from "../../bench/vad/prompts.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";

const CLIPS = [
  "caller-problem",
  "caller-interrupts",
  "caller-human",
  "agent-greeting",
  "agent-answer",
  "agent-thanks",
  "agent-farewell",
];

export function voices(): Recording[] {
  return CLIPS.map((name) => {
    const ulaw = readFileSync(new URL(`../../demo/assets/${name}.ulaw`, import.meta.url));
    return {
      language: "en",
      name,
      half: "test",
      samples: Float32Array.from(ulaw, (byte) => ulawToLinear[byte]! / 32768),
    };
  });
}
