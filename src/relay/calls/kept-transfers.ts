import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { KeptTransfer, TransferStates } from "./transfer-service.js";
import { within } from "./within.js";

/** From asking the database for a stored state: Twilio and a caller are waiting. */
const FIND_WAIT_MS = 2_000;

export interface KeptTransfersDeps {
  /** Null: nothing is stored. */
  readonly states: Pick<TransferStates, "find"> | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** The transfers that other processes have stored. */
export class KeptTransfers {
  readonly #deps: KeptTransfersDeps;

  constructor(deps: KeptTransfersDeps) {
    this.#deps = deps;
  }

  /** Null: there is none, or it cannot be read in time. Never rejects. */
  async find(callSid: CallSid): Promise<KeptTransfer | null> {
    try {
      return await this.read(callSid);
    } catch (error) {
      const code = errorCodeOf(error);
      this.#deps.log.warn("transfer: state not read", { callSid, code }, error);
      return null;
    }
  }

  /** @throws RelayError `store_unavailable`, also when the answer takes too long. */
  async read(callSid: CallSid): Promise<KeptTransfer | null> {
    const { states, clock } = this.#deps;
    if (states === null) return null;
    const read = states.find(callSid).then((transfer) => ({ transfer }));
    const answer = await within(clock, FIND_WAIT_MS, read);
    if (answer === null)
      throw new RelayError("store_unavailable", "no answer in time", { retryable: true });
    // If a node of another version wrote it, the URLs hold enough to go on.
    return answer.transfer?.version === 2 ? answer.transfer : null;
  }
}
