import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallJournal, CallPath as PathName } from "../../domain/record-event.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand } from "../call/call-command.js";
import { CallEventLog } from "../call/call-event-log.js";
import { logCallEnd } from "../call/log-lines.js";
import type { OverflowReason } from "./admission.js";
import type { TransferredCall, TransferService } from "./transfer-service.js";
import { fallbackRequest } from "./transfers.js";
import { apologyTwiml } from "./voice-twiml.js";

/** From a webhook: Twilio repeats it within this when our answer was lost. */
const REMEMBER_MS = 10 * 60_000;

export interface OverflowDeps {
  readonly clock: Clock;
  readonly journal: CallJournal;
  readonly metrics: Pick<Metrics, "callsRejected">;
  readonly log: Log;
  readonly node: string;
}

/** The call of a caller who gets no agent: it has a record and a transfer, and nothing else. */
class TurnedAwayCall implements TransferredCall {
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  readonly language: string;
  readonly path: TransferredCall["path"];
  readonly #reason: OverflowReason;
  readonly #log: Log;
  #isOver = false;

  constructor(
    parties: CallParties,
    agent: AgentProfile,
    path: PathName,
    reason: OverflowReason,
    { clock, journal, log, node }: OverflowDeps,
  ) {
    this.parties = parties;
    this.agent = agent;
    this.language = agent.language;
    this.#reason = reason;
    this.path = {
      name: path,
      hasStream: false,
      agentIsHere: false,
      arrivalTwiml: () => apologyTwiml(agent),
    };
    this.#log = log.child({ callSid: parties.callSid, agent: agent.name });
    this.eventLog = new CallEventLog(parties.callSid, journal, () => clock.nowMs());
    this.eventLog.opened(parties, agent.name, path, node, clock.epochMs());
  }

  execute(command: CallCommand): void {
    if (command.type !== "transfer_ended" && command.type !== "caller_gone") return;
    if (this.#isOver) return;
    this.#isOver = true;
    const { eventLog } = this;
    const reason = this.#reason;
    const durationMs = eventLog.atMs;
    eventLog.ended("rejected", reason, durationMs);
    logCallEnd(this.#log, { outcome: "rejected", reason, durationMs, eventLog, costUsd: 0 });
  }
}

/**
 * Callers for whom there is no room: each has a record, and goes to the agent's default
 * destination.
 */
export class Overflow {
  readonly #transfers: TransferService;
  readonly #deps: OverflowDeps;
  readonly #calls = new ExpiringMap<CallSid, TurnedAwayCall>({ ttlMs: REMEMBER_MS });

  constructor(transfers: TransferService, deps: OverflowDeps) {
    this.#transfers = transfers;
    this.#deps = deps;
  }

  /** The caller was turned away before: Twilio asks again. */
  knows(callSid: CallSid): boolean {
    return this.#calls.has(callSid, this.#deps.clock.nowMs());
  }

  /** Gives the same answer again. */
  again(callSid: CallSid): Promise<Twiml> {
    const call = this.#calls.get(callSid, this.#deps.clock.nowMs());
    return this.#answer(callSid, call?.agent ?? null);
  }

  turnAway(
    parties: CallParties,
    agent: AgentProfile,
    path: PathName,
    reason: OverflowReason,
  ): Promise<Twiml> {
    const { clock, metrics, log } = this.#deps;
    const { callSid } = parties;
    metrics.callsRejected.add(1, reason);
    log.warn("call: turned away", { callSid, agent: agent.name, reason });
    const call = new TurnedAwayCall(parties, agent, path, reason, this.#deps);
    this.#calls.set(callSid, call, clock.nowMs());
    const { default: destination } = agent.transfer;
    if (destination === null) call.execute({ type: "transfer_ended", next: "apology" });
    else this.#transfers.begin(call, fallbackRequest(destination), "follows");
    return this.#answer(callSid, agent);
  }

  async #answer(callSid: CallSid, agent: AgentProfile | null): Promise<Twiml> {
    return agent === null || agent.transfer.default === null
      ? apologyTwiml(agent)
      : this.#transfers.whatFollows(callSid);
  }
}
