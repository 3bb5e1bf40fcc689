import type { CallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { SharedState } from "../../ports/store.js";
import type { SharedSums } from "../../relay/calls/shared-sums.js";
import type { KeptTransfer, TransferStates } from "../../relay/calls/transfer-service.js";

const HOUR_MS = 3_600_000;
/** From the last write of a transfer. `<Dial>` ends a transfer after four hours. */
const TTL_MS = 4 * HOUR_MS + 600_000;

/** The state of transfers, for the process that may have to take them over. */
export class StoredTransferStates implements TransferStates {
  readonly #store: SharedState;
  readonly #sums: SharedSums;
  readonly #log: Log;

  constructor(store: SharedState, sums: SharedSums, log: Log) {
    this.#store = store;
    this.#sums = sums;
    this.#log = log;
  }

  keep(callSid: CallSid, transfer: KeptTransfer): void {
    const stored = this.#store.putState(keyOf(callSid), JSON.stringify(transfer), TTL_MS);
    // The transfer goes on. Only another process could not take it over.
    stored.catch((error: unknown) =>
      this.#log.warn("transfer: state not stored", { callSid }, error),
    );
  }

  async find(callSid: CallSid): Promise<KeptTransfer | null> {
    const found = await this.#store.getState(keyOf(callSid));
    return found === null ? null : JSON.parse(found.value);
  }

  async count(destination: string): Promise<number> {
    return await this.#sums.add(`transfers:${destination}`, 1, HOUR_MS);
  }
}

function keyOf(callSid: CallSid): string {
  return `transfer:${callSid}`;
}
