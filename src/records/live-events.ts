import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import { type Redact, redactEvent } from "./redact.js";

/** Hears what calls tell, cleaned as it is stored. Must not throw, and not take long: a call waits for it. */
export type CallListener = (callSid: CallSid, event: RecordEvent) => void;

/** A journal that lets others listen while it is written. Without a listener it costs nothing. */
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
    if (this.#listeners.size === 0) return;
    const clean = redactEvent(event, this.#redact);
    for (const listener of this.#listeners) listener(callSid, clean);
  }

  /** @returns ends it. */
  listen(listener: CallListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
