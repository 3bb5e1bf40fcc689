/** `npm run eval:vad`: measures the VAD beside WebRTC's on recorded speech in noise. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Claim, claimsOf } from "./claims.js";
import { fvadDetectors, ours } from "./detectors.js";
import { type EvalSet, FULL, makeEvalSet, QUICK } from "./eval-set.js";
import { type Evaluation, evaluate, type Listened } from "./evaluation.js";
import { type EvalOptions, HELP, parseOptions, UsageError } from "./options.js";
import { plots } from "./plots.js";
import { ensurePrompts, loadMusic, loadPrompts, loadSpeech, type Recording } from "./prompts.js";
import { reportMarkdown } from "./report.js";
import type { Section } from "./section.js";
import { SECTIONS } from "./sections.js";
import { Silero } from "./silero.js";
import { measureCosts } from "./speed.js";

const OK = 0;
const BROKEN = 1;
const USAGE = 2;

const PAGE = new URL("../../docs/vad.md", import.meta.url);
const IMAGES = new URL("../../docs/images/", import.meta.url);
const BEGIN = "<!-- figures: npm run eval:vad -- --write -->";
const END = "<!-- end of figures -->";

/**
 * @returns the exit status: 0, 1 where `--check` finds a promise broken or the run failed, 2 for
 *          wrong usage.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options === "help") {
      console.log(HELP);
      return OK;
    }
    return await run(options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return error instanceof UsageError ? USAGE : BROKEN;
  }
}

async function run(options: EvalOptions): Promise<number> {
  const { speech, music } = load(options);
  const set = makeEvalSet(
    testHalf(speech),
    testHalf(music),
    options.quick ? QUICK : FULL,
    options.seed,
  );
  const detectors = [ours(), ...(await fvadDetectors())];
  const costs = measureCosts(detectors, [...set.speech, ...set.noise], () => performance.now());
  const silero = options.sileroDir === null ? null : await Silero.create(options.sileroDir);
  const guests = silero === null ? [] : [await listenWith(silero, set)];
  const evaluation = evaluate(set, detectors, costs, guests);
  const claims = claimsOf(evaluation);
  const report = reportMarkdown(evaluation, claims);
  console.log(report);
  const sections: Section[] = [];
  for (const runSection of SECTIONS) {
    const section = runSection({ speech, quick: options.quick, seed: options.seed });
    console.log(`\n${section.markdown}`);
    sections.push(section);
  }
  if (options.jsonFile !== null)
    writeFileSync(options.jsonFile, toJson(evaluation, claims, sections));
  if (options.write)
    writePage(evaluation, [report, ...sections.map(({ markdown }) => markdown)].join("\n\n"));
  const missed = [
    ...claims
      .filter(({ holds }) => !holds)
      .map(({ what, figure, limit }) => `${what}: ${figure}, promised ${limit}`),
    ...sections.flatMap(({ missed }) => missed),
  ];
  for (const line of missed) console.error(`missed: ${line}`);
  return options.check && missed.length > 0 ? BROKEN : OK;
}

async function listenWith(silero: Silero, set: EvalSet): Promise<Listened> {
  const nowMs = () => performance.now();
  const speech = await silero.listen(set.speech, nowMs);
  const noise = await silero.listen(set.noise, nowMs);
  return { name: `Silero v5 (${silero.frameUs.toFixed(0)} µs a frame)`, speech, noise };
}

function load({ speechDir }: EvalOptions): { speech: Recording[]; music: Recording[] } {
  if (speechDir !== null) {
    const speech = loadSpeech(speechDir);
    if (testHalf(speech).length === 0)
      throw new UsageError(`--speech ${speechDir}: too few WAV files`);
    return { speech, music: loadMusic() };
  }
  ensurePrompts(console.error);
  return { speech: loadPrompts(), music: loadMusic() };
}

/** The weights and every threshold come from the other half. */
function testHalf(recordings: readonly Recording[]): Recording[] {
  return recordings.filter(({ half }) => half === "test");
}

function toJson(
  evaluation: Evaluation,
  claims: readonly Claim[],
  sections: readonly Section[],
): string {
  const further = Object.fromEntries(sections.map(({ name, json }) => [name, json]));
  return `${JSON.stringify({ claims, ...evaluation, ...further }, null, 2)}\n`;
}

function writePage(evaluation: Evaluation, figures: string): void {
  const page = readFileSync(PAGE, "utf8");
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from)
    throw new Error(`${fileURLToPath(PAGE)} has no place for the figures: ${BEGIN} … ${END}`);
  writeFileSync(PAGE, `${page.slice(0, from)}${BEGIN}\n\n${figures}\n\n${page.slice(to)}`);
  mkdirSync(IMAGES, { recursive: true });
  for (const [name, svg] of plots(evaluation)) writeFileSync(new URL(name, IMAGES), svg);
}
