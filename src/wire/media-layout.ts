import { core, coreMemory, coreNumbers, placeOf } from "../codec/audio-core.js";

const FIELDS = 5;
/** In place of the id of the stream where a message does not have it, or not as a plain word. */
const NOTHING = 5;
/** Field, start and end of each, and the length of the message. */
const HEAD_BYTES = (3 * FIELDS + 1) * 4;
/** Longer messages are always scanned in full. */
const MAX_LEARNED_BYTES = 2048;

const LAYOUT = placeOf("LAYOUT");
const TEXT = placeOf("TEXT");
const found = coreNumbers("FOUND", 4);

/** What `MediaLayout.scan` returns when the message has another layout. */
export const OTHER_LAYOUT = -1;

/**
 * The layout of media messages. One sender writes all of them alike except for three counts, the
 * audio and the id of the stream. The layout is learned from a message that was scanned in full.
 * Another message with the same bytes around its fields has the same meaning, and comparing takes a
 * small part of the time of scanning.
 */
export class MediaLayout {
  static readonly SEQUENCE_NUMBER = 0;
  static readonly CHUNK = 1;
  static readonly TIMESTAMP = 2;
  static readonly PAYLOAD = 3;
  /** The only field that a message may lack: it then starts and ends at 0. */
  static readonly STREAM_SID = 4;

  /** Whose block is at LAYOUT. */
  static #placed: MediaLayout | null = null;

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
    const entries = Array.from({ length: FIELDS }, (_, field) =>
      ends[field] === 0
        ? [NOTHING, bytes.length, bytes.length]
        : [field, starts[field]!, ends[field]!],
    );
    entries.sort((a, b) => a[1]! - b[1]!);
    head.set(entries.flat());
    head[3 * FIELDS] = bytes.length;
    block.set(bytes, HEAD_BYTES);
    this.#block = block;
    MediaLayout.#placed = null;
  }

  /**
   * Reads a message of this layout. Its fields are in the getters below, its audio is at
   * MESSAGE_AUDIO of the core's memory. Allocates nothing.
   *
   * @returns  bytes of audio; OTHER_LAYOUT; −2: it has this layout, and a field is not valid.
   */
  scan(bytes: Uint8Array): number {
    if (this.#block === null) return OTHER_LAYOUT;
    if (MediaLayout.#placed !== this) {
      coreMemory.set(this.#block, LAYOUT);
      MediaLayout.#placed = this;
    }
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
