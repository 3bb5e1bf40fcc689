import type { DialTarget } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { SipControl } from "../../ports/model-rest.js";
import * as prompts from "../call/prompts.js";
import type { SipCall } from "./sip-call.js";

/** A carrier that takes a REFER has taken the caller by then. */
const REFER_MS = 6_000;

export interface ReferralsDeps {
  readonly sip: Pick<SipControl, "refer">;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "transfers">;
  readonly log: Log;
}

/** Cold transfers by REFER: all that a trunk call offers. Whether the carrier took one shows by whether the call goes. */
export class ReferTransfers {
  readonly #deps: ReferralsDeps;
  readonly #running = new Map<SipCall, TransferRequest>();

  constructor(deps: ReferralsDeps) {
    this.#deps = deps;
  }

  begin(call: SipCall, request: TransferRequest): void {
    const { destination: name, reason, summary, urgency, by } = request;
    const { callId, eventLog: story, agent } = call;
    const destination = agent.transfer.destinations.get(name);
    const target =
      destination !== undefined && "target" in destination ? referTarget(destination.target) : null;
    story.write({
      type: "transfer_requested",
      atMs: story.atMs,
      destination: name,
      kind: "refer",
      reason,
      summary,
      urgency,
      by,
    });
    this.#running.set(call, request);
    if (callId === null || target === null) {
      this.#ended(call, false);
      return;
    }
    this.#deps.sip.refer(callId, target).then(
      () =>
        this.#deps.clock.after(
          REFER_MS,
          () => this.#isOf(call, request) && this.#ended(call, false),
        ),
      (error: unknown) => {
        this.#deps.log.warn("a REFER was refused", { callSid: call.parties.callSid }, error);
        const gone = error instanceof RelayError && error.code === "caller_gone";
        if (this.#isOf(call, request)) this.#ended(call, gone);
      },
    );
  }

  #isOf(call: SipCall, request: TransferRequest): boolean {
    return this.#running.get(call) === request;
  }

  /** The call's leg is gone. True: to where it was referred. */
  left(call: SipCall): boolean {
    if (!this.#running.has(call)) return false;
    this.#ended(call, true);
    return true;
  }

  /** The call is over. */
  forget(call: SipCall): void {
    this.#running.delete(call);
  }

  #ended(call: SipCall, taken: boolean): void {
    const request = this.#running.get(call);
    this.#running.delete(call);
    if (request === undefined || call.state.name === "ended") return;
    const { eventLog: story } = call;
    const outcome = taken ? "answered" : "failed";
    story.write({
      type: "transfer_outcome",
      atMs: story.atMs,
      destination: request.destination,
      outcome,
    });
    this.#deps.metrics.transfers.add(1, call.agent.name, "refer", outcome);
    if (!taken)
      call.oweReply(
        prompts.transferFailed({
          destination: request.destination,
          outcome: "failed",
          refusal: null,
        }),
      );
    call.transferEnded(taken ? "connected" : "back_to_agent");
  }
}

function referTarget(target: DialTarget): string | null {
  switch (target.type) {
    case "number":
      return `tel:${target.e164}`;
    case "sip":
      return target.uri;
    case "client":
      // A name that only Twilio's own network knows.
      return null;
  }
}
