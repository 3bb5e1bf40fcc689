/**
 * The moves that a transfer's decisions are made of: into a rung's document, on to the next rung, to the end. Pure.
 */
import type { Destination } from "../domain/agent-profile.js";
import type { TwilioCallStatus } from "../domain/call-status.js";
import { RelayError } from "../domain/errors.js";
import type { TransferOutcome } from "../domain/record-event.js";
import type {
  Page,
  Phase,
  TransferEffect,
  TransferNext,
  TransferState,
} from "./transfer-events.js";

/** From the end of the farewell until Twilio is made to ask: a caller notices two seconds of silence. */
export const MOVE_MS = 1_500;
/** After the stream was closed, Twilio asks within its webhook time-outs; then the call is looked at. */
export const FOLLOW_MS = 8_000;
/** The news that the caller hung up and the news of how the dial went race each other. */
export const GRACE_MS = 2_000;
/** Pauses between tries; the last one repeats. */
export const PAUSES_MS: readonly number[] = [200, 400, 800, 1_600, 3_200, 5_000];
/** Tries of one move while the caller waits in a document that sounds. */
export const TRIES_MOST = 10;
/** Beyond the ringing time that Twilio was told: its own callback is lost, or never comes. */
export const RING_SPARE_MS = 20_000;
/** A briefing of 60 s, twice the time to press a key, and some. */
export const BRIEFING_MS = 120_000;
/** From the accepting key to the conference's own word that the human is in. */
export const JOIN_MS = 5_000;
/** What Twilio did without confirming it shows itself by its first callback within this, or was not done. */
export const SHOW_MS = 6_000;
/** Humans are rung anew so often when Twilio does not take the request. */
export const RING_TRIES_MOST = 3;

/** The state being built by one step, and what is to be done about it. */
export class Draft {
  state: TransferState;
  readonly effects: TransferEffect[] = [];

  constructor(state: TransferState) {
    this.state = state;
  }

  get destination(): Destination {
    const destination = this.state.ladder[this.state.rung];
    if (destination === undefined) throw new RelayError("internal", "a transfer without a rung");
    return destination;
  }

  phase(phase: Phase): void {
    this.state = { ...this.state, phase };
  }

  do(...effects: readonly TransferEffect[]): void {
    this.effects.push(...effects);
  }

  /** To wherever the phase says. */
  redirect(): void {
    const { phase } = this.state;
    if (phase.name === "moving") this.do({ do: "redirect", page: "rung" });
    if (phase.name === "returning")
      this.do({ do: "redirect", page: phase.next === "back_to_agent" ? "agent" : "apology" });
  }
}

export function startMoving(draft: Draft, fromStream: boolean, nowMs: number): void {
  draft.state = { ...draft.state, stays: false };
  draft.phase({ name: "moving", sinceMs: nowMs, tries: 0, fromStream, waits: "request" });
  draft.do({ do: "step", step: "redirect", detail: draft.destination.name });
  draft.do(fromStream ? { do: "arm", ms: MOVE_MS } : { do: "disarm" });
  draft.redirect();
}

/** The caller is in the rung's document. */
export function enter(draft: Draft): void {
  draft.do({ do: "step", step: "calling", detail: draft.destination.name });
  if (draft.destination.kind === "warm") ring(draft);
  else {
    draft.phase({ name: "dialing", gone: false });
    draft.do({ do: "disarm" });
  }
}

function ring(draft: Draft): void {
  draft.state = {
    ...draft.state,
    ring: draft.state.ring + 1,
    human: null,
    phase: { name: "ringing", tries: 0, pausing: false },
  };
  watchRing(draft);
  draft.do({ do: "ring_human" });
}

/** Twilio ends the ringing by itself and tells; this is for when it does not. */
export function watchRing(draft: Draft): void {
  const { destination } = draft;
  if (destination.kind === "warm")
    draft.do({ do: "arm", ms: destination.timeoutS * 1000 + RING_SPARE_MS });
}

export function connected(draft: Draft): void {
  finish(draft, "answered", "connected");
}

/** @param by  `answer`: Twilio waits for a document. `rest`: the caller has to be fetched from where they wait. */
export function nextRung(
  draft: Draft,
  outcome: TransferOutcome,
  by: "answer" | "rest",
  nowMs: number,
): void {
  const { state, destination } = draft;
  const inConference = isWarm(state.phase);
  draft.do({ do: "step", step: outcome, detail: destination.name });
  letHumanGo(draft);
  if (state.rung + 1 >= state.ladder.length) {
    bottom(draft, outcome, by);
    return;
  }
  draft.state = { ...draft.state, rung: state.rung + 1, human: null };
  if (by === "rest" && inConference && draft.destination.kind === "warm") {
    draft.do({ do: "step", step: "calling", detail: draft.destination.name });
    ring(draft);
    return;
  }
  draft.state = { ...draft.state, doc: state.doc + 1 };
  if (by === "rest") startMoving(draft, false, nowMs);
  else {
    draft.do({ do: "answer", page: "rung" });
    enter(draft);
  }
}

function bottom(draft: Draft, outcome: TransferOutcome, by: "answer" | "rest"): void {
  const next: TransferNext = draft.state.bottom === "agent" ? "back_to_agent" : "apology";
  const page: Page = next === "back_to_agent" ? "agent" : "apology";
  if (by === "answer") {
    finish(draft, outcome, next);
    draft.do({ do: "answer", page });
    return;
  }
  // The agent has been with the caller all the time.
  if (draft.state.stays && next === "back_to_agent") {
    finish(draft, outcome, next);
    return;
  }
  draft.state = {
    ...draft.state,
    doc: draft.state.doc + 1,
    human: null,
    phase: { name: "returning", tries: 0, outcome, next, waits: "request" },
  };
  // First the word, so that the agent expects the caller, then the deed.
  draft.do({ do: "disarm" }, { do: "end", destination: draft.destination, outcome, next });
  draft.redirect();
}

/** The end, in which nothing more is asked of Twilio. */
export function finish(draft: Draft, outcome: TransferOutcome, next: TransferNext): void {
  if (outcome !== "answered") {
    if (outcome === "caller_gone")
      draft.do({ do: "step", step: outcome, detail: draft.destination.name });
    letHumanGo(draft);
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

function letHumanGo(draft: Draft): void {
  const { human, phase } = draft.state;
  if (human === null || !isWarm(phase)) return;
  draft.do({ do: "hang_up_human", sid: human });
  draft.state = { ...draft.state, human: null };
}

export function isWarm(phase: Phase): boolean {
  return phase.name === "ringing" || phase.name === "briefing" || phase.name === "joining";
}

/** The call, or the leg, is over and stays so. */
export function isFinal(status: TwilioCallStatus): boolean {
  switch (status) {
    case "completed":
    case "busy":
    case "failed":
    case "no-answer":
    case "canceled":
      return true;
    case "queued":
    case "initiated":
    case "ringing":
    case "in-progress":
      return false;
  }
}
