import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import { type CallSid, readCallSid } from "../../domain/ids.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName, isConsultLabel } from "../../transfer/conference-names.js";
import type { Twiml } from "../../wire/twiml.js";
import { Call } from "../call/call.js";
import type { CallDeps, CallHost } from "../call/call-deps.js";
import type { ConferenceState } from "../sip/conference-events.js";
import { warnUnlessGone } from "../sip/failed-request.js";
import type { SipClaim, SipInvite } from "../sip/invite.js";
import { claimsOf, MODEL_LABEL } from "../sip/model-legs.js";
import type { ReferTransfers } from "../sip/refer.js";
import { sipPaths } from "../sip/sip-path.js";
import type { SipStates } from "../sip/sip-states.js";
import { SUPERVISOR_LABEL } from "../sip/supervisor-line.js";
import type { Form, LinkOf } from "./callback-link.js";
import type { Cluster } from "./cluster.js";
import { agentFor, partiesOf } from "./inbound.js";
import type { CallRegistry, SipCall } from "./registry.js";
import { StreamTokens } from "./stream-token.js";
import type { TransferService } from "./transfer-service.js";
import type { Overflow } from "./turned-away.js";
import { apologyTwiml, type Links } from "./voice-twiml.js";

export interface SipInboundConfig {
  /** `proj_…`. */
  readonly projectId: string;
  /** SUPERVISOR_APP_SID; null: no supervisor can speak on the SIP path. */
  readonly supervisorAppSid: string | null;
  readonly tokenSecrets: readonly string[];
  readonly links: Links;
}

export interface SipInboundDeps extends CallDeps {
  readonly agents: AgentsFile;
  readonly registry: CallRegistry;
  readonly host: CallHost<SipCall>;
  readonly overflow: Overflow;
  readonly transfers: TransferService;
  readonly refer: ReferTransfers;
  readonly sip: SipControl;
  readonly control: CallControl;
  /** Null: a call dies with its process. */
  readonly states: SipStates | null;
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "claim" | "ask"> | null;
  /** True for the first of all processes that asks for this key. */
  readonly claimOnce: (key: string, ttlMs: number) => Promise<boolean>;
  /** A call is over, and its webhook comes once more. */
  readonly afterEnd: (callSid: CallSid, form: Form) => Promise<Twiml>;
}

/**
 * From the webhook: how long other processes are asked for the owner of a call. They learn it a
 * moment after the call was opened, and a busy owner is slow to answer.
 */
const MAX_ASK_MS = 4_000;
const ASK_PAUSE_MS = 300;
/**
 * Between the tries to take a model off hold. No other process does this, and until it succeeds the
 * caller hears nothing.
 */
const UNHOLD_PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
/** How many calls of dead processes are checked at the same time. */
const LOST_AT_ONCE = 4;
const ADOPT_TTL_MS = 10 * 60_000;

const HANG_UP: Twiml = [{ verb: "hangup" }];

/**
 * Takes callers of the SIP path: the webhooks of their numbers, and calls that ring at the model.
 */
export class SipInbound {
  readonly #config: SipInboundConfig;
  readonly #deps: SipInboundDeps;
  readonly #tokens: StreamTokens;
  /** Tokens of streams, which Inbound checks. */
  readonly #streamTokens: StreamTokens;
  /** One call after the other in each. */
  readonly #lanes: Promise<void>[] = [];
  #lastLane = 0;

  constructor(config: SipInboundConfig, deps: SipInboundDeps) {
    this.#config = config;
    this.#deps = deps;
    const secrets = config.tokenSecrets.map((secret) => `${secret}:sip`);
    this.#tokens = new StreamTokens(secrets, deps.clock);
    this.#streamTokens = new StreamTokens(config.tokenSecrets, deps.clock);
  }

