// Plays the sound of a call, and knows to the millisecond which part of it is heard.

/** @typedef {import("./wav-source.js").WavSource} WavSource */

/** So much is handed to the sound card ahead of time. */
const AHEAD_S = 15;
const FILL_EVERY_MS = 1_000;
/** From the request to play to the first sample. */
const START_S = 0.05;

export class CallPlayer {
  /** @type {"paused" | "playing"} */
  state = "paused";
  /** From the request to play until it is paused or over, also while sound is still loading. */
  isWanted = false;
  problem = "";
  #source;
  #startMs;
  #changed;
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {GainNode[]} one of each channel. */
  #gains = [];
  /** @type {boolean[]} */
  #muted = [false, false];
  /** @type {Set<AudioBufferSourceNode>} */
  #sources = new Set();
  /** The frame that is heard at a time of the audio clock. */
  #anchor = { atS: 0, frame: 0 };
  /** Of the file: where the next block begins. */
  #next = 0;
  /** Of another one, what was begun before is no longer wanted. */
  #run = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #pausedMs = 0;

  /** @param {WavSource} source @param {number} startMs of the file, on the call's clock. @param {() => void} changed */
  constructor(source, startMs, changed) {
    this.#source = source;
    this.#startMs = startMs;
    this.#changed = changed;
  }

  /** What is heard now, in ms of the call. */
  get positionMs() {
    if (this.state === "paused" || this.#audio === null) return this.#pausedMs;
    const { rateHz } = this.#source.format;
    const { atS, frame } = this.#anchor;
    const playedS = Math.max(0, heardS(this.#audio) - atS);
    // Where the next block has not come in time, there is silence until it has.
    const heard = Math.min(frame + playedS * rateHz, this.#next);
    return this.#startMs + (heard * 1_000) / rateHz;
  }

  get lengthMs() {
    const { frames, rateHz } = this.#source.format;
    return this.#startMs + (frames * 1_000) / rateHz;
  }

  /** @param {number} fromMs of the call. */
  async play(fromMs) {
    this.#stop();
    this.problem = "";
    this.#source.forgetFailures();
    const { frames, rateHz } = this.#source.format;
    const wanted = Math.round(((fromMs - this.#startMs) * rateHz) / 1_000);
    this.#next = wanted >= frames ? 0 : Math.max(0, wanted);
    this.#pausedMs = this.#startMs + (this.#next * 1_000) / rateHz;
    const run = this.#run;
    this.isWanted = true;
    this.#changed();
    const audio = this.#open();
    // A browser lets a page sound only after the user has done something.
    await audio.resume();
    await this.#source.block(Math.floor(this.#next / this.#source.blockFrames)).catch(() => null);
    if (run !== this.#run) return;
    this.#anchor = { atS: audio.currentTime + START_S, frame: this.#next };
    this.state = "playing";
    this.#changed();
    await this.#fill(run);
  }

  pause() {
    if (!this.isWanted) return;
    this.#pausedMs = this.positionMs;
    this.#stop();
    this.#changed();
  }

  /** @param {number} channel 0: the caller, 1: the agent. */
  isMuted(channel) {
    return this.#muted[channel] === true;
  }

  /** @param {number} channel @param {boolean} muted */
  mute(channel, muted) {
    this.#muted[channel] = muted;
    const gain = this.#gains[channel];
    if (gain !== undefined) gain.gain.value = muted ? 0 : 1;
    this.#changed();
  }

  close() {
    this.#stop();
    void this.#audio?.close();
    this.#audio = null;
  }

  #open() {
    if (this.#audio !== null) return this.#audio;
    const audio = new AudioContext();
    this.#gains = [0, 1].map((channel) => {
      const gain = new GainNode(audio, { gain: this.isMuted(channel) ? 0 : 1 });
      gain.connect(audio.destination);
      return gain;
    });
    this.#audio = audio;
    return audio;
  }

  #stop() {
    this.#run++;
    this.state = "paused";
    this.isWanted = false;
    clearTimeout(this.#timer);
    for (const source of this.#sources) source.stop();
    this.#sources.clear();
  }

  /** @param {number} run */
  async #fill(run) {
    const { frames, rateHz } = this.#source.format;
    try {
      while (run === this.#run && this.#next < frames && this.#aheadS() < AHEAD_S) {
        const number = Math.floor(this.#next / this.#source.blockFrames);
        const samples = await this.#source.block(number);
        if (run === this.#run) this.#schedule(samples, number * this.#source.blockFrames);
      }
    } catch (error) {
      if (run !== this.#run) return;
      this.pause();
      this.problem = error instanceof Error ? error.message : String(error);
      this.#changed();
      return;
    }
    if (run !== this.#run) return;
    if (this.#next >= frames && this.#aheadS() <= 0) {
      this.#pausedMs = this.#startMs + (frames * 1_000) / rateHz;
      this.#stop();
      this.#changed();
      return;
    }
    const waitMs = Math.min(FILL_EVERY_MS, Math.max(20, this.#aheadS() * 1_000));
    this.#timer = setTimeout(() => void this.#fill(run), waitMs);
  }

  /** What has been handed over and was not heard yet. */
  #aheadS() {
    const { atS, frame } = this.#anchor;
    const handedS = (this.#next - frame) / this.#source.format.rateHz;
    return this.#audio === null ? 0 : atS + handedS - heardS(this.#audio);
  }

  /** @param {Float32Array<ArrayBuffer>[]} samples of a block. @param {number} first its first frame. */
  #schedule(samples, first) {
    const audio = this.#audio;
    const { rateHz } = this.#source.format;
    if (audio === null) return;
    const from = this.#next - first;
    const frames = (samples[0]?.length ?? 0) - from;
    if (frames <= 0) throw new Error("The recording ends before its header says so.");
    const { atS, frame } = this.#anchor;
    let dueS = atS + (this.#next - frame) / rateHz;
    if (dueS < audio.currentTime) {
      // The block came too late: the call goes on from here.
      dueS = audio.currentTime + START_S;
      this.#anchor = { atS: dueS, frame: this.#next };
    }
    for (const [channel, all] of samples.entries()) {
      const buffer = new AudioBuffer({ length: frames, sampleRate: rateHz });
      buffer.copyToChannel(all.subarray(from), 0);
      const source = new AudioBufferSourceNode(audio, { buffer });
      source.connect(this.#gains[channel] ?? audio.destination);
      source.start(dueS);
      source.addEventListener("ended", () => this.#sources.delete(source));
      this.#sources.add(source);
    }
    this.#next += frames;
  }
}

/**
 * The time of the audio clock at which the sample was made that leaves the loudspeaker now.
 * `currentTime` goes in steps, and runs ahead by what the sound card still holds.
 *
 * @param {AudioContext} audio
 */
function heardS(audio) {
  const { contextTime = 0, performanceTime = 0 } = audio.getOutputTimestamp();
  if (contextTime > 0 && performanceTime > 0) {
    const nowS = contextTime + (performance.now() - performanceTime) / 1_000;
    // A sound card that has stopped gives old times.
    if (Math.abs(nowS - audio.currentTime) < 0.5) return nowS;
  }
  return audio.currentTime - (audio.outputLatency || audio.baseLatency || 0);
}
