import { agentNameFor } from "../../domain/agent-numbers.js";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import type { CallSid } from "../../domain/ids.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import type { TwilioStart } from "../../wire/twilio-media.js";
import type { Twiml } from "../../wire/twiml.js";
import { fittedParameters } from "../../wire/twiml-limits.js";
import { Call } from "../call/call.js";
import type { CallDeps, CallHost } from "../call/call-deps.js";
import { MediaLeg, type MediaLegEvents } from "../media/media-leg.js";
import type { OverflowReason } from "./admission.js";
import type { CallbackKind, CallService, Form, Readiness, Refusal } from "./call-service.js";
import type { CallHandoff, Cluster } from "./cluster.js";
import type { Outbound } from "./outbound.js";
import { StreamTokens } from "./stream-token.js";
import type { TransferredCall, TransferService } from "./transfer-service.js";
import { apologyTwiml, connectTwiml, type Links } from "./voice-twiml.js";

type OtherProcesses = Pick<Cluster, "claim" | "release" | "claimOnce" | "ask">;

export interface CallsConfig {
  readonly accountSid: string;
  readonly maxCalls: number;
  readonly prewarm: boolean;
  readonly tokenSecret: string;
  readonly links: Links;
}

export interface CallsDeps extends CallDeps {
  readonly transfers: (calls: TransferHubHost) => TransferService;
  readonly recordingStatus: (callSid: CallSid, form: Form) => void;
  /** Why records are in danger; null: they are not. */
  readonly trouble: () => "database" | "disk" | null;
  /** Calls on another path, which weigh on this process too. */
  readonly otherLoad?: () => number;
  /** Calls that were placed here; absent: none are. */
  readonly outbound?: Pick<Outbound, "answered" | "status">;
  /** The other processes; absent or null: there are none. */
  readonly fleet?: OtherProcesses | null;
}

/** What transfers need of the calls. */
export interface TransferHubHost {
  readonly agents: AgentsFile;
  find(callSid: CallSid): TransferredCall | undefined;
  /** By the number called; null: nobody answers it. */
  agentFor(form: Form): AgentProfile | null;
  /** TwiML that brings the caller back to their agent, who is told the fact. */
  backToAgent(call: TransferredCall, fact: string | null): Twiml;
  /** The same for a caller whose call another process held. */
  takeBack(callSid: CallSid, agent: AgentProfile, form: Form, fact: string | null): Twiml;
}

/** A call that ended is remembered for the callbacks that still come. */
const REMEMBER_MS = 10 * 60_000;
/** A stream that broke is given back so often; then the agent counts as failed. */
const RETURNS_MOST = 2;
/** Another process says within this what it knows of a call, or the call begins without. */
const HERITAGE_MS = 500;

interface Ended {
  readonly agent: AgentProfile;
  readonly verdict: "hang_up" | "fallback";
  readonly untilMs: number;
}

/** All calls of this process, by CallSid: admits them, finds them, and lets them go. */
export class Calls implements CallService, CallHost<Call>, TransferHubHost {
  readonly agents: AgentsFile;
  readonly #config: CallsConfig;
  readonly #deps: CallsDeps;
  readonly #tokens: StreamTokens;
  readonly #calls = new Map<CallSid, Call>();
  readonly #ended = new Map<CallSid, Ended>();
  readonly #returns = new Map<CallSid, number>();
  readonly #transfers: TransferService;
  readonly #fleet: OtherProcesses | null;
  #draining = false;
  #drained: (() => void)[] = [];

  constructor(agents: AgentsFile, config: CallsConfig, deps: CallsDeps) {
    this.agents = agents;
    this.#config = config;
    this.#deps = deps;
    this.#tokens = new StreamTokens(config.tokenSecret, () => deps.clock.epochMs());
    this.#transfers = deps.transfers(this);
    this.#fleet = deps.fleet ?? null;
  }

