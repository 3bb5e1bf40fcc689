import type { AgentProfile } from "../domain/agent-profile.js";
import type { TwilioCallStatus } from "../domain/call-status.js";
import { type ErrorCode, RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent, TransferOutcome } from "../domain/record-event.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { CallControl } from "../ports/twilio.js";
import type { Twiml } from "../wire/twiml.js";
import type { TransferForm } from "./callback-forms.js";
import * as forms from "./callback-forms.js";
import { readLink, type TransferLink, type UrlBuilder } from "./callback-url.js";
import {
  apologyTwiml,
  askAgainTwiml,
  briefingTwiml,
  type DocumentParts,
  humanGoodbyeTwiml,
  humanParties,
  humanStatusUrl,
  joinTwiml,
  rungTwiml,
  waitTwiml,
} from "./documents.js";
import type {
  Page,
  TransferEffect,
  TransferEvent,
  TransferNext,
  TransferState,
} from "./transfer-events.js";
import { afterLastStep, type FullTransferRequest, failoverListOf } from "./transfer-request.js";
import { beginTransfer, step } from "./transfer-state.js";

/** Whoever keeps the call that a transfer belongs to. None of these may throw. */
export interface TransferHost {
  readonly url: UrlBuilder;
  /** Ms since the call was opened. */
  atMs(): number;
  journal(event: RecordEvent): void;
  /** The state after each change: what any node needs to go on. */
  persist(snapshot: TransferSnapshot): void;
  /** Takes the caller back to the agent, who is told what became of the transfer. Asked again for repeated callbacks. */
  returnTwiml(destination: string, outcome: TransferOutcome): Twiml;
  /** The agent's stream of this caller is up. */
  onStream(): boolean;
  /** Ends our side of it: Twilio then asks what follows, see `Transfer.streamFollowed`. */
  closeStream(): void;
  /** Exactly once. With "back_to_agent", the caller comes on a new stream, or is still on the old one. */
  ended(outcome: TransferOutcome, next: TransferNext, destination: string): void;
  /** After `ended` with "back_to_agent": the caller hung up, or Twilio did not let us fetch them. */
  lost(): void;
}

export interface TransferDeps {
  readonly control: CallControl;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "transfers">;
  /** Tells the customer database; resolves with its name for the case. Null: there is none. */
  readonly escalate:
    | ((request: FullTransferRequest, agent: string) => Promise<string | null>)
    | null;
  /** Where the human finds the call's record; null: nowhere that they could open. */
  readonly recordUrl: ((callSid: CallSid) => string) | null;
  /** An audio file that Twilio can fetch; null: words only. */
  readonly holdMusicUrl: string | null;
}

/** Plain JSON. */
export interface TransferSnapshot {
  readonly version: 1;
  readonly request: FullTransferRequest;
  readonly state: TransferState;
}

/** The customer database may hold up the documents that carry its answer by so much. */
const ESCALATION_MS = 700;
const HANG_UP_TRIES = 5;
const HANG_UP_PAUSE_MS = 1_000;

/** One transfer of one call: carries out what `step` decides, and answers Twilio. */
export class Transfer {
  readonly request: FullTransferRequest;
  readonly #agent: AgentProfile;
  readonly #host: TransferHost;
  readonly #deps: TransferDeps;
  #state: TransferState;
  #timer: Timer | null = null;
  #ringSinceEpochMs: number;
  #caseReference: string | null = null;
  #escalating: Promise<void> | null = null;
  #escalationTimer: Timer | null = null;
  readonly #hangUps = new Set<Timer>();
  #closed = false;

  private constructor(
    request: FullTransferRequest,
    state: TransferState,
    agent: AgentProfile,
    host: TransferHost,
    deps: TransferDeps,
  ) {
    this.request = request;
    this.#state = state;
    this.#agent = agent;
    this.#host = host;
    this.#deps = deps;
    this.#ringSinceEpochMs = deps.clock.epochMs();
  }

  /**
   * Begins a transfer; nothing is asked of Twilio before `farewellHeard` or `streamFollowed`.
   *
   * @param stays  the caller is in the conference already, with the agent.
   * @throws RelayError `destination_unknown`.
   */
  static start(
    request: FullTransferRequest,
    agent: AgentProfile,
    host: TransferHost,
    deps: TransferDeps,
    stays = false,
  ): Transfer {
    const ladder = failoverListOf(agent, request.destination);
    const first = ladder[0];
    if (first === undefined)
      throw new RelayError("destination_unknown", "no destination of that name");
    const state = beginTransfer(ladder, afterLastStep(request.by), stays);
    const transfer = new Transfer(request, state, agent, host, deps);
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
    host.persist(transfer.snapshot);
    return transfer;
  }

