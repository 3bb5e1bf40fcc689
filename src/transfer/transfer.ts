import type { AgentProfile } from "../domain/agent-profile.js";
import { readCallStatus } from "../domain/call-status.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type {
  CallTransferRequest,
  TransferFailure,
  TransferNext,
  TransferOutcome,
} from "../domain/transfer-request.js";
import type { Timer } from "../ports/clock.js";
import type { Metrics } from "../ports/metrics.js";
import type { Twiml } from "../wire/twiml.js";
import {
  callSidOf,
  conferenceEvent,
  countOf,
  screeningAnswer,
  type TransferForm,
} from "./callback-forms.js";
import { kindOf } from "./destinations/kinds.js";
import { waitTwiml } from "./destinations/queue.js";
import {
  askAgainTwiml,
  consultGoodbyeTwiml,
  joinTwiml,
  withOurNumber,
} from "./destinations/warm.js";
import { apologyTwiml, type DocumentParts } from "./documents.js";
import { Escalation } from "./escalation.js";
import { afterLastStep, failoverListOf } from "./failover-list.js";
import { FAREWELL_MS } from "./timings.js";
import type {
  OnStream,
  Page,
  TransferEffect,
  TransferEvent,
  TransferState,
} from "./transfer-events.js";
import type { TransferLink, TransferUrl } from "./transfer-link.js";
import { type RequestDeps, TransferRequests } from "./transfer-requests.js";
import { beginTransfer, step } from "./transfer-state.js";

/** The owner of the call that a transfer belongs to. None of these may throw. */
export interface TransferHost {
  readonly url: TransferUrl;
  /** Ms since the call was opened. */
  atMs(): number;
  journal(event: RecordEvent): void;
  /** The state after each change: what any node needs to go on. */
  persist(snapshot: TransferSnapshot): void;
  /** A document that takes the caller back to the agent, who is told of the failure. Twilio may ask for it twice. */
  returnTwiml(failure: TransferFailure): Twiml;
  onStream(): OnStream;
  /** Ends our side of the stream: Twilio then asks what follows, see `Transfer.streamFollowed`. */
  closeStream(): void;
  /** Exactly once. With "back_to_agent", the caller comes on a new stream, or is still on the old one. */
  ended(ending: TransferEnding): void;
  /** After `ended` with "back_to_agent": the caller hung up, or Twilio did not let us fetch them. */
  lost(): void;
}

export interface TransferEnding {
  readonly destination: string;
  readonly outcome: TransferOutcome;
  readonly next: TransferNext;
}

export interface TransferDeps extends RequestDeps {
  readonly metrics: Pick<Metrics, "transfers">;
  /** Tells the CRM; resolves with its name for the case. Null: there is none. */
  readonly escalate:
    | ((request: CallTransferRequest, agent: string) => Promise<string | null>)
    | null;
  /** Where the human finds the call's record; null: nowhere that they could open. */
  readonly recordUrl: ((callSid: CallSid) => string) | null;
  /** An audio file that Twilio can fetch; null: words only. */
  readonly holdMusicUrl: string | null;
}

/** Plain JSON. */
export interface TransferSnapshot {
  readonly version: 2;
  readonly request: CallTransferRequest;
  readonly state: TransferState;
}

export interface TransferStart {
  readonly request: CallTransferRequest;
  readonly agent: AgentProfile;
  readonly host: TransferHost;
  /** Above every number that documents and consult legs of earlier transfers of this call have had; default 1. */
  readonly firstRevision?: number;
  /** The caller is in the conference already, with the agent. */
  readonly agentStays?: boolean;
}

/** One transfer of one call: carries out what `step` decides, and answers Twilio. */
export class Transfer {
  readonly request: CallTransferRequest;
  readonly #agent: AgentProfile;
  readonly #host: TransferHost;
  readonly #deps: TransferDeps;
  readonly #requests: TransferRequests;
  #escalation: Escalation;
  #state: TransferState;
  #timer: Timer | null = null;
  #consultSinceEpochMs: number;
  #closed: "no" | "superseded" | "closed" = "no";

  private constructor(
    { request, agent, host }: TransferStart,
    state: TransferState,
    deps: TransferDeps,
  ) {
    this.request = request;
    this.#state = state;
    this.#agent = agent;
    this.#host = host;
    this.#deps = deps;
    this.#requests = new TransferRequests(request.callSid, deps);
    this.#escalation = new Escalation(null, deps.clock, NO_ESCALATION);
    this.#consultSinceEpochMs = deps.clock.epochMs();
  }

