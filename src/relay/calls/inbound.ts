import { agentNameFor } from "../../domain/agent-numbers.js";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { type CallSid, readCallSid } from "../../domain/ids.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import type { TwilioStart } from "../../wire/twilio-media.js";
import type { Twiml } from "../../wire/twiml.js";
import { fittedParameters } from "../../wire/twiml-limits.js";
import { Call } from "../call/call.js";
import type { CallHandoff } from "../call/call-command.js";
import type { CallDeps, CallHost } from "../call/call-deps.js";
import type { PathFactory } from "../call/call-path.js";
import { type Claimed, type LegOwner, MediaLeg } from "../media/media-leg.js";
import { type MediaPath, mediaPaths } from "../media/media-path.js";
import { forkClaims } from "../sip/caller-fork.js";
import { lineClaims } from "../sip/supervisor-line.js";
import { type CallbackLink, type Form, PLAIN } from "./callback-link.js";
import type { Cluster } from "./cluster.js";
import type { AnsweredCall, Outbound } from "./outbound.js";
import type { PeerStreams } from "./peer-streams.js";
import type { CallRegistry, MediaCall, SipCall } from "./registry.js";
import { StreamTokens } from "./stream-token.js";
import type { Overflow } from "./turned-away.js";
import { apologyTwiml, connectTwiml, type Links } from "./voice-twiml.js";

export interface InboundConfig {
  readonly accountSid: string;
  readonly prewarm: boolean;
  readonly tokenSecrets: readonly string[];
  readonly links: Links;
}

export interface InboundDeps extends CallDeps {
  readonly agents: AgentsFile;
  readonly registry: CallRegistry;
  readonly host: CallHost<MediaCall>;
  readonly overflow: Overflow;
  /** Calls that were placed here; null: none are. */
  readonly outbound: Pick<Outbound, "answered"> | null;
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "claim" | "claimOnce" | "ask"> | null;
  /** Null: this is the only process. */
  readonly peerStreams: Pick<PeerStreams, "open"> | null;
  /** A call is over, and its webhook comes once more. */
  readonly afterEnd: (callSid: CallSid, form: Form) => Promise<Twiml>;
}

type StreamRefusal = "missing" | "invalid" | "expired" | "replayed";

/** Clocks that are kept by NTP differ by less. */
const CLOCK_WARNING_MS = 5_000;
/**
 * From the stream's `start`: another process sends its handoff within this, or the call begins
 * without it.
 */
const HANDOFF_MS = 500;

/**
 * Finds the agent by the called number; of an outbound call, by the calling one. Null: none
 * answers.
 */
export function agentFor(agents: AgentsFile, form: Form): AgentProfile | null {
  const number = (isOutbound(form) ? form["From"] : form["To"]) ?? "";
  const name = agentNameFor(agents, number);
  return (name === null ? undefined : agents.agents.get(name)) ?? null;
}

export function partiesOf(callSid: CallSid, form: Form): CallParties {
  return {
    callSid,
    from: form["From"] ?? "",
    to: form["To"] ?? "",
    direction: isOutbound(form) ? "outbound" : "inbound",
    callToken: form["CallToken"] ?? null,
  };
}

function isOutbound(form: Form): boolean {
  return form["Direction"]?.startsWith("outbound") === true;
}

/** A stream beside the audio of a call on the SIP path. */
interface SideStream {
  /** The caller's. */
  readonly callSid: CallSid;
  /** What its token proves. */
  readonly claims: readonly string[];
  claim(call: SipCall, leg: MediaLeg): LegOwner | null;
}

/** A fork for listeners, or a supervisor's line; null: it is the stream of a call itself. */
function sideStreamOf({ callSid, customParameters }: TwilioStart): SideStream | null {
  const { fork, line, call = "" } = customParameters;
  if (fork !== undefined)
    return {
      callSid,
      claims: forkClaims(fork),
      claim: ({ path }, leg) => path.fork?.claim(fork, leg) ?? null,
    };
  if (line === undefined) return null;
  return {
    callSid: call as CallSid,
    claims: lineClaims(call, line),
    claim: ({ path }, leg) => path.takeover?.line.claim(line, leg) ?? null,
  };
}

