import { BYTES_PER_MS } from "../../codec/frame.js";
import { errorCodeOf } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { Twiml } from "../../wire/twiml.js";
import { callbackUrl, SUPERVISOR_PATH } from "../calls/callback-link.js";
import type { StreamTokens } from "../calls/stream-token.js";
import {
  type CallerAudioSink,
  type LegOwner,
  type MediaLeg,
  onlyTheEnd,
} from "../media/media-leg.js";
import { warnUnlessGone } from "./failed-request.js";

export interface SupervisorLineParts {
  readonly callSid: CallSid;
  /** The number of ours that the caller dialled: the caller ID of the participant. */
  readonly number: string;
  readonly control: Pick<CallControl, "createParticipant" | "hangUp">;
  readonly tokens: Pick<StreamTokens, "issue">;
  /** `AP…`: its voice URL is SUPERVISOR_PATH of this relay. */
  readonly appSid: string;
  readonly publicUrl: string;
  /** `wss://…/media-stream` of this process. */
  readonly mediaUrl: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From now on the caller hears what `play` is given. */
  connected(): void;
  /** The line was not connected in time, or is lost. */
  failed(): void;
}

export const SUPERVISOR_LABEL = "supervisor";

/** From the request to the stream's `start`. Meanwhile the caller is still with the model. */
const START_MS = 5_000;
/** From the stream's end: news that the caller hung up may follow within this. */
const GRACE_MS = 500;
const RING_S = 5;
/**
 * The most audio that may wait at Twilio. More, after a burst of a slow connection, is only delay.
 */
const MAX_AHEAD_MS = 300;

/** What the token of a line's stream proves, beside the leg that it belongs to. */
export function lineClaims(callSid: string, line: string): readonly string[] {
  return ["line", callSid, line];
}

interface Line {
  readonly number: number;
  /** The participant's call; null until Twilio has told it. */
  sid: CallSid | null;
  leg: MediaLeg | null;
  isWanted: boolean;
}

/** Ignores the conference's audio: the supervisor hears it as a listener. */
const NO_FRAMES: CallerAudioSink = { callerFrame: () => 0 };

/**
 * A supervisor's way into the conference of a caller on the SIP path: a participant whose other end
 * is a TwiML App. The App connects a Media Stream to this process, and what is sent into that is
 * heard in the conference.
 */
export class SupervisorLine {
  readonly #parts: SupervisorLineParts;
  #count = 0;
  #line: Line | null = null;
  #timer: Timer | null = null;
  /** When Twilio will have played what was sent. */
  #playedMs = 0;

  constructor(parts: SupervisorLineParts) {
    this.#parts = parts;
  }

  open(): void {
    const { callSid, number: from, control, appSid, clock, log } = this.#parts;
    this.close();
    this.#count += 1;
    const line: Line = { number: this.#count, sid: null, leg: null, isWanted: true };
    this.#line = line;
    this.#timer = clock.after(START_MS, () => this.#failed(line, "not_started"));
    control
      .createParticipant({
        conference: conferenceName({ callSid }),
        to: `app:${appSid}?call=${callSid}&line=${line.number}`,
        from,
        label: SUPERVISOR_LABEL,
        timeoutS: RING_S,
        earlyMedia: false,
        startConferenceOnEnter: true,
        endConferenceOnExit: false,
      })
      .then(
        ({ callSid: sid }) => {
          line.sid = sid;
          if (!line.isWanted) this.#hangUp(line);
        },
        (error: unknown) => {
          // A request whose answer was lost may have been carried out: then the stream has come.
          if (line.leg !== null) return;
          log.warn("sip: supervisor not added", { code: errorCodeOf(error) }, error);
          this.#failed(line, errorCodeOf(error));
        },
      );
  }

  /** TwiML for the App's leg; null: the line is no longer wanted. */
  twiml(number: string, appLeg: CallSid): Twiml | null {
    const line = this.#line;
    if (line === null || String(line.number) !== number) return null;
    const { callSid: call, publicUrl, mediaUrl, tokens } = this.#parts;
    const link = { kind: "line_ended", call, line: number } as const;
    const token = tokens.issue(appLeg, lineClaims(call, number));
    return [
      {
        verb: "connect_stream",
        // When the stream ends Twilio may ask any process, because this one may have died.
        action: callbackUrl(publicUrl, SUPERVISOR_PATH, link),
        url: mediaUrl,
        parameters: { token, call, line: number },
      },
    ];
  }

  /** Takes a stream of this line, whose token has been checked. Null: it is not wanted. */
  claim(number: string, leg: MediaLeg): LegOwner | null {
    const line = this.#line;
    if (line === null || String(line.number) !== number || line.leg !== null) return null;
    line.leg = leg;
    this.#timer?.cancel();
    this.#parts.connected();
    const events = onlyTheEnd(() => this.#ended(line));
    return { frames: NO_FRAMES, events, log: this.#parts.log };
  }

  /** The supervisor's voice: mu-law, valid only until this returns. */
  play(ulaw: Uint8Array): void {
    const leg = this.#line?.leg;
    if (leg == null) return;
    const nowMs = this.#parts.clock.nowMs();
    const fromMs = Math.max(nowMs, this.#playedMs);
    if (fromMs - nowMs > MAX_AHEAD_MS) return;
    this.#playedMs = fromMs + ulaw.length / BYTES_PER_MS;
    leg.media(ulaw, 0, ulaw.length);
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    const line = this.#line;
    if (line === null) return;
    this.#line = null;
    line.isWanted = false;
    line.leg?.close();
    this.#hangUp(line);
  }

  #ended(line: Line): void {
    if (this.#line !== line) return;
    const { clock } = this.#parts;
    this.#timer = clock.after(GRACE_MS, () => this.#failed(line, "ended"));
  }

  #failed(line: Line, code: string): void {
    if (this.#line !== line) return;
    this.#parts.log.warn("sip: supervisor's line failed", { code });
    this.close();
    this.#parts.failed();
  }

  #hangUp({ sid }: Line): void {
    if (sid === null) return;
    const { control, log } = this.#parts;
    control
      .hangUp(sid)
      .catch((error: unknown) => warnUnlessGone(log, "sip: supervisor not removed", error));
  }
}
