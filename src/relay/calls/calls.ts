import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { listedPauses } from "../../domain/backoff.js";
import { isFinalStatusText } from "../../domain/call-status.js";
import { ExpiringMap } from "../../domain/expiring-map.js";
import { type CallSid, readCallSid } from "../../domain/ids.js";
import type { Timer } from "../../ports/clock.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import type { CallControl } from "../../ports/twilio.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand, CallHandoff, Refusal } from "../call/call-command.js";
import type { CallDeps } from "../call/call-deps.js";
import type { SipInvite } from "../sip/invite.js";
import { ReferTransfers } from "../sip/refer.js";
import type { SipStates } from "../sip/sip-states.js";
import { CallExits, SipExits } from "./call-exits.js";
import type { CallService, Readiness, SipCallService } from "./call-service.js";
import type { CallbackKind, CallbackLink, Form } from "./callback-link.js";
import type { Cluster } from "./cluster.js";
import { agentFor, Inbound, partiesOf } from "./inbound.js";
import { lastRedirect } from "./last-redirect.js";
import { LostTransfers } from "./lost-transfers.js";
import type { Outbound } from "./outbound.js";
import type { PeerStreams } from "./peer-streams.js";
import type { CallRegistry, MediaCall, RelayCall } from "./registry.js";
import { SipInbound } from "./sip-inbound.js";
import { TakeoverWatch } from "./takeover-watch.js";
import type { TransferCalls, TransferService } from "./transfer-service.js";
import { fallbackRequest } from "./transfers.js";
import { Overflow } from "./turned-away.js";
import { apologyTwiml, comfortTwiml, type Links, SILENCE_TWIML } from "./voice-twiml.js";

export interface CallsConfig {
  readonly accountSid: string;
  readonly prewarm: boolean;
  readonly tokenSecrets: readonly string[];
  readonly links: Links;
}

/** What the SIP path needs where it is configured. */
export interface SipDeps {
  /** `proj_…`. */
  readonly projectId: string;
  /** SUPERVISOR_APP_SID; null: no supervisor can speak on the SIP path. */
  readonly supervisorAppSid: string | null;
  readonly sip: SipControl;
  /** Null: a call dies with its process. */
  readonly states: SipStates | null;
  /** True for the first of all processes that asks for this key. */
  readonly claimOnce: (key: string, ttlMs: number) => Promise<boolean>;
}

export interface CallsDeps extends CallDeps {
  readonly agents: AgentsFile;
  readonly registry: CallRegistry;
  readonly control: CallControl;
  readonly transfers: (calls: TransferCalls) => TransferService;
  readonly recordingStatus: (callSid: CallSid, form: Form) => void;
  /** Calls that were placed here; null: none are. */
  readonly outbound: Pick<Outbound, "answered" | "status"> | null;
  /** The other processes; null: there are none. */
  readonly cluster: Pick<Cluster, "claim" | "release" | "claimOnce" | "ask"> | null;
  /** Null: this is the only process. */
  readonly peerStreams: Pick<PeerStreams, "open"> | null;
  /** Null: the SIP path is not configured. */
  readonly sip: SipDeps | null;
}

/** A caller whose stream broke gets a new one this often. After that the agent counts as failed. */
const MAX_RETURNS = 2;
/** From a call's first broken stream. */
const RETURNS_MS = 60 * 60_000;
/** A process that stops waits this long for the requests that send its callers elsewhere … */
const REDIRECTS_MS = 3_000;
/** … and this long for Twilio to ask what follows the streams that it has closed. */
const TAKEOVER_MS = 10_000;
/** Between those requests, where they fail. Together they are within REDIRECTS_MS. */
const REDIRECT_PAUSES = listedPauses([200, 400, 800, 1_000]);

/**
 * The calls of this process as the edge and the cluster see them. Routes each webhook, callback and
 * command to the part that it concerns. The callback link, or the registry, tells on which path a
 * call is.
 */
export class Calls implements CallService, SipCallService, TransferCalls {
  readonly agents: AgentsFile;
  readonly #deps: CallsDeps;
  readonly #registry: CallRegistry;
  readonly #transfers: TransferService;
  readonly #lostTransfers: LostTransfers;
  readonly #inbound: Inbound;
  readonly #sip: SipInbound | null;
  /** How often the caller of a call has got a new stream in place of a broken one. */
  readonly #returns = new ExpiringMap<CallSid, number>({ ttlMs: RETURNS_MS });
  readonly #takeovers: TakeoverWatch;

