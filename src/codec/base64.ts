/**
 * Base64 (RFC 4648, section 4) between byte ranges: a payload is read where it stands in a message
 * and written where it belongs in the next one. Nothing here allocates.
 *
 * Only the canonical form is accepted: whole groups of four, padding only at the end, unused bits
 * zero. Text and bytes then correspond one to one, so a payload that is passed on as text is the
 * payload that was decoded.
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 0x3d;

/** VALUE[byte]: 0 … 63, or 0xff for a byte outside the alphabet (padding included). */
const VALUE = new Uint8Array(256).fill(0xff);
const SYMBOL = new Uint8Array(64);
for (let i = 0; i < 64; i++) {
  const byte = ALPHABET.charCodeAt(i);
  VALUE[byte] = i;
  SYMBOL[i] = byte;
}

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
  const tail = bytes % 3;
  const wholeEnd = tail === 0 ? end : end - 4;
  let at = outStart;
  let bad = 0;
  for (let i = start; i < wholeEnd; i += 4) {
    const a = VALUE[src[i]!]!;
    const b = VALUE[src[i + 1]!]!;
    const c = VALUE[src[i + 2]!]!;
    const d = VALUE[src[i + 3]!]!;
    // Only 0xff has a bit above 63, so one test at the end serves for all characters.
    bad |= a | b | c | d;
    out[at] = (a << 2) | (b >> 4);
    out[at + 1] = (b << 4) | (c >> 2);
    out[at + 2] = (c << 6) | d;
    at += 3;
  }
  if (tail !== 0) {
    const a = VALUE[src[wholeEnd]!]!;
    const b = VALUE[src[wholeEnd + 1]!]!;
    bad |= a | b;
    out[at++] = (a << 2) | (b >> 4);
    if (tail === 2) {
      const c = VALUE[src[wholeEnd + 2]!]!;
      bad |= c;
      if ((c & 0x03) !== 0) return -1;
      out[at++] = (b << 4) | (c >> 2);
    } else if ((b & 0x0f) !== 0) return -1;
  }
  return bad > 63 ? -1 : bytes;
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
  const tail = (end - start) % 3;
  const wholeEnd = end - tail;
  let at = outStart;
  for (let i = start; i < wholeEnd; i += 3) {
    const group = (src[i]! << 16) | (src[i + 1]! << 8) | src[i + 2]!;
    out[at] = SYMBOL[group >> 18]!;
    out[at + 1] = SYMBOL[(group >> 12) & 63]!;
    out[at + 2] = SYMBOL[(group >> 6) & 63]!;
    out[at + 3] = SYMBOL[group & 63]!;
    at += 4;
  }
  if (tail === 1) {
    const a = src[wholeEnd]!;
    out[at] = SYMBOL[a >> 2]!;
    out[at + 1] = SYMBOL[(a << 4) & 63]!;
    out[at + 2] = PAD;
    out[at + 3] = PAD;
  } else if (tail === 2) {
    const a = src[wholeEnd]!;
    const b = src[wholeEnd + 1]!;
    out[at] = SYMBOL[a >> 2]!;
    out[at + 1] = SYMBOL[((a << 4) | (b >> 4)) & 63]!;
    out[at + 2] = SYMBOL[(b << 2) & 63]!;
    out[at + 3] = PAD;
  }
  return length;
}
