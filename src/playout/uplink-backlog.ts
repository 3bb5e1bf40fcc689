import { BYTES_PER_MS } from "../codec/frame.js";

/** What may wait for a session that is not ready yet. */
export const BACKLOG_LIMIT_BYTES = 10_000 * BYTES_PER_MS;

/**
 * Caller audio that arrived before the model could hear it. Kept in order and sent first; past ten seconds
 * the oldest goes, because what the caller said last is what an answer must fit.
 */
export class UplinkBacklog {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #droppedBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  /** Copies `ulaw[start, end)`. */
  push(ulaw: Uint8Array, start: number, end: number): void {
    this.#chunks.push(ulaw.slice(start, end));
    this.#bytes += end - start;
    while (this.#bytes > BACKLOG_LIMIT_BYTES) {
      const oldest = this.#chunks.shift()!;
      this.#bytes -= oldest.length;
      this.#droppedBytes += oldest.length;
    }
  }

  /** Hands everything out, oldest first, and is empty then. */
  drain(to: (ulaw: Uint8Array) => void): void {
    for (const chunk of this.#chunks) to(chunk);
    this.clear();
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
  }
}