  /**
   * Begins a transfer. Twilio is asked for nothing before `farewellHeard` or `streamFollowed`.
   *
   * @throws RelayError `destination_unknown`.
   */
  static start(start: TransferStart, deps: TransferDeps): Transfer {
    const { request, agent, host } = start;
    const failoverList = failoverListOf(agent, request.destination);
    const first = failoverList[0];
    if (first === undefined)
      throw new RelayError("destination_unknown", "no destination of that name");
    const state = beginTransfer(
      failoverList,
      afterLastStep(request.by),
      start.firstRevision,
      start.agentStays,
    );
    const transfer = new Transfer(start, state, deps);
    const { reason, summary, urgency, by } = request;
    host.journal({
      type: "transfer_requested",
      atMs: host.atMs(),
      destination: first.name,
      kind: first.kind,
      reason,
      summary,
      urgency,
      by,
    });
    transfer.#escalate();
    transfer.#arm(FAREWELL_MS);
    host.persist(transfer.snapshot);
    return transfer;
  }

  /** What `start` would begin with, for another process to carry out if this one dies before. Null: no such destination. */
  static planned(
    request: CallTransferRequest,
    agent: AgentProfile,
    firstRevision?: number,
  ): TransferSnapshot | null {
    const failoverList = failoverListOf(agent, request.destination);
    if (failoverList.length === 0) return null;
    const state = beginTransfer(failoverList, afterLastStep(request.by), firstRevision);
    return { version: 2, request, state };
  }

  /** Goes on where another process stopped. */
  static restore(
    { request, state }: TransferSnapshot,
    agent: AgentProfile,
    host: TransferHost,
    deps: TransferDeps,
  ): Transfer {
    const transfer = new Transfer({ request, agent, host }, state, deps);
    transfer.#dispatch({ type: "resumed" });
    return transfer;
  }

