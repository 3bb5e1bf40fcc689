import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { type ErrorCode, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Timer } from "../../ports/clock.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName, isConsultLabel } from "../../transfer/conference-names.js";
import type { Twiml } from "../../wire/twiml.js";
import type { OverflowReason } from "../calls/admission.js";
import type { Form, Refusal } from "../calls/call-service.js";
import type { PeerReply, PeerRequest } from "../calls/cluster.js";
import { StreamTokens } from "../calls/stream-token.js";
import type { TransferService } from "../calls/transfer-service.js";
import { apologyTwiml, type Links } from "../calls/voice-twiml.js";
import type { SipClaim, SipInvite } from "./invite.js";
import { claimsOf, MODEL_LABEL, ModelLegs, type ModelLegsHost } from "./model-legs.js";
import { ReferTransfers } from "./refer.js";
import { SipCall, type SipCallDeps, type SipCallHost, sidOfTrunkCall } from "./sip-call.js";

export interface SipCallsConfig {
  /** `proj_…`. */
  readonly projectId: string;
  readonly tokenSecret: string;
  readonly links: Links;
}

/** What any process needs to take a caller over before their model is there. Plain JSON. */
export interface KeptSipCall {
  readonly agent: string;
  readonly from: string;
  readonly to: string;
  readonly callToken: string | null;
  /** The model's call, once it was taken. */
  readonly callId: string | null;
}

/** Where calls on the SIP path survive their process. */
export interface SipStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, call: KeptSipCall): void;
  /** Likewise. */
  drop(callSid: CallSid): void;
  find(callSid: CallSid): Promise<KeptSipCall | null>;
}

export interface SipCallsDeps extends SipCallDeps {
  readonly agents: AgentsFile;
  readonly control: CallControl;
  readonly transfers: TransferService;
  readonly agentFor: (form: Form) => AgentProfile | null;
  /** Why no more callers are taken; null: there is room. */
  readonly refusal: (model: string) => OverflowReason | null;
  readonly hold: (callSid: CallSid) => void;
  readonly letGo: (callSid: CallSid) => void;
  /** Null: no other process can be asked. */
  readonly ask: ((callSid: CallSid, question: PeerRequest) => Promise<PeerReply | null>) | null;
  /** Null: a call dies with its process. */
  readonly states: SipStates | null;
  /** True for the first of all processes that asks for this key. */
  readonly claimOnce: (key: string, ttlMs: number) => Promise<boolean>;
  /** A call is over; `drained` may be. */
  readonly ended: () => void;
}

export const CUSTOMER_LABEL = "customer";
const CONFERENCE_EVENTS = ["start", "end", "join", "leave"];
/** Twilio tells that the caller is in; should the word be lost, the model is called all the same. */
const JOIN_PATIENCE_MS = 1_000;
/** From dialling the model to its being accepted. */
const MODEL_PATIENCE_MS = 8_000;
/** Twilio's news that the caller hung up follows the end of the model's leg. */
const GRACE_MS = 300;
/** A model that is lost again so soon is not called once more. */
const REDIAL_AGAIN_MS = 60_000;
/** Whom another call would not help: it would end the same way. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set([
  "upstream_account",
  "upstream_rejected",
  "upstream_response_failed",
]);
const REMEMBER_MS = 10 * 60_000;
/** Who answers for a call is known to all a moment after it was opened, and a busy process is slow to answer. */
const ASK_MOST_MS = 4_000;
const ASK_PAUSE_MS = 300;
const ADOPT_TTL_MS = 10 * 60_000;
/** A process that stops waits no longer for Twilio to take its callers elsewhere. */
const STOP_MS = 3_000;

/** What is known of a caller's place beside the call itself. */
interface Place {
  /** False: a trunk call, of which Twilio's REST knows nothing. */
  readonly inConference: boolean;
  modelCalled: boolean;
  readonly legs: ModelLegs;
  /** How often the model has been called in. */
  round: number;
  redialledMs: number;
  /** Another model is called in for one that was lost. */
  redialing: boolean;
  onHold: boolean;
}

