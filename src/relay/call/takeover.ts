import { decodeBase64 } from "../../codec/base64.js";
import type { ModelSession } from "../model/model-session.js";
import type { Refusal } from "./call-command.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallEvent, CallState, HandBackReason } from "./call-events.js";
import type { CallPath } from "./call-path.js";
import * as prompts from "./prompts.js";
import type { OwedCause } from "./reply-ledger.js";

export type ModelLoss = Extract<
  CallEvent,
  { readonly type: "session_lost" | "session_unavailable" }
>;

export interface TakenOverCall {
  readonly state: Pick<CallState, "name">;
  readonly path: Pick<
    CallPath,
    "capabilities" | "silenceModel" | "isSupervisorHeard" | "restoreModel" | "playVoice"
  >;
  /** Null while the model is out. */
  readonly session: ModelSession | null;
  readonly eventLog: Pick<CallEventLog, "note" | "remember">;
  readonly tools: { sessionReady(session: ModelSession): boolean };
  readonly reply: { withdraw(): void };
  readonly budget: { readonly limits: { callerActive(nowMs: number): void } };
  dispatch(event: ModelLoss): void;
  /** Tells the model a fact: now, or as soon as a session is ready. */
  noteModel(text: string): void;
  /** Gives the model a fact to tell the caller. */
  tellModel(fact: string, cause: OwedCause): void;
}

interface Speaker {
  readonly by: string;
  /** Number of the listener whose microphone the caller hears. */
  readonly listener: number;
  readonly startedMs: number;
  audioMs: number;
}

/** From the end of a take-over until the model is heard again. */
interface Restore {
  /** The caller has left the agent, or the call has ended, before the model was back. */
  isDropped: boolean;
}

/**
 * From the last audio of the supervisor's microphone: after this the model takes over again. A
 * microphone sends all the time, also silence.
 */
const NO_AUDIO_MS = 4_000;
/** 200 ms: more than any browser sends at once. */
const MAX_AUDIO_BYTES = 1_600;
const audio = new Uint8Array(MAX_AUDIO_BYTES + 2);

/**
 * A supervisor speaks to the caller in place of the model. Meanwhile the model neither hears nor
 * speaks, and afterwards it is told. It comes back when the supervisor hands back, when their
 * connection is lost, and when no audio of theirs has come for a while.
 */
export class Takeover {
  readonly #call: TakenOverCall;
  readonly #nowMs: () => number;
  #speaker: Speaker | null = null;
  #restore: Restore | null = null;
  /** What the model is told when it is back. */
  #notes: string[] = [];
  /** Facts about earlier take-overs, each followed by the next before the model was back. */
  #earlier: string[] = [];
  /** A loss of the model that takes effect at the hand-back: the caller has a supervisor now. */
  #loss: ModelLoss | null = null;

  constructor(call: TakenOverCall, nowMs: () => number) {
    this.#call = call;
    this.#nowMs = nowMs;
  }

  get isOn(): boolean {
    return this.#speaker !== null;
  }

  /** The caller does not hear the model: a supervisor speaks, or the model is on its way back. */
  get isModelOut(): boolean {
    return this.isOn || this.#restore !== null;
  }

  /** Null: no take-over is on. */
  get listener(): number | null {
    return this.#speaker?.listener ?? null;
  }

