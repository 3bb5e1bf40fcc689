import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { CallSid } from "../../domain/ids.js";
import type { NoRoom } from "../../domain/refusal-reasons.js";
import type { Clock } from "../../ports/clock.js";
import type { Metrics } from "../../ports/metrics.js";
import type { Call } from "../call/call.js";
import type { ConnectEndedAnswer } from "../call/call-events.js";
import type { MediaPath } from "../media/media-path.js";
import type { SipPath } from "../sip/sip-path.js";
import type { Admission, OverflowReason } from "./admission.js";
import { agentRefusal } from "./agent-limits.js";
import type { Readiness } from "./call-service.js";
import { agentSpending } from "./daily-spending.js";
import { callLimitsOf, type MachineLimits } from "./machine-limits.js";

export type MediaCall = Call<MediaPath>;
export type SipCall = Call<SipPath>;
export type RelayCall = MediaCall | SipCall;

/** A call that is over, for the callbacks that still come. */
export interface EndedCall {
  readonly agent: AgentProfile;
  readonly next: ConnectEndedAnswer;
}

export interface RegistryDeps {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "callsActive" | "calls" | "draining" | "warmSessions">;
  /** Whether one more caller can be taken; null: MAX_CALLS alone decides. */
  readonly admission: Admission | null;
  readonly maxCalls: number;
  /** Why record events may be lost; null: they are safe. */
  readonly trouble: () => "database" | "disk" | null;
  /** The other processes of this machine; null: there are none. */
  readonly machine: MachineLimits | null;
}

/** From the end of a call: its late callbacks come within this. */
const REMEMBER_MS = 10 * 60_000;

/**
 * All calls of this process, on both paths, by CallSid: finds them, and knows whether one more can
 * be taken.
 */
