import type { AgentProfile } from "../../domain/agent-profile.js";
import { doublingPauses } from "../../domain/backoff.js";
import { errorCodeOf } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallControl } from "../../ports/twilio.js";
import type { CallHost } from "../call/call-deps.js";
import type { ReferTransfers } from "../sip/refer.js";
import type { SipStates } from "../sip/sip-states.js";
import type { Cluster } from "./cluster.js";
import { lastRedirect } from "./last-redirect.js";
import type { CallRegistry, RelayCall, SipCall } from "./registry.js";
import type { TransferService } from "./transfer-service.js";
import { fallbackRequest } from "./transfers.js";
import { apologyTwiml } from "./voice-twiml.js";

export interface CallExitsDeps {
  readonly registry: CallRegistry;
  readonly transfers: TransferService;
  readonly control: Pick<CallControl, "redirect" | "hangUp">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "release"> | null;
}

/** Between the requests for an apology: 15 s in all. */
const APOLOGY_PAUSES = doublingPauses(500, 8_000, 6);

/**
 * What follows when a call leaves its agent: the transfer, the fallback destination, or the end.
 */
export class CallExits implements CallHost<RelayCall> {
  readonly #deps: CallExitsDeps;
  readonly #returns: { forget(callSid: CallSid): void };

  /** @param returns  the count of a call's broken streams. */
  constructor(deps: CallExitsDeps, returns: { forget(callSid: CallSid): void }) {
    this.#deps = deps;
    this.#returns = returns;
  }

  handOver(call: RelayCall, request: TransferRequest): void {
    this.#deps.transfers.begin(call, request);
  }

  announce(call: RelayCall, request: TransferRequest): void {
    this.#deps.transfers.announce(call, request);
  }

  fallBack(call: RelayCall, _reason: string, follows: boolean): void {
    const { transfers } = this.#deps;
    const { agent, parties } = call;
    const { callSid } = parties;
    const { default: destination } = agent.transfer;
    if (destination !== null) {
      transfers.begin(call, fallbackRequest(destination), follows ? "follows" : "redirect");
      return;
    }
    if (!follows) void this.#apologise(callSid, agent);
    call.execute({ type: "transfer_ended", next: "apology" });
  }

  /** Plays an apology, or ends the call: a caller left alone would hear music for hours. */
  async #apologise(callSid: CallSid, agent: AgentProfile): Promise<void> {
    const { control, log } = this.#deps;
    const twiml = apologyTwiml(agent);
    const failed = "call: apology not given";
    if (await lastRedirect(callSid, twiml, APOLOGY_PAUSES, failed, this.#deps)) return;
    await control.hangUp(callSid).catch((error: unknown) => {
      log.warn("call: caller not hung up", { callSid, code: errorCodeOf(error) }, error);
    });
  }

  callerGone(call: RelayCall): void {
    this.#deps.transfers.callerGone(call.parties.callSid);
  }

  stateChanged(call: RelayCall): void {
    this.#deps.registry.changed(call);
  }

  ended(call: RelayCall): void {
    const { callSid } = call.parties;
    if (!this.#deps.registry.remove(call, "ended")) return;
    this.#forget(callSid);
    this.#deps.cluster?.release(callSid);
  }

  movedAway(call: RelayCall): void {
    if (this.#deps.registry.remove(call, "moved")) this.#forget(call.parties.callSid);
  }

  #forget(callSid: CallSid): void {
    this.#returns.forget(callSid);
    this.#deps.transfers.forget(callSid);
  }
}

/**
 * The same on the SIP path, where calls straight from a trunk can only be transferred by REFER.
 */
export class SipExits implements CallHost<SipCall> {
  readonly #common: CallExits;
  readonly #refer: ReferTransfers;
  readonly #states: SipStates | null;

  constructor(common: CallExits, refer: ReferTransfers, states: SipStates | null) {
    this.#common = common;
    this.#refer = refer;
    this.#states = states;
  }

  handOver(call: SipCall, request: TransferRequest): void {
    if (call.path.isTrunk) this.#refer.begin(call, request);
    else this.#common.handOver(call, request);
  }

  announce(call: SipCall, request: TransferRequest): void {
    if (!call.path.isTrunk) this.#common.announce(call, request);
  }

  fallBack(call: SipCall, reason: string, follows: boolean): void {
    const { default: destination } = call.agent.transfer;
    if (!call.path.isTrunk) this.#common.fallBack(call, reason, follows);
    else if (destination !== null) this.#refer.begin(call, fallbackRequest(destination));
    else call.execute({ type: "transfer_ended", next: "apology" });
  }

  callerGone(call: SipCall): void {
    if (!call.path.isTrunk) this.#common.callerGone(call);
    else call.execute({ type: "transfer_ended", next: "gone" });
  }

  stateChanged(call: SipCall): void {
    this.#common.stateChanged(call);
  }

  ended(call: SipCall): void {
    this.#leave(call);
    this.#common.ended(call);
  }

  movedAway(call: SipCall): void {
    this.#refer.forget(call.parties.callSid);
    this.#common.movedAway(call);
  }

  #leave(call: SipCall): void {
    const { callSid } = call.parties;
    this.#refer.forget(callSid);
    if (!call.path.isTrunk) this.#states?.drop(callSid);
  }
}