  begin(by: string, listener: number): Refusal | null {
    const { path, reply, eventLog } = this.#call;
    if (!path.capabilities.takeOver) return "path";
    if (this.#speaker !== null) return "taken_over";
    if (this.#call.state.name !== "talking") return "not_live";
    path.silenceModel();
    reply.withdraw();
    const nowMs = this.#nowMs();
    this.#speaker = { by, listener, startedMs: nowMs, audioMs: nowMs };
    eventLog.note("supervisor_took_over", { by, listener });
    return null;
  }

  /** @param base64 mu-law of the supervisor's microphone. */
  voice(listener: number, base64: string): void {
    if (this.#speaker?.listener !== listener) return;
    const text = Buffer.from(base64, "latin1");
    if (text.length > (MAX_AUDIO_BYTES / 3) * 4 + 4) return;
    const bytes = decodeBase64(text, 0, text.length, audio, 0);
    if (bytes <= 0) return;
    this.#speaker.audioMs = this.#nowMs();
    this.#call.path.playVoice(audio.subarray(0, bytes));
  }

  /** Keeps a note for the model until it is back. */
  note(text: string): void {
    if (this.isModelOut) this.#notes.push(text);
  }

  handBack(reason: HandBackReason, note: string | null): Refusal | null {
    const speaker = this.#speaker;
    if (speaker === null) return "not_taken_over";
    const spoke = this.#call.path.isSupervisorHeard ? this.#told(speaker, reason, note) : null;
    const loss = this.#loss;
    if (loss !== null) {
      if (spoke !== null) this.#call.eventLog.remember(spoke);
      this.#leave(speaker, reason);
      this.#call.dispatch(loss);
      return null;
    }
    // The supervisor was never connected: the model has been with the caller all the time.
    if (spoke === null && note !== null) {
      const told = prompts.supervisorNote(note);
      // The model may be lost before it is told.
      this.#call.eventLog.remember(told);
      this.#notes.push(told);
    }
    // The supervisor has answered the turn in which the model was cut off. Otherwise the reply
    // ledger would give the call up while the model is on its way back.
    if (spoke !== null) this.#call.reply.withdraw();
    const restore: Restore = { isDropped: false };
    this.#restore = restore;
    this.#end(speaker, reason, () => this.#modelIsBack(restore, spoke));
    return null;
  }

  #told({ by, startedMs }: Speaker, reason: HandBackReason, note: string | null): string {
    if (reason === "no_line") return prompts.colleagueFailed(by);
    return prompts.colleagueSpoke(by, Math.round((this.#nowMs() - startedMs) / 1000), note);
  }

  /** @param spoke  null: the supervisor was never heard. */
  #modelIsBack(restore: Restore, spoke: string | null): void {
    if (this.#restore === restore) this.#restore = null;
    // Another supervisor has taken over meanwhile: the model is told after them.
    if (this.isModelOut) {
      if (spoke !== null) this.#earlier.push(spoke);
      return;
    }
    const { session, tools, eventLog, reply } = this.#call;
    this.#callerActive();
    const facts = [...this.#earlier.splice(0), ...(spoke === null ? [] : [spoke])];
    const last = facts.pop();
    // The model would be asked for an old reply at once, before it knows what was said.
    if (!restore.isDropped && last !== undefined) reply.withdraw();
    for (const text of this.#notes.splice(0)) this.#call.noteModel(text);
    if (session !== null) tools.sessionReady(session);
    for (const fact of facts) {
      eventLog.remember(fact);
      this.#call.noteModel(fact);
    }
    if (last === undefined) return;
    if (restore.isDropped) {
      // No reply is owed to a caller who is on their way elsewhere.
      eventLog.remember(last);
      this.#call.noteModel(last);
    } else this.#call.tellModel(last, "prompt");
  }

  /** The caller leaves the agent, or the call is over: no model needs to be told. */
  drop(): void {
    if (this.#restore !== null) this.#restore.isDropped = true;
    this.#restore = null;
    if (this.#speaker !== null) this.#leave(this.#speaker, "call_moved_on");
  }

  #leave(speaker: Speaker, reason: string): void {
    this.#notes = [];
    this.#earlier = [];
    this.#loss = null;
    this.#end(speaker, reason, () => undefined);
  }

  /** A loss that the call cannot redial after takes effect only when the supervisor hands back. */
  modelLost(loss: ModelLoss): void {
    const isReplaced =
      loss.type === "session_lost" && loss.retryable && this.#call.state.name === "talking";
    if (this.isOn && !isReplaced) this.#loss = loss;
    else this.#call.dispatch(loss);
  }

  tick(nowMs: number): void {
    const speaker = this.#speaker;
    if (speaker !== null && nowMs - speaker.audioMs >= NO_AUDIO_MS) this.handBack("no_audio", null);
  }

  /** Restarts the limit of mutual silence: supervisor and caller may have talked all the time. */
  #callerActive(): void {
    this.#call.budget.limits.callerActive(this.#nowMs());
  }

  #end({ by }: Speaker, reason: string, done: () => void): void {
    this.#speaker = null;
    this.#callerActive();
    this.#call.eventLog.note("supervisor_handed_back", { by, reason });
    this.#call.path.restoreModel(done);
  }
}
