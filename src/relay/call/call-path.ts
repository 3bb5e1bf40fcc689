import type { AgentProfile, TurnDetection } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { ErrorCode } from "../../domain/errors.js";
import type { ItemId, ResponseId } from "../../domain/ids.js";
import type { CallPath as PathName } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Log } from "../../ports/log.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallListeners } from "../media/call-listeners.js";
import type {
  ModelSession,
  ModelSessionEvents,
  ResponseEnd,
  SessionFailure,
  SessionProfile,
} from "../model/model-session.js";
import type { CallDeps, CallTap } from "./call-deps.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallEvent, HandBackReason, ReleaseReason } from "./call-events.js";
import type { CallerKeys } from "./caller-keys.js";
import type { DueTranscripts } from "./due-transcripts.js";
import type { LimitWatch } from "./limit-watch.js";
import type { Heard } from "./missed-end.js";

/**
 * The path that a call's audio takes, as the call sees it. In `relay/media` the relay carries the
 * audio between two WebSockets. In `relay/sip` the audio flows between Twilio and the model, and
 * the relay only controls the call. All times are ms on the call's clock.
 */
export interface CallPath {
  readonly name: PathName;
  readonly capabilities: PathCapabilities;
  /** Operators who listen to the call; null: the relay cannot get the call's audio. */
  readonly listeners: CallListeners | null;
  /** A Media Streams socket of this process carries the caller's audio. */
  readonly hasStream: boolean;
  /** The caller is on the line, as far as this path knows. */
  readonly callerIsHere: boolean;
  /** Another process may take the call over now. */
  readonly mayMove: boolean;
  /** The turn detection that the model's session should have now. */
  readonly turnDetection: TurnDetection;

  /**
   * TwiML that brings the caller (back) to the agent. `say`: the agent's own announcement goes
   * first.
   */
  arrivalTwiml(say: boolean): Twiml;
  /**
   * Ends the caller's leg (`hang_up`), or only our side of the stream, if there is one. Idempotent.
   */
  close(how: "hang_up" | "stream_only"): void;
  /** Ends a stream that is over for Twilio, although its socket has reported no end yet. */
  drop(): void;

  /**
   * Reaches the model and opens a session with it (`CallPathHost.dial`). `again`: in place of a
   * session that was lost.
   */
  connect(again: boolean): void;
  /** The call needs no model now. */
  release(why: ReleaseReason): void;
  /**
   * The session is ready: caller and model hear each other from now on. A second call with the same
   * session does nothing.
   */
  attach(session: ModelSession): void;
  /** The session ended without our closing it. The path decides what that means for the call. */
  sessionLost(failure: SessionFailure): void;
  /** Neither the dial nor its one retry led to a session. */
  sessionUnavailable(failure: SessionFailure): void;
  /** The call is over and waits for transcripts: no audio passes between caller and model. */
  mute(): void;
  /**
   * A supervisor speaks to the caller in place of the model. What the model is saying is cut, as by
   * an interruption, and the model neither hears nor speaks until `restoreModel`. On a path that
   * must connect the supervisor first, this happens once they are connected. Only with `takeOver`.
   */
  silenceModel(): void;
  /** The caller hears the supervisor. False while the supervisor is still being connected. */
  readonly isSupervisorHeard: boolean;
  /** @param done  called once the caller hears the model again, but not after the call's end. */
  restoreModel(done: () => void): void;
  /** The supervisor's voice: mu-law, valid only until this returns. */
  playVoice(ulaw: Uint8Array): void;
  /** The model keeps the caller company while this transfer is under way. */
  agentStaysDuring(request: TransferRequest): boolean;
  /** The model is still connected with the caller, so that no new dial is needed. */
  readonly agentIsHere: boolean;
  /** The model has left a caller who waits for a human. */
  agentLeft(): void;

