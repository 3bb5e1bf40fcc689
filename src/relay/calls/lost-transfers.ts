import { errorCodeOf } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { Cluster } from "./cluster.js";
import type { TransferService } from "./transfer-service.js";

export interface LostTransfersDeps {
  readonly transfers: Pick<TransferService, "recover">;
  /** `knows`: this process has the call, or a transfer of it. */
  readonly calls: { knows(callSid: CallSid): boolean };
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "ask"> | null;
  readonly log: Log;
}

/**
 * Takes up the transfers of processes that died and of which Twilio says nothing more. A caller who
 * waits in hold music causes no callback: where the process died before it had the human called,
 * nobody would call them, and the music would play until the caller hangs up.
 */
export class LostTransfers {
  readonly #deps: LostTransfersDeps;
  /** One after the other: a process may have left hundreds of calls. */
  #last: Promise<void> = Promise.resolve();

  constructor(deps: LostTransfersDeps) {
    this.#deps = deps;
  }

  /** The process of this call died, some time ago. */
  processLost(callSid: CallSid): void {
    this.#last = this.#last.then(() => this.#look(callSid));
  }

  async #look(callSid: CallSid): Promise<void> {
    const { transfers, calls, cluster, log } = this.#deps;
    try {
      if (calls.knows(callSid)) return;
      // A callback may have reached another process before.
      const owner = cluster === null ? null : await cluster.ask(callSid, { kind: "known" });
      if (owner !== null) return;
      await transfers.recover(callSid);
    } catch (error) {
      const code = errorCodeOf(error);
      log.error("transfer: not taken up from a dead process", { callSid, code }, error);
    }
  }
}
