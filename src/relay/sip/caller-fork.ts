import { errorCodeOf } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallControl } from "../../ports/twilio.js";
import type { CallContext } from "../call/call-path.js";
import type { StreamTokens } from "../calls/stream-token.js";
import type { AudioTap } from "../media/call-listeners.js";
import {
  type CallerAudioSink,
  type LegOwner,
  type MediaLeg,
  onlyTheEnd,
} from "../media/media-leg.js";
import type { SipPathDeps } from "./conference-effects.js";
import { warnUnlessGone } from "./failed-request.js";

export interface CallerForkParts {
  readonly callSid: CallSid;
  readonly control: Pick<CallControl, "startStream" | "stopStream">;
  readonly tokens: Pick<StreamTokens, "issue">;
  /** `wss://…/media-stream` of this process. */
  readonly mediaUrl: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Twilio does not send the audio, or no longer. */
  failed(): void;
}

/** From the request to the stream's `start`. */
const START_MS = 5_000;
/** From the last listener's leaving to the stream's end, which saves requests if another comes. */
const LINGER_MS = 3_000;

/** From the stream's end: news that the call is over may follow within this. */
const GRACE_MS = 3_000;

/** Makes the fork of a call on the SIP path. */
export function callerForkOf(
  { parties, deps, log }: CallContext,
  {
    control,
    streamTokens: tokens,
    mediaUrl,
  }: Pick<SipPathDeps, "control" | "streamTokens" | "mediaUrl">,
  failed: () => void,
): CallerFork {
  const { callSid } = parties;
  return new CallerFork({ callSid, control, tokens, mediaUrl, clock: deps.clock, log, failed });
}

/** What the token of a fork's stream proves, beside its call. */
export function forkClaims(fork: string): readonly string[] {
  return ["fork", fork];
}

/** One requested stream. */
interface Fork {
  readonly number: number;
  /** Null until Twilio has told it. */
  streamSid: string | null;
  leg: MediaLeg | null;
  isWanted: boolean;
}

/**
 * The audio of a caller on the SIP path, for operators who listen: Twilio is asked for a copy of
 * what the caller's leg says and hears, as a unidirectional Media Stream. It changes nothing in the
 * call. There is a stream only while there are listeners.
 */
export class CallerFork {
  readonly #parts: CallerForkParts;
  #tap: AudioTap | null = null;
  #count = 0;
  #fork: Fork | null = null;
  /** Ends the wait for a stream, the grace after its end, or a stream without listeners. */
  #timer: Timer | null = null;
  #isClosed = false;
  readonly #frames: CallerAudioSink = {
    callerFrame: (_message, _start, _end, _timestampMs, ulaw, bytes) => {
      this.#tap?.caller(ulaw, 0, bytes);
      return this.#parts.clock.nowMs();
    },
    heardFrame: (ulaw) => this.#tap?.agent(ulaw, 0, ulaw.length),
  };

  constructor(parts: CallerForkParts) {
    this.#parts = parts;
  }

  /** @param tap  null: there are no listeners any more. */
  tap(tap: AudioTap | null): void {
    this.#tap = tap;
    if (this.#isClosed) return;
    if (tap === null) {
      // A stream that has ended is of no use to the next listener.
      if (this.#fork?.leg?.isOver !== false) this.#stop();
      else this.#arm(LINGER_MS, () => this.#stop());
    } else if (this.#fork === null) this.#start();
    else if (this.#fork.leg?.isOver === false) this.#timer?.cancel();
  }

  /** Takes a stream of this fork, whose token has been checked. Null: it is not wanted. */
  claim(number: string, leg: MediaLeg): LegOwner | null {
    const fork = this.#fork;
    if (fork === null || String(fork.number) !== number || fork.leg !== null) return null;
    fork.leg = leg;
    this.#timer?.cancel();
    const events = onlyTheEnd(() => this.#ended(fork));
    return { frames: this.#frames, events, log: this.#parts.log };
  }

  /** The call is over, and with it its streams. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    const leg = this.#fork?.leg;
    this.#fork = null;
    leg?.close();
  }

  #start(): void {
    const { callSid, control, tokens, mediaUrl, log } = this.#parts;
    this.#count += 1;
    const fork: Fork = { number: this.#count, streamSid: null, leg: null, isWanted: true };
    this.#fork = fork;
    this.#arm(START_MS, () => this.#failed(fork, "not_started"));
    const number = String(fork.number);
    const token = tokens.issue(callSid, forkClaims(number));
    control.startStream(callSid, mediaUrl, { token, fork: number }).then(
      (streamSid) => {
        fork.streamSid = streamSid;
        if (!fork.isWanted) this.#stopStream(fork);
      },
      (error: unknown) => {
        // A request whose answer was lost may have been carried out: then the stream has come.
        if (fork.leg !== null) return;
        log.warn("sip: caller's audio not copied", { code: errorCodeOf(error) }, error);
        this.#failed(fork, errorCodeOf(error));
      },
    );
  }

  #ended(fork: Fork): void {
    if (this.#fork !== fork) return;
    // No listener misses this stream, and the next listener needs a new one.
    if (this.#tap === null) this.#stop();
    else this.#arm(GRACE_MS, () => this.#failed(fork, "ended"));
  }

  #failed(fork: Fork, code: string): void {
    if (this.#fork !== fork) return;
    this.#parts.log.info("sip: no audio for listeners", { code });
    const isMissed = this.#tap !== null;
    this.#stop();
    if (isMissed) this.#parts.failed();
  }

  #stop(): void {
    this.#timer?.cancel();
    const fork = this.#fork;
    if (fork === null) return;
    this.#fork = null;
    fork.isWanted = false;
    fork.leg?.close();
    this.#stopStream(fork);
  }

  #stopStream({ streamSid }: Fork): void {
    if (streamSid === null || this.#isClosed) return;
    const { callSid, control, log } = this.#parts;
    // A stream that is over already, by our close or with the call, is what is wanted.
    control
      .stopStream(callSid, streamSid)
      .catch((error: unknown) => warnUnlessGone(log, "sip: copy of the audio not stopped", error));
  }

  #arm(ms: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, run);
  }
}
