import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Redact } from "./redact.js";
import { storableEvent } from "./storable-event.js";

/**
 * Receives record events as they are stored: redacted, and with long texts cut. It must return
 * quickly and must not throw: a call waits for it.
 */
export type CallListener = (callSid: CallSid, event: RecordEvent) => void;

/**
 * A journal with listeners. Every event goes on to the journal behind it. Without a listener it
 * costs nothing.
 */
export class LiveEvents implements CallJournal {
  readonly #journal: CallJournal;
  readonly #redact: Redact;
  readonly #listeners = new Set<CallListener>();

  constructor(journal: CallJournal, redact: Redact) {
    this.#journal = journal;
    this.#redact = redact;
  }

  write(callSid: CallSid, event: RecordEvent): void {
    this.#journal.write(callSid, event);
    this.show(callSid, event);
  }

  show(callSid: CallSid, event: RecordEvent): void {
    if (this.#listeners.size === 0) return;
    const clean = storableEvent(event, this.#redact);
    for (const listener of this.#listeners) listener(callSid, clean);
  }

  /** @returns a function that removes the listener. */
  listen(listener: CallListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
