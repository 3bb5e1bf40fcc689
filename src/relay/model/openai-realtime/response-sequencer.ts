import type { ResponseId } from "../../../domain/ids.js";

/** What a `response.create` says. */
export interface ResponseRequest {
  /** What this response should say; null: a reply to the conversation as it stands. */
  readonly instructions: string | null;
  /** A greeting: it is dropped once the server has answered the caller by itself. */
  readonly opening: boolean;
}

/** Why a reply is requested. */
export type ReplyReason =
  /** The caller's turn is unanswered. Any response that begins from now on answers it. */
  | "turn"
  /** The conversation has something new: the result of a tool, or a note. */
  | "context";

/** The effect of a refusal. */
export type Refusal =
  /** The refused event was not the request of this sequencer. */
  | "not_ours"
  /** Another response is active; the request is sent again after it. */
  | "retried"
  /** The active response is the reply that was requested. */
  | "answered"
  /** The request is abandoned: there will be no reply. */
  | "failed";

interface WaitingRequest extends ResponseRequest {
  readonly reason: ReplyReason;
  /** How many turns of the caller had ended when the request was made. */
  readonly turn: number;
  readonly retried: boolean;
}

/**
 * From the end of the caller's speech, how long to wait for the server's own response. The server
 * needs some milliseconds to begin it, and a request in that time would cause a second answer.
 */
export const AUTOMATIC_PATIENCE_MS = 2_000;

/** From a refusal that mentioned an unseen response, until that response is assumed to be over. */
export const UNSEEN_RESPONSE_MS = 5_000;

const ALREADY_ACTIVE = "conversation_already_has_active_response";

/**
 * Decides when to send a `response.create`. It guarantees (promises R1 and O3):
 * - one response at a time: it sends nothing while a response is requested or active;
 * - one answer per turn: it sends nothing while the server's own response to a turn is expected;
 * - the model does not begin to speak while the caller is speaking.
 *
 * Pure: the owner reports what happened, then asks `due` and sends what `take` returns. The state
 * consists of the response (none, requested, active) and the caller's turn (none, speaking, ended).
 * The test has the table of all states and inputs.
 */
export class ResponseSequencer {
  #automatic: boolean;
  #interruptible: boolean;
  #response: "none" | "requested" | "active" = "none";
  /** A turn is "ended" while its commit, or the server's own response to it, is expected. */
  #turn: "none" | "speaking" | "ended" = "none";
  #turnEndedMs = 0;
  #turnsEnded = 0;
  /** Null while the only sign of the active response is a refusal. */
  #activeId: ResponseId | null = null;
  #unseenSinceMs = 0;
  /** The request that was sent last, until the response that it is assumed to have caused ends. */
  #sent: { readonly request: WaitingRequest; readonly eventId: string } | null = null;
  /** Requests with instructions, in order. */
  readonly #toSay: WaitingRequest[] = [];
  /** A request for a reply. Several become one. */
  #reply: WaitingRequest | null = null;

  /**
   * @param automatic      the server answers the caller's turns by itself (`create_response`).
   * @param interruptible  the caller's speech ends a response (`interrupt_response`).
   */
  constructor(automatic: boolean, interruptible: boolean) {
    this.#automatic = automatic;
    this.#interruptible = interruptible;
  }

  /** The turn detection in force has changed. */
  configure(automatic: boolean, interruptible: boolean): void {
    this.#automatic = automatic;
    this.#interruptible = interruptible;
  }

  get state(): `${"none" | "requested" | "active"}, ${"none" | "speaking" | "ended"}` {
    return `${this.#response}, ${this.#turn}`;
  }

  get active(): boolean {
    return this.#response === "active";
  }

  /** A response without instructions is active or requested. */
  get isReplying(): boolean {
    return this.#response !== "none" && (this.#sent?.request.instructions ?? null) === null;
  }

  /** A request waits until it may be sent. */
  get waiting(): boolean {
    return this.#reply !== null || this.#toSay.length > 0;
  }

  /** No response is active, requested or expected. */
  get quiet(): boolean {
    return this.#response === "none" && !this.waiting && !this.#serverReplyDue;
  }

  /** A response is active, requested, or expected from the server after a turn. */
  get replyDue(): boolean {
    return this.#response !== "none" || this.#serverReplyDue;
  }