/** Takes callers of the Media Streams path: their webhooks, and the streams that follow. */
export class Inbound {
  readonly #config: InboundConfig;
  readonly #deps: InboundDeps;
  readonly #tokens: StreamTokens;
  readonly #paths: PathFactory<MediaPath>;

  constructor(config: InboundConfig, deps: InboundDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#tokens = new StreamTokens(config.tokenSecrets, deps.clock);
    this.#paths = mediaPaths({
      twiml: ({ parties, agent }, announcement) => this.#streamTwiml(parties, agent, announcement),
    });
  }

  async incoming(form: Form, link: CallbackLink = PLAIN): Promise<Twiml> {
    const { agents, registry, overflow, outbound, metrics, log } = this.#deps;
    const callSid = readCallSid(form["CallSid"]);
    const placed =
      callSid === null || link.kind !== "outbound"
        ? null
        : ((await outbound?.answered(callSid, link)) ?? null);
    const agent = placed?.agent ?? agentFor(agents, form);
    if (callSid === null || agent === null) {
      metrics.callsRejected.add(1, agent === null ? "no_agent" : "internal");
      const reason = agent === null ? "no_agent" : "no_call_sid";
      log.warn("call: not taken", { callSid, reason });
      return apologyTwiml(agent);
    }
    // Twilio asks again when our answer was late: it is the same call, with a new stream token.
    const known = registry.media(callSid);
    if (known !== undefined && !known.isOver) return known.path.arrivalTwiml(true);
    if (registry.knows(callSid)) return this.#deps.afterEnd(callSid, form);
    if (overflow.knows(callSid)) return overflow.again(callSid);
    const parties = partiesOf(callSid, form);
    const refusal = await registry.callerRefusal(agent, parties);
    // The same webhook, delivered once more while the other processes were asked.
    if (registry.knows(callSid) || overflow.knows(callSid)) return await this.incoming(form, link);
    if (refusal !== null) return overflow.turnAway(parties, agent, "media-stream", refusal);
    const call = this.#take(parties, agent, placed);
    if (agent.say !== null && needsCaller(agent.say)) await call.greeting.lookedUp;
    return call.path.arrivalTwiml(true);
  }

  #take(parties: CallParties, agent: AgentProfile, placed: AnsweredCall | null): MediaCall {
    const call = this.open(
      { ...parties, openedEpochMs: placed?.placedEpochMs ?? null },
      agent,
      null,
    );
    if (placed?.context != null) call.execute({ type: "give_context", context: placed.context });
    if (parties.direction === "inbound") call.execute({ type: "look_up_caller" });
    call.execute({ type: this.#config.prewarm ? "prewarm" : "dial_later" });
    return call;
  }

  /** Opens a call of this process. `handoff`: what another process knew about it. */
  open(parties: CallParties, agent: AgentProfile, handoff: CallHandoff | null): MediaCall {
    const { registry, cluster, host } = this.#deps;
    const call = new Call(parties, agent, this.#paths, host, this.#deps);
    if (handoff !== null) call.execute({ type: "resume_from", handoff });
    registry.addMedia(call);
    cluster?.claim(parties.callSid);
    return call;
  }

  #streamTwiml(parties: CallParties, agent: AgentProfile, announcement: string | null): Twiml {
    const { callSid, direction } = parties;
    // Twilio cuts long parameters. The token is bound to the values as they will come back.
    const { from, to } = fittedParameters({ from: parties.from, to: parties.to });
    const token = this.#tokens.issue(callSid, [agent.name, from, to, direction]);
    const parameters = { token, agent: agent.name, from, to, direction };
    return connectTwiml(agent, announcement, this.#config.links, parameters);
  }

  openStream(socket: MediaSocket): MediaReceiver {
    return new MediaLeg(socket, (start, leg) => this.#claim(start, leg), this.#deps);
  }

  /** A stream that another process carries here: it is carried no further. */
  openCarried(socket: MediaSocket): MediaReceiver {
    return new MediaLeg(socket, (start, leg) => this.#claimCarried(start, leg), this.#deps);
  }

  #claim(start: TwilioStart, leg: MediaLeg): Claimed | Promise<Claimed> {
    const { registry, cluster, peerStreams } = this.#deps;
    if (start.accountSid !== this.#config.accountSid) return this.#refuse("invalid");
    const side = sideStreamOf(start);
    if (side !== null) return this.#claimSide(start, side, leg, peerStreams);
    const { token, agent = "", from = "", to = "", direction = "" } = start.customParameters;
    const check = this.#tokens.redeem(token, start.callSid, [agent, from, to, direction]);
    if (check !== "ok") return this.#refuse(check);
    this.#checkClock(token ?? "", start.callSid);
    if (cluster === null || token === undefined) return this.#admit(start, leg, null);
    const { key, ttlMs } = this.#tokens.onceKey(token);
    const handoff =
      registry.media(start.callSid) === undefined
        ? this.#handoffOf(start.callSid, cluster)
        : Promise.resolve(null);
    return Promise.all([cluster.claimOnce(key, ttlMs), handoff]).then(([first, handed]) =>
      first === false ? this.#refuse("replayed") : this.#admit(start, leg, handed),
    );
  }

  #claimCarried(start: TwilioStart, leg: MediaLeg): Claimed | Promise<Claimed> {
    const side = sideStreamOf(start);
    if (start.accountSid !== this.#config.accountSid || side === null)
      return this.#refuse("invalid");
    return this.#claimSide(start, side, leg, null);
  }

  /**
   * @param peers  carries the stream of a call of another process there; null: it is refused.
   */
  #claimSide(
    start: TwilioStart,
    side: SideStream,
    leg: MediaLeg,
    peers: InboundDeps["peerStreams"],
  ): Claimed | Promise<Claimed> {
    const { callSid, claims, claim } = side;
    const { token } = start.customParameters;
    const call = this.#deps.registry.sip(callSid);
    const isElsewhere = call === undefined && peers !== null;
    const check = isElsewhere
      ? this.#tokens.verify(token, start.callSid, claims)
      : this.#tokens.redeem(token, start.callSid, claims);
    if (check !== "ok") return this.#refuse(check);
    if (isElsewhere)
      return peers.open(callSid).then((carrier) => carrier ?? this.#refuse("replayed"));
    return (call === undefined ? null : claim(call, leg)) ?? this.#refuse("replayed");
  }

  #admit(start: TwilioStart, leg: MediaLeg, handoff: CallHandoff | null): LegOwner | null {
    const call = this.#deps.registry.media(start.callSid) ?? this.#adopt(start, handoff);
    if (call === null) return this.#refuse("invalid");
    return call.path.claim(leg, start.streamSid) ?? this.#refuse("replayed");
  }

  /** Two clocks that differ make tokens last too long, or expire before they are used. */
  #checkClock(token: string, callSid: CallSid): void {
    const aheadMs = this.#tokens.aheadMs(token);
    if (aheadMs < CLOCK_WARNING_MS) return;
    const fix = "synchronise the clocks of all nodes (NTP)";
    this.#deps.log.warn("media: another node's clock is ahead", { callSid, aheadMs, fix });
  }

  #refuse(reason: StreamRefusal): null {
    this.#deps.metrics.authFailures.add(1, "token", reason);
    this.#deps.log.warn("media: stream refused", { reason });
    return null;
  }

  /** Asks the process that answered the webhook, but not for long: the caller is waiting. */
  #handoffOf(callSid: CallSid, cluster: Pick<Cluster, "ask">): Promise<CallHandoff | null> {
    return new Promise((resolve) => {
      const late = this.#deps.clock.after(HANDOFF_MS, () => resolve(null));
      void cluster.ask(callSid, { kind: "stream_elsewhere" }).then((reply) => {
        late.cancel();
        resolve(reply?.kind === "handoff" ? reply.handoff : null);
      });
    });
  }

  /**
   * Opens a call whose webhook another process answered. The parameters of the stream, which its
   * token proves, hold what is needed.
   */
  #adopt(start: TwilioStart, handoff: CallHandoff | null): MediaCall | null {
    const { agent: name, from, to, direction } = start.customParameters;
    const agent = name === undefined ? undefined : this.#deps.agents.agents.get(name);
    if (agent === undefined || this.#deps.registry.isDraining) return null;
    const parties: CallParties = {
      callSid: start.callSid,
      from: from ?? "",
      to: to ?? "",
      direction: direction === "outbound" ? "outbound" : "inbound",
      callToken: handoff?.callToken ?? null,
    };
    const call = this.open(parties, agent, handoff);
    call.execute({ type: "dial_later" });
    return call;
  }
}
