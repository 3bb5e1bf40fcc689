import type { UpstreamSocket } from "../../../ports/sockets.js";
import { AppendWriter } from "../../../wire/realtime-audio.js";
import { type ClientEvent, encodeClientEvent } from "../../../wire/realtime-client.js";

/**
 * The most that may wait for the socket: about a minute of caller audio. Without a limit, a stalled
 * network would fill the memory of the process.
 */
export const MAX_BACKLOG_BYTES = 1024 * 1024;

// All sessions share one writer of each kind: sockets copy at once, memory that every call uses
// stays in the cache, and frames mostly have the same length, so that their view can be reused.
const frames = new AppendWriter();
const joined = new AppendWriter();

/** What one session sends: client events with ids of their own, and the caller's audio. */
export class Outbox {
  readonly #socket: UpstreamSocket;
  #count = 0;
  #open = true;

  constructor(socket: UpstreamSocket) {
    this.#socket = socket;
  }

  /** "truncate" → "truncate-7". The server repeats the id in the error if that event fails. */
  eventId(what: string): string {
    return `${what}-${++this.#count}`;
  }

  send(event: ClientEvent): void {
    if (this.#open) this.#socket.send(encodeClientEvent(event));
  }

  /** Base64 mu-law as it came. */
  appendBase64(base64: Uint8Array, start: number, end: number): void {
    if (this.#open) this.#socket.send(frames.append(base64, start, end));
  }

  appendUlaw(ulaw: Uint8Array, start: number, end: number): void {
    if (this.#open) this.#socket.send(joined.appendUlaw(ulaw, start, end));
  }

  get isCongested(): boolean {
    return this.#socket.bufferedBytes() > MAX_BACKLOG_BYTES;
  }

  /** Idempotent; nothing is sent after it. */
  close(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close(1000, reason);
  }
}
