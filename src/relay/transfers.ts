import type { AgentProfile } from "../agent.js";
import type { CallSid } from "../ports.js";
import { TransferGuard } from "../transfer/guard.js";
import {
  Transfer,
  type TransferDeps,
  type TransferHost,
  type TransferSnapshot,
} from "../transfer/transfer.js";
import { callSidOf, statusOf } from "../transfer/transfer-forms.js";
import { readLink } from "../transfer/transfer-links.js";
import { isFinal } from "../transfer/transfer-moves.js";
import type { Twiml } from "../wire/twiml.js";
import type { Call } from "./call.js";
import type { TransferHubHost } from "./calls.js";
import type { CallbackKind, Form } from "./desk.js";
import * as prompts from "./prompts.js";
import type { TransferHub } from "./transfer-hub.js";
import type { TransferRequest } from "./transfer-request.js";
import { apologyTwiml, type Links } from "./voice-twiml.js";

/** Where nodes keep what they share; without it, a transfer outlives its process only by its URLs. */
export interface TransferStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, snapshot: TransferSnapshot): void;
  find(callSid: CallSid): Promise<TransferSnapshot | null>;
}

export interface TransfersDeps extends TransferDeps {
  readonly links: Links;
  readonly states: TransferStates | null;
}

interface Kept {
  readonly transfer: Transfer;
  readonly untilMs: number;
}

/** `<Dial>` ends after four hours by itself; until then a callback may come. */
const REMEMBER_MS = 5 * 3_600_000;
/** A callback later than this finds its transfer by its URL. */
const KEPT_MOST = 5_000;

/** The transfers of all calls of this process, and those that another process left behind. */
export class Transfers implements TransferHub {
  readonly #host: TransferHubHost;
  readonly #deps: TransfersDeps;
  readonly #guard = new TransferGuard();
  readonly #kept = new Map<CallSid, Kept>();
  readonly #inCall = new Map<CallSid, number>();

  constructor(host: TransferHubHost, deps: TransfersDeps) {
    this.#host = host;
    this.#deps = deps;
  }

  begin(call: Call, request: TransferRequest): void {
    const { agent, parties } = call;
    const { callSid, from, to, direction } = parties;
    const [caller, ours] = direction === "inbound" ? [from, to] : [to, from];
    const destination = agent.transfer.destinations.get(request.destination);
    if (destination === undefined) {
      this.#refuse(call, request, "there is no such destination");
      return;
    }
    if (request.by === "agent" || request.by === "key") {
      const begun = this.#inCall.get(callSid) ?? 0;
      const nowMs = this.#deps.clock.nowMs();
      const denial = this.#guard.admit(caller, begun, agent.transfer.maxPerCall, nowMs);
      if (denial !== null) {
        this.#deps.log.warn("transfer denied", { callSid, why: denial });
        this.#refuse(call, request, "too many transfers");
        return;
      }
      this.#inCall.set(callSid, begun + 1);
    }
    this.#kept.get(callSid)?.transfer.close();
    const transfer = Transfer.start(
      {
        ...request,
        callSid,
        caller,
        ours,
        direction,
        language: call.language,
        preface: request.by === "agent" ? "none" : "moment",
      },
      agent,
      this.#hostOf(callSid, call, agent, {}),
      this.#deps,
    );
    this.#keep(callSid, transfer);
    transfer.farewellHeard();
  }