  find(callSid: CallSid): Call | undefined {
    return this.#calls.get(callSid);
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** Whether a question about the call can be answered here. */
  knows(callSid: CallSid): boolean {
    return this.#calls.has(callSid) || this.#ended.has(callSid) || this.#transfers.knows(callSid);
  }

  /** What another process must know that has this call's stream; null: the call waits for none. */
  heritage(callSid: CallSid): CallHandoff | null {
    return this.#calls.get(callSid)?.handoff() ?? null;
  }

  /** Another process has the call's stream. */
  moved(callSid: CallSid): void {
    this.#calls.get(callSid)?.moved();
  }

  /** Calls that weigh on this process. */
  get load(): number {
    let load = 0;
    for (const call of this.#calls.values()) if (call.isLoad) load++;
    return load + (this.#deps.otherLoad?.() ?? 0);
  }

  // --- Desk: Twilio's webhooks ----------------------------------------------------------------------

  async incoming(form: Form, query: Form = {}): Promise<Twiml> {
    const callSid = readCallSid(form);
    const placed =
      callSid === null ? null : ((await this.#deps.outbound?.answered(callSid, query)) ?? null);
    const agent = placed?.agent ?? this.agentFor(form);
    if (callSid === null || agent === null) {
      this.#deps.metrics.callsRejected.add(1, agent === null ? "no_agent" : "internal");
      this.#deps.log.warn("call not taken", {
        why: agent === null ? "no agent for the number" : "no CallSid",
      });
      return apologyTwiml(agent);
    }
    // Twilio asks again when our answer came late: the same call, a fresh token, no second session.
    const known = this.#calls.get(callSid);
    if (known !== undefined) return this.#connect(known);

    const refusal = this.refusal(agent.model);
    if (refusal !== null) {
      this.#deps.metrics.callsRejected.add(1, refusal);
      this.#deps.log.warn("call overflows", { callSid, why: refusal });
      this.#recordRejected(callSid, agent, form, refusal);
      return this.#transfers.fallback(agent, callSid, form);
    }
    const call = new Call(
      {
        callSid,
        from: form["From"] ?? "",
        to: form["To"] ?? "",
        direction: form["Direction"]?.startsWith("outbound") === true ? "outbound" : "inbound",
        callToken: form["CallToken"] ?? null,
        openedEpochMs: placed?.placedEpochMs ?? null,
      },
      agent,
      this,
      this.#deps,
    );
    this.#take(call);
    if (placed?.context != null) call.giveContext(placed.context);
    const recognised =
      call.parties.direction === "inbound" ? call.lookUpCaller() : Promise.resolve();
    if (this.#config.prewarm) call.prewarm();
    else call.dialLater();
    if (agent.say !== null && needsCaller(agent.say)) await recognised;
    return this.#connect(call);
  }

  /** A call that is not taken has a record too: somebody was sent away. */
  #recordRejected(callSid: CallSid, agent: AgentProfile, form: Form, reason: string): void {
    const { journal, clock, node } = this.#deps;
    journal.write(callSid, {
      type: "opened",
      epochMs: clock.epochMs(),
      agent: agent.name,
      direction: form["Direction"]?.startsWith("outbound") === true ? "outbound" : "inbound",
      from: form["From"] ?? "",
      to: form["To"] ?? "",
      path: "media-stream",
      node,
    });
    journal.write(callSid, { type: "ended", atMs: 0, outcome: "rejected", reason });
  }

  agentFor(form: Form): AgentProfile | null {
    const outbound = form["Direction"]?.startsWith("outbound") === true;
    const number = (outbound ? form["From"] : form["To"]) ?? "";
    const name = agentNameFor(this.agents, number);
    return (name === null ? undefined : this.agents.agents.get(name)) ?? null;
  }

  #connect(call: Call): Twiml {
    const { callSid, direction } = call.parties;
    const agent = call.agent.name;
    // What comes back is what fits into a parameter, so the token is bound to that.
    const { from, to } = fittedParameters({ from: call.parties.from, to: call.parties.to });
    const token = this.#tokens.issue(callSid, [agent, from, to, direction]);
    const parameters = { token, agent, from, to, direction };
    return connectTwiml(call.agent, call.say, this.#config.links, parameters);
  }

  openStream(socket: MediaSocket): MediaReceiver {
    return new MediaLeg(socket, (start, leg) => this.#claim(start, leg), this.#deps);
  }

  #claim(
    start: TwilioStart,
    leg: MediaLeg,
  ): MediaLegEvents | null | Promise<MediaLegEvents | null> {
    const refuse = (reason: "missing" | "invalid" | "expired" | "replayed"): null => {
      this.#deps.metrics.authFailures.add(1, "token", reason);
      this.#deps.log.warn("stream refused", { reason });
      return null;
    };
    if (start.accountSid !== this.#config.accountSid) return refuse("invalid");
    const { token, agent = "", from = "", to = "", direction = "" } = start.customParameters;
    const verdict = this.#tokens.redeem(token, start.callSid, [agent, from, to, direction]);
    if (verdict !== "ok") return refuse(verdict);
    const admit = (heritage: CallHandoff | null = null): MediaLegEvents | null => {
      const call = this.#calls.get(start.callSid) ?? this.#adopt(start, heritage);
      if (call === null) return refuse("invalid");
      return call.claim(leg, start.streamSid) ?? refuse("replayed");
    };
    if (this.#fleet === null || token === undefined) return admit();
    const { key, ttlMs } = this.#tokens.onceKey(token);
    const heritage = this.#calls.has(start.callSid)
      ? Promise.resolve(null)
      : this.#inherit(start.callSid);
    return Promise.all([this.#fleet.claimOnce(key, ttlMs), heritage]).then(([first, inherited]) =>
      first === false ? refuse("replayed") : admit(inherited),
    );
  }

  /** From whoever answered the webhook. The caller waits for it, so not for long. */
  #inherit(callSid: CallSid): Promise<CallHandoff | null> {
    return new Promise((resolve) => {
      const late = this.#deps.clock.after(HERITAGE_MS, () => resolve(null));
      void this.#fleet?.ask(callSid, { kind: "stream_elsewhere" }).then((answer) => {
        late.cancel();
        resolve(answer?.kind === "heritage" ? answer.heritage : null);
      });
    });
  }

  #take(call: Call): void {
    const { callSid } = call.parties;
    this.#calls.set(callSid, call);
    this.#deps.metrics.callsActive.move(1);
    this.#fleet?.claim(callSid);
  }

  /** A good token of a call whose webhook another process answered: the stream brings what is needed. */
  #adopt(start: TwilioStart, heritage: CallHandoff | null): Call | null {
    const { agent: name, from, to, direction } = start.customParameters;
    const agent = name === undefined ? undefined : this.agents.agents.get(name);
    if (agent === undefined || this.#draining) return null;
    const call = new Call(
      {
        callSid: start.callSid,
        from: from ?? "",
        to: to ?? "",
        direction: direction === "outbound" ? "outbound" : "inbound",
        callToken: heritage?.callToken ?? null,
      },
      agent,
      this,
      this.#deps,
    );
    if (heritage !== null) call.resumeFrom(heritage);
    this.#take(call);
    call.dialLater();
    return call;
  }

  async connectEnded(form: Form): Promise<Twiml> {
    const callSid = readCallSid(form);
    if (callSid === null) return [{ verb: "hangup" }];
    if (isOver(form)) {
      this.#calls.get(callSid)?.callerGone();
      return [{ verb: "hangup" }];
    }
    const call = this.#calls.get(callSid);
    if (call === undefined) return this.#afterwards(callSid, form);
    if (call.state.name === "handing_over") return this.#transfers.meanwhile(callSid);
    // The stream broke while caller and agent were talking. Its socket may tell us later than Twilio does.
    if (call.state.name !== "returning") call.dropStream();
    const returns = (this.#returns.get(callSid) ?? 0) + 1;
    this.#returns.set(callSid, returns);
    if (returns > RETURNS_MOST) {
      call.abandon("stream_broke");
      return this.#transfers.fallback(call.agent, callSid, form);
    }
    return this.backToAgent(call, "The line to the caller broke for a moment.");
  }

  async #afterwards(callSid: CallSid, form: Form): Promise<Twiml> {
    const ended = this.#ended.get(callSid);
    if (ended?.verdict === "hang_up") return [{ verb: "hangup" }];
    // The process that had the call is gone; it may have left word where the caller wanted to go.
    const resumed = ended === undefined ? await this.#transfers.resume(callSid, form) : null;
    if (resumed !== null) return resumed;
    const agent = ended?.agent ?? this.agentFor(form);
    return agent === null ? apologyTwiml(null) : this.#transfers.fallback(agent, callSid, form);
  }

  backToAgent(back: TransferredCall, fact: string | null): Twiml {
    const call = this.#calls.get(back.parties.callSid);
    if (call === undefined) return apologyTwiml(back.agent);
    if (fact !== null) call.oweReply(fact);
    return this.#connect(call).filter((verb) => verb.verb === "connect_stream");
  }

  takeBack(callSid: CallSid, agent: AgentProfile, form: Form, fact: string | null): Twiml {
    if (this.#draining || this.load >= this.#config.maxCalls) return apologyTwiml(agent);
    const call = new Call(
      {
        callSid,
        from: form["From"] ?? "",
        to: form["To"] ?? "",
        direction: form["Direction"]?.startsWith("outbound") === true ? "outbound" : "inbound",
        callToken: null,
      },
      agent,
      this,
      this.#deps,
    );
    this.#take(call);
    call.dialLater();
    return this.backToAgent(call, fact);
  }

  async transferStatus(form: Form, query: Form): Promise<Twiml> {
    return this.#transfers.status(form, query);
  }

  callback(kind: CallbackKind, form: Form, query: Form): void {
    const callSid = readCallSid(form);
    const call = callSid === null ? undefined : this.#calls.get(callSid);
    if (kind === "call-status" && isOver(form)) call?.callerGone();
    if (kind === "call-status" && callSid !== null && call === undefined)
      this.#deps.outbound?.status(callSid, form, query);
    if (kind === "amd-status" && query["outbound"] !== undefined)
      call?.answeredBy(form["AnsweredBy"] ?? "unknown");
    if (kind === "recording-status" && callSid !== null) this.#deps.recordingStatus(callSid, form);
    this.#transfers.callback(kind, form, query);
  }

  // --- Desk: operators ------------------------------------------------------------------------------

  readiness(): Readiness {
    if (this.#draining) return { ready: false, reason: "draining" };
    if (this.load >= this.#config.maxCalls) return { ready: false, reason: "full" };
    if (this.#deps.admission?.overloaded === true) return { ready: false, reason: "overloaded" };
    const trouble = this.#deps.trouble();
    return trouble === null ? { ready: true, reason: "ok" } : { ready: false, reason: trouble };
  }

  async transfer(
    callSid: CallSid,
    destination: string,
    reason: string | null,
  ): Promise<Refusal | null> {
    const call = this.#calls.get(callSid);
    if (call === undefined) return "not_found";
    if (!call.isLoad || call.state.name === "offered") return "not_live";
    if (!call.agent.transfer.destinations.has(destination)) return "destination_unknown";
    call.leave({
      kind: "transfer",
      farewell: "none",
      request: { destination, reason, summary: null, urgency: null, by: "supervisor" },
    });
    return null;
  }

  async end(callSid: CallSid): Promise<Refusal | null> {
    const call = this.#calls.get(callSid);
    if (call === undefined) return "not_found";
    if (!call.isLoad || call.state.name === "offered") return "not_live";
    call.leave({ kind: "end", reason: "supervisor", farewell: "none" });
    return null;
  }

  // --- CallHost -------------------------------------------------------------------------------------

  handOver(call: Call, request: TransferRequest): void {
    this.#transfers.begin(call, request);
  }

  announce(call: Call, request: TransferRequest): void {
    this.#transfers.announce(call, request);
  }

  callerGone(call: Call): void {
    this.#transfers.callerGone(call.parties.callSid);
  }

  ended(call: Call): void {
    const { callSid } = call.parties;
    const { state } = call;
    if (state.name !== "ended" || this.#calls.get(callSid) !== call) return;
    this.#calls.delete(callSid);
    this.#returns.delete(callSid);
    this.#transfers.forget(callSid);
    this.#deps.metrics.callsActive.move(-1);
    this.#deps.metrics.calls.add(1, call.agent.name, state.outcome);
    const nowMs = this.#deps.clock.nowMs();
    for (const [old, { untilMs }] of this.#ended) {
      if (untilMs > nowMs) break;
      this.#ended.delete(old);
    }
    this.#ended.set(callSid, {
      agent: call.agent,
      verdict: state.verdict,
      untilMs: nowMs + REMEMBER_MS,
    });
    this.#fleet?.release(callSid);
    this.#wakeDrained();
  }

  movedAway(call: Call): void {
    const { callSid } = call.parties;
    if (this.#calls.get(callSid) !== call) return;
    this.#calls.delete(callSid);
    this.#returns.delete(callSid);
    this.#transfers.forget(callSid);
    this.#deps.metrics.callsActive.move(-1);
    this.#wakeDrained();
  }

  /** The last call of another path is over, perhaps. */
  otherEnded(): void {
    this.#wakeDrained();
  }

  /** Why no more callers are taken; null: there is room. */
  refusal(model: string): OverflowReason | null {
    if (this.#draining) return "draining";
    if (this.load >= this.#config.maxCalls) return "full";
    const { admission = null, clock } = this.#deps;
    return admission?.refusal(model, clock.nowMs()) ?? null;
  }

  #wakeDrained(): void {
    if (this.#calls.size === 0 && (this.#deps.otherLoad?.() ?? 0) === 0)
      for (const drained of this.#drained.splice(0)) drained();
  }

  // --- draining -------------------------------------------------------------------------------------

  /** New callers overflow from now on. */
  beginDrain(): void {
    this.#draining = true;
    this.#deps.metrics.draining.set(1);
  }

  /** Resolves once no call is left. */
  drained(): Promise<void> {
    if (this.#calls.size === 0 && (this.#deps.otherLoad?.() ?? 0) === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Callers who are still on a stream go to their fallback; callers with a human stay with them. */
  stop(): void {
    this.#draining = true;
    for (const call of [...this.#calls.values()]) call.abandon("drained");
    this.#transfers.close();
  }
}

function readCallSid(form: Form): CallSid | null {
  const sid = form["CallSid"] ?? "";
  return /^CA[0-9a-fA-F]{32}$/.test(sid) ? (sid as CallSid) : null;
}

const OVER = new Set(["completed", "busy", "failed", "no-answer", "canceled"]);

function isOver(form: Form): boolean {
  return OVER.has(form["CallStatus"] ?? "");
}
