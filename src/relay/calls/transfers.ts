import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallJournal } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Clock } from "../../ports/clock.js";
import { callSidOf, statusOf } from "../../transfer/callback-forms.js";
import { readLink } from "../../transfer/callback-url.js";
import { GUARD_LIMITS, TransferGuard } from "../../transfer/guard.js";
import { isFinal } from "../../transfer/steps.js";
import {
  Transfer,
  type TransferDeps,
  type TransferHost,
  type TransferSnapshot,
} from "../../transfer/transfer.js";
import type { FullTransferRequest as FullRequest } from "../../transfer/transfer-request.js";
import type { Twiml } from "../../wire/twiml.js";
import * as prompts from "../call/prompts.js";
import type { CallbackKind, Form } from "./call-service.js";
import type { TransferHubHost } from "./calls.js";
import type { TransferredCall, TransferService } from "./transfer-service.js";
import { apologyTwiml, type Links } from "./voice-twiml.js";

/** Plain JSON. */
export interface KeptTransfer extends TransferSnapshot {
  /** Name of the agent whose directory it is. */
  readonly agent: string;
  /** When the call was opened, ms since the epoch; null: this process did not see it. */
  readonly openedEpochMs: number | null;
}

/** Where nodes keep what they share; without it, a transfer outlives its process only by its URLs. */
export interface TransferStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, transfer: KeptTransfer): void;
  find(callSid: CallSid): Promise<KeptTransfer | null>;
  /** Counts one more transfer of a caller, by all processes; how many there were in this hour. */
  count(caller: string): Promise<number>;
}

export interface TransfersDeps extends TransferDeps {
  readonly links: Links;
  readonly states: TransferStates | null;
  /** For what happens to calls that this process has not, or no longer. */
  readonly journal: CallJournal;
}

interface Kept {
  readonly transfer: Transfer;
  readonly untilMs: number;
}

/** `<Dial>` ends after four hours by itself; until then a callback may come. */
const REMEMBER_MS = 5 * 3_600_000;
/** A callback later than this finds its transfer by its URL. */
const KEPT_MOST = 5_000;
/** A caller who wants a human waits no longer than this for the others' counts; then this process's own decide. */
const COUNT_WAIT_MS = 300;
/** Twilio waits for an answer, and a caller for somebody. */
const FIND_WAIT_MS = 2_000;

/** The transfers of all calls of this process, and those that another process left behind. */
export class Transfers implements TransferService {
  readonly #host: TransferHubHost;
  readonly #deps: TransfersDeps;
  readonly #guard = new TransferGuard();
  readonly #kept = new Map<CallSid, Kept>();
  readonly #inCall = new Map<CallSid, number>();
  /** Calls that wait for the others' counts. */
  readonly #counting = new Map<CallSid, Promise<void>>();

  constructor(host: TransferHubHost, deps: TransfersDeps) {
    this.#host = host;
    this.#deps = deps;
  }

