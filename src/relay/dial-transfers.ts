import type { AgentProfile, Destination } from "../agent.js";
import { RelayError } from "../errors.js";
import type { CallControl, CallMetrics, CallSid, Clock, Log, Timer } from "../ports.js";
import type { TransferOutcome } from "../records/record-event.js";
import { dialTwiml, fallbackTwiml } from "../transfer/dial-plan.js";
import type { Twiml } from "../wire/twiml.js";
import type { Call } from "./call.js";
import type { TransferHubHost } from "./calls.js";
import type { CallbackKind, Form } from "./desk.js";
import * as prompts from "./prompts.js";
import type { TransferHub } from "./transfer-hub.js";
import type { TransferRequest } from "./transfer-request.js";
import { apologyTwiml, type Links } from "./voice-twiml.js";

interface Transfer {
  readonly call: Call;
  readonly request: TransferRequest;
  destination: Destination;
  /** How many steps of the ladder were tried. */
  rung: number;
  /** The redirect was carried out as far as we know. */
  redirected: boolean;
  retry: Timer | null;
  settled: boolean;
}

export interface DialTransfersDeps {
  readonly control: CallControl;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: CallMetrics;
  readonly links: Links;
}

/** Between tries of a redirect that Twilio did not take. The caller is silent meanwhile, so they are few and short. */
const RETRIES_MS = [200, 400, 800];
/** A ladder that is longer has lost its caller. */
const RUNGS_MOST = 5;

/**
 * Transfers to a `dial` destination: one `calls.update`, then Twilio's own callbacks decide. The caller always stands in
 * some TwiML: that of the dial, the next destination's, the agent's again, or an apology.
 */
export class DialTransfers implements TransferHub {
  readonly #host: TransferHubHost;
  readonly #deps: DialTransfersDeps;
  readonly #transfers = new Map<CallSid, Transfer>();
  readonly #begun = new Map<CallSid, number>();

  constructor(host: TransferHubHost, deps: DialTransfersDeps) {
    this.#host = host;
    this.#deps = deps;
  }

