import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import { type PriceTable, priced } from "./cost.js";
import { applyEvent, emptyRecord } from "./record.js";

/** Keeps the newest `limit` records, in memory only: for the demo, load runs and tests. */
export class MemoryJournal implements CallJournal {
  readonly #records = new Map<CallSid, CallRecord>();
  readonly #prices: PriceTable | null;
  readonly #limit: number;
  readonly #onEvent: ((callSid: CallSid, event: RecordEvent) => void) | null;

  /** @param options  `onEvent` is called with each event as it is written. */
  constructor(
    options: {
      readonly prices?: PriceTable;
      readonly limit?: number;
      readonly onEvent?: (callSid: CallSid, event: RecordEvent) => void;
    } = {},
  ) {
    this.#prices = options.prices ?? null;
    this.#limit = options.limit ?? 1_000;
    this.#onEvent = options.onEvent ?? null;
  }

  write(callSid: CallSid, event: RecordEvent): void {
    const record = applyEvent(this.#records.get(callSid) ?? emptyRecord(callSid), event);
    this.#records.set(callSid, record);
    if (this.#records.size > this.#limit) {
      for (const oldest of this.#records.keys()) {
        this.#records.delete(oldest);
        break;
      }
    }
    this.#onEvent?.(callSid, event);
  }

  record(callSid: CallSid): CallRecord | null {
    const record = this.#records.get(callSid);
    if (record === undefined) return null;
    return this.#prices === null ? record : priced(record, this.#prices);
  }

  /** False when the call was not known. */
  remove(callSid: CallSid): boolean {
    return this.#records.delete(callSid);
  }

  /** Oldest first. */
  records(): CallRecord[] {
    return [...this.#records.keys()].flatMap((callSid) => this.record(callSid) ?? []);
  }
}