  /** What `start` would begin with, for another process to carry out should this one die before. Null: no such destination. */
  static planned(request: FullTransferRequest, agent: AgentProfile): TransferSnapshot | null {
    const ladder = failoverListOf(agent, request.destination);
    if (ladder.length === 0) return null;
    return { version: 1, request, state: beginTransfer(ladder, afterLastStep(request.by)) };
  }

  /** Goes on where another process stopped. */
  static restore(
    snapshot: TransferSnapshot,
    agent: AgentProfile,
    host: TransferHost,
    deps: TransferDeps,
  ): Transfer {
    const transfer = new Transfer(snapshot.request, snapshot.state, agent, host, deps);
    transfer.#dispatch({ type: "resumed" });
    return transfer;
  }

  /**
   * Goes on with nothing but what the URL of a callback says: for transfers whose process died, and whose state was
   * not kept. Null: not a link of ours, or its destination is no longer in the agents file.
   */
  static adopt(
    form: TransferForm,
    query: TransferForm,
    agent: AgentProfile,
    host: TransferHost,
    deps: TransferDeps,
  ): Transfer | null {
    const link = readLink(query);
    const ladder = link === null ? [] : failoverListOf(agent, link.first);
    const destination = link === null ? undefined : ladder[link.rung];
    if (link === null || destination === undefined) return null;
    const { first, by, call, rung, doc, ring } = link;
    const own = form["CallSid"] === call;
    const direction = form["Direction"]?.startsWith("outbound") === true ? "outbound" : "inbound";
    const [caller, ours] =
      direction === "inbound" ? [form["From"], form["To"]] : [form["To"], form["From"]];
    const request: FullTransferRequest = {
      callSid: call,
      destination: first,
      reason: null,
      summary: null,
      urgency: null,
      by,
      caller: own ? (caller ?? "") : "",
      ours: own ? (ours ?? "") : "",
      direction,
      language: agent.language,
      preface: "moment",
    };
    const state: TransferState = {
      ladder,
      stays: false,
      rung,
      doc,
      ring,
      human: null,
      bottom: afterLastStep(by),
      phase:
        destination.kind === "warm" && ring > 0
          ? { name: "ringing", tries: 0, pausing: false }
          : { name: "dialing", gone: false },
    };
    return new Transfer(request, state, agent, host, deps);
  }