  /** POST /sip/incoming-call. */
  async incoming(form: Form): Promise<Twiml> {
    const { agents, registry, overflow, metrics } = this.#deps;
    const callSid = readCallSid(form["CallSid"]);
    const agent = agentFor(agents, form);
    if (callSid === null || agent === null) {
      metrics.callsRejected.add(1, agent === null ? "no_agent" : "internal");
      return apologyTwiml(agent);
    }
    const known = registry.sip(callSid);
    if (known !== undefined && !known.isOver) return known.path.arrivalTwiml(true);
    if (registry.knows(callSid)) return this.#deps.afterEnd(callSid, form);
    if (overflow.knows(callSid)) return overflow.again(callSid);
    const parties = { ...partiesOf(callSid, form), direction: "inbound" } as const;
    const refusal = await registry.callerRefusal(agent, parties);
    // The same webhook, delivered once more while the other processes were asked.
    if (registry.knows(callSid) || overflow.knows(callSid)) return await this.incoming(form);
    if (refusal !== null) return overflow.turnAway(parties, agent, "sip", refusal);
    const call = this.#open(parties, agent, "conference");
    call.execute({ type: "look_up_caller" });
    if (agent.say !== null && needsCaller(agent.say)) await call.greeting.lookedUp;
    return call.path.arrivalTwiml(true);
  }

  #open(parties: CallParties, agent: AgentProfile, kind: ConferenceState["kind"]): SipCall {
    const { registry, cluster, host, control, sip, states, refer } = this.#deps;
    const { projectId, links } = this.#config;
    const paths = sipPaths(kind, {
      control,
      sip,
      tokens: this.#tokens,
      streamTokens: this.#streamTokens,
      mediaUrl: links.mediaUrl,
      supervisorAppSid: this.#config.supervisorAppSid,
      projectId,
      publicUrl: links.publicUrl,
      states,
      referred: (call) => refer.left(call.parties.callSid),
    });
    const call = new Call(parties, agent, paths, host, this.#deps);
    registry.addSip(call);
    cluster?.claim(parties.callSid);
    return call;
  }

  // --- callbacks ---------------------------------------------------------------------------------

  callback(form: Form, link: LinkOf<"conference" | "model_leg">): void {
    const { registry, transfers } = this.#deps;
    const call = registry.sip(link.call);
    if (call === undefined) {
      const { StatusCallbackEvent: event, ParticipantLabel: label = "" } = form;
      if (event === "participant-join" && isConsultLabel(label))
        void this.#humanJoined(link.call, form);
      if (event === "participant-leave" && label === SUPERVISOR_LABEL)
        this.#bringModelBack(link.call);
      return;
    }
    if (link.kind === "model_leg") {
      call.path.legStatus(form, link.leg);
      return;
    }
    call.path.conferenceEvent(form);
    if (call.state.name === "handing_over") transfers.conference(link.call, form);
  }

