import type { DeltaScan } from "../../../wire/realtime-audio.js";

/** A longer id is not compared. The server's have 27 characters. */
const MAX_ID_BYTES = 64;
/** Beside the id. */
const TAIL_BYTES = 32;

/**
 * Recognises a delta that the server sends twice in succession. Played twice, it would stutter.
 * Nothing is lost of a server that gives all deltas one id: a repeated id means something only
 * after ids have differed. It allocates nothing: deltas are frequent.
 */
export class RepeatedDelta {
  /** The id, then the last bytes of the delta. */
  readonly #last = new Uint8Array(MAX_ID_BYTES + TAIL_BYTES);
  #idBytes = 0;
  #deltaBytes = 0;
  #idsDiffer = false;

  /** Whether this is the delta of the previous call: the same event id, and the same contents. */
  isSame(
    bytes: Uint8Array,
    { eventIdStart, eventIdEnd, deltaStart, deltaEnd }: DeltaScan,
  ): boolean {
    const idBytes = eventIdEnd - eventIdStart;
    const deltaBytes = deltaEnd - deltaStart;
    const tailBytes = Math.min(deltaBytes, TAIL_BYTES);
    if (idBytes === 0 || idBytes > MAX_ID_BYTES) return false;
    const hasSameId = idBytes === this.#idBytes && this.#holds(bytes, eventIdStart, idBytes, 0);
    if (
      hasSameId &&
      this.#idsDiffer &&
      deltaBytes === this.#deltaBytes &&
      this.#holds(bytes, deltaEnd - tailBytes, tailBytes, MAX_ID_BYTES)
    )
      return true;
    if (!hasSameId && this.#idBytes > 0) this.#idsDiffer = true;
    this.#idBytes = idBytes;
    this.#deltaBytes = deltaBytes;
    this.#keep(bytes, eventIdStart, idBytes, 0);
    this.#keep(bytes, deltaEnd - tailBytes, tailBytes, MAX_ID_BYTES);
    return false;
  }

  #holds(bytes: Uint8Array, start: number, length: number, at: number): boolean {
    for (let i = 0; i < length; i++) if (this.#last[at + i] !== bytes[start + i]) return false;
    return true;
  }

  #keep(bytes: Uint8Array, start: number, length: number, at: number): void {
    for (let i = 0; i < length; i++) this.#last[at + i] = bytes[start + i]!;
  }
}