  constructor(config: CallsConfig, deps: CallsDeps) {
    this.#deps = deps;
    this.agents = deps.agents;
    const { registry, control, log, cluster, clock, metrics } = deps;
    this.#registry = registry;
    this.#takeovers = new TakeoverWatch(clock);
    const transfers = deps.transfers(this);
    this.#transfers = transfers;
    this.#lostTransfers = new LostTransfers({ transfers, calls: this, cluster, clock, log });
    const overflow = new Overflow(transfers, deps);
    const exits = new CallExits(
      { registry, transfers, control, clock, log, cluster },
      { forget: (callSid) => this.#returns.delete(callSid) },
    );
    const afterEnd = (callSid: CallSid, form: Form) => this.#afterEnd(callSid, form);
    this.#inbound = new Inbound(config, { ...deps, host: exits, overflow, afterEnd });
    this.#sip = null;
    if (deps.sip === null) return;
    const { sip, states, claimOnce, projectId, supervisorAppSid } = deps.sip;
    const refer = new ReferTransfers({ sip, clock, metrics, log });
    const host = new SipExits(exits, refer, states);
    this.#sip = new SipInbound(
      { ...config, projectId, supervisorAppSid },
      { ...deps, host, overflow, transfers, refer, sip, states, claimOnce, afterEnd },
    );
  }

  // --- for transfers and other processes ---------------------------------------------------------

  find(callSid: CallSid): RelayCall | undefined {
    return this.#registry.find(callSid);
  }

  takeBack(callSid: CallSid, agent: AgentProfile, form: Form): MediaCall | null {
    if (this.#registry.isDraining || this.#registry.isFull) return null;
    const call = this.#inbound.open({ ...partiesOf(callSid, form), callToken: null }, agent, null);
    call.execute({ type: "dial_later" });
    return call;
  }

  /** Whether a request about the call can be answered here. */
  knows(callSid: CallSid): boolean {
    return this.#registry.knows(callSid) || this.#transfers.knows(callSid);
  }

  /** What the process with this call's stream must know; null: the call expects no stream. */
  handoff(callSid: CallSid): CallHandoff | null {
    return this.#registry.media(callSid)?.handoff() ?? null;
  }

  /** Another process has the call. */
  moved(callSid: CallSid): void {
    this.find(callSid)?.execute({ type: "moved" });
  }

  // --- Twilio's webhooks -------------------------------------------------------------------------

  incoming(form: Form, link?: CallbackLink): Promise<Twiml> {
    return this.#inbound.incoming(form, link);
  }

  async incomingSip(form: Form): Promise<Twiml> {
    return this.#sip?.incoming(form) ?? apologyTwiml(null);
  }

  async invited(invite: SipInvite): Promise<void> {
    await this.#sip?.invited(invite);
  }

  openStream(socket: MediaSocket): MediaReceiver {
    return this.#inbound.openStream(socket);
  }

  /** Opens a stream of a call on the SIP path that another process carries to this one. */
  openCarried(socket: MediaSocket): MediaReceiver {
    return this.#inbound.openCarried(socket);
  }

  async connectEnded(form: Form): Promise<Twiml> {
    const callSid = readCallSid(form["CallSid"]);
    if (callSid === null) return [{ verb: "hangup" }];
    const twiml = await this.#connectEnded(callSid, form);
    this.#takeovers.taken(callSid);
    return twiml;
  }

  async #connectEnded(callSid: CallSid, form: Form): Promise<Twiml> {
    const call = this.find(callSid);
    if (isFinalStatusText(form["CallStatus"])) {
      call?.execute({ type: "caller_gone" });
      return [{ verb: "hangup" }];
    }
    if (call === undefined || call.isOver) return this.#afterEnd(callSid, form);
    // The number's fallback URL leads here, too.
    if (this.#registry.sip(callSid) !== undefined) return this.#conferenceOver(callSid, form);
    if (isHandedOver(call)) return this.#whatFollows(call);
    // The stream broke while caller and agent were talking. Twilio may ask before its socket has
    // reported the end.
    if (call.state.name !== "returning") call.execute({ type: "drop_stream" });
    if (isHandedOver(call)) return this.#whatFollows(call);
    if (call.isOver) return this.#afterEnd(callSid, form);
    const nowMs = this.#deps.clock.nowMs();
    const returns = (this.#returns.get(callSid, nowMs) ?? 0) + 1;
    this.#returns.set(callSid, returns, nowMs);
    if (returns > MAX_RETURNS) return this.#giveUp(call, "stream_broke");
    call.execute({ type: "tell_model", fact: "The line to the caller broke for a moment." });
    return call.path.arrivalTwiml(false);
  }

  /** The agent cannot go on, and Twilio asks what follows. */
  async #giveUp(call: RelayCall, reason: string): Promise<Twiml> {
    call.execute({ type: "give_up", reason });
    return call.isOver ? apologyTwiml(call.agent) : this.#whatFollows(call);
  }

  async #whatFollows(call: RelayCall): Promise<Twiml> {
    call.execute({ type: "stream_followed" });
    const twiml = await this.#transfers.whatFollows(call.parties.callSid);
    if (isHandedOver(call) || call.isOver) return twiml;
    // The transfer was refused meanwhile. The caller, whose stream is over, comes back to the
    // agent.
    if (call.state.name !== "returning") call.execute({ type: "drop_stream" });
    return call.path.arrivalTwiml(false);
  }

