/**
 * A server VAD to tune, based on energy as the reference says. How the real one maps loudness to
 * 0–1 is not documented; here −60 dBov is 0 and −20 dBov is 1. The tuner does not know this
 * mapping.
 */

import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { levelDbov } from "../../src/codec/level.js";
import type { ServerVadSettings } from "../../src/vad/threshold-tuner.js";

const ZERO_DBOV = -60;
const ONE_DBOV = -20;
/** Once in speech, so much less keeps it there. */
const HYSTERESIS = 0.1;
const ONSET_FRAMES = 3;
const SMOOTHING = 0.5;

export class ServerVad {
  settings: ServerVadSettings;
  #level = 0;
  #speaking = false;
  #run = 0;

  constructor(settings: ServerVadSettings) {
    this.settings = settings;
  }

  frame(ulaw: Uint8Array, start: number): "started" | "stopped" | null {
    const dbov = levelDbov(ulaw, start, start + FRAME_BYTES);
    const now = Math.max(0, Math.min(1, (dbov - ZERO_DBOV) / (ONE_DBOV - ZERO_DBOV)));
    this.#level += SMOOTHING * (now - this.#level);
    const { threshold, silenceDurationMs } = this.settings;
    const loud = this.#level > (this.#speaking ? threshold - HYSTERESIS : threshold);
    this.#run = loud === this.#speaking ? 0 : this.#run + 1;
    if (!this.#speaking && this.#run >= ONSET_FRAMES) {
      this.#speaking = true;
      this.#run = 0;
      return "started";
    }
    if (this.#speaking && this.#run * FRAME_MS >= silenceDurationMs) {
      this.#speaking = false;
      this.#run = 0;
      return "stopped";
    }
    return null;
  }
}