/** All calls of this process on the SIP path: brings caller and model together, and takes them apart. */
export class SipCalls implements SipCallHost {
  readonly #config: SipCallsConfig;
  readonly #deps: SipCallsDeps;
  readonly #tokens: StreamTokens;
  readonly #referrals: ReferTransfers;
  readonly #calls = new Map<CallSid, { readonly call: SipCall; readonly place: Place }>();
  readonly #ended = new Map<CallSid, number>();

  constructor(config: SipCallsConfig, deps: SipCallsDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#tokens = new StreamTokens(`${config.tokenSecret}:sip`, () => deps.clock.epochMs());
    this.#referrals = new ReferTransfers(deps);
  }

  get load(): number {
    return this.#calls.size;
  }

  find(callSid: CallSid): SipCall | undefined {
    return this.#calls.get(callSid)?.call;
  }

  knows(callSid: CallSid): boolean {
    return this.#calls.has(callSid) || this.#ended.has(callSid);
  }

  // --- Twilio ---------------------------------------------------------------------------------------

  /** POST /sip/incoming-call. */
  incoming(form: Form): Twiml | Promise<Twiml> {
    const callSid = readSid(form["CallSid"]);
    const agent = this.#deps.agentFor(form);
    if (callSid === null || agent === null) {
      this.#deps.metrics.callsRejected.add(1, agent === null ? "no_agent" : "internal");
      return apologyTwiml(agent);
    }
    const known = this.#calls.get(callSid);
    if (known !== undefined) return this.#conferenceTwiml(known.call, true);
    const refusal = this.#deps.refusal(agent.model);
    if (refusal !== null) {
      this.#deps.metrics.callsRejected.add(1, refusal);
      this.#deps.log.warn("call overflows", { callSid, why: refusal });
      return this.#deps.transfers.fallback(agent, callSid, form);
    }
    const call = this.#open(
      {
        callSid,
        from: form["From"] ?? "",
        to: form["To"] ?? "",
        direction: "inbound",
        callToken: form["CallToken"] ?? null,
      },
      agent,
      true,
    );
    this.#soon(call);
    if (agent.say !== null && needsCaller(agent.say))
      return call.lookedUp.then(() => this.#conferenceTwiml(call, true));
    return this.#conferenceTwiml(call, true);
  }

  #open(parties: SipCall["parties"], agent: AgentProfile, inConference: boolean): SipCall {
    const call = new SipCall(parties, agent, this, this.#deps);
    const place: Place = {
      inConference,
      modelCalled: false,
      legs: this.#legsOf(call),
      round: 0,
      redialledMs: Number.NEGATIVE_INFINITY,
      redialing: false,
      onHold: false,
    };
    this.#calls.set(parties.callSid, { call, place });
    if (inConference) this.#store(call);
    this.#deps.metrics.callsActive.move(1);
    this.#deps.hold(parties.callSid);
    call.lookUpCaller();
    return call;
  }

