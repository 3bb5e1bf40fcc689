/** `npm run eval:vad`: measures the VAD against WebRTC's on recorded speech in noise. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { claimsOf } from "./claims.js";
import { fvadDetectors, listen, ours } from "./detectors.js";
import { FULL, makeEvalSet, QUICK } from "./eval-set.js";
import { evaluate, type SureSilence } from "./evaluation.js";
import type { Line } from "./lines.js";
import { ensurePrompts, loadMusic, loadPrompts, loadSpeech, type Recording } from "./prompts.js";
import { reportMarkdown } from "./report.js";
import { measureCosts } from "./speed.js";

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean" },
      check: { type: "boolean" },
      json: { type: "string" },
      speech: { type: "string" },
    },
  });
  const t0 = performance.now();
  ensurePrompts(console.log);
  const speech = loadPrompts().filter(({ half }) => half === "test");
  const music = loadMusic().filter(({ half }) => half === "test");
  console.log("loaded", performance.now() - t0);
  const set = makeEvalSet(speech, music, values.quick ? QUICK : FULL, 7);
  console.log("made", performance.now() - t0);
  const detectors = [ours(), ...(await fvadDetectors())];
  const costs = measureCosts(detectors, [...set.speech, ...set.noise], () => performance.now());
  const evaluation = evaluate(set, detectors, costs, { share: 0, speechShare: 0 });
  console.log("evaluated", performance.now() - t0);
  const claims = claimsOf(evaluation);
  console.log(reportMarkdown(evaluation, claims));
  return 0;
}
await main(process.argv.slice(2));
