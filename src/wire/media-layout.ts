import { base64End } from "../codec/base64.js";
import { digitsEnd, readDigits, startsAt } from "./json-scan.js";

const FIELDS = 4;

/**
 * The layout of a peer's media messages. One sender writes all of them alike except for three
 * counts and the audio. The layout is learned from a message that was scanned in full. Another
 * message with the same bytes around its fields has the same meaning, and comparing takes less than
 * half the time of scanning.
 */
export class MediaLayout {
  static readonly SEQUENCE_NUMBER = 0;
  static readonly CHUNK = 1;
  static readonly TIMESTAMP = 2;
  static readonly PAYLOAD = 3;

  #sample = new Uint8Array(0);
  #known = false;
  readonly #order = new Uint8Array(FIELDS);
  readonly #sampleStart = new Uint32Array(FIELDS);
  readonly #sampleEnd = new Uint32Array(FIELDS);
  /** Where the fields of the last matched message are; by field, not by order. */
  readonly start = new Uint32Array(FIELDS);
  readonly end = new Uint32Array(FIELDS);

  /** Learns the layout of `bytes`, whose fields are at `start` and `end`, without their quotes. */
  learn(bytes: Uint8Array): void {
    if (this.#sample.length !== bytes.length) this.#sample = new Uint8Array(bytes.length);
    this.#sample.set(bytes);
    this.#order.set([0, 1, 2, 3]);
    this.#order.sort((a, b) => this.start[a]! - this.start[b]!);
    this.#sampleStart.set(this.start);
    this.#sampleEnd.set(this.end);
    this.#known = true;
  }

  /**
   * True: `bytes` has this layout, and `start` and `end` tell where its fields are. A payload that
   * comes last is not checked here, because decoding checks it.
   */
  matches(bytes: Uint8Array): boolean {
    if (!this.#known) return false;
    const rest = this.#sample.length - this.#sampleEnd[this.#order[FIELDS - 1]!]!;
    const restAt = bytes.length - rest;
    let at = 0;
    let sampleAt = 0;
    for (let i = 0; i < FIELDS; i++) {
      const field = this.#order[i]!;
      const around = this.#sampleStart[field]! - sampleAt;
      if (!startsAt(bytes, at, this.#sample, sampleAt, around)) return false;
      at += around;
      this.start[field] = at;
      if (field !== MediaLayout.PAYLOAD) at = digitsEnd(bytes, at);
      else if (i < FIELDS - 1) at = base64End(bytes, at, bytes.length);
      else at = restAt < at ? -1 : restAt;
      if (at < 0) return false;
      this.end[field] = at;
      sampleAt = this.#sampleEnd[field]!;
    }
    return at === restAt && startsAt(bytes, at, this.#sample, sampleAt, rest);
  }

  /**
   * The count in a field of the last matched message; -1 when it has no digits, or too many to be
   * exact.
   */
  digits(bytes: Uint8Array, field: number): number {
    return readDigits(bytes, this.start[field]!, this.end[field]!);
  }
}
