import { numberOf } from "../../domain/address.js";
import type { AgentProfile } from "../../domain/agent-profile.js";
import { isFinalStatus } from "../../domain/call-status.js";
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallJournal } from "../../domain/record-event.js";
import type {
  CallTransferRequest,
  TransferRefusal,
  TransferRequest,
} from "../../domain/transfer-request.js";
import { adoptedTransfer, formOf, partiesOf } from "../../transfer/adopt.js";
import { conferenceName, consultLabel } from "../../transfer/conference-names.js";
import { kindOf } from "../../transfer/destinations/kinds.js";
import { TransferGuard } from "../../transfer/guard.js";
import { Transfer } from "../../transfer/transfer.js";
import type { TransferDeps, TransferHost } from "../../transfer/transfer-deps.js";
import type { TransferLink } from "../../transfer/transfer-link.js";
import type { Twiml } from "../../wire/twiml.js";
import * as prompts from "../call/prompts.js";
import type { CallbackKind, Form, LinkOf } from "./callback-link.js";
import type { Cluster } from "./cluster.js";
import { KeptTransfers } from "./kept-transfers.js";
import { CallTransferHost } from "./transfer-host.js";
import type {
  KeptTransfer,
  TransferCalls,
  TransferredCall,
  TransferService,
  TransferStates,
} from "./transfer-service.js";
import { apologyTwiml, type Links } from "./voice-twiml.js";
import { within } from "./within.js";

export interface TransfersDeps extends TransferDeps {
  readonly links: Links;
  readonly states: TransferStates | null;
  /** For events of calls that this process does not have, or has no longer. */
  readonly journal: CallJournal;
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "claim" | "release"> | null;
}

/** `<Dial>` ends after four hours by itself; until then a callback may come. */
const REMEMBER_MS = 5 * 3_600_000;
/** The most transfers that are kept. A callback of a forgotten one has what it needs in its URL. */
const MAX_REMEMBERED = 5_000;
/** From asking other processes for their counts: after this, this process's own count decides. */
const COUNT_WAIT_MS = 300;

