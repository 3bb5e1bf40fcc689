import { core, coreMemory, coreNumbers, placeOf } from "../codec/audio-core.js";

const FIELDS = 4;
/** Field, start and end of each, and the length of the message. */
const HEAD_BYTES = (3 * FIELDS + 1) * 4;
/** Longer messages are always scanned in full. */
const MAX_LEARNED_BYTES = 2048;

const LAYOUT = placeOf("LAYOUT");
const TEXT = placeOf("TEXT");
const found = coreNumbers("FOUND", FIELDS);

/** What `MediaLayout.scan` returns when the message has another layout. */
export const OTHER_LAYOUT = -1;

/**
 * The layout of a peer's media messages. One sender writes all of them alike except for three
 * counts and the audio. The layout is learned from a message that was scanned in full. Another
 * message with the same bytes around its fields has the same meaning, and comparing takes a small
 * part of the time of scanning.
 */
export class MediaLayout {
  static readonly SEQUENCE_NUMBER = 0;
  static readonly CHUNK = 1;
  static readonly TIMESTAMP = 2;
  static readonly PAYLOAD = 3;

  /** The learned message with its fields, as the module reads it; null: none yet. */
  #block: Uint8Array | null = null;

  /**
   * Learns the layout of `bytes`, whose fields are `bytes[starts[f] … ends[f])`, without their
   * quotes.
   */
  learn(bytes: Uint8Array, starts: Uint32Array, ends: Uint32Array): void {
    if (bytes.length > MAX_LEARNED_BYTES) return;
    const block = new Uint8Array(HEAD_BYTES + bytes.length);
    const head = new Int32Array(block.buffer, 0, HEAD_BYTES / 4);
    const order = Uint8Array.from({ length: FIELDS }, (_, field) => field);
    order.sort((a, b) => starts[a]! - starts[b]!);
    for (const [i, field] of order.entries())
      head.set([field, starts[field]!, ends[field]!], 3 * i);
    head[3 * FIELDS] = bytes.length;
    block.set(bytes, HEAD_BYTES);
    this.#block = block;
  }

  /**
   * Reads a message of this layout. Its fields are in the getters below, its audio is at
   * MESSAGE_AUDIO of the core's memory. Allocates nothing.
   *
   * @returns  bytes of audio; OTHER_LAYOUT; −2: it has this layout, and a field is not valid.
   */
  scan(bytes: Uint8Array): number {
    if (this.#block === null) return OTHER_LAYOUT;
    coreMemory.set(this.#block, LAYOUT);
    coreMemory.set(bytes, TEXT);
    return core.scanMedia(bytes.length);
  }

  get sequenceNumber(): number {
    return found[0]!;
  }

  get timestampMs(): number {
    return found[1]!;
  }

  get payloadStart(): number {
    return found[2]!;
  }

  get payloadEnd(): number {
    return found[3]!;
  }
}