  get snapshot(): TransferSnapshot {
    return { version: 2, request: this.request, state: this.#state };
  }

  /** Its outcome is known and the caller is where it says; callbacks may still come. */
  get isOver(): boolean {
    return this.#state.phase.name === "over";
  }

  /** No document and no consult leg of this transfer has a higher number. */
  get lastNumber(): number {
    return Math.max(this.#state.revision, this.#state.attempt);
  }

  // --- what happens ---------------------------------------------------------------------------------

  /** The caller has heard the agent's goodbye: now the redirect. */
  farewellHeard(): void {
    this.#dispatch({ type: "farewell_heard", onStream: this.#host.onStream() });
  }

  /** Twilio asks what follows the agent's stream while the transfer is on its way. */
  streamFollowed(): Twiml {
    return this.#answer({ type: "stream_followed" });
  }

  callerHungUp(): void {
    this.#dispatch({ type: "caller_gone" });
  }

  /** /transfer-status: the end of a document, and the pages that documents lead to. */
  callback(form: TransferForm, link: TransferLink): Twiml {
    switch (link.page) {
      case "document": {
        const kind = kindOf(this.#parts.destination);
        return this.#answer({
          type: "document_ended",
          revision: link.revision,
          ...kind.end(form),
        });
      }
      case "wait":
        this.#dispatch({ type: "document_seen", revision: link.revision });
        return waitTwiml(
          countOf(form["QueuePosition"]),
          countOf(form["QueueTime"]) ?? 0,
          this.request.language,
          this.#deps.holdMusicUrl,
        );
      case "key":
      case "no_key":
        return this.#screened(form, link);
    }
  }

  #screened(form: TransferForm, { attempt, page }: TransferLink): Twiml {
    const sid = callSidOf(form);
    if (sid === null) return HANG_UP;
    const answer = screeningAnswer(form, page);
    if (answer === null) return askAgainTwiml({ ...this.#parts, attempt });
    const twiml = this.#answer({ type: "consult_answered", attempt, sid, answer });
    return answer === "accept" ? twiml : consultGoodbyeTwiml(this.#agent, "declined");
  }

  /** /conference-events. */
  conferenceEvent(form: TransferForm, link: Pick<TransferLink, "call" | "revision">): void {
    const event = conferenceEvent(form, this.#state, link);
    if (event !== null) this.#dispatch(event);
  }

  /** An event of the conference in which caller and agent were before the transfer. */
  sharedConferenceEvent(form: TransferForm): void {
    const { callSid: call } = this.request;
    this.conferenceEvent(form, { call, revision: this.#state.revision - 1 });
  }

  /** /call-status of a leg that this transfer caused; that of the caller's own call is `callerHungUp`. */
  callStatus(form: TransferForm, { page, revision, attempt }: TransferLink): void {
    const sid = callSidOf(form);
    const status = readCallStatus(form["CallStatus"]);
    if (sid === null || status === null || sid === this.request.callSid) return;
    this.#dispatch(
      page === "document"
        ? { type: "child_status", revision, status }
        : { type: "consult_status", attempt, sid, status, source: "callback" },
    );
  }

  /** A newer transfer of the same call takes its place. Late consult legs of this one are still hung up. */
  supersede(): void {
    if (this.#closed === "no") this.#closed = "superseded";
    this.#timer?.cancel();
    this.#escalation.close();
  }

  /** Timers stop; the state stays where `persist` has put it. Idempotent. */
  close(): void {
    this.#closed = "closed";
    this.#timer?.cancel();
    this.#escalation.close();
    this.#requests.close();
  }

  // --- decisions ------------------------------------------------------------------------------------

  #answer(event: TransferEvent): Twiml {
    const page = this.#dispatch(event);
    return page === null ? HANG_UP : this.#pageTwiml(page);
  }

  /** The page that Twilio is answered with; null: it has asked nothing. */
  #dispatch(event: TransferEvent): Page | null {
    const before = this.#state;
    const { state, effects } = step(before, event, this.#deps.clock.nowMs());
    this.#state = state;
    if (state !== before && this.#closed === "no") this.#host.persist(this.snapshot);
    let page: Page | null = null;
    for (const effect of effects) {
      if (effect.do === "answer") page = effect.page;
      else if (this.#mayCarryOut(effect)) this.#carryOut(effect);
    }
    return page;
  }

  #mayCarryOut(effect: TransferEffect): boolean {
    if (this.#closed === "superseded") return effect.do === "hang_up_consult_leg";
    return this.#closed === "no";
  }

  #carryOut(effect: Exclude<TransferEffect, { do: "answer" }>): void {
    const { callSid } = this.request;
    switch (effect.do) {
      case "redirect":
        this.#redirect(effect.page);
        return;
      case "probe":
        this.#probe();
        return;
      case "close_stream":
        this.#host.closeStream();
        return;
      case "hang_up_caller":
        this.#requests.hangUp(callSid);
        return;
      case "call_consult_leg":
        this.#callConsultLeg();
        return;
      case "find_consult_leg":
        this.#findConsultLeg(effect.attempt);
        return;
      case "probe_consult_leg":
        this.#probeConsultLeg(effect.sid);
        return;
      case "hang_up_consult_leg":
        this.#requests.hangUp(effect.sid);
        return;
      case "arm":
        this.#arm(effect.ms);
        return;
      case "disarm":
        this.#timer?.cancel();
        this.#timer = null;
        return;
      case "record":
        this.#record(effect);
        return;
      case "end":
        this.#end(effect);
        return;
      case "lost":
        this.#host.lost();
        return;
    }
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(ms, () => {
      this.#timer = null;
      this.#dispatch({ type: "timer", onStream: this.#host.onStream() });
    });
  }

  #record({
    step: name,
    detail,
  }: Pick<Extract<TransferEffect, { do: "record" }>, "step" | "detail">): void {
    this.#host.journal({ type: "transfer_step", atMs: this.#host.atMs(), step: name, detail });
  }

  #end({ destination, outcome, next }: Extract<TransferEffect, { do: "end" }>): void {
    const { name, kind } = destination;
    this.#escalation.close();
    this.#host.journal({
      type: "transfer_outcome",
      atMs: this.#host.atMs(),
      destination: name,
      outcome,
    });
    this.#deps.metrics.transfers.add(1, this.#agent.name, kind, outcome);
    this.#deps.log.info("transfer: ended", { callSid: this.request.callSid, kind, outcome, next });
    this.#host.ended({ destination: name, outcome, next });
  }

  // --- documents ------------------------------------------------------------------------------------

  get #parts(): DocumentParts {
    const { failoverList, step: index, revision, attempt } = this.#state;
    const destination = failoverList[index];
    if (destination === undefined) throw new RelayError("internal", "a transfer without a step");
    const { recordUrl } = this.#deps;
    return {
      request: this.request,
      agent: this.#agent,
      destination,
      step: index,
      revision,
      attempt,
      url: this.#host.url,
      recordUrl: recordUrl === null ? null : recordUrl(this.request.callSid),
      caseReference: this.#escalation.caseReference,
    };
  }

