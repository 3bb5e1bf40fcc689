import { isFinalStatusText } from "../../domain/call-status.js";
import { type ErrorCode, errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallControl, NewParticipant } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl, type Form } from "../calls/callback-link.js";
import type { StreamTokens } from "../calls/stream-token.js";
import { conferenceCallback } from "./conference-twiml.js";
import { warnUnlessGone } from "./failed-request.js";
import { CALL_HEADER } from "./invite.js";

export const MODEL_LABEL = "virtual agent";
/** From a request without an answer: if it was carried out, OpenAI's webhook comes within this. */
const SHOW_MS = 1_500;
const MAX_TRIES = 3;
const BUSY_PAUSE_MS = 300;
const RING_S = 20;
const E164 = /^\+[1-9]\d{6,14}$/;

export interface ModelLegsHost {
  /** The caller still waits for a model. */
  isAwaited(): boolean;
  /** Twilio accepted none of the requests. */
  failed(code: ErrorCode): void;
}

export interface ModelLegsDeps {
  readonly control: Pick<CallControl, "createParticipant" | "hangUp">;
  readonly tokens: StreamTokens;
  /** `proj_…`. */
  readonly projectId: string;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
}

/** What a leg's token proves beside its call. */
export function claimsOf(leg: number): readonly string[] {
  return ["model", String(leg)];
}

/**
 * The legs from one call to the model. There should be one. But a request whose answer was lost may
 * have created a leg, so each try has a number, which is part of its token and its callbacks. The
 * first leg that rings is taken, and the others are hung up.
 */
export class ModelLegs {
  readonly #call: CallContext;
  readonly #deps: ModelLegsDeps;
  readonly #host: ModelLegsHost;
  #count = 0;
  #taken: number | null = null;
  /** The CallSids of the legs, as far as Twilio has told them. */
  readonly #sids = new Map<number, CallSid>();
  /** Legs that are over. Their later callbacks are ignored. */
  readonly #gone = new Set<CallSid>();

  constructor(call: CallContext, deps: ModelLegsDeps, host: ModelLegsHost) {
    this.#call = call;
    this.#deps = deps;
    this.#host = host;
  }

  dial(): void {
    this.#taken = null;
    const { from, to } = this.#call.parties;
    // Twilio accepts only a number. A caller who withholds theirs, or comes by SIP, has none, so
    // the model gets the number that was dialled.
    this.#add(E164.test(from) ? from : to, 1);
  }

  #add(from: string, tries: number): void {
    const leg = ++this.#count;
    this.#deps.control.createParticipant(this.#participant(from, leg)).then(
      ({ callSid: sid }) => {
        this.#sids.set(leg, sid);
        // A leg that is no longer awaited must not go on ringing.
        const wanted = this.#taken === null ? this.#host.isAwaited() : this.#taken === leg;
        if (!wanted) this.#drop(leg);
      },
      (error: unknown) => this.#notAdded(error, from, leg, tries),
    );
  }

  #participant(from: string, leg: number): NewParticipant {
    const { tokens, projectId, publicUrl } = this.#deps;
    const { parties } = this.#call;
    const { callSid: call, callToken } = parties;
    const token = `${call}.${leg}.${tokens.issue(call, claimsOf(leg))}`;
    const uri = `sip:${projectId}@sip.api.openai.com;transport=tls`;
    return {
      conference: conferenceName(parties),
      to: `${uri}?${CALL_HEADER}=${encodeURIComponent(token)}`,
      from,
      label: MODEL_LABEL,
      timeoutS: RING_S,
      earlyMedia: false,
      startConferenceOnEnter: true,
      endConferenceOnExit: false,
      // The token proves the right to show the caller's number, and no other number.
      ...(callToken === null || from !== parties.from ? {} : { callToken }),
      statusCallback: callbackUrl(publicUrl, "/call-status", { kind: "model_leg", call, leg }),
      // Twilio uses the callback of the first participant, which may be the model.
      conferenceStatusCallback: conferenceCallback(publicUrl, call),
    };
  }

  #notAdded(error: unknown, from: string, leg: number, tries: number): void {
    const code = errorCodeOf(error);
    const { to } = this.#call.parties;
    this.#call.log.warn("sip: model not added", { code }, error);
    this.#call.eventLog.note("model_not_added", { code });
    const again = (pauseMs: number, number = from): void => {
      this.#call.deps.clock.after(pauseMs, () => {
        if (!this.#host.isAwaited() || this.#sids.has(leg)) return;
        if (tries >= MAX_TRIES) this.#host.failed("upstream_unreachable");
        else this.#add(number, tries + 1);
      });
    };
    // One such answer does not prove that the caller is gone: if they are, the news that they left
    // the conference ends the wait.
    if (code === "caller_gone" || code === "twilio_busy") again(BUSY_PAUSE_MS);
    else if (error instanceof RelayError && error.retryable) again(SHOW_MS);
    // The carrier does not let us show the caller's number. The model does not need it.
    else if (code === "twilio_rejected" && from !== to && E164.test(to)) again(0, to);
    else if (this.#host.isAwaited()) this.#host.failed(code);
  }

  /** This leg rang and is accepted. Hangs the others up. */
  take(leg: number): void {
    this.#taken = leg;
    this.#count = Math.max(this.#count, leg);
    for (const other of [...this.#sids.keys()]) if (other !== leg) this.#drop(other);
  }

  /** Handles a leg's status callback. True: the leg that was taken, or came last, is over. */
  status(form: Form, leg: number): boolean {
    const sid = (form["CallSid"] ?? "") as CallSid;
    if (!isFinalStatusText(form["CallStatus"])) {
      if (sid !== "" && !this.#gone.has(sid)) this.#sids.set(leg, sid);
      return false;
    }
    this.#forget(leg);
    return leg === (this.#taken ?? this.#count);
  }

  /** A model has left the conference. True: it was the leg that was taken, or came last. */
  left(form: Form): boolean {
    const sid = (form["CallSid"] ?? "") as CallSid;
    if (this.#gone.has(sid)) return false;
    const current = this.#sids.get(this.#taken ?? this.#count);
    return current === undefined || current === sid;
  }

  /** Hangs up all legs. */
  dropAll(): void {
    for (const leg of [...this.#sids.keys()]) this.#drop(leg);
  }

  #drop(leg: number): void {
    const sid = this.#forget(leg);
    if (sid === undefined) return;
    this.#deps.control
      .hangUp(sid)
      .catch((error: unknown) =>
        warnUnlessGone(this.#call.log, "sip: model's leg not hung up", error),
      );
  }

  #forget(leg: number): CallSid | undefined {
    const sid = this.#sids.get(leg);
    this.#sids.delete(leg);
    if (sid !== undefined) this.#gone.add(sid);
    return sid;
  }
}
