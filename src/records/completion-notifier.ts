import type { CallRecord } from "../domain/call-record.js";
import { errorCodeOf } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Crm } from "../ports/crm.js";
import type { Log } from "../ports/log.js";

/**
 * A journal that tells the customer database of each call that has ended (`crm.call_completed`).
 * Every event goes on to the journal behind it.
 */
export class CompletionNotifier implements CallJournal {
  readonly #journal: CallJournal;
  readonly #record: (callSid: CallSid) => Promise<CallRecord | null>;
  readonly #completed: Crm["completed"];
  readonly #log: Log;

  /**
   * @param record     returns the call's record as it stands.
   * @param completed  keeps the record on disk until the customer database has accepted it.
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
    if (event.type === "ended") void this.notify(callSid);
  }

  /**
   * Notifies of a call that has ended. Recovery calls this for calls that a dead process may have
   * reported already. Never rejects.
   */
  async notify(callSid: CallSid): Promise<void> {
    try {
      const record = await this.#record(callSid);
      if (record === null) return;
      const { from, to } = record;
      await this.#completed({ callSid, from: from ?? "", to: to ?? "" }, JSON.stringify(record));
    } catch (error) {
      const code = errorCodeOf(error);
      this.#log.error("crm: call_completed not stored", { callSid, code }, error);
    }
  }
}