  get snapshot(): TransferSnapshot {
    return { version: 1, request: this.request, state: this.#state };
  }

  /** Its outcome is known; callbacks may still come. */
  get isOver(): boolean {
    return this.#state.phase.name === "over";
  }

  // --- what happens ---------------------------------------------------------------------------------

  /** The caller has heard the agent out: now the one calls.update. */
  farewellHeard(): void {
    this.#dispatch({ type: "farewell_heard" });
  }

  /** Twilio asks what follows the agent's stream while the transfer is on its way. */
  streamFollowed(): Twiml {
    return this.#answer({ type: "stream_followed" });
  }

  callerHungUp(): void {
    this.#dispatch({ type: "caller_gone" });
  }

  /** /transfer-status and its pages. */
  callback(form: TransferForm, query: TransferForm): Twiml {
    const link = readLink(query);
    if (link === null) return [{ verb: "hangup" }];
    switch (link.page) {
      case "document":
        return this.#answer(forms.documentEnded(form, link.doc));
      case "wait":
        this.#dispatch({ type: "document_seen", doc: link.doc });
        return waitTwiml(
          forms.count(form["QueuePosition"]),
          forms.count(form["QueueTime"]) ?? 0,
          this.request.language,
          this.#deps.holdMusicUrl,
        );
      case "key":
      case "no_key":
        return this.#key(form, link);
    }
  }

  #key(form: TransferForm, link: TransferLink): Twiml {
    const sid = forms.callSidOf(form);
    if (sid === null) return [{ verb: "hangup" }];
    const answer = forms.keyAnswer(form, link.page);
    if (answer === null) return askAgainTwiml({ ...this.#parts, ring: link.ring });
    const twiml = this.#answer({ type: "human_answered", ring: link.ring, sid, answer });
    return answer === "accept" ? twiml : humanGoodbyeTwiml(this.#agent, "declined");
  }

  /** /conference-events. */
  conferenceEvent(form: TransferForm, query: TransferForm): void {
    const link = readLink(query);
    const event = link === null ? null : forms.conferenceEvent(form, this.#state, link);
    if (event !== null) this.#dispatch(event);
  }

  /** An event of the conference in which caller and agent have been from the start. */
  sharedConferenceEvent(form: TransferForm): void {
    const event = forms.conferenceEvent(form, this.#state, {
      call: this.request.callSid,
      doc: this.#state.doc,
    });
    if (event !== null) this.#dispatch(event);
  }

  /** /call-status of a leg that this transfer caused; the caller's own is `callerHungUp`. */
  callStatus(form: TransferForm, query: TransferForm): void {
    const link = readLink(query);
    const sid = forms.callSidOf(form);
    const status = forms.statusOf(form);
    if (link === null || sid === null || status === null || sid === this.request.callSid) return;
    this.#dispatch(
      link.page === "document"
        ? { type: "child_status", doc: link.doc, status }
        : { type: "human_status", ring: link.ring, sid, status, source: "callback" },
    );
  }

  /** Timers stop; the state stays where `persist` has put it. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#escalationTimer?.cancel();
    for (const timer of this.#hangUps) timer.cancel();
    this.#hangUps.clear();
  }

  // --- decisions ------------------------------------------------------------------------------------

  #answer(event: TransferEvent): Twiml {
    const page = this.#dispatch(event);
    return page === null ? [{ verb: "hangup" }] : this.#pageTwiml(page);
  }

  #dispatch(event: TransferEvent): Page | null {
    const before = this.#state;
    const { state, effects } = step(before, event, this.#deps.clock.nowMs());
    this.#state = state;
    if (state !== before) this.#host.persist(this.snapshot);
    let page: Page | null = null;
    for (const effect of effects) {
      if (effect.do === "answer") page = effect.page;
      else if (!this.#closed) this.#carryOut(effect);
    }
    return page;
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
      case "ring_human":
        this.#ringHuman();
        return;
      case "find_human":
        this.#findHuman(effect.ring);
        return;
      case "probe_human":
        this.#probeHuman(effect.sid);
        return;
      case "hang_up_human":
        this.#hangUpHuman(effect.sid);
        return;
      case "arm":
        this.#timer?.cancel();
        this.#timer = this.#deps.clock.after(effect.ms, () => {
          this.#timer = null;
          this.#dispatch({ type: "timer", onStream: this.#host.onStream() });
        });
        return;
      case "disarm":
        this.#timer?.cancel();
        this.#timer = null;
        return;
      case "step":
        this.#host.journal({
          type: "transfer_step",
          atMs: this.#host.atMs(),
          step: effect.step,
          detail: effect.detail,
        });
        return;
      case "end": {
        const { destination, outcome, next } = effect;
        this.#escalationTimer?.cancel();
        this.#host.journal({
          type: "transfer_outcome",
          atMs: this.#host.atMs(),
          destination: destination.name,
          outcome,
        });
        this.#deps.metrics.transfers.add(1, this.#agent.name, destination.kind, outcome);
        this.#deps.log.info("transfer ended", { callSid, kind: destination.kind, outcome, next });
        this.#host.ended(outcome, next, destination.name);
        return;
      }
      case "lost":
        this.#host.lost();
        return;
    }
  }

  // --- documents ------------------------------------------------------------------------------------

  get #parts(): DocumentParts {
    const { ladder, rung, doc, ring } = this.#state;
    const destination = ladder[rung];
    if (destination === undefined) throw new RelayError("internal", "a transfer without a rung");
    const { recordUrl } = this.#deps;
    return {
      request: this.request,
      agent: this.#agent,
      destination,
      rung,
      doc,
      ring,
      url: this.#host.url,
      recordUrl: recordUrl === null ? null : recordUrl(this.request.callSid),
      caseReference: this.#caseReference,
    };
  }

  #pageTwiml(page: Page): Twiml {
    const { phase } = this.#state;
    switch (page) {
      case "rung":
        return rungTwiml(this.#parts);
      case "agent":
        return this.#host.returnTwiml(
          this.#parts.destination.name,
          phase.name === "over" || phase.name === "returning" ? phase.outcome : "failed",
        );
      case "apology":
        return apologyTwiml(this.#agent);
      case "hangup":
        return [{ verb: "hangup" }];
      case "join":
        return joinTwiml(this.request, this.#state.ring);
      case "too_late":
        return humanGoodbyeTwiml(this.#agent, "too_late");
    }
  }

  // --- Twilio's REST --------------------------------------------------------------------------------

  #redirect(page: Page): void {
    const { doc } = this.#state;
    const kind = this.#parts.destination.kind;
    const send = (): void => {
      // What was waited for may have changed everything.
      if (this.#closed || this.#state.doc !== doc || this.#isSettled) return;
      this.#attempt(
        () => this.#deps.control.redirect(this.request.callSid, this.#pageTwiml(page)),
        () => this.#dispatch({ type: "redirected", doc }),
        (code) =>
          this.#dispatch({ type: "redirect_failed", doc, code, onStream: this.#host.onStream() }),
      );
    };
    if (page === "rung" && (kind === "warm" || kind === "workflow")) this.#onceEscalated(send);
    else send();
  }

  get #isSettled(): boolean {
    const { name } = this.#state.phase;
    return name !== "moving" && name !== "returning";
  }

  #probe(): void {
    const { doc } = this.#state;
    const tell = (status: TwilioCallStatus | null): void => {
      this.#dispatch({ type: "probed", doc, status, onStream: this.#host.onStream() });
    };
    this.#attempt(
      () => this.#deps.control.status(this.request.callSid),
      tell,
      (code) => tell(code === "caller_gone" ? "completed" : null),
    );
  }

  #ringHuman(): void {
    const parts = this.#parts;
    const { destination, ring } = parts;
    if (destination.kind !== "warm") return;
    this.#ringSinceEpochMs = this.#deps.clock.epochMs();
    const { to, from } = humanParties(destination.target, this.#agent, this.request);
    const { caller, ours, callToken = null } = this.request;
    const call = (number: string): Promise<CallSid> =>
      this.#deps.control.createCallWithTwiml(
        {
          to,
          from: number,
          // It proves the right to show the caller's number, and no other.
          ...(callToken === null || number !== caller ? {} : { callToken }),
          statusCallback: humanStatusUrl(parts),
          timeoutS: destination.timeoutS,
        },
        briefingTwiml(parts),
      );
    this.#attempt(
      () =>
        call(from).catch((error: unknown) => {
          // Twilio does not let us show the caller's number: the human sees ours.
          const refused = error instanceof RelayError && error.code === "twilio_rejected";
          if (!refused || from !== caller || ours === caller) throw error;
          return call(ours);
        }),
      (sid) => this.#dispatch({ type: "human_created", ring, sid }),
      (code) => this.#dispatch({ type: "human_failed", ring, code }),
    );
  }

  #findHuman(ring: number): void {
    const { destination } = this.#parts;
    if (destination.kind !== "warm") return;
    const { to } = humanParties(destination.target, this.#agent, this.request);
    this.#attempt(
      () => this.#deps.control.findCalls(to, this.#ringSinceEpochMs),
      (calls) => this.#dispatch({ type: "human_found", ring, exists: calls.length > 0 }),
      () => this.#dispatch({ type: "human_found", ring, exists: null }),
    );
  }

  #probeHuman(sid: CallSid): void {
    const { ring } = this.#state;
    const tell = (status: TwilioCallStatus | null): void => {
      this.#dispatch({ type: "human_status", ring, sid, status, source: "probe" });
    };
    this.#attempt(
      () => this.#deps.control.status(sid),
      tell,
      (code) => tell(code === "caller_gone" ? "failed" : null),
    );
  }

  /** Tried again for a while: one who has accepted in the very moment would sit in an empty conference. */
  #hangUpHuman(sid: CallSid, tries = 1): void {
    this.#attempt(
      () => this.#deps.control.hangUp(sid),
      () => {},
      (code) => {
        // Gone is what was wanted.
        if (code === "caller_gone") return;
        if (tries >= HANG_UP_TRIES || this.#closed) {
          this.#deps.log.warn("a human's leg could not be hung up", { code });
          return;
        }
        const timer = this.#deps.clock.after(tries * HANG_UP_PAUSE_MS, () => {
          this.#hangUps.delete(timer);
          this.#hangUpHuman(sid, tries + 1);
        });
        this.#hangUps.add(timer);
      },
    );
  }

  /** Runs a request; a throw before the first await counts as a rejection. */
  #attempt<T>(
    request: () => Promise<T>,
    done: (value: T) => void,
    failed: (code: ErrorCode) => void,
  ): void {
    (async () => request())().then(done, (error: unknown) => {
      const code = error instanceof RelayError ? error.code : "internal";
      if (code === "internal")
        this.#deps.log.error(
          "a transfer's request failed",
          { callSid: this.request.callSid, code },
          error,
        );
      failed(code);
    });
  }

  // --- the customer database ------------------------------------------------------------------------

  #escalate(): void {
    const { escalate, log } = this.#deps;
    if (escalate === null) return;
    this.#escalating = (async () => escalate(this.request, this.#agent.name))().then(
      (reference) => {
        this.#escalating = null;
        this.#caseReference = reference;
        this.#host.journal({
          type: "transfer_step",
          atMs: this.#host.atMs(),
          step: "escalated",
          detail: reference,
        });
      },
      (error: unknown) => {
        this.#escalating = null;
        const code = error instanceof RelayError ? error.code : "internal";
        log.warn("escalation failed", { callSid: this.request.callSid, code }, error);
        this.#host.journal({
          type: "transfer_step",
          atMs: this.#host.atMs(),
          step: "escalation_failed",
          detail: code,
        });
      },
    );
  }

  #onceEscalated(run: () => void): void {
    if (this.#escalating === null) {
      run();
      return;
    }
    let ran = false;
    const once = (): void => {
      if (ran) return;
      ran = true;
      this.#escalationTimer?.cancel();
      run();
    };
    this.#escalationTimer = this.#deps.clock.after(ESCALATION_MS, once);
    void this.#escalating.then(once);
  }
}
