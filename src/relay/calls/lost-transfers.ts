import { doublingPauses } from "../../domain/backoff.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Cluster } from "./cluster.js";
import type { TransferService } from "./transfer-service.js";

export interface LostTransfersDeps {
  readonly transfers: Pick<TransferService, "recover">;
  /** `knows`: this process has the call, or a transfer of it. */
  readonly calls: { knows(callSid: CallSid): boolean };
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "ask"> | null;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/** Between the tries to read a stored transfer: for about five minutes in all. */
const PAUSES = doublingPauses(1_000, 60_000, 10);

/**
 * Takes over the transfers of dead processes for which Twilio sends no further callback. A caller
 * in hold music causes none: when the process died before it called the human, the music would play
 * until the caller hangs up. For the same reason, a state that cannot be read is read again.
 */
export class LostTransfers {
  readonly #deps: LostTransfersDeps;
  /** They are taken over one after the other: a process may have left hundreds of calls. */
  #last: Promise<void> = Promise.resolve();

  constructor(deps: LostTransfersDeps) {
    this.#deps = deps;
  }

  /** The process of this call died some time ago. */
  processLost(callSid: CallSid): void {
    this.#queue(callSid, 0);
  }

  #queue(callSid: CallSid, failures: number): void {
    this.#last = this.#last.then(() => this.#recover(callSid, failures));
  }

  async #recover(callSid: CallSid, failures: number): Promise<void> {
    const { transfers, calls, cluster, clock, log } = this.#deps;
    try {
      if (calls.knows(callSid)) return;
      // After a callback, another process may already have taken it over.
      const owner = cluster === null ? null : await cluster.ask(callSid, { kind: "known" });
      if (owner !== null) return;
      await transfers.recover(callSid);
    } catch (error) {
      const code = errorCodeOf(error);
      log.error("transfer: not taken over from a dead process", { callSid, code }, error);
      const mayPass = error instanceof RelayError && error.retryable;
      const pauseMs = mayPass ? PAUSES(failures + 1) : null;
      if (pauseMs !== null) clock.after(pauseMs, () => this.#queue(callSid, failures + 1));
    }
  }
}