  #store(call: SipCall): void {
    const { parties, agent, callId } = call;
    const { callSid, from, to, callToken } = parties;
    this.#deps.states?.keep(callSid, { agent: agent.name, from, to, callToken, callId });
  }

  #soon(call: SipCall): void {
    this.#deps.clock.after(JOIN_PATIENCE_MS, () => this.#callModel(call));
  }

  #conferenceTwiml(call: SipCall, say: boolean): Twiml {
    const { agent, parties } = call;
    const text = say ? call.say : null;
    return [
      ...(text !== null ? [{ verb: "say" as const, text, language: agent.language }] : []),
      {
        verb: "dial",
        action: this.#url("/transfer-status", call, null),
        target: {
          type: "conference",
          name: conferenceName(parties),
          label: CUSTOMER_LABEL,
          // The model starts it: until then the caller hears Twilio's own hold sound, and not nothing.
          startConferenceOnEnter: false,
          endConferenceOnExit: true,
          beep: false,
          statusCallback: {
            url: this.#url("/conference-events", call, null),
            events: CONFERENCE_EVENTS,
          },
        },
      },
    ];
  }

  /** @param leg  of the model; null: the conference as a whole. */
  #url(path: string, call: SipCall, leg: number | null): string {
    const query = new URLSearchParams({
      sip: leg === null ? "conference" : "model",
      call: call.parties.callSid,
      ...(leg === null ? {} : { leg: String(leg) }),
    });
    return `${this.#config.links.publicUrl}${path}?${query}`;
  }

  /** Twilio asks what follows the caller's conference. Null: their process has died, and left them unfinished. */
  async conferenceOver(callSid: CallSid, form: Form): Promise<Twiml | null> {
    const held = this.#calls.get(callSid);
    if (held === undefined)
      return (await this.#isUnfinished(callSid)) ? null : [{ verb: "hangup" }];
    const { call } = held;
    if (FINAL.has(form["CallStatus"] ?? "")) {
      this.callerGone(call);
      return [{ verb: "hangup" }];
    }
    if (call.state.name === "handing_over") return await this.#deps.transfers.meanwhile(callSid);
    call.end("failed", "conference_ended");
    return this.#deps.transfers.fallback(call.agent, callSid, form);
  }

  /** What is over in order, an hour with a human included, has left nothing behind. */
  async #isUnfinished(callSid: CallSid): Promise<boolean> {
    if (this.#ended.has(callSid)) return false;
    const { states, log } = this.#deps;
    if (states === null) return true;
    try {
      return (await states.find(callSid)) !== null;
    } catch (error) {
      log.warn("what became of a SIP call could not be read", { callSid }, error);
      return true;
    }
  }

  /** Callbacks that bear our query `sip`. */
  callback(form: Form, query: Form): void {
    const callSid = readSid(query["call"]);
    const held = callSid === null ? undefined : this.#calls.get(callSid);
    if (callSid === null) return;
    if (held === undefined) {
      const joins = form["StatusCallbackEvent"] === "participant-join";
      if (joins && isConsultLabel(form["ParticipantLabel"] ?? ""))
        void this.#humanJoined(callSid, form);
      return;
    }
    const { call, place } = held;
    if (query["sip"] !== "model") this.#conferenceEvent(call, place, form);
    else if (place.legs.status(form, Number(query["leg"]))) this.#modelLegEnded(call, place);
  }

  /** The process that called the human in is dead, and the model it would have sent away still talks. */
  async #humanJoined(callSid: CallSid, form: Form): Promise<void> {
    const { states, sip, log, transfers } = this.#deps;
    transfers.conference(callSid, form);
    try {
      const kept = (await states?.find(callSid)) ?? null;
      if (kept === null || kept.callId === null) return;
      await sip.hangUp(kept.callId);
      states?.drop(callSid);
    } catch (error) {
      if (error instanceof RelayError && error.code === "caller_gone") return;
      log.warn("the model could not be sent away from a human", { callSid }, error);
    }
  }

  #modelLegEnded(call: SipCall, place: Place): void {
    if (call.callId !== null) call.legGone();
    else if (call.state.name === "ringing" && place.modelCalled)
      this.modelGone(call, "upstream_refused");
  }

  #conferenceEvent(call: SipCall, place: Place, form: Form): void {
    const label = form["ParticipantLabel"];
    const isCustomer = label === CUSTOMER_LABEL || form["CallSid"] === call.parties.callSid;
    switch (form["StatusCallbackEvent"]) {
      case "participant-join":
        if (isCustomer) this.#callModel(call);
        break;
      case "participant-leave":
        if (isCustomer && form["ReasonParticipantLeft"] === "participant_hung_up")
          this.callerGone(call);
        if (label === MODEL_LABEL && place.legs.left(form)) this.#modelLegEnded(call, place);
        break;
      default:
        break;
    }
    if (call.state.name === "handing_over")
      this.#deps.transfers.conference(call.parties.callSid, form);
  }

  callerGone(call: SipCall): void {
    if (call.state.name === "handing_over") this.#deps.transfers.callerGone(call.parties.callSid);
    call.callerGone();
  }

  // --- the model's leg ------------------------------------------------------------------------------

  /** Once, whatever asks first: the caller's arrival, or the patience with its news. */
  #callModel(call: SipCall): void {
    const held = this.#calls.get(call.parties.callSid);
    if (
      held === undefined ||
      held.call !== call ||
      held.place.modelCalled ||
      call.state.name !== "ringing"
    )
      return;
    held.place.modelCalled = true;
    held.place.legs.dial();
    this.#watchModel(call, held.place);
  }

  #watchModel(call: SipCall, place: Place): void {
    const round = ++place.round;
    this.#deps.clock.after(MODEL_PATIENCE_MS, () => {
      if (place.round !== round) return;
      if (call.state.name === "ringing" || call.state.name === "accepting")
        this.modelGone(call, "upstream_timeout");
    });
  }

  #legsOf(call: SipCall): ModelLegs {
    const { control, clock, log } = this.#deps;
    const host: ModelLegsHost = {
      get waits() {
        return call.state.name === "ringing";
      },
      failed: (code) => this.modelGone(call, code),
      callerGone: () => this.callerGone(call),
      note: (code) => call.eventLog.note("model_not_added", { code }),
    };
    return new ModelLegs(call.parties, host, {
      control,
      clock,
      log,
      tokens: this.#tokens,
      projectId: this.#config.projectId,
      url: (leg) => this.#url(leg === null ? "/conference-events" : "/call-status", call, leg),
    });
  }

  /** A call rings at the model. Never rejects. */
  async invited(invite: SipInvite): Promise<void> {
    const { claim, callId } = invite;
    // Told again: it is where it belongs.
    for (const { call } of this.#calls.values()) if (call.callId === callId) return;
    if (claim === "malformed") this.#refuse(callId, "invalid");
    else if (claim === null) this.#trunkCall(invite);
    else if (this.knows(claim.callSid)) this.#ownLeg(callId, claim);
    else await this.#legOfAnother(invite, claim);
  }

  #ownLeg(callId: string, { callSid, leg, token }: SipClaim): void {
    const verdict = this.#tokens.redeem(token, callSid, claimsOf(leg));
    if (verdict !== "ok") {
      this.#refuse(callId, verdict);
      return;
    }
    const held = this.#calls.get(callSid);
    if (held === undefined) {
      this.#reject(callId, 480);
      return;
    }
    if (held.call.state.name === "ringing") held.place.legs.take(leg);
    if (held.call.take(callId)) this.#store(held.call);
    else this.#reject(callId, 480);
  }

  /** Dialled by another process, which is asked; if nobody answers for the caller any more, they are ours. */
  async #legOfAnother(invite: SipInvite, claim: SipClaim): Promise<void> {
    const { callId } = invite;
    const { callSid, leg, token } = claim;
    const { ask } = this.#deps;
    const verdict = this.#tokens.verify(token, callSid, claimsOf(leg));
    if (verdict !== "ok") {
      this.#refuse(callId, verdict);
      return;
    }
    const { clock } = this.#deps;
    const untilMs = clock.nowMs() + ASK_MOST_MS;
    while (ask !== null && clock.nowMs() < untilMs) {
      if ((await ask(callSid, { kind: "sip_invited", invite })) !== null) return;
      if (this.knows(callSid)) {
        this.#ownLeg(callId, claim);
        return;
      }
      await new Promise<void>((resolve) => clock.after(ASK_PAUSE_MS, resolve));
    }
    try {
      await this.#adopt(callId, claim);
    } catch (error) {
      // It rings out. Its caller's own process, if there is one, sees that and takes them to their fallback.
      this.#deps.log.warn("a call of another process could not be taken up", { callSid }, error);
    }
  }

  async #adopt(callId: string, { callSid, leg, token }: SipClaim): Promise<void> {
    const kept = (await this.#deps.states?.find(callSid)) ?? null;
    const agent = kept === null ? undefined : this.#deps.agents.agents.get(kept.agent);
    if (kept === null || agent === undefined) {
      // The caller is gone, and with them all that was known of the call.
      this.#reject(callId, 480);
      return;
    }
    // Somebody has taken it, and was only too busy to say so.
    if (kept.callId !== null) return;
    if (!(await this.#deps.claimOnce(`sip:${callId}`, ADOPT_TTL_MS))) return;
    if (this.knows(callSid) || this.#tokens.redeem(token, callSid, claimsOf(leg)) !== "ok") return;
    const { from, to, callToken } = kept;
    const call = this.#open({ callSid, from, to, direction: "inbound", callToken }, agent, true);
    const place = this.#calls.get(callSid)?.place;
    if (place === undefined) return;
    place.modelCalled = true;
    place.legs.take(leg);
    call.eventLog.note("adopted");
    this.#watchModel(call, place);
    call.take(callId, true);
    this.#store(call);
  }

  /** Another process has taken the call up. */
  moved(callSid: CallSid): void {
    const held = this.#calls.get(callSid);
    // With a model of its own the call is where it belongs.
    if (held !== undefined && held.call.callId === null && held.call.state.name === "ringing")
      held.call.moved();
  }

  #refuse(callId: string, reason: "missing" | "invalid" | "expired" | "replayed"): void {
    this.#deps.metrics.authFailures.add(1, "token", reason);
    this.#deps.log.warn("a call at the model refused", { reason });
    this.#reject(callId, 603);
  }

  #reject(callId: string, status: number): void {
    this.#deps.sip.reject(callId, status).catch((error: unknown) => {
      if (error instanceof RelayError && error.code === "caller_gone") return;
      this.#deps.log.warn("a call could not be rejected", {}, error);
    });
  }

  /** Straight from a trunk: no TwiML, no REST; the number dialled says who answers. */
  #trunkCall({ callId, from, dialled }: SipInvite): void {
    const agent = this.#deps.agentFor({ To: dialled, Direction: "inbound" });
    const refusal = agent === null ? "no_agent" : this.#deps.refusal(agent.model);
    if (agent === null || refusal !== null) {
      this.#deps.metrics.callsRejected.add(1, refusal ?? "no_agent");
      this.#reject(callId, agent === null ? 404 : 486);
      return;
    }
    const callSid = sidOfTrunkCall(callId);
    // Over already, and told of once more.
    if (this.knows(callSid)) return;
    const call = this.#open(
      { callSid, from, to: dialled, direction: "inbound", callToken: null },
      agent,
      false,
    );
    call.take(callId);
  }

  // --- SipCallHost ----------------------------------------------------------------------------------

  modelStaysDuring(call: SipCall, request: TransferRequest): boolean {
    const destination = call.agent.transfer.destinations.get(request.destination);
    const inConference = this.#calls.get(call.parties.callSid)?.place.inConference === true;
    return (
      inConference && call.callId !== null && destination?.kind === "warm" && request.by !== "limit"
    );
  }

  handOver(call: SipCall, request: TransferRequest): void {
    const held = this.#calls.get(call.parties.callSid);
    if (held === undefined) return;
    if (held.place.inConference) this.#deps.transfers.begin(call, request);
    else this.#referrals.begin(call, request);
  }

  modelGone(call: SipCall, code: ErrorCode): void {
    const held = this.#calls.get(call.parties.callSid);
    if (held === undefined || call.state.name === "ended") return;
    const { place } = held;
    if (!place.inConference) {
      if (!this.#referrals.left(call)) this.callerGone(call);
      return;
    }
    place.legs.dropAll();
    if (call.state.name === "handing_over") {
      this.#keepOnHold(call, place);
      return;
    }
    if (call.state.name === "leaving") {
      call.departNow();
      return;
    }
    const nowMs = this.#deps.clock.nowMs();
    const again = call.state.name === "talking" && !HOPELESS.has(code);
    if (again && nowMs - place.redialledMs >= REDIAL_AGAIN_MS) {
      place.redialledMs = nowMs;
      place.redialing = true;
      place.modelCalled = false;
      call.awaitNewLeg();
      this.#store(call);
      this.#deps.clock.after(GRACE_MS, () => this.#callAnother(call, place, code));
      return;
    }
    this.#deps.clock.after(call.state.name === "ringing" ? 0 : GRACE_MS, () =>
      this.#fallBack(call, place, code),
    );
  }

  /** With music meanwhile: a caller alone in a conference hears nothing. */
  #callAnother(call: SipCall, place: Place, code: ErrorCode): void {
    const { parties, state } = call;
    if (state.name !== "ringing") return;
    this.#deps.metrics.upstreamErrors.add(1, code);
    place.onHold = true;
    this.#deps.control
      .updateParticipant(conferenceName(parties), parties.callSid, { hold: true })
      .then(
        () => this.#callModel(call),
        (error: unknown) => {
          if (error instanceof RelayError && error.code === "caller_gone") {
            this.callerGone(call);
            return;
          }
          this.#deps.log.warn(
            "the caller could not be put on hold",
            { callSid: parties.callSid },
            error,
          );
          // Better alone for a moment than without a model.
          this.#callModel(call);
        },
      );
  }

  attached(call: SipCall): void {
    const place = this.#calls.get(call.parties.callSid)?.place;
    if (place === undefined) return;
    if (place.redialing) this.#deps.metrics.upstreamReconnects.add(1, "ok");
    place.redialing = false;
    if (!place.onHold || call.state.name === "handing_over") return;
    place.onHold = false;
    this.#hold(call, false);
  }

  /** The caller would sit alone in a silent conference until the human joins. */
  #keepOnHold(call: SipCall, place: Place): void {
    if (place.onHold) return;
    place.onHold = true;
    this.#hold(call, true);
  }

  #hold(call: SipCall, hold: boolean): void {
    const { parties } = call;
    this.#deps.control
      .updateParticipant(conferenceName(parties), parties.callSid, { hold })
      .catch((error: unknown) =>
        this.#deps.log.warn(
          "the caller's hold could not be changed",
          { callSid: parties.callSid, hold },
          error,
        ),
      );
  }

  #fallBack(call: SipCall, place: Place, code: ErrorCode): void {
    const { name } = call.state;
    if (name === "ended" || name === "handing_over" || call.callId !== null) return;
    const { default: destination } = call.agent.transfer;
    call.eventLog.note("fallback", { code });
    if (place.redialing) this.#deps.metrics.upstreamReconnects.add(1, "failed");
    place.redialing = false;
    this.#deps.metrics.upstreamErrors.add(1, code);
    if (destination === null) {
      this.#deps.control
        .redirect(call.parties.callSid, apologyTwiml(call.agent))
        .catch((error: unknown) => this.#deps.log.warn("the caller could not be told", {}, error));
      call.end("failed", code);
      return;
    }
    call.leave({
      kind: "transfer",
      farewell: "none",
      request: { destination, reason: null, summary: null, urgency: null, by: "failure" },
    });
  }

  hangUp(call: SipCall): void {
    const held = this.#calls.get(call.parties.callSid);
    if (held?.place.inConference !== true) return;
    this.#deps.control.hangUp(call.parties.callSid).catch((error: unknown) => {
      if (error instanceof RelayError && error.code === "caller_gone") return;
      this.#deps.log.warn(
        "the caller's leg could not be hung up",
        { callSid: call.parties.callSid },
        error,
      );
    });
  }

  ended(call: SipCall): void {
    const { callSid } = call.parties;
    const held = this.#calls.get(callSid);
    const { state } = call;
    if (held?.call !== call || state.name !== "ended") return;
    held.place.legs.dropAll();
    if (held.place.onHold && state.outcome === "transferred") this.#hold(call, false);
    this.#calls.delete(callSid);
    if (held.place.inConference) this.#deps.states?.drop(callSid);
    const nowMs = this.#deps.clock.nowMs();
    for (const [old, untilMs] of this.#ended) {
      if (untilMs > nowMs) break;
      this.#ended.delete(old);
    }
    this.#ended.set(callSid, nowMs + REMEMBER_MS);
    this.#referrals.forget(call);
    this.#deps.transfers.forget(callSid);
    this.#deps.metrics.callsActive.move(-1);
    this.#deps.metrics.calls.add(1, call.agent.name, state.outcome);
    this.#deps.letGo(callSid);
    this.#deps.ended();
  }

  movedAway(call: SipCall): void {
    const { callSid } = call.parties;
    if (this.#calls.get(callSid)?.call !== call) return;
    this.#calls.delete(callSid);
    this.#deps.transfers.forget(callSid);
    this.#deps.metrics.callsActive.move(-1);
    this.#deps.ended();
  }

  // --- transfers ------------------------------------------------------------------------------------

  /** The caller had been moved out of the conference and comes back: a new conference, a new model. */
  rejoin(call: SipCall, fact: string | null): Twiml {
    const held = this.#calls.get(call.parties.callSid);
    if (held === undefined) return apologyTwiml(call.agent);
    if (fact !== null) call.oweReply(fact);
    call.awaitNewLeg();
    held.place.modelCalled = false;
    this.#store(call);
    this.#soon(call);
    return this.#conferenceTwiml(call, false);
  }

  // --- operators ------------------------------------------------------------------------------------

  transfer(callSid: CallSid, destination: string, reason: string | null): Refusal | null {
    const call = this.find(callSid);
    if (call === undefined) return "not_found";
    if (!call.isLive) return "not_live";
    if (!call.agent.transfer.destinations.has(destination)) return "destination_unknown";
    const request = {
      destination,
      reason,
      summary: null,
      urgency: null,
      by: "supervisor",
    } as const;
    call.leave({ kind: "transfer", farewell: "none", request });
    return null;
  }

  end(callSid: CallSid): Refusal | null {
    const call = this.find(callSid);
    if (call === undefined) return "not_found";
    if (!call.isLive) return "not_live";
    call.leave({ kind: "end", reason: "supervisor", farewell: "none" });
    return null;
  }

  /** Callers without a human go to their fallback, by a command: nobody would answer when Twilio asks. Bounded. */
  async stop(): Promise<void> {
    const leaving = [...this.#calls.values()].filter(
      ({ call }) => call.state.name !== "handing_over",
    );
    const gone = Promise.all(leaving.map(({ call, place }) => this.#sendAway(call, place)));
    let timer: Timer | null = null;
    const late = new Promise<void>((resolve) => {
      timer = this.#deps.clock.after(STOP_MS, resolve);
    });
    await Promise.race([gone.then(() => timer?.cancel()), late]);
  }

  async #sendAway(call: SipCall, place: Place): Promise<void> {
    const { callSid, from, to } = call.parties;
    const { transfers, control, log } = this.#deps;
    call.end("failed", "drained");
    if (!place.inConference) return;
    const twiml = transfers.fallback(call.agent, callSid, { CallSid: callSid, From: from, To: to });
    try {
      await control.redirect(callSid, twiml);
    } catch (error) {
      if (error instanceof RelayError && error.code === "caller_gone") return;
      log.warn("a caller could not be sent to the fallback", { callSid }, error);
    }
  }
}

const FINAL = new Set(["completed", "busy", "failed", "no-answer", "canceled"]);

function readSid(text: string | undefined): CallSid | null {
  return text !== undefined && /^CA[0-9a-fA-F]{32}$/.test(text) ? (text as CallSid) : null;
}
