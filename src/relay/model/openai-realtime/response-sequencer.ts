import type { ResponseId } from "../../../domain/ids.js";

/** What a `response.create` says. */
export interface ResponseRequest {
  /** What this one response is to say; null: reply to the conversation as it stands. */
  readonly instructions: string | null;
  /** Only worth saying first: dropped once the server has answered the caller by itself. */
  readonly opening: boolean;
}

/** Why a reply is wanted. */
export type ReplyReason =
  /** The caller's turn is unanswered. Any response that begins from now on answers it. */
  | "turn"
  /** Something new stands in the conversation: the result of a tool, a note. */
  | "context";

/** What became of a refused request. */
export type Refusal =
  /** The refused request was not one of ours. */
  | "not_ours"
  /** Another response runs; the request is sent again after it. */
  | "retried"
  /** The response that runs is the reply that was asked for. */
  | "answered"
  /** The request is given up: the reply will not come. */
  | "failed";

interface Wish extends ResponseRequest {
  readonly reason: ReplyReason;
  /** How many turns of the caller had ended when it was wanted. */
  readonly turn: number;
  readonly retried: boolean;
}

/**
 * From the end of the caller's speech: how long the server's own response is waited for. The server
 * needs some milliseconds to begin one, and a request in that time would be a second answer.
 */
export const AUTOMATIC_PATIENCE_MS = 2_000;

/** From a refusal that told of a response nobody has seen: then it is taken for over. */
export const UNSEEN_RESPONSE_MS = 5_000;

const ALREADY_ACTIVE = "conversation_already_has_active_response";

/**
 * Decides when a `response.create` is sent. It holds these promises (contract, R1 and O3):
 * - one response at a time: no request while one is generated or on its way;
 * - one answer per turn: while the server's own response to a turn is expected, nothing is sent;
 * - the model does not begin to speak while the caller speaks.
 *
 * Pure: the owner tells what happened, then asks `due` and sends what `take` gives. The state is
 * that of the response (none, requested, active) and that of the caller's turn (none, speaking,
 * ended); the table of both against each input is in the test.
 */
export class ResponseSequencer {
  #automatic: boolean;
  #interruptible: boolean;
  #response: "none" | "requested" | "active" = "none";
  /** The turn is "ended" while the server's own response to it, or its commit, is expected. */
  #turn: "none" | "speaking" | "ended" = "none";
  #turnEndedMs = 0;
  #turnsEnded = 0;
  /** Null while a response is active of which only a refusal told. */
  #activeId: ResponseId | null = null;
  #unseenSinceMs = 0;
  /** Sent, and either not answered yet or taken for the response that is active. */
  #sent: { readonly wish: Wish; readonly eventId: string } | null = null;
  /** What is to be said, in order. */
  readonly #toSay: Wish[] = [];
  /** A reply that is wanted. Several become one. */
  #reply: Wish | null = null;

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

  /** A response is active or requested that replies to the conversation as a whole. */
  get isReplying(): boolean {
    return this.#response !== "none" && (this.#sent?.wish.instructions ?? null) === null;
  }

  /** Something is to be said or replied as soon as that may begin. */
  get waiting(): boolean {
    return this.#reply !== null || this.#toSay.length > 0;
  }

  /** Nothing is being generated, and nothing is expected or waits. */
  get quiet(): boolean {
    return this.#response === "none" && !this.waiting && !this.#serverReplyDue;
  }

