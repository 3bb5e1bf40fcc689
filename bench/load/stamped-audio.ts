/**
 * Audio that identifies itself. Each 160-byte frame begins with a stamp of 18 near-silent bytes: a
 * marker, the stream's id, the frame's number and which of eight fixed bodies follows. Body 0 is a
 * silent line, the others are speech-like, so that a relay's own voice detection sees what the
 * scenario means. Every byte is known, so loss, order and alteration can be detected.
 */
import { encodeUlaw } from "../../src/codec/ulaw.js";

export const FRAME_BYTES = 160;
export const STAMP_BYTES = 18;
const BODY_BYTES = FRAME_BYTES - STAMP_BYTES;
export const BODIES = 8;
export const SILENT = 0;

/** Mu-law codes of ±1 to ±4; no body holds all four in a row. */
const MARKER = [0xf1, 0x72, 0xf3, 0x74] as const;
/** High nibble of a code whose sample is below 120 of 32,124; the low nibble carries data. */
const NEAR_SILENCE = 0x70;
const MAX_ID = 0xffffff;

/** A checksum in the stamp's last byte, so that no body is taken for a stamp. */
function checkNibble(id: number, seq: number, body: number): number {
  const x = id ^ seq ^ (id >>> 12) ^ (seq >>> 12);
  return (x ^ (x >>> 4) ^ (x >>> 8) ^ body ^ 0x5) & 0xf;
}

/** Body of each kind, 142 bytes. */
export const BODY: readonly Uint8Array[] = Array.from({ length: BODIES }, (_, kind) =>
  makeBody(kind),
);

/**
 * The same as base64: it begins at a multiple of three bytes, so it is the end of every frame's
 * base64.
 */
export const BODY_TEXT: readonly Uint8Array[] = BODY.map((body) =>
  Buffer.from(Buffer.from(body).toString("base64")),
);
/** Characters of one whole frame, and of its stamp. */
export const FRAME_CHARS = 216;
export const STAMP_CHARS = (STAMP_BYTES / 3) * 4;

function makeBody(kind: number): Uint8Array {
  const out = new Uint8Array(BODY_BYTES);
  if (kind === SILENT) {
    // ±2: quieter than any line, and never 0xff, which is what a relay fills gaps with.
    for (let i = 0; i < out.length; i++) out[i] = i & 1 ? 0x7d : 0xfd;
    return out;
  }
  const pcm = new Int16Array(BODY_BYTES);
  const pitch = 110 + kind * 13;
  for (let i = 0; i < pcm.length; i++) {
    const t = (i + STAMP_BYTES) / 8000;
    const voice = [1, 2, 3, 5, 8].reduce(
      (sum, n) => sum + Math.sin(2 * Math.PI * pitch * n * t + n * kind) / n,
      0,
    );
    pcm[i] = Math.round(5200 * voice);
  }
  encodeUlaw(pcm, out);
  return out;
}

/** Writes a stamp at `at`; `id` and `seq` have 24 bits. */
export function writeStamp(
  out: Uint8Array,
  at: number,
  id: number,
  seq: number,
  body: number,
): void {
  for (let i = 0; i < 4; i++) out[at + i] = MARKER[i]!;
  for (let i = 0; i < 6; i++) {
    out[at + 4 + i] = NEAR_SILENCE | ((id >>> (20 - i * 4)) & 0xf);
    out[at + 10 + i] = NEAR_SILENCE | ((seq >>> (20 - i * 4)) & 0xf);
  }
  out[at + 16] = NEAR_SILENCE | body;
  out[at + 17] = NEAR_SILENCE | checkNibble(id, seq, body);
}

/** Writes the first `bytes` bytes of a frame. */
export function writeFrame(
  out: Uint8Array,
  at: number,
  id: number,
  seq: number,
  body: number,
  bytes = FRAME_BYTES,
): void {
  if (id > MAX_ID || seq > MAX_ID)
    throw new RangeError("a stamp holds 24 bits of id and of number");
  writeStamp(out, at, id, seq, body);
  const source = BODY[body]!;
  out.set(
    bytes === FRAME_BYTES ? source : source.subarray(0, bytes - STAMP_BYTES),
    at + STAMP_BYTES,
  );
}

/** The content of a stamp. One object is reused: read it at once. */
export interface Stamp {
  id: number;
  seq: number;
  body: number;
}