/** The transfers of all calls of this process, and those that another process left behind. */
export class Transfers implements TransferService {
  readonly #calls: TransferCalls;
  readonly #deps: TransfersDeps;
  readonly #kept: KeptTransfers;
  readonly #guard = new TransferGuard();
  readonly #transfers = new ExpiringMap<CallSid, Transfer>({
    ttlMs: REMEMBER_MS,
    maxSize: MAX_REMEMBERED,
    onRemoved: (_callSid, transfer) => transfer.close(),
  });
  /** How many transfers the agent of a call has made. */
  readonly #byAgent = new Map<CallSid, number>();
  /** Calls that wait for the counts of other processes. */
  readonly #counting = new Map<CallSid, Promise<void>>();

  constructor(calls: TransferCalls, deps: TransfersDeps) {
    this.#calls = calls;
    this.#deps = deps;
    this.#kept = new KeptTransfers(deps);
  }

  // --- begin ------------------------------------------------------------------------------------

  begin(
    call: TransferredCall,
    request: TransferRequest,
    how: "redirect" | "follows" = "redirect",
  ): void {
    const { agent, parties } = call;
    const { callSid } = parties;
    const destination = agent.transfer.destinations.get(request.destination);
    if (destination === undefined) {
      this.#refuse(call, request, "destination_unknown");
      return;
    }
    // Limits apply to what a model can be talked into. The transfer key, a supervisor and the
    // fallback are never refused.
    if (request.by !== "agent") {
      this.#start(call, request, how);
      return;
    }
    const inCall = this.#byAgent.get(callSid) ?? 0;
    const key = kindOf(destination).reaches(destination);
    const maxPerHour = destination.maxPerHour ?? null;
    const refusal = this.#guard.admit(
      { inCall, maxPerCall: agent.transfer.maxPerCall, key, maxPerHour },
      this.#deps.clock.nowMs(),
    );
    if (refusal !== null) {
      this.#refuse(call, request, refusal);
      return;
    }
    this.#byAgent.set(callSid, inCall + 1);
    const { states } = this.#deps;
    if (states === null || maxPerHour === null) {
      this.#start(call, request, how);
      return;
    }
    const counting = this.#countedElsewhere(callSid, key, states).then((count) => {
      this.#counting.delete(callSid);
      if (count > maxPerHour) this.#refuse(call, request, "destination_limit");
      else this.#start(call, request, how);
    });
    this.#counting.set(callSid, counting);
  }

  /**
   * @returns 0 when the other processes cannot be asked in time: this process's own count has
   *          already decided.
   */
  async #countedElsewhere(callSid: CallSid, key: string, states: TransferStates): Promise<number> {
    try {
      return (await within(this.#deps.clock, COUNT_WAIT_MS, states.count(key))) ?? 0;
    } catch (error) {
      this.#deps.log.warn("transfer: limit counted by this process only", { callSid }, error);
      return 0;
    }
  }

  #start(call: TransferredCall, request: TransferRequest, how: "redirect" | "follows"): void {
    const { callSid } = call.parties;
    const { name, agentIsHere } = call.path;
    const transfer = Transfer.start(
      {
        request: this.#requestOf(call, request),
        agent: call.agent,
        host: this.#hostOf(callSid, call.agent, call),
        firstRevision: this.#firstRevision(callSid),
        agentStays: name === "sip" && agentIsHere && how === "redirect",
      },
      this.#deps,
    );
    this.#remember(callSid, transfer);
    if (how === "redirect") transfer.farewellHeard();
  }

  announce(call: TransferredCall, request: TransferRequest): void {
    const { agent, parties, eventLog } = call;
    const { callSid } = parties;
    const planned = Transfer.planned(
      this.#requestOf(call, request),
      agent,
      this.#firstRevision(callSid),
    );
    if (planned === null) return;
    const openedEpochMs = this.#deps.clock.epochMs() - eventLog.atMs;
    this.#deps.states?.keep(callSid, { ...planned, agent: agent.name, openedEpochMs });
  }

  /**
   * Late callbacks of an earlier transfer must not count for this one, even if another process
   * carried the earlier one out. So numbers follow the clock, ten a second, which is more than a
   * transfer uses.
   */
  #firstRevision(callSid: CallSid): number {
    const { clock } = this.#deps;
    const earlier = this.#transfers.get(callSid, clock.nowMs());
    return Math.max(
      (earlier?.lastNumber ?? 0) + 1,
      Math.floor(clock.epochMs() / 100) % 100_000_000,
    );
  }

  #requestOf(call: TransferredCall, request: TransferRequest): CallTransferRequest {
    const { callSid, direction, callToken, from, to } = call.parties;
    const [caller, ours] = direction === "inbound" ? [from, to] : [to, from];
    return {
      ...request,
      callSid,
      caller,
      ours: this.#ownNumber(ours, call.agent),
      direction,
      language: call.language,
      ...(call.path.name === "sip" ? { callToken } : {}),
      preface: request.by === "agent" ? "none" : request.by === "failure" ? "apology" : "moment",
    };
  }

  /**
   * The number to show to a human. A call to a SIP or client address has none that Twilio would
   * show, so it is one of the agent's numbers.
   */
  #ownNumber(called: string, agent: AgentProfile): string {
    const number = numberOf(called);
    if (number !== null) return number;
    for (const [address, name] of this.#calls.agents.numbers) {
      const own = name === agent.name ? numberOf(address) : null;
      if (own !== null) return own;
    }
    return called;
  }

  /** Refuses a transfer before Twilio was asked: the caller is still with the agent. */
  #refuse(call: TransferredCall, request: TransferRequest, refusal: TransferRefusal): void {
    const { eventLog, agent } = call;
    const { destination, reason, summary, urgency, by } = request;
    const kind = agent.transfer.destinations.get(destination)?.kind ?? "dial";
    const { atMs } = eventLog;
    eventLog.write({
      type: "transfer_requested",
      atMs,
      destination,
      kind,
      reason,
      summary,
      urgency,
      by,
    });
    eventLog.write({ type: "transfer_step", atMs, step: "refused", detail: refusal });
    eventLog.write({ type: "transfer_outcome", atMs, destination, outcome: "denied" });
    this.#deps.metrics.transfers.add(1, agent.name, kind, "denied");
    this.#deps.log.warn("transfer: refused", {
      callSid: call.parties.callSid,
      agent: agent.name,
      reason: refusal,
    });
    const fact = prompts.transferFailed({ destination, outcome: "denied", refusal });
    call.execute({ type: "tell_model", fact });
    call.execute({ type: "transfer_ended", next: "back_to_agent" });
  }

  fallback(agent: AgentProfile, callSid: CallSid, form: Form): Twiml {
    const { default: destination } = agent.transfer;
    if (destination === null) return apologyTwiml(agent);
    const earlier = this.#transfers.get(callSid, this.#deps.clock.nowMs());
    // Twilio asks twice when our first answer was lost.
    if (earlier !== undefined && !earlier.isOver) return earlier.streamFollowed();
    const { ours, ...parties } = partiesOf(form);
    const transfer = Transfer.start(
      {
        request: {
          callSid,
          ...fallbackRequest(destination),
          ...parties,
          ours: this.#ownNumber(ours, agent),
          language: agent.language,
          preface: "apology",
        },
        agent,
        host: this.#hostOf(callSid, agent, null, form, null, true),
        firstRevision: this.#firstRevision(callSid),
      },
      this.#deps,
    );
    this.#remember(callSid, transfer);
    return transfer.streamFollowed();
  }

  #hostOf(
    callSid: CallSid,
    agent: AgentProfile,
    call: TransferredCall | null,
    form: Form = {},
    openedEpochMs: number | null = null,
    agentFailed = false,
  ): TransferHost {
    return new CallTransferHost(
      { callSid, agent, call, form, openedEpochMs, agentFailed },
      { ...this.#deps, calls: this.#calls, publicUrl: this.#deps.links.publicUrl },
    );
  }

  #remember(callSid: CallSid, transfer: Transfer): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#transfers.get(callSid, nowMs)?.supersede();
    this.#transfers.set(callSid, transfer, nowMs);
    // A callback that reached another process would make it take the same transfer over.
    if (!transfer.isOver) this.#deps.cluster?.claim(callSid);
  }

  // --- taken over from another process --------------------------------------------------------

  /** The transfer of this process, or one that another process left behind. Null: there is none. */
  async #find(link: TransferLink, form: Form): Promise<Transfer | null> {
    const own = this.#transfers.get(link.call, this.#deps.clock.nowMs());
    if (own !== undefined) return own;
    const agent = this.#calls.agents.agents.get(link.agent);
    if (agent === undefined) return null;
    const stored = await this.#kept.find(link.call);
    const snapshot = stored ?? adoptedTransfer(form, link, agent);
    if (snapshot === null) return null;
    return this.#takeUp(link.call, { openedEpochMs: null, ...snapshot }, agent, form);
  }

  async resume(callSid: CallSid, form: Form): Promise<Twiml | null> {
    const own = this.#transfers.get(callSid, this.#deps.clock.nowMs());
    if (own !== undefined) return own.isOver ? null : own.streamFollowed();
    const stored = await this.#kept.find(callSid);
    // A transfer that is over was followed by something else, which has now broken.
    if (stored === null || stored.state.phase.name === "over") return null;
    const agent = this.#calls.agents.agents.get(stored.agent);
    if (agent === undefined) return null;
    return this.#takeUp(callSid, stored, agent, form).streamFollowed();
  }

  async recover(callSid: CallSid): Promise<void> {
    const stored = await this.#kept.read(callSid);
    const phase = stored?.state.phase.name ?? "over";
    // During a farewell the transfer has not begun: the caller is with the model, or Twilio sends a
    // callback.
    if (stored === null || phase === "over" || phase === "farewell") return;
    const agent = this.#calls.agents.agents.get(stored.agent);
    if (agent === undefined) return;
    const { control } = this.#deps;
    // The process may only be cut off from the database, while caller and human have met.
    const human = consultLabel(stored.state.attempt);
    const humanOnHold = await control
      .isOnHold(conferenceName({ callSid }), human)
      .catch(() => null);
    // No human is called for a caller who has hung up. Unless Twilio says so, the caller waits.
    const status = await control.status(callSid).catch(() => null);
    const transfer = this.#takeUp(callSid, stored, agent, formOf(stored.request));
    if (status !== null && isFinalStatus(status)) transfer.callerHungUp();
    else if (humanOnHold !== null) transfer.humanMet();
  }

  #takeUp(
    callSid: CallSid,
    stored: Omit<KeptTransfer, "agent">,
    agent: AgentProfile,
    form: Form,
  ): Transfer {
    // Another callback may have restored the same transfer meanwhile.
    const meanwhile = this.#transfers.get(callSid, this.#deps.clock.nowMs());
    if (meanwhile !== undefined) return meanwhile;
    const failed = stored.request.by === "failure";
    const host = this.#hostOf(callSid, agent, null, form, stored.openedEpochMs, failed);
    const transfer = Transfer.restore(stored, agent, host, this.#deps, stored.keptEpochMs);
    this.#deps.log.info("transfer: taken over", { callSid, agent: agent.name });
    this.#remember(callSid, transfer);
    return transfer;
  }

  // --- what happens -----------------------------------------------------------------------------

  callerGone(callSid: CallSid): void {
    this.#transfers.get(callSid, this.#deps.clock.nowMs())?.callerHungUp();
  }

  async status(form: Form, { transfer: link }: LinkOf<"transfer">): Promise<Twiml> {
    const transfer = await this.#find(link, form);
    if (transfer !== null) return transfer.callback(form, link);
    const over = form["CallStatus"] === "completed" || form["DialCallStatus"] === "completed";
    return over ? [{ verb: "hangup" }] : apologyTwiml(null);
  }

  callback(kind: CallbackKind, form: Form, { transfer: link }: LinkOf<"transfer">): void {
    if (kind !== "call-status" && kind !== "conference-events") return;
    this.#find(link, form).then(
      (transfer) => {
        if (kind === "call-status") transfer?.callStatus(form, link);
        else transfer?.conferenceEvent(form, link);
      },
      (error: unknown) =>
        this.#deps.log.error("transfer: callback failed", { callSid: link.call, kind }, error),
    );
  }

  documentEnded(callSid: CallSid, form: Form): Twiml | null {
    return this.#transfers.get(callSid, this.#deps.clock.nowMs())?.documentEnded(form) ?? null;
  }

  conference(callSid: CallSid, form: Form): void {
    this.#transfers.get(callSid, this.#deps.clock.nowMs())?.sharedConferenceEvent(form);
  }

  async whatFollows(callSid: CallSid): Promise<Twiml> {
    await this.#counting.get(callSid);
    const transfer = this.#transfers.get(callSid, this.#deps.clock.nowMs());
    return transfer?.streamFollowed() ?? [{ verb: "hangup" }];
  }

  knows(callSid: CallSid): boolean {
    return this.#transfers.has(callSid, this.#deps.clock.nowMs());
  }

  forget(callSid: CallSid): void {
    this.#byAgent.delete(callSid);
  }

  close(): void {
    for (const transfer of this.#transfers.values(this.#deps.clock.nowMs())) transfer.close();
  }
}

/** The transfer that follows when the agent failed. */
export function fallbackRequest(destination: string): TransferRequest {
  return { destination, reason: null, summary: null, urgency: null, by: "failure" };
}
