/**
 * Finds the VAD's weights on the dev half of the recordings and writes src/vad/speech-weights.ts.
 * Run by hand when cues change: `npx tsx bench/vad/train.ts`. The test half is not looked at.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { CUE_STATE, CUES, computeCues, cues, resetCues } from "../../src/vad/speech-cues.js";
import { Random } from "../random.js";
import { type Line, makeLine } from "./lines.js";
import { EXTRA_KINDS, NOISE_KINDS } from "./noise.js";
import { ensurePrompts, LANGUAGES, loadMusic, loadPrompts, type Recording } from "./prompts.js";
import { type Examples, type Network, train } from "./trainer.js";

const HIDDEN = 16;
const EPOCHS = 16;
const SEED = 11;
const LINE_S = 50;
/** Lines without speech: mostly short, some so long that every estimate has settled. */
const SILENT_LINE_S = [15, 15, 20, 20, 30, 120] as const;
/**
 * One line of each kind in each of these: more around the loudness at which it is hard but not
 * hopeless.
 */
const SNR_DB: readonly (readonly [number, number])[] = [
  [16, 25],
  [11, 16],
  [7, 12],
  [4, 8],
  [0, 4],
];
/** Without noise, per language. */
const CLEAN_LINES = 6;
/** Both kinds of music are learnt: half the lines have none of the recorded tracks. */
const SYNTHESIZED_MUSIC_SHARE = 0.5;
/** Where noise is as loud as speech, truth is beyond hearing: it shall not bend the rest. */
const DROWNED_SNR_DB = 4;
const DROWNED_WEIGHT = 0.4;
/** Weight of lines without speech: noise that is taken for a voice stops the agent. */
const SILENT_WEIGHT = 1.5;
/** The first 60 ms decide how soon an onset is seen. */
const ONSET_FRAMES = 3;
const ONSET_WEIGHT = 2;

const WEIGHTS_FILE = fileURLToPath(new URL("../../src/vad/speech-weights.ts", import.meta.url));

function makeLines(
  speech: readonly Recording[],
  music: readonly Recording[],
  random: Random,
): Line[] {
  const lines: Line[] = [];
  for (const language of LANGUAGES) {
    const mine = speech.filter((recording) => recording.language === language);
    const add = (noise: Line["noise"], snrDb: number, seconds: number, speaks: boolean) => {
      const material = { speech, music: random.next() < SYNTHESIZED_MUSIC_SHARE ? [] : music };
      lines.push(
        makeLine({ language, noise, snrDb, seconds, speech: speaks }, mine, material, random),
      );
    };
    for (let i = 0; i < CLEAN_LINES; i++) add("none", Infinity, LINE_S, true);
    // Some come in more varieties than the rest.
    for (const noise of [
      ...NOISE_KINDS,
      ...EXTRA_KINDS,
      "music",
      "babble",
      "cough",
      "hum",
      "ringing",
    ] as const) {
      for (const range of SNR_DB) {
        add(noise, random.between(...range), LINE_S, true);
        add(noise, random.between(-2, 25), random.pick(SILENT_LINE_S), false);
      }
    }
  }
  return lines;
}

function toExamples(lines: readonly Line[]): Examples {
  const count = lines.reduce((sum, { truth }) => sum + truth.length, 0);
  const starts: number[] = [];
  const examples: Examples = {
    width: CUES,
    count,
    cues: new Float32Array(count * CUES),
    labels: new Uint8Array(count),
    weights: new Float32Array(count),
    starts,
  };
  const state = new Float64Array(CUE_STATE);
  let i = 0;
  for (const { ulaw, truth, snrDb } of lines) {
    resetCues(state);
    starts.push(i);
    const silentLine = !truth.includes(1);
    let spoken = 0;
    for (let f = 0; f < truth.length; f++, i++) {
      computeCues(ulaw, f * FRAME_BYTES, state);
      examples.cues.set(cues, i * CUES);
      examples.labels[i] = truth[f]!;
      spoken = truth[f] === 1 ? spoken + 1 : 0;
      const onset = spoken > 0 && spoken <= ONSET_FRAMES ? ONSET_WEIGHT : 1;
      const line = silentLine ? SILENT_WEIGHT : snrDb < DROWNED_SNR_DB ? DROWNED_WEIGHT : 1;
      examples.weights[i] = onset * line;
    }
  }
  return examples;
}

function writeWeights(network: Network): void {
  const list = (name: string, values: readonly number[]) =>
    `export const ${name}: readonly number[] = [${values.map((value) => Number(value.toPrecision(5))).join(", ")}];\n`;
  const text = [
    "/**\n * Weights of the network in speech-net.ts: written by bench/vad/train.ts, not by hand.\n */\n",
    `export const HIDDEN = ${network.hidden};\n`,
    "/** HIDDEN rows of CUES. */\n",
    list("INPUT_WEIGHTS", network.inputWeights),
    list("BIAS", network.bias),
    list("OUTPUT_WEIGHTS", network.outputWeights),
    `export const OUTPUT_BIAS = ${Number(network.outputBias.toPrecision(5))};\n`,
  ].join("");
  writeFileSync(WEIGHTS_FILE, text);
  spawnSync("npx", ["biome", "check", "--write", WEIGHTS_FILE], { stdio: "inherit" });
}

ensurePrompts(console.log);
const speech = loadPrompts().filter(({ half }) => half === "dev");
const music = loadMusic().filter(({ half }) => half === "dev");
const lines = makeLines(speech, music, new Random(SEED));
const examples = toExamples(lines);
console.log(`${lines.length} lines, ${examples.count} frames`);
writeWeights(train(examples, HIDDEN, EPOCHS, SEED, console.log));
console.log(`wrote ${WEIGHTS_FILE}`);