  #pageTwiml(page: Page): Twiml {
    const parts = this.#parts;
    switch (page) {
      case "step":
        return kindOf(parts.destination).document(parts.destination, parts);
      case "agent":
        return this.#host.returnTwiml(failureOf(parts.destination.name, this.#state));
      case "apology":
        return apologyTwiml(this.#agent);
      case "hangup":
        return HANG_UP;
      case "join":
        return joinTwiml(this.request, this.#state.attempt);
      case "too_late":
        return consultGoodbyeTwiml(this.#agent, "too_late");
    }
  }

  // --- Twilio's REST --------------------------------------------------------------------------------

  #redirect(page: Page): void {
    const { revision } = this.#state;
    const send = (): void => {
      // The wait for the CRM may have changed everything.
      const { name } = this.#state.phase;
      const wanted = name === "redirecting" || name === "returning";
      if (this.#closed !== "no" || this.#state.revision !== revision || !wanted) return;
      this.#requests.redirect(
        () => this.#pageTwiml(page),
        () => this.#dispatch({ type: "redirected", revision, onStream: this.#host.onStream() }),
        (code) => {
          const onStream = this.#host.onStream();
          this.#dispatch({ type: "redirect_failed", revision, code, onStream });
        },
      );
    };
    if (page === "step" && kindOf(this.#parts.destination).namesCase)
      this.#escalation.whenTold(send);
    else send();
  }

  #probe(): void {
    const { revision } = this.#state;
    this.#requests.callerStatus((status) => {
      const onStream = this.#host.onStream();
      this.#dispatch({ type: "probed", revision, status, onStream });
    });
  }

  #callConsultLeg(): void {
    const parts = this.#parts;
    const { destination, attempt } = parts;
    const { consult } = kindOf(destination);
    if (consult === null) return;
    this.#consultSinceEpochMs = this.#deps.clock.epochMs();
    const call = consult.call(destination, parts);
    this.#requests.createConsultLeg(
      call,
      withOurNumber(call, this.request),
      consult.whisper(parts),
      (sid) => this.#dispatch({ type: "consult_created", attempt, sid }),
      (code) => this.#dispatch({ type: "consult_failed", attempt, code }),
    );
  }

  #findConsultLeg(attempt: number): void {
    const parts = this.#parts;
    const { consult } = kindOf(parts.destination);
    if (consult === null) return;
    const { to } = consult.call(parts.destination, parts);
    this.#requests.findCalls(to, this.#consultSinceEpochMs, (exists) => {
      this.#dispatch({ type: "consult_found", attempt, exists });
    });
  }

  #probeConsultLeg(sid: CallSid): void {
    const { attempt } = this.#state;
    this.#requests.consultStatus(sid, (status) => {
      this.#dispatch({ type: "consult_status", attempt, sid, status, source: "probe" });
    });
  }

  // --- the CRM --------------------------------------------------------------------------------------

  #escalate(): void {
    const { escalate, log, clock } = this.#deps;
    if (escalate === null) return;
    this.#escalation = new Escalation(() => escalate(this.request, this.#agent.name), clock, {
      escalated: (detail) => this.#record({ step: "escalated", detail }),
      failed: (code, error) => {
        log.warn("transfer: escalation failed", { callSid: this.request.callSid, code }, error);
        this.#record({ step: "escalation_failed", detail: code });
      },
    });
  }
}

const HANG_UP: Twiml = [{ verb: "hangup" }];

const NO_ESCALATION = { escalated: () => undefined, failed: () => undefined };

/** For callers who are brought back: what the agent is told. */
function failureOf(destination: string, { phase }: TransferState): TransferFailure {
  const ended = phase.name === "over" || phase.name === "returning";
  const outcome = ended && phase.outcome !== "answered" ? phase.outcome : "failed";
  return { destination, outcome, refusal: null };
}
