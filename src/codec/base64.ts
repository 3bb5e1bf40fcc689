/**
 * Base64 (RFC 4648, section 4) between byte ranges: a payload is read where it stands in a message
 * and written where it belongs in the next one. Nothing here allocates.
 *
 * Only the canonical form is accepted: whole groups of four, padding only at the end, unused bits
 * zero. Text and bytes then correspond one to one, so a payload that is passed on as text is the
 * payload that was decoded.
 */

import {
  BYTES_BYTES,
  copyOut,
  core,
  coreBase,
  placeBytes,
  placeOf,
  placeText,
  TEXT_CHARS,
} from "./audio-core.js";

const BYTES = placeOf("BYTES");
const TEXT = placeOf("TEXT");

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 0x3d;

/** VALUE[byte]: 0 … 63, or 0xff for a byte outside the alphabet (padding included). */
const VALUE = new Uint8Array(256).fill(0xff);
for (let i = 0; i < 64; i++) VALUE[ALPHABET.charCodeAt(i)] = i;

/** Length of the text that `bytes` bytes become, padding included. */
export function base64EncodedLength(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/**
 * How many bytes `src[start … end)` decodes to, by its length and padding alone; -1 when the length
 * is not a multiple of four. The characters are not checked: `decodeBase64` does that.
 */
export function base64DecodedLength(src: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 0 || (length & 3) !== 0) return -1;
  if (length === 0) return 0;
  const pads = src[end - 1] !== PAD ? 0 : src[end - 2] !== PAD ? 1 : 2;
  return (length >> 2) * 3 - pads;
}

/** True when `src[start … end)` is canonical base64 (the empty text is). */
export function isBase64(src: Uint8Array, start: number, end: number): boolean {
  return base64End(src, start, end) === end;
}

/**
 * Where the canonical base64 that begins at `start` ends, `end` at the latest: after its padding if
 * it has one, else at the first byte outside the alphabet. -1 when the text is not canonical.
 */
export function base64End(src: Uint8Array, start: number, end: number): number {
  let at = start;
  for (const last = end - 4; at <= last; at += 4) {
    if (
      (VALUE[src[at]!]! | VALUE[src[at + 1]!]! | VALUE[src[at + 2]!]! | VALUE[src[at + 3]!]!) >
      63
    )
      break;
  }
  // Less than a whole group is left: nothing, or a padded group.
  let symbols = 0;
  while (at < end && VALUE[src[at]!]! <= 63) {
    symbols++;
    at++;
  }
  if (symbols === 0) return at;
  const pads = 4 - symbols;
  if (pads > 2 || at + pads > end || (VALUE[src[at - 1]!]! & (pads === 1 ? 0x03 : 0x0f)) !== 0)
    return -1;
  for (let i = 0; i < pads; i++) if (src[at++] !== PAD) return -1;
  return at;
}

/**
 * Decodes `src[start … end)` into `out` from `outStart` on.
 *
 * @returns  bytes written, or -1 when the text is not canonical base64: a character outside the
 *           alphabet, a length that is no multiple of four, padding elsewhere than at the end,
 *           unused bits that are not zero. After -1 the content of that part of `out` is undefined.
 * @throws   RangeError when `out` is too short; `out` is then unchanged.
 */
export function decodeBase64(
  src: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outStart: number,
): number {
  const bytes = base64DecodedLength(src, start, end);
  if (bytes <= 0) return bytes;
  if (outStart + bytes > out.length) {
    throw new RangeError(`out holds ${out.length - outStart} bytes, needs ${bytes}`);
  }
  let at = start;
  let written = outStart;
  // Only the last chunk may be padded.
  for (; end - at > TEXT_CHARS; at += TEXT_CHARS) {
    const n = decodeChunk(src, at, at + TEXT_CHARS, out, written);
    if (n !== BYTES_BYTES) return -1;
    written += n;
  }
  return decodeChunk(src, at, end, out, written) < 0 ? -1 : bytes;
}

function decodeChunk(
  src: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outStart: number,
): number {
  const text = placeText(src, start, end);
  const base = coreBase(out);
  if (base >= 0) return core.decodeBase64(text, end - start, base + outStart);
  const n = core.decodeBase64(text, end - start, BYTES);
  if (n > 0) copyOut(BYTES, n, out, outStart);
  return n;
}

/**
 * Encodes `src[start … end)` into `out` from `outStart` on, padding included.
 *
 * @returns  bytes of text written: `base64EncodedLength(end - start)`.
 * @throws   RangeError when `out` is too short; `out` is then unchanged.
 */
export function encodeBase64(
  src: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outStart: number,
): number {
  const length = base64EncodedLength(end - start);
  if (outStart + length > out.length) {
    throw new RangeError(`out holds ${out.length - outStart} bytes, needs ${length}`);
  }
  let at = start;
  let written = outStart;
  for (; end - at > BYTES_BYTES; at += BYTES_BYTES)
    written += encodeChunk(src, at, at + BYTES_BYTES, out, written);
  encodeChunk(src, at, end, out, written);
  return length;
}

function encodeChunk(
  src: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outStart: number,
): number {
  const bytes = placeBytes(src, start, end);
  const base = coreBase(out);
  if (base >= 0) return core.encodeBase64(bytes, end - start, base + outStart);
  const n = core.encodeBase64(bytes, end - start, TEXT);
  copyOut(TEXT, n, out, outStart);
  return n;
}
