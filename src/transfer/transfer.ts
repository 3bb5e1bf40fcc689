import type { AgentProfile } from "../domain/agent-profile.js";
import { readCallStatus } from "../domain/call-status.js";
import { RelayError } from "../domain/errors.js";
import type { CallTransferRequest } from "../domain/transfer-request.js";
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
import { askAgainTwiml, consultGoodbyeTwiml } from "./destinations/warm.js";
import { afterLastStep, failoverListOf } from "./failover-list.js";
import { FAREWELL_MS } from "./timings.js";
import type {
  TransferDeps,
  TransferHost,
  TransferSnapshot,
  TransferStart,
} from "./transfer-deps.js";
import { HANG_UP, TransferEffects } from "./transfer-effects.js";
import type { Page, TransferEvent, TransferState } from "./transfer-events.js";
import type { TransferLink } from "./transfer-link.js";
import { beginTransfer, step } from "./transfer-state.js";

/**
 * One transfer of one call: turns Twilio's callbacks into events, and answers Twilio. `step`
 * decides.
 */
export class Transfer {
  readonly request: CallTransferRequest;
  readonly #agent: AgentProfile;
  readonly #host: TransferHost;
  readonly #deps: TransferDeps;
  readonly #effects: TransferEffects;
  #state: TransferState;

  private constructor(start: TransferStart, state: TransferState, deps: TransferDeps) {
    this.request = start.request;
    this.#agent = start.agent;
    this.#host = start.host;
    this.#state = state;
    this.#deps = deps;
    this.#effects = new TransferEffects(start, this, deps);
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
    transfer.#effects.escalate();
    transfer.#effects.arm(FAREWELL_MS);
    host.persist(transfer.snapshot);
    return transfer;
  }

  /**
   * What `start` would begin with, for another process to carry out if this one dies. Null: no such
   * destination.
   */
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

  /**
   * Continues a transfer where another process stopped.
   *
   * @param keptEpochMs  when the snapshot was stored; undefined: unknown.
   */
  static restore(
    { request, state }: TransferSnapshot,
    agent: AgentProfile,
    host: TransferHost,
    deps: TransferDeps,
    keptEpochMs?: number,
  ): Transfer {
    const since = keptEpochMs === undefined ? {} : { keptEpochMs };
    const transfer = new Transfer({ request, agent, host, ...since }, state, deps);
    transfer.dispatch({ type: "resumed" });
    return transfer;
  }

  get state(): TransferState {
    return this.#state;
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

  /** The caller has heard the agent's goodbye: now the redirect. */
  farewellHeard(): void {
    this.dispatch({ type: "farewell_heard", onStream: this.#host.onStream() });
  }

  /** Twilio asks what follows the agent's stream while the transfer is on its way. */
  streamFollowed(): Twiml {
    return this.#answer({ type: "stream_followed" });
  }

  callerHungUp(): void {
    this.dispatch({ type: "caller_gone" });
  }

  /** The human is in the conference with the caller. */
  humanMet(): void {
    this.dispatch({ type: "consult_joined", attempt: this.#state.attempt });
  }

  /** /transfer-status: the end of a document, and the pages that documents lead to. */
  callback(form: TransferForm, link: TransferLink): Twiml {
    const { revision } = link;
    switch (link.page) {
      case "document":
        return this.documentEnded(form, revision);
      case "wait":
        this.dispatch({ type: "document_seen", revision });
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

  /** @param revision  of the document; default: the one that the caller is in. */
  documentEnded(form: TransferForm, revision = this.#state.revision): Twiml {
    const end = kindOf(this.#effects.parts.destination).end(form);
    return this.#answer({ type: "document_ended", revision, ...end });
  }

  #screened(form: TransferForm, { attempt, page }: TransferLink): Twiml {
    const sid = callSidOf(form);
    if (sid === null) return HANG_UP;
    const answer = screeningAnswer(form, page);
    if (answer === null) return askAgainTwiml({ ...this.#effects.parts, attempt });
    const twiml = this.#answer({ type: "consult_answered", attempt, sid, answer });
    return answer === "accept" ? twiml : consultGoodbyeTwiml(this.#agent, "declined");
  }

  /** /conference-events. */
  conferenceEvent(form: TransferForm, link: Pick<TransferLink, "call" | "revision">): void {
    const event = conferenceEvent(form, this.#state, link);
    if (event !== null) this.dispatch(event);
  }

  /** An event of the conference in which caller and agent were before the transfer. */
  sharedConferenceEvent(form: TransferForm): void {
    const { callSid: call } = this.request;
    this.conferenceEvent(form, { call, revision: this.#state.revision - 1 });
  }

  /**
   * /call-status of a leg that this transfer caused; that of the caller's own call is
   * `callerHungUp`.
   */
  callStatus(form: TransferForm, { page, revision, attempt }: TransferLink): void {
    const sid = callSidOf(form);
    const status = readCallStatus(form["CallStatus"]);
    if (sid === null || status === null || sid === this.request.callSid) return;
    this.dispatch(
      page === "document"
        ? { type: "child_status", revision, status }
        : { type: "consult_status", attempt, sid, status, source: "callback" },
    );
  }

  /**
   * A newer transfer of the same call takes the place of this one. Its late consult legs are still
   * hung up.
   */
  supersede(): void {
    this.#effects.supersede();
  }

  /** Timers stop; the state stays where `persist` has put it. Idempotent. */
  close(): void {
    this.#effects.close();
  }

  #answer(event: TransferEvent): Twiml {
    const page = this.dispatch(event);
    return page === null ? HANG_UP : this.#effects.pageTwiml(page);
  }

  /** @returns the page that Twilio is answered with; null: it has asked nothing. */
  dispatch(event: TransferEvent): Page | null {
    const before = this.#state;
    const { state, effects } = step(before, event, this.#deps.clock.nowMs());
    this.#state = state;
    if (state !== before && this.#effects.isRunning) this.#host.persist(this.snapshot);
    let page: Page | null = null;
    for (const effect of effects) {
      if (effect.do === "answer") page = effect.page;
      else this.#effects.carryOut(effect);
    }
    return page;
  }
}
