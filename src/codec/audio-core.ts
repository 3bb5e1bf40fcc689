/**
 * The arithmetic of the audio path as one WebAssembly module with SIMD (sources: assembly/). It has
 * one memory for all calls, in which an audio message is handled completely before the next one:
 * the message is copied in once, and everything that reads it stays there.
 */
import { AUDIO_CORE } from "./audio-core-module.js";
import { ulawToLinear } from "./ulaw.js";

/**
 * What the module exports. Positions are in bytes of `coreMemory`, lengths in bytes; `ulaw` is the
 * position of mu-law audio, a step is 10 ms of it. A level in octaves is log2 of a mean square.
 */
export interface AudioCore {
  readonly memory: { readonly buffer: ArrayBuffer };
  /**
   * Scans the media message of `length` bytes at TEXT.
   *
   * @returns bytes of audio, which is at MESSAGE_AUDIO; -1: the message has another layout; -2: one
   *          of its fields is not valid.
   */
  scanMedia(length: number): number;
  /** @returns bytes written; -1: the text is not canonical base64. */
  decodeBase64(src: number, length: number, dst: number): number;
  /** @returns characters written, padding included. */
  encodeBase64(src: number, length: number, dst: number): number;
  copy(to: number, from: number, length: number): void;
  /** Writes the level of each band over `steps`, in octaves, to LEVELS. */
  envelope(ulaw: number, steps: number): void;
  /** Writes the levels of each step, as bytes in half decibels, to STEP_LEVELS. */
  stepLevels(ulaw: number, steps: number): void;
  /** @returns 1: the sum of squares is at most `energy`; otherwise 0. */
  isQuieter(ulaw: number, length: number, energy: number): number;
  /** Turns `count` powers at `at` into octaves, in place. */
  toOctaves(at: number, count: number): void;
  /** The power of a frame and of its wide bands. */
  splitWide(ulaw: number): void;
  /** The power of the low bands of the same frame. @returns its periodicity, at most 32. */
  splitLow(): number;
  /** Computes the cues of a frame. The next three take them further; `scoreFrame` does it all. */
  computeCues(ulaw: number): void;
  recallScores(): void;
  rememberScore(score: number): void;
  /** @returns the log odds of speech by the cues. */
  weighFrame(): number;
  /** @returns the log odds of speech in a frame, after the frames before it. */
  scoreFrame(ulaw: number): number;
}

type Place =
  | "LINEAR"
  | "MANTISSA"
  | "WEIGHTS"
  | "BIAS"
  | "OUTPUT"
  | "CUES"
  | "POWERS"
  | "STATE"
  | "LEVELS"
  | "AUDIO"
  | "FOUND"
  | "LAYOUT"
  | "MESSAGE_AUDIO"
  | "PLAYOUT"
  | "COPY"
  | "STEP_LEVELS"
  | "TEXT"
  | "BYTES";

/** Every supported Node has it; its types are those of browsers. */
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const binary = Buffer.from(AUDIO_CORE.join(""), "base64");
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary));

export const core = exports as AudioCore;
export const coreMemory = new Uint8Array(core.memory.buffer);

const places = exports as Readonly<Record<Place, { readonly value: number }>>;

/** Where something is in `coreMemory`. */
export function placeOf(name: Place): number {
  return places[name].value;
}

/** `count` numbers of `coreMemory`, shared with the module. */
export function coreNumbers(name: Place, count: number): Float64Array {
  return new Float64Array(core.memory.buffer, placeOf(name), count);
}

/** Size of the places, in bytes. */
const AUDIO_BYTES = 1024;
export const TEXT_CHARS = 64 * 1024;
export const BYTES_BYTES = 48 * 1024;

const AUDIO = placeOf("AUDIO");
const TEXT = placeOf("TEXT");
const BYTES = placeOf("BYTES");
const MESSAGE_AUDIO = placeOf("MESSAGE_AUDIO");
const COPY = placeOf("COPY");

coreNumbers("LINEAR", 256).set(ulawToLinear);
const MANTISSA_BITS = 10;
coreNumbers("MANTISSA", 1 << MANTISSA_BITS).set(
  Array.from({ length: 1 << MANTISSA_BITS }, (_, i) => Math.log2(1 + (i + 0.5) / 1024)),
);

