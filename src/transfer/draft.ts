/**
 * The changes of state that a transfer's decisions are made of: into a step's document, on to the
 * next step, to the end. Pure.
 */
import type { Destination } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { TransferNext, TransferOutcome } from "../domain/transfer-request.js";
import { answerTimeS, consultTimeoutS } from "./destinations/kinds.js";
import { GRACE_MS, LATE_MS, REDIRECT_MS } from "./timings.js";
import type { Page, Phase, TransferEffect, TransferState } from "./transfer-events.js";

/** The state that one decision builds, and what is to be done about it. */
export class Draft {
  state: TransferState;
  readonly effects: TransferEffect[] = [];

  constructor(state: TransferState) {
    this.state = state;
  }

  get destination(): Destination {
    const destination = this.state.failoverList[this.state.step];
    if (destination === undefined) throw new RelayError("internal", "a transfer without a step");
    return destination;
  }

  phase(phase: Phase): void {
    this.state = { ...this.state, phase };
  }

  do(...effects: readonly TransferEffect[]): void {
    this.effects.push(...effects);
  }

  arm(ms: number): void {
    this.do({ do: "arm", ms });
  }

  /** To where the phase says. */
  redirect(): void {
    const { phase } = this.state;
    if (phase.name === "redirecting") this.do({ do: "redirect", page: "step" });
    if (phase.name === "returning") this.do({ do: "redirect", page: returnPage(phase.next) });
  }
}

function returnPage(next: TransferNext): "agent" | "apology" {
  return next === "back_to_agent" ? "agent" : "apology";
}

export function startRedirect(draft: Draft, fromStream: boolean, nowMs: number): void {
  draft.state = { ...draft.state, agentStays: false };
  draft.phase({ name: "redirecting", sinceMs: nowMs, tries: 0, fromStream, waits: "request" });
  draft.do({ do: "record", step: "redirect", detail: draft.destination.name });
  draft.do(fromStream ? { do: "arm", ms: REDIRECT_MS } : { do: "disarm" });
  draft.redirect();
}

/** The caller is in the step's document. */
export function enter(draft: Draft): void {
  draft.do({ do: "record", step: "calling", detail: draft.destination.name });
  if (consultTimeoutS(draft.destination) !== null) {
    callConsultLeg(draft);
    return;
  }
  draft.phase({ name: "dialing", callerGone: false, probing: false, probes: 0 });
  watchDialing(draft);
}

/** Twilio says how the dial went; this is for when it does not. */
export function watchDialing(draft: Draft): void {
  draft.arm(answerTimeS(draft.destination) * 1_000 + LATE_MS);
}

function callConsultLeg(draft: Draft): void {
  const { attempt, revision } = draft.state;
  draft.state = {
    ...draft.state,
    // Never below the revision, which no earlier transfer of this call has used.
    attempt: Math.max(attempt + 1, revision),
    consultLeg: null,
    phase: { name: "ringing", tries: 0, pausing: false },
  };
  watchRinging(draft);
  draft.do({ do: "call_consult_leg" });
}

/** Twilio ends the ringing by itself and says so; this is for when it does not. */
export function watchRinging(draft: Draft): void {
  const timeoutS = consultTimeoutS(draft.destination);
  if (timeoutS !== null) draft.arm(timeoutS * 1_000 + LATE_MS);
}

export function connected(draft: Draft): void {
  finish(draft, "answered", "connected");
}

/**
 * @param by  `answer`: Twilio waits for a document. `rest`: the caller has to be fetched from where
 * they wait.
 */
export function nextStep(
  draft: Draft,
  outcome: Exclude<TransferOutcome, "answered" | "denied">,
  by: "answer" | "rest",
  nowMs: number,
): void {
  const { state, destination } = draft;
  const inConference = isConsulting(state.phase);
  draft.do({ do: "record", step: outcome, detail: destination.name });
  dropConsultLeg(draft);
  if (state.step + 1 >= state.failoverList.length) {
    lastStepFailed(draft, outcome, by);
    return;
  }
  draft.state = { ...draft.state, step: state.step + 1, consultLeg: null };
  if (by === "rest" && inConference && consultTimeoutS(draft.destination) !== null) {
    draft.do({ do: "record", step: "calling", detail: draft.destination.name });
    callConsultLeg(draft);
    return;
  }
  draft.state = { ...draft.state, revision: state.revision + 1 };
  if (by === "rest") {
    startRedirect(draft, false, nowMs);
    return;
  }
  draft.do({ do: "answer", page: "step" });
  enter(draft);
}

function lastStepFailed(draft: Draft, outcome: TransferOutcome, by: "answer" | "rest"): void {
  const next: TransferNext = draft.state.afterLastStep === "agent" ? "back_to_agent" : "apology";
  const page: Page = returnPage(next);
  if (by === "answer") {
    finish(draft, outcome, next);
    draft.do({ do: "answer", page });
    return;
  }
  // The agent has been with the caller all the time.
  if (draft.state.agentStays && next === "back_to_agent") {
    finish(draft, outcome, next);
    return;
  }
  draft.state = {
    ...draft.state,
    revision: draft.state.revision + 1,
    consultLeg: null,
    phase: { name: "returning", tries: 0, outcome, next, waits: "request" },
  };
  // First the news, so that the agent expects the caller, then the redirect.
  draft.do({ do: "disarm" }, { do: "end", destination: draft.destination, outcome, next });
  draft.redirect();
}

/** The end, after which nothing more is asked of Twilio. */
export function finish(draft: Draft, outcome: TransferOutcome, next: TransferNext): void {
  if (outcome !== "answered") {
    if (outcome === "caller_gone")
      draft.do({ do: "record", step: outcome, detail: draft.destination.name });
    dropConsultLeg(draft);
  }
  draft.phase({ name: "over", outcome, next });
  draft.do({ do: "disarm" }, { do: "end", destination: draft.destination, outcome, next });
}

/** The caller is back, or cannot be brought back. */
export function settleReturn(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "returning") return;
  draft.phase({ name: "over", outcome: phase.outcome, next: phase.next });
  draft.do({ do: "disarm" });
}

/**
 * The caller hung up.
 *
 * @param certain  false: the news of how their dial went may still be on its way, and may be
 *                 better.
 */
export function callerGone(draft: Draft, certain = false): void {
  const { phase } = draft.state;
  if (phase.name === "over") return;
  if (phase.name === "returning") {
    lost(draft);
    return;
  }
  if (phase.name === "dialing" && !certain) {
    if (phase.callerGone) return;
    draft.phase({ ...phase, callerGone: true });
    draft.arm(GRACE_MS);
    return;
  }
  finish(draft, "caller_gone", "gone");
}

/** The caller is gone before they were back with the agent. */
export function lost(draft: Draft): void {
  if (draft.state.phase.name !== "returning") return;
  settleReturn(draft);
  draft.do({ do: "lost" });
}

function dropConsultLeg(draft: Draft): void {
  const { consultLeg, phase } = draft.state;
  if (consultLeg === null || !isConsulting(phase)) return;
  draft.do({ do: "hang_up_consult_leg", sid: consultLeg });
  draft.state = { ...draft.state, consultLeg: null };
}

/** The caller waits in the conference for the human on the consult leg. */
export function isConsulting(phase: Phase): boolean {
  return phase.name === "ringing" || phase.name === "screening" || phase.name === "joining";
}