  begin(call: Call, request: TransferRequest): void {
    const { callSid } = call.parties;
    const { destinations, maxPerCall } = call.agent.transfer;
    const destination = destinations.get(request.destination);
    const begun = (this.#begun.get(callSid) ?? 0) + 1;
    this.#begun.set(callSid, begun);
    if (destination === undefined || begun > maxPerCall) {
      const why =
        destination === undefined ? "there is no such destination" : "too many transfers in this call";
      call.owe(prompts.transferFailed(request.destination, why));
      this.#deps.metrics.transfer("dial", "denied");
      call.transferEnded("back_to_agent");
      return;
    }
    const transfer: Transfer = {
      call,
      request,
      destination,
      rung: 1,
      redirected: false,
      retry: null,
      settled: false,
    };
    this.#transfers.set(callSid, transfer);
    const { reason, summary, urgency, by } = request;
    call.story.write({
      type: "transfer_requested",
      atMs: call.story.atMs,
      destination: destination.name,
      kind: destination.kind,
      reason,
      summary,
      urgency,
      by,
    });
    this.#redirect(transfer, 0);
  }

  #redirect(transfer: Transfer, tries: number): void {
    const { call, request, destination } = transfer;
    const twiml = dialTwiml(destination, {
      action: this.#action,
      callerId: call.agent.transfer.callerId,
      language: call.agent.language,
      announce: request.by !== "agent",
    });
    this.#step(transfer, "redirect", tries === 0 ? null : `try ${tries + 1}`);
    this.#deps.control.redirect(call.parties.callSid, twiml).then(
      () => {
        transfer.redirected = true;
      },
      (error: unknown) => this.#redirectFailed(transfer, tries, error),
    );
  }

  #redirectFailed(transfer: Transfer, tries: number, error: unknown): void {
    if (transfer.settled) return;
    const { call } = transfer;
    const known = error instanceof RelayError ? error : null;
    const code = known?.code ?? "internal";
    this.#step(transfer, "redirect_failed", code);
    if (code === "caller_gone") {
      this.#settle(transfer, "caller_gone");
      call.transferEnded("gone");
      return;
    }
    // Twilio ended the stream, so the redirect was carried out though its answer got lost: a second would dial twice.
    if (!call.hasStream) {
      transfer.redirected = true;
      return;
    }
    const waitMs = RETRIES_MS[tries];
    if (known?.retryable === true && waitMs !== undefined) {
      transfer.retry = this.#deps.clock.after(waitMs, () => {
        transfer.retry = null;
        if (!transfer.settled && call.hasStream) this.#redirect(transfer, tries + 1);
      });
      return;
    }
    this.#deps.log.error("transfer could not be made", { callSid: call.parties.callSid, code }, error);
    // Twilio takes no commands, but it will ask what follows the stream: that answer is the dial.
    this.#step(transfer, "by_connect_ended", null);
    call.closeStream();
  }

  get #action(): string {
    return `${this.#deps.links.publicUrl}/transfer-status`;
  }

  callerGone(callSid: CallSid): void {
    const transfer = this.#transfers.get(callSid);
    if (transfer === undefined || transfer.settled) return;
    this.#settle(transfer, "caller_gone");
    transfer.call.transferEnded("gone");
  }

  async status(form: Form, _query: Form): Promise<Twiml> {
    // The pattern was checked with the signature: whatever else this is, it came from Twilio.
    const callSid = (form["CallSid"] ?? "") as CallSid;
    const outcome = outcomeOf(form["DialCallStatus"] ?? "");
    const transfer = this.#transfers.get(callSid);
    if (transfer === undefined || transfer.settled) return this.#stranger(form, outcome);
    const { call, destination } = transfer;
    this.#step(transfer, "dialled", form["DialCallStatus"] ?? null);
    if (outcome === "answered") {
      this.#settle(transfer, "answered");
      call.transferEnded("connected");
      return [{ verb: "hangup" }];
    }
    if (form["CallStatus"] === "completed") {
      this.#settle(transfer, "caller_gone");
      call.transferEnded("gone");
      return [{ verb: "hangup" }];
    }
    const next =
      destination.then === null ? undefined : call.agent.transfer.destinations.get(destination.then);
    if (next !== undefined && transfer.rung < RUNGS_MOST) {
      this.#outcome(transfer, outcome);
      transfer.destination = next;
      transfer.rung++;
      this.#step(transfer, "next_destination", next.name);
      return dialTwiml(next, {
        action: this.#action,
        callerId: call.agent.transfer.callerId,
        language: call.agent.language,
        announce: true,
      });
    }
    this.#settle(transfer, outcome);
    call.transferEnded("back_to_agent");
    return this.#host.backToAgent(call, prompts.transferFailed(destination.name, outcome.replace("_", " ")));
  }

  /** A dial that this process did not begin, or has finished with: the fallback's, or a repeated callback. */
  #stranger(form: Form, outcome: TransferOutcome): Twiml {
    if (outcome === "answered" || form["CallStatus"] === "completed") return [{ verb: "hangup" }];
    return apologyTwiml(this.#host.agentFor(form));
  }

  callback(kind: CallbackKind, form: Form): void {
    if (kind !== "call-status" || form["CallStatus"] !== "completed") return;
    this.#begun.delete((form["CallSid"] ?? "") as CallSid);
  }

  forget(callSid: CallSid): void {
    this.#begun.delete(callSid);
  }

  meanwhile(callSid: CallSid): Twiml {
    const transfer = this.#transfers.get(callSid);
    if (transfer === undefined || transfer.settled) return [{ verb: "hangup" }];
    transfer.retry?.cancel();
    transfer.redirected = true;
    return dialTwiml(transfer.destination, {
      action: this.#action,
      callerId: transfer.call.agent.transfer.callerId,
      language: transfer.call.agent.language,
      announce: true,
    });
  }

  fallback(agent: AgentProfile, _callSid: CallSid, why: "failure" | "overflow"): Twiml {
    return fallbackTwiml(agent, this.#action, why);
  }

  close(): void {
    for (const transfer of this.#transfers.values()) transfer.retry?.cancel();
  }

  #step(transfer: Transfer, step: string, detail: string | null): void {
    const { story } = transfer.call;
    story.write({ type: "transfer_step", atMs: story.atMs, step, detail });
  }

  #outcome(transfer: Transfer, outcome: TransferOutcome): void {
    const { call, destination } = transfer;
    call.story.write({
      type: "transfer_outcome",
      atMs: call.story.atMs,
      destination: destination.name,
      outcome,
    });
    this.#deps.metrics.transfer(destination.kind, outcome);
  }

  #settle(transfer: Transfer, outcome: TransferOutcome): void {
    transfer.settled = true;
    transfer.retry?.cancel();
    this.#outcome(transfer, outcome);
    this.#transfers.delete(transfer.call.parties.callSid);
  }
}

/** Source: Twilio `<Dial>`, `DialCallStatus`. */
function outcomeOf(status: string): TransferOutcome {
  switch (status) {
    case "completed":
    case "answered":
      return "answered";
    case "busy":
      return "busy";
    case "no-answer":
      return "no_answer";
    case "canceled":
      return "caller_gone";
    default:
      return "failed";
  }
}
