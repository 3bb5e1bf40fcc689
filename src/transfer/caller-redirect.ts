/**
 * Decisions about the caller's way into a document, by requests whose result may be unknown. A
 * request that failed may have been carried out, and one that was accepted may not have been. Only
 * a sign settles it, such as the end of our stream or the first callback of the document. Each wait
 * for a sign has a clock. Pure.
 */
import { isFinalStatus } from "../domain/call-status.js";
import { consultTimeoutS } from "./destinations/kinds.js";
import {
  callerGone,
  type Draft,
  enter,
  lost,
  nextStep,
  settleReturn,
  startRedirect,
} from "./draft.js";
import {
  ACCEPTED_MS,
  FOLLOW_MS,
  GRACE_MS,
  MAX_ACCEPTED,
  REDIRECT_MS,
  redirectPause,
  SHOW_MS,
} from "./timings.js";
import type { OnStream, RedirectWait, TransferEvent } from "./transfer-events.js";

type EventOf<Type extends TransferEvent["type"]> = Extract<TransferEvent, { type: Type }>;

/**
 * The farewell is over: the caller leaves the agent, unless the agent stays while the human is
 * called.
 */
export function begin(draft: Draft, onStream: OnStream, nowMs: number): void {
  if (draft.state.agentStays && consultTimeoutS(draft.destination) !== null) enter(draft);
  else startRedirect(draft, onStream !== null, nowMs);
}

/** Twilio asks what follows the stream. The answer takes the caller on; no request is needed. */
export function streamFollowed(draft: Draft): void {
  const { phase } = draft.state;
  // In the farewell: its stream broke.
  if (phase.name !== "farewell" && phase.name !== "redirecting") return;
  draft.do({ do: "answer", page: "step" });
  enter(draft);
}

/**
 * Twilio accepted the request. Callers who can be seen to have arrived have; for the others a clock
 * runs.
 */
export function redirected(draft: Draft, { onStream }: EventOf<"redirected">): void {
  const { phase } = draft.state;
  if (phase.name === "redirecting") {
    if (phase.fromStream && onStream !== true) {
      enter(draft);
      return;
    }
    draft.phase({ ...phase, waits: "accepted" });
    draft.arm(phase.fromStream ? ACCEPTED_MS : SHOW_MS);
  } else if (phase.name === "returning") {
    // Without a stream to be seen, Twilio's word is all there is.
    if (onStream === null || (phase.next === "back_to_agent" && onStream)) {
      settleReturn(draft);
      return;
    }
    draft.phase({ ...phase, waits: "accepted" });
    draft.arm(SHOW_MS);
  }
}

export function redirectFailed(
  draft: Draft,
  { code, onStream }: EventOf<"redirect_failed">,
  nowMs: number,
): void {
  const { phase } = draft.state;
  if (phase.name !== "redirecting" && phase.name !== "returning") return;
  if (code === "caller_gone") {
    goneByRequest(draft, onStream);
    return;
  }
  if (phase.waits !== "request") return;
  draft.do({ do: "record", step: "redirect_failed", detail: code });
  if (arrived(draft, onStream)) return;
  switch (code) {
    case "twilio_busy":
      // Not processed: trying again cannot do it twice.
      pause(draft, "before_request", nowMs);
      return;
    case "twilio_timeout":
    case "twilio_unavailable":
      if (phase.name === "redirecting" && phase.fromStream) {
        wait(draft, "probe");
        draft.do({ do: "probe" });
        return;
      }
      // The caller hears music meanwhile: wait for the callbacks of a request that was carried out.
      draft.phase({ ...phase, waits: "before_probe", tries: phase.tries + 1 });
      draft.arm(SHOW_MS);
      return;
    default:
      refused(draft, nowMs);
  }
}

/**
 * Twilio knows no such call, or says that it is over. One answer does not prove it: it also comes
 * for a moment at which the call cannot be moved, and the caller would be left with nothing.
 */
function goneByRequest(draft: Draft, onStream: OnStream): void {
  const { phase } = draft.state;
  // A stream that comes up meanwhile is the better witness, as is one that has ended.
  if (phase.name === "returning" && onStream === true) settleReturn(draft);
  else if (phase.name === "redirecting" && phase.fromStream && onStream === false)
    callerGone(draft);
  else {
    wait(draft, "probe");
    draft.do({ do: "probe" });
  }
}

/** Twilio will never accept this request. */
function refused(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name === "redirecting" && phase.fromStream) closeStream(draft);
  else if (phase.name === "redirecting") nextStep(draft, "failed", "rest", nowMs);
  else pause(draft, "before_request", nowMs);
}

