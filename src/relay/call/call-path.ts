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
import type { Heard } from "./reply-ledger.js";

/**
 * The way that a call's audio takes, as the call sees it. `relay/media` carries the audio itself,
 * between two WebSockets; on `relay/sip` caller and model speak over SIP, and the relay only
 * steers. All times are ms on the call's clock.
 */
export interface CallPath {
  readonly name: PathName;
  readonly capabilities: PathCapabilities;
  /** Operators who hear the call; null: nothing of its audio can be had. */
  readonly listeners: CallListeners | null;
  /** A stream of the relay's own carries the caller. */
  readonly hasStream: boolean;
  /** The caller is on the line, as far as this path knows. */
  readonly callerIsHere: boolean;
  /** The call may be taken up by another process now. */
  readonly mayMove: boolean;
  /** As the model's session is to have it now. */
  readonly turnDetection: TurnDetection;

  /**
   * TwiML that brings the caller (back) to the agent. `say`: the agent's own announcement goes
   * first.
   */
  arrivalTwiml(say: boolean): Twiml;
  /**
   * `hang_up`: the caller's leg ends, too; else only our side of the stream, where there is one.
   * Idempotent.
   */
  close(how: "hang_up" | "stream_only"): void;
  /** The stream is over for Twilio, not by its `stop`; its socket may not know yet. */
  drop(): void;

  /**
   * Reaches the model and opens a session with it (`CallPathHost.dial`). `again`: after one was
   * lost.
   */
  connect(again: boolean): void;
  /** The call needs no model now. */
  release(why: ReleaseReason): void;
  /**
   * The session is ready: caller and model hear each other from now on. Idempotent for one session.
   */
  attach(session: ModelSession): void;
  /**
   * The session is over, and we did not close it. The path decides what that means for the
   * call.
   */
  sessionLost(failure: SessionFailure): void;
  /** Neither the dial nor its retry led to a session. */
  sessionUnavailable(failure: SessionFailure): void;
  /**
   * The call is over: nothing passes between caller and model any more, while transcripts are
   * awaited.
   */
  mute(): void;
  /**
   * A supervisor speaks to the caller in place of the model: what the model says is cut as by an
   * interruption, and it hears and says nothing until `restoreModel`. Where the supervisor is to be
   * connected first, this happens then. Only with `takeOver`.
   */
  silenceModel(): void;
  /** The supervisor is heard in place of the model: false where they are still being connected. */
  readonly isSupervisorHeard: boolean;
  /** `done`: the model is heard again, and can be told. Not called when the call is over. */
  restoreModel(done: () => void): void;
  /** The supervisor's voice: mu-law, valid only until this returns. */
  playVoice(ulaw: Uint8Array): void;
  /** The model keeps the caller company while this transfer is under way. */
  agentStaysDuring(request: TransferRequest): boolean;
  /** The model is still with the caller, without a new dial. */
  readonly agentIsHere: boolean;
  /** The model has left a caller who waits for a human. */
  agentLeft(): void;

  /** Audio of the model. Called by the session itself, once per delta: allocates nothing. */
  readonly audio: ModelSessionEvents["audio"];
  audioDone(itemId: ItemId): void;
  agentText(itemId: ItemId, text: string, final: boolean): void;
  /** The model heard the caller begin or end to speak. Writes the caller's turn to the record. */
  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void;
  /** The caller typed a turn: what is heard of the agent ends, as if the caller had interrupted. */
  callerTyped(itemId: ItemId): void;
  responseStarted(responseId: ResponseId): void;
  /** Whether any sound of this response was or will be heard. */
  hasSpoken(end: ResponseEnd): boolean;
  /** SIP: the server plays to the line itself. */
  playback(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void;
  /** SIP: the server has cut its memory of an item. */
  cut(itemId: ItemId, heardMs: number): void;

  /** Nothing more of the model is heard: what waits is dropped. */
  silence(): void;
  /** Nothing is heard of the agent now. */
  isSilent(nowMs: number): boolean;
  /** Nothing is left to be heard of what the agent has said. */
  isHeardOut(nowMs: number): boolean;
  /** About how long what is here takes to be heard. */
  remainingMs(nowMs: number): number;
  /**
   * Key tones into the caller's line, behind what is being said; only with the capability
   * `keyTones`.
   */
  sendDtmf(digits: string): void;
  /** What the caller hears, for the watch on replies that are owed. */
  heard(nowMs: number): Heard;
  /**
   * A sound that says the line is alive, unless something is heard already. `count` from 0: it
   * varies.
   */
  playComfort(count: number, nowMs: number): void;

  /** The call is over: timers stop. Idempotent. */
  stop(): void;
}

export interface PathCapabilities {
  /**
   * Twilio asks what follows when our side of the stream ends. False: it has to be told by REST.
   */
  readonly asksWhatFollows: boolean;
  /** Key tones can be put into the caller's line. */
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
  /** A caller may arrive now. */
  readonly expectsCaller: boolean;
  readonly keys: CallerKeys;
  readonly transcripts: Pick<DueTranscripts, "refused">;
  /** The agent talks with the caller. */
  readonly isTalking: boolean;
  readonly takeover: { handBack(reason: HandBackReason, note: string | null): unknown };

  callerArrived(): void;
  /** Events about the caller, or that another process turned out to have the call. */
  dispatch(event: PathEvent): void;
  streamEnded(clean: boolean): void;
  /**
   * Opens a session. `attachTo`: to the model's call with this id. `kept`: it has the conversation
   * already.
   */
  dial(attachTo: string | null, conversation: "new" | "kept"): void;
  closeSession(): void;
  /** The model is gone; `retryable`: another may be called in. */
  modelLost(code: ErrorCode, retryable: boolean): void;
  /** No model can be reached. */
  modelUnavailable(code: ErrorCode): void;
  /** The first audio of an item of the model's leaves for the caller. */
  speechBegan(itemId: ItemId): void;
  /** The playback position has moved: a farewell may be over. */
  playbackMoved(): void;
  /** At every tick, ten times a second or more. */
  tick(nowMs: number): void;
}

/** What a call and its path share. */
export interface CallContext {
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly log: Log;
  readonly eventLog: CallEventLog;
  readonly limits: LimitWatch;
  /** With the flight recorder between, where the call is recorded. */
  readonly deps: CallDeps;
  /** Null: the call is not recorded. */
  readonly tap: CallTap | null;
}

/** Makes a call's path while the call is made. */
export interface PathFactory<Path extends CallPath = CallPath> {
  readonly name: PathName;
  /** A flight recording of this path can be replayed. */
  readonly recordable: boolean;
  create(context: CallContext, host: CallPathHost): Path;
}