  begin(call: TransferredCall, request: TransferRequest): void {
    const { agent, parties } = call;
    const { callSid } = parties;
    const { caller } = endsOf(call);
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
      if (this.#deps.states !== null) {
        const counting = this.#countAndStart(call, request, this.#deps.states).finally(() =>
          this.#counting.delete(callSid),
        );
        this.#counting.set(callSid, counting);
        return;
      }
    }
    this.#start(call, request);
  }

  async #countAndStart(
    call: TransferredCall,
    request: TransferRequest,
    states: TransferStates,
  ): Promise<void> {
    const { callSid } = call.parties;
    let count = 0;
    try {
      count =
        (await within(this.#deps.clock, COUNT_WAIT_MS, states.count(endsOf(call).caller))) ?? 0;
    } catch (error) {
      this.#deps.log.warn("transfers were counted by this process only", { callSid }, error);
    }
    if (count > GUARD_LIMITS.perCaller) {
      this.#deps.log.warn("transfer denied", { callSid, why: "per_caller" });
      this.#refuse(call, request, "too many transfers");
    } else this.#start(call, request);
  }

  #start(call: TransferredCall, request: TransferRequest): void {
    const { agent, parties } = call;
    const { callSid } = parties;
    this.#kept.get(callSid)?.transfer.close();
    const transfer = Transfer.start(
      requestOf(call, request),
      agent,
      this.#hostOf(callSid, call, agent, {}),
      this.#deps,
      call.path === "sip" && call.callId != null,
    );
    this.#keep(callSid, transfer);
    transfer.farewellHeard();
  }

  announce(call: TransferredCall, request: TransferRequest): void {
    const { agent, parties, eventLog: story } = call;
    const planned = Transfer.planned(requestOf(call, request), agent);
    if (planned === null) return;
    const openedEpochMs = this.#deps.clock.epochMs() - story.atMs;
    this.#deps.states?.keep(parties.callSid, { ...planned, agent: agent.name, openedEpochMs });
  }

  /** Nothing was asked of Twilio: the caller is still on the agent's stream. */
  #refuse(call: TransferredCall, request: TransferRequest, why: string): void {
    const { eventLog: story, agent } = call;
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
    this.#deps.metrics.transfers.add(1, agent.name, kind, "denied");
    call.oweReply(prompts.transferFailed(destination, why));
    call.transferEnded("back_to_agent");
  }

  /** @param openedMs  when the call was opened, ms since the epoch; null: not known. */
  #hostOf(
    callSid: CallSid,
    own: TransferredCall | null,
    agent: AgentProfile,
    form: Form,
    openedMs: number | null = null,
  ): TransferHost {
    const { clock, journal, states } = this.#deps;
    const { publicUrl } = this.#deps.links;
    // The caller of another process's transfer becomes a call of ours once they are back with the agent.
    const call = (): TransferredCall | undefined => own ?? this.#host.find(callSid);
    let returned = false;
    return {
      url: (path, query) => `${publicUrl}${path}?${new URLSearchParams(query)}`,
      atMs: () => call()?.eventLog.atMs ?? (openedMs === null ? 0 : clock.epochMs() - openedMs),
      journal: (event) => {
        const current = call();
        if (current === undefined) journal.write(callSid, event);
        else current.eventLog.write(event);
      },
      persist: (snapshot) => {
        const current = call();
        const openedEpochMs =
          current === undefined ? openedMs : clock.epochMs() - current.eventLog.atMs;
        states?.keep(callSid, { ...snapshot, agent: agent.name, openedEpochMs });
      },
      returnTwiml: (destination, outcome) => {
        // A repeated callback gets a fresh token, but the agent need not be told twice.
        const fact = returned
          ? null
          : prompts.transferFailed(destination, outcome.replace("_", " "));
        returned = true;
        const current = call();
        return current === undefined
          ? this.#host.takeBack(callSid, agent, form, fact)
          : this.#host.backToAgent(current, fact);
      },
      onStream: () => call()?.hasStream ?? false,
      closeStream: () => call()?.closeStream(),
      ended: (outcome, next, destination) => {
        const current = call();
        // The agent was with the caller all the time: no document tells it.
        if (next === "back_to_agent" && current?.path === "sip" && current.callId != null)
          current.oweReply(prompts.transferFailed(destination, outcome.replace("_", " ")));
        if (current !== undefined) current.transferEnded(next);
        else if (openedMs !== null && next !== "back_to_agent")
          journal.write(callSid, { type: "ended", atMs: clock.epochMs() - openedMs, ...END[next] });
      },
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
    const stored = await this.#stored(link.call);
    // Another callback of the same transfer may have been quicker.
    const meanwhile = this.#kept.get(link.call);
    if (meanwhile !== undefined) return meanwhile.transfer;
    const host = this.#hostOf(link.call, null, agent, form, stored?.openedEpochMs ?? null);
    const transfer =
      stored === null
        ? Transfer.adopt(form, query, agent, host, this.#deps)
        : Transfer.restore(stored, agent, host, this.#deps);
    if (transfer === null) return null;
    this.#deps.log.info("transfer taken up", { callSid: link.call, stored: stored !== null });
    this.#keep(link.call, transfer);
    return transfer;
  }

  async resume(callSid: CallSid, form: Form): Promise<Twiml | null> {
    const kept = this.#kept.get(callSid);
    if (kept !== undefined) return kept.transfer.isOver ? null : kept.transfer.streamFollowed();
    const stored = await this.#stored(callSid);
    // One that is over was followed by something else, which then broke.
    if (stored === null || stored.state.phase.name === "over") return null;
    const meanwhile = this.#kept.get(callSid);
    if (meanwhile !== undefined) return meanwhile.transfer.streamFollowed();
    const agent = this.#host.agents.agents.get(stored.agent);
    if (agent === undefined) return null;
    const host = this.#hostOf(callSid, null, agent, form, stored.openedEpochMs);
    const transfer = Transfer.restore(stored, agent, host, this.#deps);
    this.#deps.log.info("transfer taken up", { callSid, stored: true });
    this.#keep(callSid, transfer);
    return transfer.streamFollowed();
  }

  async #stored(callSid: CallSid): Promise<KeptTransfer | null> {
    const { states, log, clock } = this.#deps;
    if (states === null) return null;
    try {
      return await within(clock, FIND_WAIT_MS, states.find(callSid));
    } catch (error) {
      log.warn(
        "the state of a transfer could not be read",
        { callSid, code: "store_unavailable" },
        error,
      );
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

  conference(callSid: CallSid, form: Form): void {
    this.#kept.get(callSid)?.transfer.sharedConferenceEvent(form);
  }

  async meanwhile(callSid: CallSid): Promise<Twiml> {
    await this.#counting.get(callSid);
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

/** How a call ended of which this process only saw the transfer's end. */
const END = {
  connected: { outcome: "transferred", reason: "transferred" },
  apology: { outcome: "failed", reason: "transfer_failed" },
  gone: { outcome: "abandoned", reason: "caller_hung_up" },
} as const;

/** Both ends of a call: who is taken somewhere, and the number of ours. */
function endsOf({ parties }: TransferredCall): { readonly caller: string; readonly ours: string } {
  const { from, to, direction } = parties;
  return direction === "inbound" ? { caller: from, ours: to } : { caller: to, ours: from };
}

function requestOf(call: TransferredCall, request: TransferRequest): FullRequest {
  const { callSid, direction, callToken } = call.parties;
  return {
    ...request,
    ...endsOf(call),
    callSid,
    direction,
    language: call.language,
    ...(call.path === "sip" ? { callToken } : {}),
    preface: request.by === "agent" ? "none" : request.by === "failure" ? "apology" : "moment",
  };
}

/** Null: it took too long. */
async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | null> {
  let expire: (late: null) => void = () => undefined;
  const late = new Promise<null>((resolve) => {
    expire = resolve;
  });
  const timer = clock.after(ms, () => expire(null));
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.cancel();
  }
}