export class CallRegistry {
  readonly #deps: RegistryDeps;
  readonly #media = new Map<CallSid, MediaCall>();
  readonly #sip = new Map<CallSid, SipCall>();
  readonly #ended = new ExpiringMap<CallSid, EndedCall>({ ttlMs: REMEMBER_MS });
  readonly #warm = new Set<RelayCall>();
  #isLeaving = false;
  #isDraining = false;
  #drained: (() => void)[] = [];

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
  }

  media(callSid: CallSid): MediaCall | undefined {
    return this.#media.get(callSid);
  }

  sip(callSid: CallSid): SipCall | undefined {
    return this.#sip.get(callSid);
  }

  find(callSid: CallSid): RelayCall | undefined {
    return this.#media.get(callSid) ?? this.#sip.get(callSid);
  }

  /** The call on the SIP path whose model has this id. */
  withModel(callId: string): SipCall | undefined {
    for (const call of this.#sip.values()) if (call.path.callId === callId) return call;
    return undefined;
  }

  all(): readonly RelayCall[] {
    return [...this.#media.values(), ...this.#sip.values()];
  }

  ended(callSid: CallSid): EndedCall | undefined {
    return this.#ended.get(callSid, this.#deps.clock.nowMs());
  }

  knows(callSid: CallSid): boolean {
    return this.find(callSid) !== undefined || this.ended(callSid) !== undefined;
  }

  addMedia(call: MediaCall): void {
    this.#media.set(call.parties.callSid, call);
    this.#added(call);
    this.changed(call);
  }

  addSip(call: SipCall): void {
    this.#sip.set(call.parties.callSid, call);
    this.#added(call);
  }

  #added({ parties: { callSid, from, to, direction } }: RelayCall): void {
    this.#deps.metrics.callsActive.move(1);
    this.#deps.machine?.present({ callSid, from, to, direction });
  }

  /** The state of a call has changed. */
  changed(call: RelayCall): void {
    const before = this.#warm.size;
    if (call.isWarm && this.find(call.parties.callSid) === call) this.#warm.add(call);
    else this.#warm.delete(call);
    if (this.#warm.size !== before) this.#deps.metrics.warmSessions.set(this.#warm.size);
    // Its transcripts may take seconds. The caller may call again at once.
    const { callSid } = call.parties;
    if (call.isOver && this.find(callSid) === call) this.#deps.machine?.absent(callSid);
  }

  /** A call is over, or goes on in another process. False: it was not here any more. */
  remove(call: RelayCall, how: "ended" | "moved"): boolean {
    const { callSid } = call.parties;
    if (this.find(callSid) !== call) return false;
    this.#media.delete(callSid);
    this.#sip.delete(callSid);
    this.changed(call);
    const { clock, metrics, machine } = this.#deps;
    machine?.absent(callSid);
    const { state, agent } = call;
    metrics.callsActive.move(-1);
    if (how === "ended" && state.name === "ended") {
      metrics.calls.add(1, agent.name, state.outcome);
      this.#ended.set(callSid, { agent, next: state.next }, clock.nowMs());
    }
    this.#wakeDrained();
    return true;
  }

  // --- admission ---------------------------------------------------------------------------------

  /** The process is about to end. It may still take the callers whom a load balancer sends. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** New callers overflow. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  get isFull(): boolean {
    return this.load >= this.#deps.maxCalls;
  }

  /** Calls that count against MAX_CALLS: all except those whose caller is with a human. */
  get load(): number {
    let load = 0;
    for (const call of this.#media.values()) if (call.isLoad) load++;
    for (const call of this.#sip.values()) if (call.isLoad) load++;
    return load;
  }

  /** Why no more callers are taken for an agent with this model; null: there is room. */
  refusal(model: string): NoRoom | null {
    if (this.#isDraining) return "draining";
    if (this.isFull) return "full";
    const { admission, clock } = this.#deps;
    return admission?.refusal(model, clock.nowMs()) ?? null;
  }

  /**
   * Why this caller is not admitted: there is no room, or a limit of the agent is reached, here or
   * on this machine. Takes a quarter of a second at most. The same webhook may come again
   * meanwhile.
   */
  async callerRefusal(agent: AgentProfile, parties: CallParties): Promise<OverflowReason | null> {
    const { machine } = this.#deps;
    const refusal = this.#refusalHere(agent, parties);
    const limits = callLimitsOf(agent.limits);
    if (refusal !== null || machine === null || limits === null) return refusal;
    const { callSid, from, to, direction } = parties;
    const elsewhere = await machine.admit({ callSid, from, to, direction }, limits);
    if (elsewhere !== null || this.knows(callSid)) return elsewhere;
    // Others may have come in meanwhile, or a drain may have begun.
    const refused = this.#refusalHere(agent, parties);
    if (refused !== null) machine.absent(callSid);
    return refused;
  }

  #refusalHere({ model, name, limits }: AgentProfile, parties: CallParties): OverflowReason | null {
    const spentUsd = this.#deps.admission?.spending?.todayUsd(agentSpending(name)) ?? 0;
    return this.refusal(model) ?? agentRefusal(limits, parties, this.#parties(), spentUsd);
  }

  *#parties(): IterableIterator<CallParties> {
    for (const { isOver, parties } of this.#media.values()) if (!isOver) yield parties;
    for (const { isOver, parties } of this.#sip.values()) if (!isOver) yield parties;
  }

  readiness(): Readiness {
    if (this.#isLeaving) return { ready: false, reason: "draining" };
    if (this.isFull) return { ready: false, reason: "full" };
    if (this.#deps.admission?.overloaded === true) return { ready: false, reason: "overloaded" };
    const modelFault = this.#deps.admission?.model.fault(this.#deps.clock.nowMs()) ?? null;
    if (modelFault !== null) return { ready: false, reason: modelFault };
    const trouble = this.#deps.trouble();
    return trouble === null ? { ready: true, reason: "ok" } : { ready: false, reason: trouble };
  }

  // --- draining ----------------------------------------------------------------------------------

  /**
   * Turns `/ready` to 503, so that a load balancer chooses others. New callers are still admitted.
   */
  announceDrain(): void {
    this.#isLeaving = true;
    this.#deps.metrics.draining.set(1);
  }

  /** From now on new callers overflow. */
  beginDrain(): void {
    this.announceDrain();
    this.#isDraining = true;
  }

  /** Resolves once no call is left. */
  drained(): Promise<void> {
    if (this.#isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  get #isEmpty(): boolean {
    return this.#media.size === 0 && this.#sip.size === 0;
  }

  #wakeDrained(): void {
    if (this.#isEmpty) for (const resolve of this.#drained.splice(0)) resolve();
  }
}
