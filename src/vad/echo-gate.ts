import { ENVELOPE_BANDS, envelope, WHOLE_BAND } from "./envelope.js";
import { PlayedEnvelope, STEP_MS } from "./played-envelope.js";

export const P = {
  prior: -12,
  priorN: 12,
  var0: 60,
  loudDb: 15,
  clip: 8,
  rate: 0.03,
  plaus: 2.0,
  sig: 1.2,
  margin: 3,
  cap: 12,
  theta: 2.0,
  settle: 60,
  quietDb: 30,
  spreadMs: 120,
  runSeen: 6,
  runVar: 4,
};

const FIRST_MS = -60;
const LAST_MS = 620;
const GRID_MS = 20;
const DELAYS = (LAST_MS - FIRST_MS) / GRID_MS + 1;
const FRAME_MS = 20;
const STEPS_PER_FRAME = FRAME_MS / STEP_MS;

const up = new Float32Array(ENVELOPE_BANDS);
const expected = new Float32Array(ENVELOPE_BANDS);
const far = new Float32Array(DELAYS);

/** Is what the caller's line brings just our own playout coming back? */
export class EchoGate {
  readonly #played = new PlayedEnvelope();
  /** By delay: echo over playout in dB, how much that varies, and how often it was seen. */
  readonly #coupling = new Float32Array(DELAYS);
  readonly #variance = new Float32Array(DELAYS);
  readonly #seen = new Float32Array(DELAYS);
  /** By band: coupling there over that of the whole. */
  readonly #tilt = new Float32Array(ENVELOPE_BANDS);
  #peakDb = 0;
  #unannounced = 0;
  #upMs = Number.NaN;

  constructor() {
    this.reset();
  }

  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    this.#played.played(ulaw, start, end, playsAtMs);
  }

  cleared(nowMs: number): void {
    this.#played.cleared(nowMs + P.settle);
  }

  frame(ulaw: Uint8Array, start: number, vadSpeech: boolean, _levelDbov: number, nowMs: number): boolean {
    this.#follow(nowMs);
    if (this.#played.endMs < this.#upMs - FRAME_MS - LAST_MS) return vadSpeech;
    envelope(ulaw, start, STEPS_PER_FRAME, up, 0);
    const played = this.#played;
    const base = Math.floor((this.#upMs - FRAME_MS) / STEP_MS);
    this.#watchRuns(base);
    let loudest = 0;
    for (let d = 0; d < DELAYS; d++) {
      const step = base - (FIRST_MS + d * GRID_MS) / STEP_MS;
      const level = Math.max(
        played.levelDb(step, WHOLE_BAND),
        played.levelDb(step + 1, WHOLE_BAND),
        played.levelDb(step + 2, WHOLE_BAND),
      );
      far[d] = level;
      if (level > loudest) loudest = level;
    }
    if (loudest < P.quietDb) return vadSpeech;
    this.#peakDb = Math.max(loudest, this.#peakDb - 0.05);
    const near = vadSpeech && this.#judge(base);
    this.#learn(near);
    return near;
  }

  #follow(nowMs: number): void {
    const due = this.#upMs + FRAME_MS;
    if (!(Math.abs(nowMs - due) < 200)) this.#upMs = nowMs;
    else if (nowMs < due) this.#upMs = nowMs;
    else this.#upMs = due + 0.02 * (nowMs - due);
  }

  #watchRuns(base: number): void {
    if (this.#played.levelDb(base + 2 - FIRST_MS / STEP_MS, WHOLE_BAND) === 0) {
      this.#unannounced++;
      return;
    }
    if (this.#unannounced >= 5) this.#blur();
    this.#unannounced = 0;
  }

  #blur(): void {
    let best = 0;
    for (let d = 1; d < DELAYS; d++) if (this.#variance[d]! < this.#variance[best]!) best = d;
    if (this.#seen[best]! < P.runSeen) return;
    const reach = P.spreadMs / GRID_MS;
    for (let d = Math.max(0, best - reach); d <= Math.min(DELAYS - 1, best + reach); d++) {
      this.#coupling[d] = this.#coupling[best]!;
      this.#variance[d] = this.#variance[best]! + (d === best ? 0 : P.runVar);
    }
    for (let d = 0; d < DELAYS; d++) this.#seen[d] = Math.min(this.#seen[d]!, P.runSeen);
  }

  #judge(base: number): boolean {
    let best = Number.POSITIVE_INFINITY;
    for (let d = 0; d < DELAYS; d++) best = Math.min(best, this.#variance[d]!);
    expected.fill(0);
    const played = this.#played;
    for (let d = 0; d < DELAYS; d++) {
      const variance = this.#variance[d]!;
      if (variance > best * P.plaus + 2) continue;
      const trust = this.#seen[d]! / (this.#seen[d]! + P.priorN);
      const coupling =
        P.prior + trust * Math.min(0, this.#coupling[d]! + P.sig * Math.sqrt(variance) - P.prior);
      const step = base - (FIRST_MS + d * GRID_MS) / STEP_MS;
      for (let band = 0; band < WHOLE_BAND; band++) {
        const level =
          Math.max(
            played.levelDb(step, band),
            played.levelDb(step + 1, band),
            played.levelDb(step + 2, band),
          ) +
          coupling +
          trust * this.#tilt[band]!;
        if (level > expected[band]!) expected[band] = level;
      }
    }
    let excess = 0;
    for (let band = 0; band < WHOLE_BAND; band++)
      excess += Math.min(P.cap, Math.max(0, up[band]! - Math.max(expected[band]!, 18) - P.margin));
    return excess > P.theta * 4;
  }

  #learn(near: boolean): void {
    if (near) return;
    const level = up[WHOLE_BAND]!;
    for (let d = 0; d < DELAYS; d++) {
      if (far[d]! < this.#peakDb - P.loudDb) continue;
      const seen = Math.min(this.#seen[d]! + 1, 1 / P.rate);
      const ratio = level - far[d]!;
      const off = Math.max(-25, Math.min(P.clip, ratio - this.#coupling[d]!));
      const rate = 1 / (seen + 2);
      this.#coupling[d] = Math.min(P.prior, this.#coupling[d]! + rate * off);
      this.#variance[d] = this.#variance[d]! + rate * (off * off - this.#variance[d]!);
      this.#seen[d] = seen;
    }
  }

  reset(): void {
    this.#played.reset();
    this.#coupling.fill(P.prior - 6);
    this.#variance.fill(P.var0);
    this.#seen.fill(0);
    this.#tilt.fill(0);
    this.#peakDb = 0;
    this.#upMs = Number.NaN;
  }
}
