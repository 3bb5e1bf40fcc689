import { createHash } from "node:crypto";
import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { SharedState } from "../../ports/store.js";
import type { KeptTransfer, TransferStates } from "../../relay/calls/transfer-service.js";

const HOUR_MS = 3_600_000;
/** From the last write of a transfer. `<Dial>` ends a transfer after four hours. */
const TTL_MS = 4 * HOUR_MS + 600_000;

/** The state of transfers, for the process that may have to take them over. */
export class StoredTransferStates implements TransferStates {
  readonly #store: SharedState;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(store: SharedState, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
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
    const hour = Math.floor(this.#clock.epochMs() / HOUR_MS);
    // A destination may be a phone number, which does not belong in a key.
    const hash = createHash("sha256").update(destination).digest("hex").slice(0, 32);
    const counter = `transfers:${hash}:${hour}`;
    // Each write adds one to the version.
    await this.#store.putState(counter, "", HOUR_MS);
    return (await this.#store.getState(counter))?.version ?? 0;
  }
}

function keyOf(callSid: CallSid): string {
  return `transfer:${callSid}`;
}