  get #serverReplyDue(): boolean {
    return this.#turn === "ended" && this.#automatic;
  }

  say(instructions: string, opening: boolean): void {
    this.#toSay.push({
      instructions,
      opening,
      reason: "context",
      turn: this.#turnsEnded,
      retried: false,
    });
  }

  reply(reason: ReplyReason): void {
    // The reply that already waits answers the turn, too.
    if (this.#reply !== null && reason === "turn") return;
    this.#reply = {
      instructions: null,
      opening: false,
      reason,
      turn: this.#turnsEnded,
      retried: false,
    };
  }

  /** A reply that is wanted and did not come. What is requested, generated or waiting may still be it. */
  askAgain(): void {
    if (this.#response === "none" && !this.waiting) this.reply("context");
  }

  speechStarted(): void {
    this.#turn = "speaking";
  }

  speechStopped(nowMs: number): void {
    if (this.#turn === "speaking") this.#turnEnded(nowMs);
  }

  /** The caller's turn is part of the conversation. After an idle time-out, without speech. */
  committed(nowMs: number): void {
    if (this.#turn !== "ended") this.#turnEnded(nowMs);
    this.#turnEndedMs = nowMs;
    if (this.#automatic) return;
    this.#turn = "none";
    this.reply("turn");
  }

  /** Local VAD is sure that the caller is silent, whatever the server believes. */
  callerSilent(): void {
    if (this.#turn === "speaking") this.#turn = "none";
  }

  #turnEnded(nowMs: number): void {
    this.#turn = "ended";
    this.#turnEndedMs = nowMs;
    this.#turnsEnded++;
  }

  /**
   * A response has begun.
   *
   * @returns  true when it must be cancelled, because the caller began to speak after it was
   *           requested. It is requested again later.
   */
  created(id: ResponseId): boolean {
    const { request } = this.#response === "requested" ? this.#sent! : { request: null };
    const unseen = this.#response === "active" && this.#activeId === null;
    this.#response = "active";
    this.#activeId = id;
    if (request !== null) {
      if (this.#turn !== "speaking" || !this.#interruptible) return false;
      this.#sent = null;
      this.#again(request, request.retried);
      return true;
    }
    if (this.#turn === "ended") this.#turn = "none";
    // The request that was refused because of this response arrived too late for it.
    if (unseen) return false;
    this.#sent = null;
    this.#answeredByServer();
    return false;
  }

  /** The server answers by itself. Its answer covers what was in the conversation before it. */
  #answeredByServer(): void {
    const reply = this.#reply;
    if (reply !== null && (reply.reason === "turn" || reply.turn < this.#turnsEnded))
      this.#reply = null;
    const opening = this.#toSay.findIndex((request) => request.opening);
    if (opening >= 0) this.#toSay.splice(opening, 1);
  }

  /** A response has ended, possibly one whose beginning was not reported. */
  done(id: ResponseId): void {
    if (this.#response === "active" && this.#activeId !== null && this.#activeId !== id) return;
    this.#response = "none";
    this.#activeId = null;
    this.#sent = null;
  }

  /**
   * A request was refused.
   *
   * @param eventId  of the refused event. Null: the server named none, as for a response that it
   *                 tried to create itself.
   */
  refused(eventId: string | null, code: string | null, nowMs: number): Refusal {
    const sent = this.#sent;
    const alreadyActive = code === ALREADY_ACTIVE;
    if (eventId === null) {
      if (!alreadyActive) return "not_ours";
      if (this.#response !== "requested") {
        this.#serverReplyRefused();
        return "not_ours";
      }
    } else if (eventId !== sent?.eventId) return "not_ours";
    this.#sent = null;
    if (!alreadyActive) {
      // An active response is then the server's own.
      if (this.#response === "requested") this.#response = "none";
      return "failed";
    }
    if (this.#response === "requested") {
      this.#response = "active";
      this.#unseenSinceMs = nowMs;
    }
    // The active response is the server's own, so it is the answer to the turn.
    if (this.#turn === "ended") this.#turn = "none";
    const { request } = sent!;
    if (request.opening || (request.instructions === null && request.reason === "turn"))
      return "answered";
    if (request.retried) return "failed";
    this.#again(request, true);
    return "retried";
  }

  /** The server could not answer the turn itself, because a requested response was active. */
  #serverReplyRefused(): void {
    if (this.#turn !== "ended") return;
    this.#turn = "none";
    this.reply("turn");
  }

  #again(request: WaitingRequest, retried: boolean): void {
    const again = { ...request, retried };
    if (request.instructions !== null) this.#toSay.unshift(again);
    // A newer request for a reply has the same effect.
    else this.#reply ??= again;
  }

  /** Whether a request may be sent now. */
  due(nowMs: number): boolean {
    if (!this.waiting || this.#turn === "speaking") return false;
    if (this.#response !== "none" && !this.#unseenIsOver(nowMs)) return false;
    return this.#turn !== "ended" || nowMs - this.#turnEndedMs >= AUTOMATIC_PATIENCE_MS;
  }

  #unseenIsOver(nowMs: number): boolean {
    return (
      this.#response === "active" &&
      this.#activeId === null &&
      nowMs - this.#unseenSinceMs >= UNSEEN_RESPONSE_MS
    );
  }

  /** The request to send now as `eventId`. Call it only when `due`. */
  take(eventId: string): ResponseRequest {
    const request = this.#toSay.shift() ?? this.#reply!;
    if (request === this.#reply) this.#reply = null;
    if (this.#turn === "ended") this.#turn = "none";
    this.#response = "requested";
    this.#activeId = null;
    this.#sent = { request, eventId };
    return { instructions: request.instructions, opening: request.opening };
  }

  /** Drops the requests that wait, because the call leaves the model. */
  dropWaiting(): void {
    this.#toSay.length = 0;
    this.#reply = null;
  }
}