  /** Nothing was asked of Twilio: the caller is still on the agent's stream. */
  #refuse(call: Call, request: TransferRequest, why: string): void {
    const { story, agent } = call;
    const { destination, reason, summary, urgency, by } = request;
    const kind = agent.transfer.destinations.get(destination)?.kind ?? "dial";
    story.write({
      type: "transfer_requested",
      atMs: story.atMs,
      destination,
      kind,
      reason,
      summary,
      urgency,
      by,
    });
    story.write({ type: "transfer_outcome", atMs: story.atMs, destination, outcome: "denied" });
    this.#deps.metrics.transfer(kind, "denied");
    call.owe(prompts.transferFailed(destination, why));
    call.transferEnded("back_to_agent");
  }

  #hostOf(callSid: CallSid, own: Call | null, agent: AgentProfile, form: Form): TransferHost {
    const { publicUrl } = this.#deps.links;
    // The caller of another process's transfer becomes a call of ours once they are back with the agent.
    const call = (): Call | undefined => own ?? this.#host.find(callSid);
    let returned = false;
    return {
      url: (path, query) => `${publicUrl}${path}?${new URLSearchParams(query)}`,
      atMs: () => call()?.story.atMs ?? 0,
      journal: (event) => call()?.story.write(event),
      persist: (snapshot) => this.#deps.states?.keep(callSid, snapshot),
      returnTwiml: (destination, outcome) => {
        // A repeated callback gets a fresh token, but the agent need not be told twice.
        const fact = returned ? null : prompts.transferFailed(destination, outcome.replace("_", " "));
        returned = true;
        const current = call();
        return current === undefined
          ? this.#host.takeBack(callSid, agent, form, fact)
          : this.#host.backToAgent(current, fact);
      },
      onStream: () => call()?.hasStream ?? false,
      closeStream: () => call()?.closeStream(),
      ended: (_outcome, next) => call()?.transferEnded(next),
      lost: () => call()?.callerGone(),
    };
  }

  #keep(callSid: CallSid, transfer: Transfer): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#kept.delete(callSid);
    this.#kept.set(callSid, { transfer, untilMs: nowMs + REMEMBER_MS });
    for (const [old, kept] of this.#kept) {
      if (kept.untilMs > nowMs && this.#kept.size <= KEPT_MOST) break;
      kept.transfer.close();
      this.#kept.delete(old);
    }
  }

  /** That of this process, else one taken up from where another process left it. Null: not a link of a transfer. */
  async #find(form: Form, query: Form): Promise<Transfer | null> {
    const link = readLink(query);
    if (link === null) return null;
    const kept = this.#kept.get(link.call);
    if (kept !== undefined) return kept.transfer;
    const agent = this.#host.agents.agents.get(link.agent);
    if (agent === undefined) return null;
    const snapshot = await this.#stored(link.call);
    // Another callback of the same transfer may have been quicker.
    const meanwhile = this.#kept.get(link.call);
    if (meanwhile !== undefined) return meanwhile.transfer;
    const host = this.#hostOf(link.call, null, agent, form);
    const transfer =
      snapshot === null
        ? Transfer.adopt(form, query, agent, host, this.#deps)
        : Transfer.restore(snapshot, agent, host, this.#deps);
    if (transfer === null) return null;
    this.#deps.log.info("transfer taken up", { callSid: link.call, stored: snapshot !== null });
    this.#keep(link.call, transfer);
    return transfer;
  }

  async #stored(callSid: CallSid): Promise<TransferSnapshot | null> {
    const { states, log } = this.#deps;
    if (states === null) return null;
    try {
      return await states.find(callSid);
    } catch (error) {
      log.warn("the state of a transfer could not be read", { callSid, code: "store_unavailable" }, error);
      return null;
    }
  }

  // --- what happens ---------------------------------------------------------------------------------

  callerGone(callSid: CallSid): void {
    this.#kept.get(callSid)?.transfer.callerHungUp();
  }

  async status(form: Form, query: Form): Promise<Twiml> {
    const transfer = await this.#find(form, query);
    if (transfer !== null) return transfer.callback(form, query);
    const over = form["CallStatus"] === "completed" || form["DialCallStatus"] === "completed";
    return over ? [{ verb: "hangup" }] : apologyTwiml(this.#host.agentFor(form));
  }

  callback(kind: CallbackKind, form: Form, query: Form): void {
    if (kind !== "call-status" && kind !== "conference-events") return;
    if (readLink(query) === null) {
      const callSid = callSidOf(form);
      const status = statusOf(form);
      if (kind === "call-status" && callSid !== null && status !== null && isFinal(status))
        this.callerGone(callSid);
      return;
    }
    this.#find(form, query).then(
      (transfer) => {
        if (kind === "call-status") transfer?.callStatus(form, query);
        else transfer?.conferenceEvent(form, query);
      },
      (error: unknown) => this.#deps.log.error("callback of a transfer failed", { kind }, error),
    );
  }

  meanwhile(callSid: CallSid): Twiml {
    return this.#kept.get(callSid)?.transfer.streamFollowed() ?? [{ verb: "hangup" }];
  }

  fallback(agent: AgentProfile, callSid: CallSid, form: Form): Twiml {
    const { default: destination } = agent.transfer;
    if (destination === null) return apologyTwiml(agent);
    const kept = this.#kept.get(callSid);
    // Twilio asks twice when our first answer was lost.
    if (kept !== undefined && !kept.transfer.isOver) return kept.transfer.streamFollowed();
    const direction = form["Direction"]?.startsWith("outbound") === true ? "outbound" : "inbound";
    const [from = "", to = ""] = [form["From"], form["To"]];
    const [caller, ours] = direction === "inbound" ? [from, to] : [to, from];
    const transfer = Transfer.start(
      {
        callSid,
        destination,
        reason: null,
        summary: null,
        urgency: null,
        by: "failure",
        caller,
        ours,
        direction,
        language: agent.language,
        preface: "apology",
      },
      agent,
      this.#hostOf(callSid, this.#host.find(callSid) ?? null, agent, form),
      this.#deps,
    );
    this.#keep(callSid, transfer);
    return transfer.streamFollowed();
  }

  knows(callSid: CallSid): boolean {
    return this.#kept.has(callSid);
  }

  forget(callSid: CallSid): void {
    this.#inCall.delete(callSid);
  }

  close(): void {
    for (const { transfer } of this.#kept.values()) transfer.close();
  }
}
