import type { CallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { SharedState } from "../../ports/store.js";
import type { KeptSipCall, SipStates } from "../../relay/sip/sip-states.js";

/** OpenAI ends a call after an hour. */
const TTL_MS = 2 * 3_600_000;

/** The state of callers on the SIP path, for the process that may have to take them over. */
export class StoredSipStates implements SipStates {
  readonly #store: SharedState;
  readonly #log: Log;
  /** Queries on a pool can overtake each other, so the next write of a call waits for the last. */
  readonly #writes = new Map<CallSid, Promise<unknown>>();

  constructor(store: SharedState, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  keep(callSid: CallSid, call: KeptSipCall): void {
    this.#after(callSid, () => this.#store.putState(keyOf(callSid), JSON.stringify(call), TTL_MS));
  }

  drop(callSid: CallSid): void {
    this.#after(callSid, () => this.#store.removeState(keyOf(callSid)));
  }

  async find(callSid: CallSid): Promise<KeptSipCall | null> {
    const found = await this.#store.getState(keyOf(callSid));
    return found === null ? null : JSON.parse(found.value);
  }

  #after(callSid: CallSid, write: () => Promise<unknown>): void {
    const before = this.#writes.get(callSid) ?? Promise.resolve();
    const done = before
      .then(write)
      // The call goes on. Only another process could not take it over.
      .catch((error: unknown) => this.#log.warn("sip: state not stored", { callSid }, error))
      .then(() => {
        if (this.#writes.get(callSid) === done) this.#writes.delete(callSid);
      });
    this.#writes.set(callSid, done);
  }
}

function keyOf(callSid: CallSid): string {
  return `sip:${callSid}`;
}
