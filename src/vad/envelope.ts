import { core, coreNumbers, placeAudio } from "../codec/audio-core.js";
import { octavesToDbov } from "./power-log.js";

/** 0–500, 500–1000, 1000–2000, 2000–4000 Hz with overlapping borders, then the whole band. */
export const ENVELOPE_BANDS = 5;
export const WHOLE_BAND = 4;
/** 10 ms. */
export const STEP_BYTES = 80;

const levels = coreNumbers("LEVELS", ENVELOPE_BANDS);

/**
 * Levels of `steps` times 10 ms of mu-law, up to 120 ms, one per band, in dBov (−72 … 0). Haar
 * filters are used: sums and differences of neighbours, at half the rate each time. Their bands
 * leak into each other, but equally in both signals that are compared, and they cost one addition
 * per sample. Allocates nothing.
 *
 * @param out  its first ENVELOPE_BANDS numbers are overwritten.
 */
export function envelope(ulaw: Uint8Array, start: number, steps: number, out: Float32Array): void {
  core.envelope(placeAudio(ulaw, start, start + steps * STEP_BYTES), steps);
  for (let band = 0; band < ENVELOPE_BANDS; band++) out[band] = octavesToDbov(levels[band]!);
}