/** The audio of the caller's present message. */
export const callerAudio = coreMemory.subarray(MESSAGE_AUDIO, MESSAGE_AUDIO + BYTES_BYTES);
/** Audio of the model, as long as it is handled. */
export const modelAudio = coreMemory.subarray(BYTES, BYTES + BYTES_BYTES);

/** Where an array begins in `coreMemory`; -1: it is elsewhere. Cheaper than to compare buffers. */
export function coreBase(bytes: Uint8Array): number {
  if (bytes === callerAudio) return MESSAGE_AUDIO;
  if (bytes === coreMemory) return 0;
  return bytes === modelAudio ? BYTES : -1;
}

/**
 * Where `ulaw[start … end)` is in `coreMemory`; audio that is elsewhere is copied there first.
 *
 * @throws RangeError for more than 1 KiB that is elsewhere.
 */
export function placeAudio(ulaw: Uint8Array, start: number, end: number): number {
  const base = coreBase(ulaw);
  if (base >= 0) return base + start;
  const n = end - start;
  if (n > AUDIO_BYTES)
    throw new RangeError(`at most ${AUDIO_BYTES} bytes of audio can be placed at once, not ${n}`);
  // A loop, because a view for `set` would be an allocation.
  for (let i = 0; i < n; i++) coreMemory[AUDIO + i] = ulaw[start + i]!;
  return AUDIO;
}

/**
 * Where `bytes[start … end)` is, to be decoded or encoded. Copies whole arrays: that needs no view.
 */
function placeIn(
  bytes: Uint8Array,
  start: number,
  end: number,
  place: number,
  capacity: number,
): number {
  const base = coreBase(bytes);
  if (base >= 0) return base + start;
  if (bytes.length <= capacity) {
    coreMemory.set(bytes, place);
    return place + start;
  }
  coreMemory.set(bytes.subarray(start, end), place);
  return place;
}

/** Base64 text as input, at most TEXT_CHARS of it. */
export function placeText(text: Uint8Array, start: number, end: number): number {
  return placeIn(text, start, end, TEXT, TEXT_CHARS);
}

/** Bytes as input, at most BYTES_BYTES of them. */
export function placeBytes(bytes: Uint8Array, start: number, end: number): number {
  return placeIn(bytes, start, end, BYTES, BYTES_BYTES);
}

const LONGEST_KEPT_VIEW = 4096;

/** Views from a place on, by length. There are few lengths, and a new view is an allocation. */
class Views {
  readonly #place: number;
  /** As long as it will ever be: an array that grows by far indices would be a slow dictionary. */
  readonly #byLength: (Uint8Array | null)[] = new Array(LONGEST_KEPT_VIEW + 1).fill(null);

  constructor(place: number) {
    this.#place = place;
  }

  of(length: number): Uint8Array {
    const known = this.#byLength[length];
    if (known !== null && known !== undefined) return known;
    const view = coreMemory.subarray(this.#place, this.#place + length);
    this.#byLength[length] = view;
    return view;
  }
}

const textViews = new Views(TEXT);
const bytesViews = new Views(BYTES);
const callerViews = new Views(MESSAGE_AUDIO);
const copyViews = new Views(COPY);

/** The first `length` bytes at TEXT, as they are until text is placed there again. */
export function textView(length: number): Uint8Array {
  return length <= LONGEST_KEPT_VIEW
    ? textViews.of(length)
    : coreMemory.subarray(TEXT, TEXT + length);
}

/** Copies the first `n` bytes at TEXT or BYTES to `out`. */
export function copyOut(place: number, n: number, out: Uint8Array, outStart: number): void {
  const kept = n <= LONGEST_KEPT_VIEW;
  if (!kept) out.set(coreMemory.subarray(place, place + n), outStart);
  else out.set((place === TEXT ? textViews : bytesViews).of(n), outStart);
}

/** Copies `src[start … end)` to `out`. Allocates nothing for up to 4 KiB. */
export function copyAudio(
  src: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outStart: number,
): void {
  const n = end - start;
  const base = coreBase(src);
  if (n > LONGEST_KEPT_VIEW) out.set(src.subarray(start, end), outStart);
  else if (base < 0) for (let i = 0; i < n; i++) out[outStart + i] = src[start + i]!;
  else if (start === 0 && base === MESSAGE_AUDIO) out.set(callerViews.of(n), outStart);
  else if (start === 0 && base === BYTES) out.set(bytesViews.of(n), outStart);
  else {
    core.copy(COPY, base + start, n);
    out.set(copyViews.of(n), outStart);
  }
}
