import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Crm } from "../ports/crm.js";
import type { Log } from "../ports/log.js";

/** A journal that tells the customer database of each call that is over; all goes on to the journal behind it. */
export class CompletionNotifier implements CallJournal {
  readonly #journal: CallJournal;
  readonly #record: (callSid: CallSid) => Promise<CallRecord | null>;
  readonly #completed: Crm["completed"];
  readonly #log: Log;

  /**
   * @param record     the call's record as it stands.
   * @param completed  keeps it on disk until the other side has accepted it.
   */
  constructor(
    journal: CallJournal,
    record: (callSid: CallSid) => Promise<CallRecord | null>,
    completed: Crm["completed"],
    log: Log,
  ) {
    this.#journal = journal;
    this.#record = record;
    this.#completed = completed;
    this.#log = log;
  }

  write(callSid: CallSid, event: RecordEvent): void {
    this.#journal.write(callSid, event);
    if (event.type === "ended") void this.tell(callSid);
  }

  /** Of a call that is over; also of one that a process which died may have told of already. Never rejects. */
  async tell(callSid: CallSid): Promise<void> {
    try {
      const record = await this.#record(callSid);
      if (record === null) return;
      const { from, to } = record;
      await this.#completed({ callSid, from: from ?? "", to: to ?? "" }, JSON.stringify(record));
    } catch (error) {
      this.#log.error("the customer database will not hear of a call", { callSid }, error);
    }
  }
}