/** True when `bytes` may go on as a stamp from `at`: as much of the marker as is there fits. */
export function mayBeStamp(bytes: Uint8Array, at: number, end: number): boolean {
  const n = Math.min(4, end - at);
  for (let i = 0; i < n; i++) if (bytes[at + i] !== MARKER[i]) return false;
  return true;
}

/** Reads the stamp at `at` into `stamp`. False: there is none. `bytes` must hold 18 more. */
export function readStamp(bytes: Uint8Array, at: number, stamp: Stamp): boolean {
  if (!mayBeStamp(bytes, at, at + 4)) return false;
  let id = 0;
  let seq = 0;
  for (let i = 0; i < 6; i++) {
    const a = bytes[at + 4 + i]!;
    const b = bytes[at + 10 + i]!;
    if ((a & 0xf0) !== NEAR_SILENCE || (b & 0xf0) !== NEAR_SILENCE) return false;
    id = (id << 4) | (a & 0xf);
    seq = (seq << 4) | (b & 0xf);
  }
  const body = bytes[at + 16]! & 0xf;
  if (body >= BODIES || (bytes[at + 16]! & 0xf0) !== NEAR_SILENCE) return false;
  if (bytes[at + 17] !== (NEAR_SILENCE | checkNibble(id, seq, body))) return false;
  stamp.id = id;
  stamp.seq = seq;
  stamp.body = body;
  return true;
}

/** True when the body of a frame of `bytes` bytes at `at` is as it was sent. */
export function sameBody(bytes: Uint8Array, at: number, body: number, frameBytes: number): boolean {
  const expected = BODY[body]!;
  const n = frameBytes - STAMP_BYTES;
  const from = at + STAMP_BYTES;
  for (let i = 0; i < n; i++) if (bytes[from + i] !== expected[i]) return false;
  return true;
}

const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const raw = new Uint8Array(STAMP_BYTES);

/** The stamp as its 24 base64 characters. */
export function writeStampText(
  out: Uint8Array,
  at: number,
  id: number,
  seq: number,
  body: number,
): void {
  writeStamp(raw, 0, id, seq, body);
  for (let i = 0, o = at; i < STAMP_BYTES; i += 3, o += 4) {
    const group = (raw[i]! << 16) | (raw[i + 1]! << 8) | raw[i + 2]!;
    out[o] = ALPHABET[group >>> 18]!;
    out[o + 1] = ALPHABET[(group >>> 12) & 63]!;
    out[o + 2] = ALPHABET[(group >>> 6) & 63]!;
    out[o + 3] = ALPHABET[group & 63]!;
  }
}

const VALUE = new Int8Array(256).fill(-1);
for (let i = 0; i < 64; i++) VALUE[ALPHABET[i]!] = i;

/**
 * Reads one whole frame's 216 base64 characters without decoding its body. False: it is not such a
 * frame, unaltered.
 */
export function readFrameText(text: Uint8Array, at: number, stamp: Stamp): boolean {
  for (let i = 0, o = at; i < STAMP_BYTES; i += 3, o += 4) {
    const group =
      (VALUE[text[o]!]! << 18) |
      (VALUE[text[o + 1]!]! << 12) |
      (VALUE[text[o + 2]!]! << 6) |
      VALUE[text[o + 3]!]!;
    raw[i] = group >>> 16;
    raw[i + 1] = group >>> 8;
    raw[i + 2] = group;
  }
  if (!readStamp(raw, 0, stamp)) return false;
  const expected = BODY_TEXT[stamp.body]!;
  const from = at + STAMP_CHARS;
  for (let i = 0; i < expected.length; i++) if (text[from + i] !== expected[i]) return false;
  return true;
}

const scratch = Buffer.allocUnsafe(1024 * 1024);

/** Decoded audio, valid until the next call. */
export interface Decoded {
  readonly bytes: Uint8Array;
  /** Length of the audio. */
  length: number;
}

const decoded: Decoded = { bytes: scratch, length: 0 };

/** Base64 between `start` and `end` of `text`, by Node's own decoder. */
export function decode(text: Buffer, start: number, end: number): Decoded {
  decoded.length = scratch.write(text.toString("latin1", start, end), 0, "base64");
  return decoded;
}
