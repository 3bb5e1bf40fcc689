/**
 * Finds the weights of the VAD's network: logistic loss, mini-batches, Adam. No package, same seed
 * same weights.
 */
import {
  CUE_STATE,
  EARLIER_SCORE_CUE,
  recallScores,
  rememberScore,
  resetCues,
  cues as seen,
} from "../../src/vad/speech-cues.js";
import { Random } from "../random.js";

/** Frames to learn from, line by line and in order: one row of cues each. */
export interface Examples {
  readonly width: number;
  readonly count: number;
  /** `count` rows of `width`. */
  readonly cues: Float32Array;
  /** 1: speech. */
  readonly labels: Uint8Array;
  /** How much each counts. */
  readonly weights: Float32Array;
  /** First row of each line. */
  readonly starts: readonly number[];
}

export interface Network {
  readonly hidden: number;
  /** `hidden` rows, one number per cue. */
  readonly inputWeights: readonly number[];
  readonly bias: readonly number[];
  readonly outputWeights: readonly number[];
  readonly outputBias: number;
}

const BATCH = 256;
const RATE = 0.004;
const LAST_RATE = 0.00001;
const MOMENTUM = 0.9;
const SCALE_MEMORY = 0.999;

export function train(
  examples: Examples,
  hidden: number,
  epochs: number,
  seed: number,
  say: (line: string) => void,
): Network {
  const { mean, deviation } = standardize(examples);
  const learner = new Learner(examples, hidden, new Random(seed));
  for (let epoch = 0; epoch < epochs; epoch++) {
    learner.listen();
    const loss = learner.epoch(epoch / epochs, 1 / epochs);
    say(`epoch ${epoch + 1} of ${epochs}: loss ${loss.toFixed(4)}`);
  }
  return learner.network(mean, deviation);
}

/** Log odds are of about this size. */
const BELIEF_DEVIATION = 3;

/** Scales each cue to mean 0 and deviation 1, in place; earlier scores come later. */
function standardize({ cues, count, width }: Examples): {
  mean: Float64Array;
  deviation: Float64Array;
} {
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (let i = 0; i < count * width; i++) mean[i % width] = mean[i % width]! + cues[i]! / count;
  for (let i = 0; i < count * width; i++) {
    const off = cues[i]! - mean[i % width]!;
    deviation[i % width] = deviation[i % width]! + (off * off) / count;
  }
  for (let k = 0; k < width; k++) deviation[k] = Math.sqrt(deviation[k]!) + 1e-6;
  mean.fill(0, EARLIER_SCORE_CUE);
  deviation.fill(BELIEF_DEVIATION, EARLIER_SCORE_CUE);
  for (let i = 0; i < count * width; i++)
    cues[i] = (cues[i]! - mean[i % width]!) / deviation[i % width]!;
  return { mean, deviation };
}

class Learner {
  readonly #examples: Examples;
  readonly #hidden: number;
  readonly #random: Random;
  readonly #order: Uint32Array;
  /** Input weights, hidden biases, output weights, output bias: one row of numbers. */
  readonly #values: Float64Array;
  readonly #gradient: Float64Array;
  readonly #momentum: Float64Array;
  readonly #scale: Float64Array;
  readonly #sums: Float64Array;
  #steps = 0;

  constructor(examples: Examples, hidden: number, random: Random) {
    const { width, count } = examples;
    this.#examples = examples;
    this.#hidden = hidden;
    this.#random = random;
    this.#order = Uint32Array.from({ length: count }, (_, i) => i);
    const size = hidden * (width + 2) + 1;
    this.#values = new Float64Array(size);
    this.#gradient = new Float64Array(size);
    this.#momentum = new Float64Array(size);
    this.#scale = new Float64Array(size);
    this.#sums = new Float64Array(hidden);
    for (let i = 0; i < width * hidden; i++)
      this.#values[i] = random.gauss() * Math.sqrt(2 / width);
    const out = hidden * (width + 1);
    for (let h = 0; h < hidden; h++) this.#values[out + h] = random.gauss() * Math.sqrt(1 / hidden);
  }