  /** What follows for a call that is over, or that this process never had. */
  async #afterEnd(callSid: CallSid, form: Form): Promise<Twiml> {
    const live = this.find(callSid);
    const { state } = live ?? { state: null };
    const ended =
      live !== undefined && (state?.name === "closing" || state?.name === "ended")
        ? { agent: live.agent, next: state.next }
        : this.#registry.ended(callSid);
    if (ended?.next === "hang_up") return [{ verb: "hangup" }];
    // The process with the call has died. It may have stored where the caller was going.
    const resumed = ended === undefined ? await this.#transfers.resume(callSid, form) : null;
    if (resumed !== null) return resumed;
    const agent = ended?.agent ?? agentFor(this.agents, form);
    return agent === null ? apologyTwiml(null) : this.#transfers.fallback(agent, callSid, form);
  }

  async transferStatus(form: Form, link: CallbackLink): Promise<Twiml> {
    switch (link.kind) {
      case "transfer":
        return this.#transfers.status(form, link);
      case "conference":
        return this.#conferenceOver(link.call, form);
      case "comfort":
        return comfortTwiml(link.language);
      case "silence":
        return SILENCE_TWIML;
      case "line":
      case "line_ended":
        return this.#sip?.line(form, link) ?? [{ verb: "hangup" }];
      default: {
        const callSid = readCallSid(form["CallSid"]);
        const twiml = callSid === null ? null : this.#transfers.documentEnded(callSid, form);
        if (twiml !== null) return twiml;
        // Not a link of ours: answer with a harmless document.
        const over = form["CallStatus"] === "completed" || form["DialCallStatus"] === "completed";
        return over ? [{ verb: "hangup" }] : apologyTwiml(agentFor(this.agents, form));
      }
    }
  }

  /** Twilio asks what follows the caller's conference. */
  async #conferenceOver(callSid: CallSid, form: Form): Promise<Twiml> {
    const call = this.#registry.sip(callSid);
    if (call === undefined || call.isOver) {
      const unfinished = call === undefined && (await this.#sip?.isUnfinished(callSid)) === true;
      return unfinished ? this.#afterEnd(callSid, form) : [{ verb: "hangup" }];
    }
    if (isFinalStatusText(form["CallStatus"])) {
      call.execute({ type: "caller_gone" });
      return [{ verb: "hangup" }];
    }
    return isHandedOver(call) ? this.#whatFollows(call) : this.#giveUp(call, "conference_ended");
  }

  // --- callbacks ---------------------------------------------------------------------------------

  callback(kind: CallbackKind, form: Form, link: CallbackLink): void {
    switch (link.kind) {
      case "conference":
      case "model_leg":
        this.#sip?.callback(form, link);
        return;
      case "transfer":
        this.#callerStatus(kind, form, link);
        this.#transfers.callback(kind, form, link);
        return;
      case "outbound":
      case "plain":
        this.#callerStatus(kind, form, link);
        return;
    }
  }

  #callerStatus(kind: CallbackKind, form: Form, link: CallbackLink): void {
    const callSid = readCallSid(form["CallSid"]);
    if (callSid === null) return;
    const call = this.find(callSid);
    const { outbound } = this.#deps;
    switch (kind) {
      case "call-status":
        if (isFinalStatusText(form["CallStatus"])) {
          this.#takeovers.taken(callSid);
          if (call !== undefined) call.execute({ type: "caller_gone" });
          // A transfer that this process took over from another.
          else if (link.kind !== "transfer") this.#transfers.callerGone(callSid);
        }
        if (call === undefined && link.kind === "outbound") outbound?.status(callSid, form, link);
        return;
      case "amd-status":
        if (link.kind === "outbound")
          call?.execute({ type: "answered_by", by: form["AnsweredBy"] ?? "unknown" });
        return;
      case "recording-status":
        this.#deps.recordingStatus(callSid, form);
        return;
      default:
        return;
    }
  }

  /** The process with this call has died. */
  processLost(callSid: CallSid): void {
    this.#sip?.processLost(callSid);
    this.#lostTransfers.processLost(callSid);
  }

  // --- operators ---------------------------------------------------------------------------------

  readiness(): Readiness {
    return this.#registry.readiness();
  }

  async execute(callSid: CallSid, command: CallCommand): Promise<Refusal | null> {
    const call = this.find(callSid);
    if (call === undefined) return "not_found";
    const { listeners, capabilities } = call.path;
    if (command.type === "take_over" && capabilities.takeOver)
      if (listeners?.has(command.listener, command.by) === false) return "not_listening";
    return call.execute(command);
  }

  // --- the end of the process --------------------------------------------------------------------

  /**
   * Sends callers who are still with an agent to their fallback; callers with a human stay there.
   * Resolves when Twilio has asked what follows for each of them, or after TAKEOVER_MS.
   */
  async abandon(): Promise<void> {
    for (const call of this.#callsToLeave())
      if (!call.isOver && call.path.capabilities.asksWhatFollows)
        this.#takeovers.expect(call.parties.callSid);
    const taken = this.#takeovers.settled(TAKEOVER_MS);
    await this.#sendAllAway();
    const left = await taken;
    if (left > 0) this.#deps.log.warn("call: callers not taken over in time", { calls: left });
  }

  /** As `abandon`, without waiting until Twilio has asked. */
  async stop(): Promise<void> {
    await this.#sendAllAway();
    this.#transfers.close();
  }

  #callsToLeave(): readonly RelayCall[] {
    return this.#registry.all().filter(({ state }) => state.name !== "handing_over");
  }

  async #sendAllAway(): Promise<void> {
    this.#registry.beginDrain();
    const sent = Promise.all(this.#callsToLeave().map((call) => this.#sendAway(call)));
    let timer: Timer | null = null;
    const late = new Promise<void>((resolve) => {
      timer = this.#deps.clock.after(REDIRECTS_MS, resolve);
    });
    await Promise.race([sent.then(() => timer?.cancel()), late]);
  }

  async #sendAway(call: RelayCall): Promise<void> {
    const { parties, agent, path, isOver } = call;
    const { callSid } = parties;
    const { default: destination } = agent.transfer;
    // Begin the transfer before the call ends, so that it is in the record and in the database.
    if (!isOver && destination !== null)
      this.#transfers.begin(call, fallbackRequest(destination), "follows");
    const followed = isOver || destination === null ? null : this.#transfers.whatFollows(callSid);
    call.execute({ type: "abandon", reason: "drained" });
    // If Twilio asks what follows the stream, the answer sends the caller on. Otherwise tell it
    // now.
    if (isOver || path.capabilities.asksWhatFollows || readCallSid(callSid) === null) return;
    const twiml = (await followed) ?? apologyTwiml(agent);
    const failed = "call: caller not sent to the fallback";
    await lastRedirect(callSid, twiml, REDIRECT_PAUSES, failed, this.#deps);
  }
}

function isHandedOver({ state }: RelayCall): boolean {
  return state.name === "handing_over";
}