/** The stream is known to have ended for another reason: its end proves nothing. */
const AFTER_STREAM: ReadonlySet<RedirectWait> = new Set(["asked", "taken_up"]);

/** True when the stream shows that the request was carried out, whatever Twilio answered. */
function arrived(draft: Draft, onStream: OnStream): boolean {
  const { phase } = draft.state;
  if (phase.name === "redirecting") {
    if (!phase.fromStream || AFTER_STREAM.has(phase.waits) || onStream === true) return false;
    enter(draft);
    return true;
  }
  if (phase.name === "returning" && phase.next === "back_to_agent" && onStream === true) {
    settleReturn(draft);
    return true;
  }
  return false;
}

export function probed(draft: Draft, { status, onStream }: EventOf<"probed">, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "redirecting" && phase.name !== "returning") return;
  if (status !== null && isFinalStatus(status)) {
    callerGone(draft);
    return;
  }
  if (arrived(draft, onStream) || phase.waits !== "probe") return;
  pause(draft, status === null ? "before_probe" : "before_request", nowMs);
}

function pause(draft: Draft, then: "before_request" | "before_probe", nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "redirecting" && phase.name !== "returning") return;
  const tries = phase.tries + 1;
  const ms = redirectPause(tries);
  const fromStream = phase.name === "redirecting" && phase.fromStream;
  if (fromStream && (ms === null || nowMs + ms > phase.sinceMs + REDIRECT_MS)) {
    closeStream(draft);
    return;
  }
  if (ms === null) {
    giveUp(draft, nowMs);
    return;
  }
  draft.phase({ ...phase, waits: then, tries });
  draft.arm(ms);
}

/** The caller cannot be moved out of the document in which they wait. */
function giveUp(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name === "redirecting") {
    nextStep(draft, "failed", "rest", nowMs);
    return;
  }
  draft.do(
    { do: "record", step: "given_up", detail: draft.destination.name },
    { do: "hang_up_caller" },
  );
  lost(draft);
}

function wait(draft: Draft, waits: "request" | "probe"): void {
  const { phase } = draft.state;
  if (phase.name === "redirecting" || phase.name === "returning") draft.phase({ ...phase, waits });
}

/**
 * Twilio accepts no request, but it asks what follows a stream: the answer is as good as a request.
 */
function closeStream(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "redirecting") return;
  draft.phase({ ...phase, waits: "asked" });
  draft.do(
    { do: "record", step: "stream_closed", detail: null },
    { do: "arm", ms: FOLLOW_MS },
    { do: "close_stream" },
  );
}

export function redirectTimer(draft: Draft, onStream: OnStream, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "redirecting" && phase.name !== "returning") return;
  if (arrived(draft, onStream)) return;
  switch (phase.waits) {
    case "before_request":
      wait(draft, "request");
      draft.redirect();
      return;
    case "before_probe":
      wait(draft, "probe");
      draft.do({ do: "probe" });
      return;
    case "request":
    case "probe":
      // A request that hangs: the caller cannot wait for it.
      if (phase.name === "redirecting" && phase.fromStream) closeStream(draft);
      return;
    case "accepted":
      acceptedInVain(draft, nowMs);
      return;
    case "asked":
      // Twilio did not ask. The stream is gone, so from here on the caller is fetched like one in a
      // document.
      if (phase.name === "redirecting")
        draft.phase({ ...phase, fromStream: false, waits: "probe" });
      draft.do({ do: "probe" });
      return;
    case "taken_up":
      // If the caller had been left with nothing, Twilio would have asked by now.
      enter(draft);
      return;
  }
}

/** Twilio said 200 and did nothing that could be seen. */
function acceptedInVain(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "redirecting" && phase.name !== "returning") return;
  if (phase.name === "redirecting" && phase.fromStream) {
    closeStream(draft);
    return;
  }
  if (phase.tries + 1 >= MAX_ACCEPTED) {
    giveUp(draft, nowMs);
    return;
  }
  wait(draft, "probe");
  draft.do({ do: "probe" });
}

/** Another process took the transfer over: a request under way may have been carried out or not. */
export function redirectResumed(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name === "redirecting") {
    draft.phase({ ...phase, waits: phase.fromStream ? "taken_up" : "before_probe" });
    draft.arm(phase.fromStream ? FOLLOW_MS : GRACE_MS);
  } else if (phase.name === "returning") {
    wait(draft, "probe");
    draft.do({ do: "probe" });
  }
}