  /** Runs the VAD over all lines, so that the earlier scores are those of the present weights. */
  listen(): void {
    const { width, count, cues, starts } = this.#examples;
    const state = new Float64Array(CUE_STATE);
    const begins = new Set(starts);
    for (let i = 0; i < count; i++) {
      if (begins.has(i)) resetCues(state);
      recallScores(state);
      for (let k = EARLIER_SCORE_CUE; k < width; k++)
        cues[i * width + k] = seen[k]! / BELIEF_DEVIATION;
      rememberScore(state, this.#score(i));
    }
  }

  #score(i: number): number {
    const { width, cues } = this.#examples;
    const values = this.#values;
    const hidden = this.#hidden;
    const biasAt = hidden * width;
    const outAt = biasAt + hidden;
    let score = values[outAt + hidden]!;
    for (let h = 0; h < hidden; h++) {
      let sum = values[biasAt + h]!;
      for (let k = 0; k < width; k++) sum += values[h * width + k]! * cues[i * width + k]!;
      this.#sums[h] = Math.max(0, sum);
      score += this.#sums[h]! * values[outAt + h]!;
    }
    return score;
  }

  /** @returns the mean loss. `done` and `share`: of the whole training, 0 … 1. */
  epoch(done: number, share: number): number {
    const { count } = this.#examples;
    for (let i = count - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      const one = this.#order[i]!;
      this.#order[i] = this.#order[j]!;
      this.#order[j] = one;
    }
    let loss = 0;
    for (let from = 0; from < count; from += BATCH) {
      const end = Math.min(count, from + BATCH);
      this.#gradient.fill(0);
      for (let i = from; i < end; i++) loss += this.#learn(this.#order[i]!);
      this.#step(end - from, done + (share * from) / count);
    }
    return loss / count;
  }

  /** Adds one example's gradient; @returns its loss. */
  #learn(i: number): number {
    const { width, cues, labels, weights } = this.#examples;
    const values = this.#values;
    const gradient = this.#gradient;
    const sums = this.#sums;
    const hidden = this.#hidden;
    const biasAt = hidden * width;
    const outAt = biasAt + hidden;
    const row = i * width;
    const score = this.#score(i);
    const weight = weights[i]!;
    const towards = labels[i] === 1 ? score : -score;
    const wrong = 1 / (1 + Math.exp(towards));
    const error = weight * (labels[i] === 1 ? -wrong : wrong);
    gradient[outAt + hidden] = gradient[outAt + hidden]! + error;
    for (let h = 0; h < hidden; h++) {
      if (sums[h] === 0) continue;
      gradient[outAt + h] = gradient[outAt + h]! + error * sums[h]!;
      const back = error * values[outAt + h]!;
      gradient[biasAt + h] = gradient[biasAt + h]! + back;
      for (let k = 0; k < width; k++)
        gradient[h * width + k] = gradient[h * width + k]! + back * cues[row + k]!;
    }
    return weight * (towards < -30 ? -towards : Math.log1p(Math.exp(-towards)));
  }

  #step(examples: number, done: number): void {
    this.#steps++;
    const rate = LAST_RATE + RATE * (0.5 + 0.5 * Math.cos(Math.PI * done));
    const momentumBias = 1 - MOMENTUM ** this.#steps;
    const scaleBias = 1 - SCALE_MEMORY ** this.#steps;
    for (let i = 0; i < this.#values.length; i++) {
      const slope = this.#gradient[i]! / examples;
      const momentum = MOMENTUM * this.#momentum[i]! + (1 - MOMENTUM) * slope;
      const scale = SCALE_MEMORY * this.#scale[i]! + (1 - SCALE_MEMORY) * slope * slope;
      this.#momentum[i] = momentum;
      this.#scale[i] = scale;
      this.#values[i] =
        this.#values[i]! - (rate * momentum) / momentumBias / (Math.sqrt(scale / scaleBias) + 1e-8);
    }
  }

  /** With the standardization folded in, so that it takes cues as they are. */
  network(mean: Float64Array, deviation: Float64Array): Network {
    const { width } = this.#examples;
    const hidden = this.#hidden;
    const values = this.#values;
    const inputWeights: number[] = [];
    const bias: number[] = [];
    for (let h = 0; h < hidden; h++) {
      let shift = values[hidden * width + h]!;
      for (let k = 0; k < width; k++) {
        const weight = values[h * width + k]! / deviation[k]!;
        inputWeights.push(weight);
        shift -= weight * mean[k]!;
      }
      bias.push(shift);
    }
    const outAt = hidden * (width + 1);
    const outputWeights = [...values.subarray(outAt, outAt + hidden)];
    return { hidden, inputWeights, bias, outputWeights, outputBias: values[outAt + hidden]! };
  }
}