  /**
   * The process that called the human has died, and the model that it would have removed still
   * talks.
   */
  async #humanJoined(callSid: CallSid, form: Form): Promise<void> {
    const { states, sip, log, transfers } = this.#deps;
    transfers.conference(callSid, form);
    try {
      const kept = (await states?.find(callSid)) ?? null;
      if (kept === null || kept.callId === null) return;
      await sip.hangUp(kept.callId);
      states?.drop(callSid);
    } catch (error) {
      warnUnlessGone(log, "sip: model not removed after a human joined", error, { callSid });
    }
  }

  /** Whether a call was cut short: one that ended normally has no stored state any more. */
  async isUnfinished(callSid: CallSid): Promise<boolean> {
    const { states, log, registry } = this.#deps;
    if (registry.ended(callSid) !== undefined) return false;
    if (states === null) return true;
    try {
      return (await states.find(callSid)) !== null;
    } catch (error) {
      log.warn("sip: stored state not read", { callSid, code: "store_unavailable" }, error);
      return true;
    }
  }

  /** The leg by which a supervisor joins a caller's conference begins, or has ended. */
  line(form: Form, { kind, call: callSid, line }: LinkOf<"line" | "line_ended">): Twiml {
    const takeover = this.#deps.registry.sip(callSid)?.path.takeover ?? null;
    const appLeg = readCallSid(form["CallSid"]);
    if (kind === "line" && appLeg !== null && takeover !== null)
      return takeover.line.twiml(line, appLeg) ?? HANG_UP;
    this.#bringModelBack(callSid);
    return HANG_UP;
  }

  /**
   * The process with this call has died. If Twilio could ask no other process what follows a
   * supervisor's line, the model is still on hold. A process may have had many calls, so only a few
   * are checked at a time. Never rejects.
   */
  processLost(callSid: CallSid): void {
    if (this.#deps.states === null || this.#config.supervisorAppSid === null) return;
    const lane = this.#lastLane++ % LOST_AT_ONCE;
    const before = this.#lanes[lane] ?? Promise.resolve();
    this.#lanes[lane] = before.then(() => this.#recoverLost(callSid));
  }

  async #recoverLost(callSid: CallSid): Promise<void> {
    const { states, log, registry } = this.#deps;
    try {
      if (registry.knows(callSid) || states === null || (await states.find(callSid)) === null)
        return;
    } catch (error) {
      log.warn("sip: stored state not read", { callSid, code: "store_unavailable" }, error);
      return;
    }
    if (!(await this.#supervisorIsThere(callSid))) this.#bringModelBack(callSid);
  }

  /**
   * A process that is only cut off from the database also counts as dead. A supervisor's line ends
   * with its process, so an open line shows that the process lives. If it dies later, Twilio's
   * callback for the line brings the model back.
   */
  async #supervisorIsThere(callSid: CallSid): Promise<boolean> {
    const { control, log } = this.#deps;
    try {
      // Changes nothing. The request succeeds only if the participant is in the conference.
      const nothing = { endConferenceOnExit: false };
      await control.updateParticipant(conferenceName({ callSid }), SUPERVISOR_LABEL, nothing);
      log.warn("sip: supervisor still connected through a silent process", { callSid });
      return true;
    } catch (error) {
      warnUnlessGone(log, "sip: presence of a supervisor unknown", error, { callSid });
      // If in doubt, the caller should hear two voices rather than none.
      return false;
    }
  }

  /**
   * The process with the call has died, and its supervisor is gone. Takes the model off hold, so
   * that the caller hears it again.
   */
  #bringModelBack(callSid: CallSid, tries = 1): void {
    const { registry, control, log, clock } = this.#deps;
    if (registry.knows(callSid)) return;
    control.updateParticipant(conferenceName({ callSid }), MODEL_LABEL, { hold: false }).then(
      () => log.info("sip: model brought back for a dead process", { callSid }),
      (error: unknown) => {
        const code = errorCodeOf(error);
        if (code === "caller_gone") return;
        log.warn("sip: model not brought back", { callSid, code }, error);
        const pauseMs = UNHOLD_PAUSES_MS[tries - 1];
        if (pauseMs !== undefined && error instanceof RelayError && error.retryable)
          clock.after(pauseMs, () => this.#bringModelBack(callSid, tries + 1));
      },
    );
  }

  // --- calls that ring at the model --------------------------------------------------------------

  /** Never rejects. */
  async invited(invite: SipInvite): Promise<void> {
    const { claim, callId } = invite;
    // A repeated delivery: the call is where it belongs.
    if (this.#deps.registry.withModel(callId) !== undefined) return;
    if (claim === "malformed") this.#refuse(callId, "invalid");
    else if (claim === null) await this.#trunkCall(invite);
    else if (this.#deps.registry.knows(claim.callSid)) this.#ownLeg(callId, claim);
    else await this.#legOfAnother(invite, claim);
  }

  #ownLeg(callId: string, { callSid, leg, token }: SipClaim): void {
    const check = this.#tokens.redeem(token, callSid, claimsOf(leg));
    if (check !== "ok") {
      this.#refuse(callId, check);
      return;
    }
    const call = this.#deps.registry.sip(callSid);
    if (call === undefined) this.#reject(callId, 480);
    else call.path.modelRings(callId, leg);
  }

  /**
   * A leg that another process dialled: passes it to that process. If no process owns the caller's
   * call any more, this one takes it over.
   */
  async #legOfAnother(invite: SipInvite, claim: SipClaim): Promise<void> {
    const { callId } = invite;
    const { callSid, leg, token } = claim;
    const check = this.#tokens.verify(token, callSid, claimsOf(leg));
    if (check !== "ok") {
      this.#refuse(callId, check);
      return;
    }
    const { clock, cluster, registry, log } = this.#deps;
    const untilMs = clock.nowMs() + MAX_ASK_MS;
    while (cluster !== null && clock.nowMs() < untilMs) {
      if ((await cluster.ask(callSid, { kind: "sip_invited", invite })) !== null) return;
      if (registry.knows(callSid)) {
        this.#ownLeg(callId, claim);
        return;
      }
      await new Promise<void>((resolve) => clock.after(ASK_PAUSE_MS, resolve));
    }
    try {
      await this.#adopt(callId, claim);
    } catch (error) {
      // The leg rings out. If the caller's own process lives, it then sends them to their fallback.
      log.warn("sip: call of another process not taken over", { callSid }, error);
    }
  }

  async #adopt(callId: string, { callSid, leg, token }: SipClaim): Promise<void> {
    const { states, agents, registry, claimOnce } = this.#deps;
    const kept = (await states?.find(callSid)) ?? null;
    const agent = kept === null ? undefined : agents.agents.get(kept.agent);
    if (kept === null || agent === undefined) {
      // The caller is gone, and the stored state with them.
      this.#reject(callId, 480);
      return;
    }
    // Another process has taken the leg, but was too busy to answer.
    if (kept.callId !== null) return;
    if (!(await claimOnce(`sip:${callId}`, ADOPT_TTL_MS))) return;
    if (registry.knows(callSid) || this.#tokens.redeem(token, callSid, claimsOf(leg)) !== "ok")
      return;
    const { from, to, callToken } = kept;
    const call = this.#open(
      { callSid, from, to, direction: "inbound", callToken },
      agent,
      "conference",
    );
    call.execute({ type: "look_up_caller" });
    call.eventLog.note("adopted");
    call.path.modelRings(callId, leg, true);
  }

  /** A call straight from a trunk, without TwiML or REST. The dialled number selects the agent. */
  async #trunkCall({ callId, from, dialled }: SipInvite): Promise<void> {
    const { agents, registry, metrics } = this.#deps;
    const agent = agentFor(agents, { To: dialled, Direction: "inbound" });
    // Twilio has no CallSid for such a call, so the model's call id stands for it.
    const callSid = callId as CallSid;
    const parties = { callSid, from, to: dialled, direction: "inbound", callToken: null } as const;
    const refusal = agent === null ? "no_agent" : await registry.callerRefusal(agent, parties);
    // A repeated delivery: the call has begun meanwhile, or has already ended.
    if (registry.knows(callSid)) return;
    if (agent === null || refusal !== null) {
      metrics.callsRejected.add(1, refusal ?? "no_agent");
      this.#reject(callId, agent === null ? 404 : 486);
      return;
    }
    const call = this.#open(parties, agent, "trunk");
    call.execute({ type: "look_up_caller" });
    call.path.modelRings(callId, null);
  }

  #refuse(callId: string, reason: "missing" | "invalid" | "expired" | "replayed"): void {
    this.#deps.metrics.authFailures.add(1, "token", reason);
    this.#deps.log.warn("sip: call refused", { reason });
    this.#reject(callId, 603);
  }

  #reject(callId: string, status: number): void {
    const { sip, log } = this.#deps;
    sip
      .reject(callId, status)
      .catch((error: unknown) => warnUnlessGone(log, "sip: call not rejected", error));
  }
}
