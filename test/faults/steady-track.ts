/** When each frame of a steady call left its phone, and when it reached the model. */
import { SAMPLE, WaitedForCpu, waitedBetween } from "./cpu-wait.js";
import type { Measured, Moved } from "./steady.js";

/** Five minutes: longer than a case takes. */
const MOST_FRAMES = 50 * 300;
/** One for each ms of four minutes; older ones are written over. */
const MOST_SAMPLES = 1 << 18;
/** Frames of a call that may be between phone and model. */
const UNDER_WAY = 10;

/**
 * What the measuring process and the relay had waited for a core of the machine, at most once in a
 * ms: to ask the kernel takes time that is measured here.
 */
export class Waits {
  readonly #own = new WaitedForCpu(process.pid);
  readonly #ownSamples = new Float64Array(MOST_SAMPLES * SAMPLE);
  readonly #relaySamples = new Float64Array(MOST_SAMPLES * SAMPLE);
  #relay: WaitedForCpu | null = null;
  #count = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  of(relayPid: number): void {
    this.#relay = new WaitedForCpu(relayPid);
  }

  /** @returns the number of the sample. */
  at(nowMs: number): number {
    if (nowMs - this.#lastMs < 1) return this.#count - 1;
    this.#lastMs = nowMs;
    const place = this.#placeOf(this.#count);
    this.#own.sample(this.#ownSamples, place);
    this.#relay?.sample(this.#relaySamples, place);
    return this.#count++;
  }

  between(from: number, to: number): number {
    const [a, b] = [this.#placeOf(from), this.#placeOf(to)];
    return (
      waitedBetween(this.#ownSamples, a, this.#ownSamples, b) +
      waitedBetween(this.#relaySamples, a, this.#relaySamples, b)
    );
  }

  #placeOf(sample: number): number {
    return (sample % MOST_SAMPLES) * SAMPLE;
  }
}

/** Instants, each with its sample of the waits. */
class Moments {
  count = 0;
  readonly ms = new Float64Array(MOST_FRAMES);
  readonly sample = new Int32Array(MOST_FRAMES);

  add(waits: Waits): void {
    if (this.count >= MOST_FRAMES) throw new Error("a case is longer than what is kept");
    const nowMs = performance.now();
    this.ms[this.count] = nowMs;
    this.sample[this.count] = waits.at(nowMs);
    this.count++;
  }

  drop(count: number): void {
    this.ms.copyWithin(0, count, this.count);
    this.sample.copyWithin(0, count, this.count);
    this.count -= count;
  }
}

/** The frames of one call. */
export class Track {
  readonly #waits: Waits;
  readonly #sent = new Moments();
  readonly #heard = new Moments();

  constructor(waits: Waits) {
    this.#waits = waits;
  }

  sent(): void {
    this.#sent.add(this.#waits);
  }

  heard(): void {
    this.#heard.add(this.#waits);
  }

  /** Forgets what was before, but for the last frame that was heard: the next one follows it. */
  begin(): void {
    const kept = Math.max(0, Math.min(this.#heard.count, this.#sent.count) - 1);
    this.#sent.drop(kept);
    this.#heard.drop(kept);
  }

  get lost(): number {
    const missing = this.#sent.count - this.#heard.count;
    return missing > UNDER_WAY ? missing : 0;
  }

  /** Calls back with the ms from phone to model of each frame, and those since the one before. */
  frames(each: (transitMs: number, gapMs: number, waitedMs: number, waitedGapMs: number) => void) {
    const [sent, heard] = [this.#sent, this.#heard];
    for (let i = 1; i < Math.min(sent.count, heard.count); i++)
      each(
        (heard.ms[i] ?? 0) - (sent.ms[i] ?? 0),
        (heard.ms[i] ?? 0) - (heard.ms[i - 1] ?? 0),
        this.#waits.between(sent.sample[i] ?? 0, heard.sample[i] ?? 0),
        this.#waits.between(heard.sample[i - 1] ?? 0, heard.sample[i] ?? 0),
      );
  }
}

/** As the clock says, and without what the machine took. */
export function measure(tracks: readonly Track[]): Measured {
  const raw = new Tally();
  const own = new Tally();
  let lost = 0;
  for (const track of tracks) {
    lost += track.lost;
    track.frames((transitMs, gapMs, waitedMs, waitedGapMs) => {
      raw.add(transitMs, gapMs);
      own.add(Math.max(0, transitMs - waitedMs), gapMs - waitedGapMs);
    });
  }
  return { ...raw.result(), lost, own: own.result() };
}

class Tally {
  readonly #transits: number[] = [];
  #gapMs = 0;

  add(transitMs: number, gapMs: number): void {
    this.#transits.push(transitMs);
    this.#gapMs = Math.max(this.#gapMs, gapMs);
  }

  result(): Moved {
    this.#transits.sort((a, b) => a - b);
    const p99Ms = this.#transits[Math.floor(this.#transits.length * 0.99)] ?? 0;
    return { p99Ms, gapMs: this.#gapMs };
  }
}
