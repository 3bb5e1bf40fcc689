/**
 * WebSocket frames as a client writes them (RFC 6455, section 5.2): header, mask and masked
 * payload, written into memory that the caller owns. `websocket-parser.ts` reads what a server
 * sends.
 */

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;
export type Opcode =
  | typeof CONTINUATION
  | typeof TEXT
  | typeof BINARY
  | typeof CLOSE
  | typeof PING
  | typeof PONG;

/** Section 5.5: the payload of a close, ping or pong. */
export const MAX_CONTROL_BYTES = 125;

/** One piece of memory as bytes and as 32-bit words. Both begin at the same address. */
export interface FrameMemory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

const KEY = new Uint8Array(4);
const ROTATED = new Uint8Array(4);
const ROTATED_WORD = new Int32Array(ROTATED.buffer);

/** Length of a masked frame with this much payload. */
export function frameBytes(payloadBytes: number): number {
  return payloadBytes + (payloadBytes < 126 ? 6 : payloadBytes < 0x10000 ? 8 : 14);
}

/**
 * Writes one unfragmented client frame.
 *
 * @param out      at least `at + frameBytes(payload.length)` bytes long; nothing else in it is
 *                 changed.
 * @param payload  is not changed. Shorter than 4 GiB.
 * @param mask     32 unpredictable bits (section 5.3), sent with the most significant byte first.
 * @returns        where the frame ends in `out`.
 * @throws         RangeError when `out` is too short; `out` is then unchanged.
 *
 * Allocates nothing: it runs for every frame of every caller.
 */
export function writeFrame(
  out: FrameMemory,
  at: number,
  opcode: Opcode,
  payload: Uint8Array,
  mask: number,
): number {
  const { bytes } = out;
  const length = payload.length;
  const end = at + frameBytes(length);
  if (end > bytes.length) throw new RangeError(`out holds ${bytes.length} bytes, needs ${end}`);
  bytes[at] = 0x80 | opcode;
  let next = at + 2;
  if (length < 126) {
    bytes[at + 1] = 0x80 | length;
  } else if (length < 0x10000) {
    bytes[at + 1] = 0x80 | 126;
    bytes[next++] = length >>> 8;
    bytes[next++] = length & 0xff;
  } else {
    bytes[at + 1] = 0x80 | 127;
    for (let shift = 0; shift < 4; shift++) bytes[next++] = 0;
    for (let shift = 24; shift >= 0; shift -= 8) bytes[next++] = (length >>> shift) & 0xff;
  }
  for (let i = 0; i < 4; i++) {
    const key = (mask >>> (24 - 8 * i)) & 0xff;
    KEY[i] = key;
    bytes[next++] = key;
  }
  bytes.set(payload, next);
  maskBytes(out, next, end);
  return end;
}

/**
 * XORs with the key: bytes up to the first whole word, then words with the rotated key, then bytes.
 */
function maskBytes({ bytes, words }: FrameMemory, start: number, end: number): void {
  let at = start;
  const firstWord = (start + 3) >>> 2;
  const lastWord = end >>> 2;
  if (firstWord < lastWord) {
    while ((at & 3) !== 0) {
      bytes[at] = bytes[at]! ^ KEY[(at - start) & 3]!;
      at++;
    }
    for (let i = 0; i < 4; i++) ROTATED[i] = KEY[(at - start + i) & 3]!;
    const key = ROTATED_WORD[0]!;
    for (let word = firstWord; word < lastWord; word++) words[word] = words[word]! ^ key;
    at = lastWord << 2;
  }
  for (; at < end; at++) bytes[at] = bytes[at]! ^ KEY[(at - start) & 3]!;
}

/** Whether a close frame may hold this code. Source: RFC 6455, section 7.4, and its registry. */
export function isCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999)
  );
}

/**
 * The payload of a close frame. A reason that does not fit is cut between characters.
 *
 * @param code  a code that `isCloseCode` accepts.
 */
export function closePayload(code: number, reason: string): Uint8Array {
  const payload = new Uint8Array(MAX_CONTROL_BYTES);
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  payload[0] = code >>> 8;
  payload[1] = code & 0xff;
  return payload.subarray(0, 2 + written);
}
