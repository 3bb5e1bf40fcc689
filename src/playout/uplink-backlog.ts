import { BYTES_PER_MS } from "../codec/frame.js";

/** The most audio that waits for a session that is not ready yet: ten seconds. */
export const BACKLOG_LIMIT_BYTES = 10_000 * BYTES_PER_MS;

/**
 * Caller audio that arrived before the model could hear it. It is kept in order and sent first.
 * Past the limit the oldest is dropped, because an answer must fit what the caller said last.
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

  /** Hands everything out, oldest first, and is empty afterwards. */
  drain(to: (ulaw: Uint8Array) => void): void {
    for (const chunk of this.#chunks) to(chunk);
    this.clear();
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
  }
}
