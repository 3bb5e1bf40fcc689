// Changes the sample rate of a stream with a windowed sinc filter, which removes what would alias.

const LOBES = 8;
const PHASES = 128;

export class Resampler {
  #step;
  #reach;
  /** Filter weights for each fraction of a sample. @type {Float32Array[]} */
  #weights;
  #held = new Float32Array(0);
  /** The position of the next output sample in `held`. */
  #at;

  /** @param {number} fromHz @param {number} toHz */
  constructor(fromHz, toHz) {
    this.#step = fromHz / toHz;
    const cutoff = 0.94 * Math.min(1, toHz / fromHz);
    this.#reach = Math.ceil(LOBES / cutoff);
    this.#weights = Array.from({ length: PHASES }, (_, phase) =>
      kernel(phase / PHASES, this.#reach, cutoff),
    );
    this.#held = new Float32Array(2 * this.#reach);
    this.#at = this.#reach;
  }

  /** @param {Float32Array} samples @returns {Float32Array} output up to now, a few samples behind the input. */
  push(samples) {
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    const end = held.length - this.#reach - 1;
    const out = new Float32Array(Math.max(0, Math.ceil((end - this.#at) / this.#step)));
    let n = 0;
    for (; this.#at < end && n < out.length; this.#at += this.#step) out[n++] = this.#sample(held);
    const drop = Math.max(0, Math.floor(this.#at) - this.#reach);
    this.#held = held.subarray(drop);
    this.#at -= drop;
    return out.subarray(0, n);
  }

  /** @param {Float32Array} held */
  #sample(held) {
    const whole = Math.floor(this.#at);
    const weights = this.#weights[Math.floor((this.#at - whole) * PHASES)] ?? new Float32Array(0);
    const first = whole - this.#reach + 1;
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += (weights[i] ?? 0) * (held[first + i] ?? 0);
    return sum;
  }
}

/** @param {number} fraction @param {number} reach @param {number} cutoff of the Nyquist rate. */
function kernel(fraction, reach, cutoff) {
  const weights = new Float32Array(2 * reach);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const x = i - (reach - 1) - fraction;
    const hann = Math.abs(x) >= reach ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * x) / reach);
    const angle = Math.PI * x * cutoff;
    const weight = hann * (angle === 0 ? 1 : Math.sin(angle) / angle);
    weights[i] = weight;
    sum += weight;
  }
  // A constant signal keeps its value.
  return weights.map((weight) => weight / sum);
}