  /** The server owes a response: one is generated, requested, or expected after a turn. */
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
    // Whatever waits already answers the turn, too.
    if (this.#reply !== null && reason === "turn") return;
    this.#reply = {
      instructions: null,
      opening: false,
      reason,
      turn: this.#turnsEnded,
      retried: false,
    };
  }

  speechStarted(): void {
    this.#turn = "speaking";
  }

  speechStopped(nowMs: number): void {
    if (this.#turn === "speaking") this.#turnEnded(nowMs);
  }

  /** The caller's turn is in the conversation; without speech, after the idle time-out. */
  committed(nowMs: number): void {
    if (this.#turn !== "ended") this.#turnEnded(nowMs);
    this.#turnEndedMs = nowMs;
    if (this.#automatic) return;
    this.#turn = "none";
    this.reply("turn");
  }

  /** The relay's own detection is sure that the caller is silent, whatever the server believes. */
  callerSilent(): void {
    if (this.#turn === "speaking") this.#turn = "none";
  }

  #turnEnded(nowMs: number): void {
    this.#turn = "ended";
    this.#turnEndedMs = nowMs;
    this.#turnsEnded++;
  }

  /**
   * A response has begun. True: it must be cancelled, because the caller has begun to speak since
   * it was asked for; it is asked for again later.
   */
  created(id: ResponseId): boolean {
    const { wish } = this.#response === "requested" ? this.#sent! : { wish: null };
    const unseen = this.#response === "active" && this.#activeId === null;
    this.#response = "active";
    this.#activeId = id;
    if (wish !== null) {
      if (this.#turn !== "speaking" || !this.#interruptible) return false;
      this.#sent = null;
      this.#again(wish, wish.retried);
      return true;
    }
    if (this.#turn === "ended") this.#turn = "none";
    // A request that was refused because of this response came too late to be seen by it.
    if (unseen) return false;
    this.#sent = null;
    this.#answeredByServer();
    return false;
  }

  /** The server answers the caller by itself; what it saw by then needs no reply of its own. */
  #answeredByServer(): void {
    const reply = this.#reply;
    if (reply !== null && (reply.reason === "turn" || reply.turn < this.#turnsEnded))
      this.#reply = null;
    const opening = this.#toSay.findIndex((wish) => wish.opening);
    if (opening >= 0) this.#toSay.splice(opening, 1);
  }

  /** A response is over, also one of whose beginning nothing was heard. */
  done(id: ResponseId): void {
    if (this.#response === "active" && this.#activeId !== null && this.#activeId !== id) return;
    this.#response = "none";
    this.#activeId = null;
    this.#sent = null;
  }

  /**
   * A request was refused.
   *
   * @param eventId  of the refused event; null: the server did not tell, as when the response that
   *                 it wanted to create itself was refused.
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
      // A response that is active is then the server's own.
      if (this.#response === "requested") this.#response = "none";
      return "failed";
    }
    if (this.#response === "requested") {
      this.#response = "active";
      this.#unseenSinceMs = nowMs;
    }
    // The response that runs is the server's own, and so its answer to the turn.
    if (this.#turn === "ended") this.#turn = "none";
    const { wish } = sent!;
    if (wish.opening || (wish.instructions === null && wish.reason === "turn")) return "answered";
    if (wish.retried) return "failed";
    this.#again(wish, true);
    return "retried";
  }

  /** Our response was quicker than the server's own, which would have answered a later turn. */
  #serverReplyRefused(): void {
    if (this.#turn !== "ended") return;
    this.#turn = "none";
    this.reply("turn");
  }

  #again(wish: Wish, retried: boolean): void {
    const again = { ...wish, retried };
    if (wish.instructions !== null) this.#toSay.unshift(again);
    // A newer wish for a reply asks for the same.
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

  /** What is sent now as `eventId`. Only when it is due. */
  take(eventId: string): ResponseRequest {
    const wish = this.#toSay.shift() ?? this.#reply!;
    if (wish === this.#reply) this.#reply = null;
    if (this.#turn === "ended") this.#turn = "none";
    this.#response = "requested";
    this.#activeId = null;
    this.#sent = { wish, eventId };
    return { instructions: wish.instructions, opening: wish.opening };
  }

  /** Forgets what waits: the call leaves the model. */
  dropWaiting(): void {
    this.#toSay.length = 0;
    this.#reply = null;
  }
}
