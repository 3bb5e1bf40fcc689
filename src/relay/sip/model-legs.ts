import type { CallParties } from "../../domain/call-parties.js";
import { isFinalStatusText } from "../../domain/call-status.js";
import { type ErrorCode, errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { Form } from "../calls/call-service.js";
import type { StreamTokens } from "../calls/stream-token.js";
import { CALL_HEADER } from "./invite.js";

export const MODEL_LABEL = "virtual agent";
/** A request whose answer is lost may have been carried out: the model's webhook shows it by then. */
const SHOW_MS = 1_500;
const TRIES_MOST = 3;
const BUSY_PAUSE_MS = 300;
const RING_S = 20;
const E164 = /^\+[1-9]\d{6,14}$/;

export interface ModelLegsHost {
  /** The caller still waits for a model. */
  readonly waits: boolean;
  /** Twilio took none of the requests. */
  failed(code: ErrorCode): void;
  /** There is no such conference, or no such caller, any more. */
  callerGone(): void;
  note(code: ErrorCode): void;
}

export interface ModelLegsDeps {
  readonly control: Pick<CallControl, "createParticipant" | "hangUp">;
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: StreamTokens;
  /** `proj_…`. */
  readonly projectId: string;
  /** Where Twilio sends callbacks about a leg; null: about the conference. */
  readonly url: (leg: number | null) => string;
}

/** What a leg's token proves beside its call. */
export function claimsOf(leg: number): readonly string[] {
  return ["model", String(leg)];
}

/**
 * The legs of one call to the model. There should be one; but a request whose answer is lost may have made one all the same, so
 * each try has a number, which is part of its token and its callbacks. The first that rings is taken; the others go.
 */
export class ModelLegs {
  readonly #parties: CallParties;
  readonly #host: ModelLegsHost;
  readonly #deps: ModelLegsDeps;
  #count = 0;
  #taken: number | null = null;
  /** Their CallSids, as far as Twilio has told. */
  readonly #sids = new Map<number, CallSid>();
  /** Legs that are over: later callbacks of theirs say nothing new. */
  readonly #gone = new Set<CallSid>();

  constructor(parties: CallParties, host: ModelLegsHost, deps: ModelLegsDeps) {
    this.#parties = parties;
    this.#host = host;
    this.#deps = deps;
  }

  dial(): void {
    this.#taken = null;
    const { from, to } = this.#parties;
    // A caller without a number of their own, and one who comes by SIP: Twilio takes only a number, and ours is one.
    this.#add(E164.test(from) ? from : to, 1);
  }

  #add(from: string, tries: number): void {
    const { control, clock, log, tokens, projectId, url } = this.#deps;
    const { callSid, callToken, from: caller, to } = this.#parties;
    const leg = ++this.#count;
    const token = `${callSid}.${leg}.${tokens.issue(callSid, claimsOf(leg))}`;
    const again = (ms: number, number = from): void => {
      clock.after(ms, () => {
        if (!this.#host.waits || this.#sids.has(leg)) return;
        if (tries >= TRIES_MOST) this.#host.failed("upstream_unreachable");
        else this.#add(number, tries + 1);
      });
    };
    control
      .createParticipant({
        conference: conferenceName(this.#parties),
        to: `sip:${projectId}@sip.api.openai.com;transport=tls?${CALL_HEADER}=${encodeURIComponent(token)}`,
        from,
        label: MODEL_LABEL,
        timeoutS: RING_S,
        earlyMedia: false,
        startConferenceOnEnter: true,
        endConferenceOnExit: false,
        // It proves the right to show the caller's number, and no other.
        ...(callToken === null || from !== caller ? {} : { callToken }),
        statusCallback: url(leg),
        // Should it be there before the caller: the first one's counts.
        conferenceStatusCallback: url(null),
      })
      .then(
        ({ callSid: sid }) => {
          this.#sids.set(leg, sid);
          // A leg that is not awaited any more must not go on ringing.
          const wanted = this.#taken === null ? this.#host.waits : this.#taken === leg;
          if (!wanted) this.#drop(leg);
        },
        (error: unknown) => {
          const code = errorCodeOf(error);
          log.warn("sip: model not added", { callSid, code }, error);
          this.#host.note(code);
          if (code === "caller_gone") this.#host.callerGone();
          else if (code === "twilio_busy") again(BUSY_PAUSE_MS);
          else if (error instanceof RelayError && error.retryable) again(SHOW_MS);
          // The carrier does not let us show the caller's number: the model need not see it.
          else if (code === "twilio_rejected" && from !== to && E164.test(to)) again(0, to);
          else if (this.#host.waits) this.#host.failed(code);
        },
      );
  }

  /** This one rang, and its call is accepted. */
  take(leg: number): void {
    this.#taken = leg;
    this.#count = Math.max(this.#count, leg);
    for (const other of [...this.#sids.keys()]) if (other !== leg) this.#drop(other);
  }

  /** A leg's status callback. True: the one that matters is over. */
  status(form: Form, leg: number): boolean {
    const sid = (form["CallSid"] ?? "") as CallSid;
    if (!isFinalStatusText(form["CallStatus"])) {
      if (sid !== "" && !this.#gone.has(sid)) this.#sids.set(leg, sid);
      return false;
    }
    this.#forget(leg);
    return leg === (this.#taken ?? this.#count);
  }

  /** A model has left the conference. True: it was the one that matters. */
  left(form: Form): boolean {
    const sid = (form["CallSid"] ?? "") as CallSid;
    if (this.#gone.has(sid)) return false;
    const current = this.#sids.get(this.#taken ?? this.#count);
    return current === undefined || current === sid;
  }

  /** All of them go. */
  dropAll(): void {
    for (const leg of [...this.#sids.keys()]) this.#drop(leg);
  }

  #drop(leg: number): void {
    const sid = this.#forget(leg);
    if (sid === undefined) return;
    this.#deps.control.hangUp(sid).catch((error: unknown) => {
      if (error instanceof RelayError && error.code === "caller_gone") return;
      const { callSid } = this.#parties;
      this.#deps.log.warn("sip: model's leg not hung up", { callSid }, error);
    });
  }

  #forget(leg: number): CallSid | undefined {
    const sid = this.#sids.get(leg);
    this.#sids.delete(leg);
    if (sid !== undefined) this.#gone.add(sid);
    return sid;
  }
}
