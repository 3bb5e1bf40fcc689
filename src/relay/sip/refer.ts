import { errorCodeOf } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { SipControl } from "../../ports/model-rest.js";
import { REFER_MS, referOutcome, referTarget } from "../../transfer/destinations/refer.js";
import type { Call } from "../call/call.js";
import * as prompts from "../call/prompts.js";
import type { SipPath } from "./sip-path.js";

export interface ReferDeps {
  readonly sip: Pick<SipControl, "refer">;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "transfers">;
  readonly log: Log;
}

/** A call that came straight from a trunk, as far as a REFER needs it. */
export type ReferredCall = Pick<Call, "parties" | "agent" | "eventLog" | "execute"> & {
  readonly path: Pick<SipPath, "callId">;
};

interface Referral {
  readonly call: ReferredCall;
  readonly request: TransferRequest;
}

/**
 * Cold transfers by REFER, the only kind that a trunk call offers. If the call's leg ends within
 * REFER_MS, the carrier has carried the transfer out.
 */
export class ReferTransfers {
  readonly #deps: ReferDeps;
  readonly #running = new Map<CallSid, Referral>();

  constructor(deps: ReferDeps) {
    this.#deps = deps;
  }

  begin(call: ReferredCall, request: TransferRequest): void {
    const { destination: name, reason, summary, urgency, by } = request;
    const { eventLog, agent, path, parties } = call;
    const { callId } = path;
    const target = referTarget(agent.transfer.destinations.get(name));
    eventLog.write({
      type: "transfer_requested",
      atMs: eventLog.atMs,
      destination: name,
      kind: "refer",
      reason,
      summary,
      urgency,
      by,
    });
    const referral = { call, request };
    this.#running.set(parties.callSid, referral);
    if (callId === null || target === null) {
      this.#ended(referral, false);
      return;
    }
    this.#deps.sip.refer(callId, target).then(
      () => this.#deps.clock.after(REFER_MS, () => this.#ended(referral, false)),
      (error: unknown) => {
        const code = errorCodeOf(error);
        this.#deps.log.warn("sip: REFER refused", { callSid: parties.callSid, code }, error);
        this.#ended(referral, code === "caller_gone");
      },
    );
  }

  /** The call's leg has ended. True: because its REFER was carried out. */
  left(callSid: CallSid): boolean {
    const referral = this.#running.get(callSid);
    if (referral === undefined) return false;
    this.#ended(referral, true);
    return true;
  }

  /** The call is over. */
  forget(callSid: CallSid): void {
    this.#running.delete(callSid);
  }

  #ended(referral: Referral, taken: boolean): void {
    const { call, request } = referral;
    const { callSid } = call.parties;
    if (this.#running.get(callSid) !== referral) return;
    this.#running.delete(callSid);
    const { destination, by } = request;
    const { eventLog } = call;
    const outcome = referOutcome(taken);
    eventLog.write({ type: "transfer_outcome", atMs: eventLog.atMs, destination, outcome });
    this.#deps.metrics.transfers.add(1, call.agent.name, "refer", outcome);
    if (taken) call.execute({ type: "transfer_ended", next: "connected" });
    else if (by === "failure") call.execute({ type: "transfer_ended", next: "apology" });
    else {
      call.execute({ type: "transfer_ended", next: "back_to_agent" });
      const fact = prompts.transferFailed({ destination, outcome: "failed", refusal: null });
      call.execute({ type: "tell_model", fact });
    }
  }
}
