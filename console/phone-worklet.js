// Runs on the audio thread: converts the microphone into frames of 20 ms at 8 kHz, and such frames into sound.
import { Resampler } from "./resampler.js";

const RATE_HZ = 8_000;
const FRAME = 160;
/** Playback starts with this much audio, so that frames may be this late. */
const START_MS = 80;
/** More audio than this piles up only after the page was stalled. It would be pure delay, so it is skipped. */
const MAX_WAITING_MS = 400;

class Capture extends AudioWorkletProcessor {
  #resampler = new Resampler(sampleRate, RATE_HZ);
  #frame = new Int16Array(FRAME);
  #filled = 0;

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channel = inputs[0]?.[0];
    if (channel === undefined) return true;
    for (const sample of this.#resampler.push(channel)) {
      this.#frame[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 32_767;
      if (this.#filled < FRAME) continue;
      this.port.postMessage(this.#frame.slice().buffer);
      this.#filled = 0;
    }
    return true;
  }
}

class Player extends AudioWorkletProcessor {
  #resampler = new Resampler(RATE_HZ, sampleRate);
  /** @type {Float32Array[]} */
  #waiting = [];
  #samples = 0;
  #offset = 0;
  #playing = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === "clear") this.#clear();
      else this.#take(new Int16Array(data));
    };
  }

  /** @param {Int16Array} frame */
  #take(frame) {
    const sound = this.#resampler.push(Float32Array.from(frame, (sample) => sample / 32_768));
    this.#waiting.push(sound);
    this.#samples += sound.length;
    if (this.#samples > (MAX_WAITING_MS / 1000) * sampleRate) this.#skip();
  }

  #skip() {
    while (this.#samples > (START_MS / 1000) * sampleRate && this.#waiting.length > 1) {
      this.#samples -= (this.#waiting.shift()?.length ?? 0) - this.#offset;
      this.#offset = 0;
    }
  }

  #clear() {
    this.#waiting = [];
    this.#samples = 0;
    this.#offset = 0;
    this.#playing = false;
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const out = outputs[0]?.[0];
    if (out === undefined) return true;
    if (!this.#playing && this.#samples < (START_MS / 1000) * sampleRate) return true;
    this.#playing = true;
    for (let i = 0; i < out.length; i++) {
      const sound = this.#waiting[0];
      if (sound === undefined) {
        // Out of audio: collect START_MS again.
        this.#playing = false;
        return true;
      }
      out[i] = sound[this.#offset++] ?? 0;
      this.#samples -= 1;
      if (this.#offset < sound.length) continue;
      this.#waiting.shift();
      this.#offset = 0;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
registerProcessor("player", Player);