  /** Audio of the model. Called by the session itself, once per delta: allocates nothing. */
  readonly audio: ModelSessionEvents["audio"];
  audioDone(itemId: ItemId): void;
  agentText(itemId: ItemId, text: string, final: boolean): void;
  /** The model heard the caller begin or end to speak. Writes the caller's turn to the record. */
  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void;
  /** The caller typed a turn. It interrupts the agent as speech does. */
  callerTyped(itemId: ItemId): void;
  responseStarted(responseId: ResponseId): void;
  /** @returns whether the caller has heard, or will hear, any sound of this response. */
  responseDone(end: ResponseEnd): boolean;
  /** SIP: the server plays to the line itself. */
  playback(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void;
  /** SIP: the server has cut its memory of an item. */
  cut(itemId: ItemId, heardMs: number): void;

  /** Stops the model's audio at once and drops what waits to be played. */
  silence(): void;
  /** The caller hears nothing of the agent now. */
  isSilent(nowMs: number): boolean;
  /** The caller has heard everything that the agent has said. */
  isHeardOut(nowMs: number): boolean;
  /** About how long the audio that waits will take to be heard, in ms. */
  remainingMs(nowMs: number): number;
  /** Plays key tones to the caller after what is being said. Only with `keyTones`. */
  sendDtmf(digits: string): void;
  /** What the caller hears, for the reply ledger. */
  heard(nowMs: number): Heard;
  /**
   * Plays a sound that says the line is alive, unless the caller hears something already.
   *
   * @param count  from 0: selects a variation.
   */
  playComfort(count: number, nowMs: number): void;

  /** The call is over: timers stop. Idempotent. */
  stop(): void;
}

export interface PathCapabilities {
  /**
   * Twilio asks what follows when our side of the stream ends. False: the relay tells it by REST.
   */
  readonly asksWhatFollows: boolean;
  /** The relay can play key tones to the caller. */
  readonly keyTones: boolean;
  /** A supervisor can speak to the caller in place of the model. */
  readonly takeOver: boolean;
  /** Turns of the caller can be typed. */
  readonly typedTurns: boolean;
}

export type PathEvent = Extract<
  CallEvent,
  { readonly type: "caller_returns" | "caller_gone" | "moved" }
>;

/** What a path asks of its call, and tells it. */
export interface CallPathHost {
  /** Null while no session is ready. */
  readonly session: ModelSession | null;
  /** What a session is opened with now. */
  readonly profile: SessionProfile;
  /** BCP 47 tag. */
  readonly language: string;
  /** `<Say>` before the call's audio begins, or null. */
  readonly announcement: string | null;
  /** The call waits for its caller. */
  readonly expectsCaller: boolean;
  readonly keys: CallerKeys;
  readonly transcripts: Pick<DueTranscripts, "refused">;
  /** The agent talks with the caller. */
  readonly isTalking: boolean;
  readonly takeover: { handBack(reason: HandBackReason, note: string | null): unknown };

  callerArrived(): void;
  /** Reports an event about the caller, or that another process has the call. */
  dispatch(event: PathEvent): void;
  streamEnded(clean: boolean): void;
  /**
   * Opens a session. `attachTo`: with the model of this call (`rtc_…`); null: with a new one.
   * `kept`: that model already has the conversation.
   */
  dial(attachTo: string | null, conversation: "new" | "kept"): void;
  closeSession(): void;
  /** The model is gone. `retryable`: the call may dial another one. */
  modelLost(code: ErrorCode, retryable: boolean): void;
  /** No model can be reached. */
  modelUnavailable(code: ErrorCode): void;
  /** The first audio of an item of the model leaves for the caller. */
  speechBegan(itemId: ItemId): void;
  /** The playback position has moved: a farewell may be over. */
  playbackMoved(): void;
  /** Does what is due by time alone. Called about ten times a second. */
  tick(nowMs: number): void;
}

/** What a call and its path share. */
export interface CallContext {
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly log: Log;
  readonly eventLog: CallEventLog;
  readonly limits: LimitWatch;
  /** Wrapped by the flight recorder when this call has one. */
  readonly deps: CallDeps;
  /** Null: the call has no flight recorder. */
  readonly tap: CallTap | null;
}

/** Makes the path of a new call. */
export interface PathFactory<Path extends CallPath = CallPath> {
  readonly name: PathName;
  /** The flight recorder can record this path. */
  readonly recordable: boolean;
  create(context: CallContext, host: CallPathHost): Path;
}
