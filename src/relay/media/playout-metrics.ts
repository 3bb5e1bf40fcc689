import { msToBytes } from "../../codec/frame.js";
import type { Metrics } from "../../ports/metrics.js";

/** How often the audio that waits is sampled. */
const SAMPLE_MS = 1_000;
const BYTES_A_SECOND = msToBytes(1_000);

/** What the metrics need of a call's playout. */
export interface MeasuredPlayout {
  readonly waitingBytes: number;
  /** How often the caller's buffer has run dry while the agent spoke. */
  readonly underruns: number;
}

/** Keeps the metrics of the audio that waits for one caller. */
export class PlayoutMetrics {
  readonly #playout: MeasuredPlayout;
  readonly #metrics: Pick<Metrics, "playoutBuffer" | "underruns">;
  #sampledMs = Number.NEGATIVE_INFINITY;
  #underruns = 0;

  constructor(playout: MeasuredPlayout, metrics: Pick<Metrics, "playoutBuffer" | "underruns">) {
    this.#playout = playout;
    this.#metrics = metrics;
  }

  /** At every slow tick. */
  sample(nowMs: number): void {
    if (nowMs - this.#sampledMs < SAMPLE_MS) return;
    this.#sampledMs = nowMs;
    this.#metrics.playoutBuffer.observe(this.#playout.waitingBytes / BYTES_A_SECOND);
  }

  countUnderruns(): void {
    const { underruns } = this.#playout;
    if (underruns === this.#underruns) return;
    this.#metrics.underruns.add(underruns - this.#underruns);
    this.#underruns = underruns;
  }
}
