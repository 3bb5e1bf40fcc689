import { BYTES_PER_MS, SAMPLE_RATE_HZ } from "./frame.js";
import { encodeUlaw, ULAW_SILENCE } from "./ulaw.js";

/** Low and high group, Hz. Source: ITU-T Q.23. */
const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477, 1633];
const KEYS = ["123A", "456B", "789C", "*0#D"];

/**
 * Longer than the 40 ms that Q.24 asks a receiver to detect, so that gateways on the way lose no
 * key.
 */
const TONE_MS = 100;
const PAUSE_MS = 80;
/** Amplitude of each of the two tones. Together they are about -9 dBm0, as telephones send them. */
const AMPLITUDE = 8_000;

/** True for 1 to 32 keys: digits, `*`, `#`, A to D, and `w` for a pause of half a second. */
export function isDtmf(digits: string): boolean {
  return /^[0-9*#A-Dw]{1,32}$/.test(digits);
}

/**
 * The sound of keys in mu-law: 100 ms of tone and 80 ms of silence for each.
 *
 * @throws RangeError for a character that is not a key.
 */
export function dtmfTones(digits: string): Uint8Array {
  const parts = [...digits].map((digit) => (digit === "w" ? silence(500) : tone(digit)));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function silence(ms: number): Uint8Array {
  return new Uint8Array(ms * BYTES_PER_MS).fill(ULAW_SILENCE);
}

function tone(digit: string): Uint8Array {
  const row = KEYS.findIndex((keys) => keys.includes(digit));
  if (row < 0) throw new RangeError("not a DTMF key");
  const low = (2 * Math.PI * LOW[row]!) / SAMPLE_RATE_HZ;
  const high = (2 * Math.PI * HIGH[KEYS[row]!.indexOf(digit)]!) / SAMPLE_RATE_HZ;
  const pcm = Int16Array.from({ length: TONE_MS * BYTES_PER_MS }, (_, n) =>
    Math.round(AMPLITUDE * (Math.sin(low * n) + Math.sin(high * n))),
  );
  const out = silence(TONE_MS + PAUSE_MS);
  encodeUlaw(pcm, out);
  return out;
}
