import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallJournal, CallOutcome, RecordEvent } from "../../domain/record-event.js";
import type { TransferFailure } from "../../domain/transfer-request.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type {
  TransferEnding,
  TransferHost,
  TransferSnapshot,
} from "../../transfer/transfer-deps.js";
import type { OnStream } from "../../transfer/transfer-events.js";
import { linkQuery, type TransferLink, type TransferPath } from "../../transfer/transfer-link.js";
import type { Twiml } from "../../wire/twiml.js";
import { logCallEnd } from "../call/log-lines.js";
import * as prompts from "../call/prompts.js";
import type { Form } from "./callback-link.js";
import type { Cluster } from "./cluster.js";
import type { TransferCalls, TransferredCall, TransferStates } from "./transfer-service.js";
import { apologyTwiml } from "./voice-twiml.js";

export interface TransferHostDeps {
  readonly calls: Pick<TransferCalls, "find" | "takeBack">;
  readonly clock: Clock;
  readonly log: Log;
  /** For events of calls that this process does not have, or has no longer. */
  readonly journal: CallJournal;
  readonly states: Pick<TransferStates, "keep"> | null;
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "release"> | null;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
}

export interface TransferOwner {
  readonly callSid: CallSid;
  readonly agent: AgentProfile;
  /**
   * Null: another process had the call, which becomes one of ours once the caller is back with the
   * agent.
   */
  readonly call: TransferredCall | null;
  /** Twilio's form with which this process took the transfer over. */
  readonly form: Form;
  /** When the call was opened, ms since the epoch; null: not known. */
  readonly openedEpochMs: number | null;
  /** The transfer follows a failure of the agent. */
  readonly agentFailed: boolean;
}

const AGENT_FAILED = { outcome: "failed", reason: "agent_failed" } as const;
/** How a call ended when this process saw only the end of its transfer. */
const END = {
  connected: { outcome: "transferred", reason: "transferred" },
  apology: { outcome: "failed", reason: "transfer_failed" },
  gone: { outcome: "abandoned", reason: "caller_hung_up" },
} as const;

/** What a transfer may do to its call. */
export class CallTransferHost implements TransferHost {
  readonly #deps: TransferHostDeps;
  readonly #owner: TransferOwner;
  #returned = false;

  constructor(owner: TransferOwner, deps: TransferHostDeps) {
    this.#owner = owner;
    this.#deps = deps;
  }

  readonly url = (path: TransferPath, link: TransferLink): string =>
    `${this.#deps.publicUrl}${path}?${new URLSearchParams(linkQuery(link))}`;

  get #call(): TransferredCall | undefined {
    return this.#owner.call ?? this.#deps.calls.find(this.#owner.callSid);
  }

  atMs(): number {
    const { openedEpochMs } = this.#owner;
    const call = this.#call;
    if (call !== undefined) return call.eventLog.atMs;
    return openedEpochMs === null ? 0 : this.#deps.clock.epochMs() - openedEpochMs;
  }

  journal(event: RecordEvent): void {
    const call = this.#call;
    if (call !== undefined) call.eventLog.write(event);
    else this.#deps.journal.write(this.#owner.callSid, this.#placedInTime(event));
  }

  /** Without the call's beginning only the wall clock says when an event happened. */
  #placedInTime(event: RecordEvent): RecordEvent {
    const isTimed = event.type !== "opened" && "atMs" in event;
    if (this.#owner.openedEpochMs !== null || !isTimed) return event;
    return { ...event, epochMs: this.#deps.clock.epochMs() };
  }

  persist(snapshot: TransferSnapshot): void {
    const { callSid, agent } = this.#owner;
    const call = this.#call;
    const keptEpochMs = this.#deps.clock.epochMs();
    const openedEpochMs =
      call === undefined ? this.#owner.openedEpochMs : keptEpochMs - call.eventLog.atMs;
    const kept = { ...snapshot, agent: agent.name, openedEpochMs, keptEpochMs };
    this.#deps.states?.keep(callSid, kept);
  }

  returnTwiml(failure: TransferFailure): Twiml {
    const { callSid, agent, form } = this.#owner;
    const call = this.#call ?? this.#deps.calls.takeBack(callSid, agent, form);
    if (call === null) {
      this.#release();
      return apologyTwiml(agent);
    }
    // A repeated callback gets a fresh token, but the agent need not be told twice.
    if (!this.#returned)
      call.execute({ type: "tell_model", fact: prompts.transferFailed(failure) });
    this.#returned = true;
    return call.path.arrivalTwiml(false);
  }

  onStream(): OnStream {
    const path = this.#call?.path;
    return path?.name === "sip" ? null : (path?.hasStream ?? false);
  }

  closeStream(): void {
    this.#call?.execute({ type: "close_stream" });
  }

  ended({ destination, outcome, next }: TransferEnding): void {
    const { callSid } = this.#owner;
    const call = this.#call;
    if (next !== "back_to_agent") this.#release();
    if (call === undefined) {
      if (next === "back_to_agent") return;
      const end = this.#owner.agentFailed ? AGENT_FAILED : END[next];
      const ended = { type: "ended", atMs: this.atMs(), ...end } as const;
      this.#deps.journal.write(callSid, this.#placedInTime(ended));
      this.#logEnd(end);
      return;
    }
    // The agent was with the caller all the time: no document brings the caller back.
    const { agentIsHere } = call.path;
    if (next === "back_to_agent" && agentIsHere && outcome !== "answered") {
      const fact = prompts.transferFailed({ destination, outcome, refusal: null });
      call.execute({ type: "tell_model", fact });
    }
    call.execute({ type: "transfer_ended", next });
  }

  /** The process that had the call cannot write this line any more. */
  #logEnd(end: { readonly outcome: CallOutcome; readonly reason: string }): void {
    const { callSid, agent, openedEpochMs } = this.#owner;
    const log = this.#deps.log.child({ callSid, agent: agent.name });
    const durationMs = openedEpochMs === null ? null : this.atMs();
    logCallEnd(log, { ...end, durationMs, eventLog: null, costUsd: null });
  }

  lost(): void {
    this.#release();
    this.#call?.execute({ type: "caller_gone" });
  }

  /** Ownership of a call of this process ends with the call. */
  #release(): void {
    const { calls, cluster } = this.#deps;
    const { callSid } = this.#owner;
    if (calls.find(callSid) === undefined) cluster?.release(callSid);
  }
}
