/**
 * Decides when a `response.create` may be sent: never while a response is active, one in flight at a time. Pure:
 * the owner tells what happened and asks `next` what to send.
 *
 * The server may start responses by itself (its VAD), between our decision and its reading of our request; then
 * it answers `conversation_already_has_active_response`, and the wish becomes due again after that response.
 */
export interface ResponseRequest {
  /** null: just go on with the conversation. Otherwise what this one response is to say. */
  readonly instructions: string | null;
  /** Only worth saying first: dropped once the server has answered the caller by itself. */
  readonly opening: boolean;
}

interface SentWish {
  readonly wish: ResponseRequest;
  readonly eventId: string;
}

/** After the caller's turn was committed, the server's own response is waited for this long before ours is sent. */
export const AUTOMATIC_PATIENCE_MS = 2_000;

export class ResponseSequencer {
  readonly #automatic: boolean;
  readonly #queue: ResponseRequest[] = [];
  #continueDue = false;
  #continueRetry = false;
  #active = false;
  #inFlight: SentWish | null = null;
  /** The last that was taken for begun. If the response was the server's own after all, its refusal still comes. */
  #begun: SentWish | null = null;
  #callerSpeaking = false;
  #automaticDueSinceMs: number | null = null;

  /** @param automatic the server answers the caller's turns by itself (`create_response`). */
  constructor(automatic: boolean) {
    this.#automatic = automatic;
  }

  /** A response is being generated, or one of ours is on its way. */
  get busy(): boolean {
    return this.#active || this.#inFlight !== null;
  }

  /** Nothing is being generated and nothing waits. */
  get quiet(): boolean {
    return (
      !this.busy &&
      this.#queue.length === 0 &&
      !this.#continueDue &&
      this.#automaticDueSinceMs === null
    );
  }

  /** Something is to be said once the floor is free. */
  get wishes(): boolean {
    return this.#continueDue || this.#queue.length > 0;
  }

  get active(): boolean {
    return this.#active;
  }

  /** An answer is owed: asked for or expected, and not begun. For the watchdog. */
  get owed(): boolean {
    return this.#inFlight !== null || this.#automaticDueSinceMs !== null;
  }

  want(wish: ResponseRequest): void {
    if (wish.instructions === null) this.#continueDue = true;
    else this.#queue.push(wish);
  }

  /** The caller began to speak. */
  speechStarted(): void {
    this.#callerSpeaking = true;
    this.#automaticDueSinceMs = null;
  }

  speechStopped(): void {
    this.#callerSpeaking = false;
  }

  /** The caller's turn was committed. */
  committed(nowMs: number): void {
    this.#callerSpeaking = false;
    if (this.#automatic) this.#automaticDueSinceMs = nowMs;
    else this.#continueDue = true;
  }

  created(): void {
    this.#active = true;
    this.#automaticDueSinceMs = null;
    if (this.#inFlight !== null) {
      this.#begun = this.#inFlight;
      this.#inFlight = null;
      this.#continueRetry = false;
      return;
    }
    this.#begun = null;
    // A response of the server's own: what was to be continued stands in the conversation already, so it is
    // continued by this one. A wish that was refused for it came too late to be seen, and stays.
    if (!this.#continueRetry) this.#continueDue = false;
    const opening = this.#queue.findIndex((wish) => wish.opening);
    if (opening >= 0) this.#queue.splice(opening, 1);
  }

  done(): void {
    this.#active = false;
  }

  /** An `error` about our request. True when it was about one of ours in flight. */
  refused(eventId: string | null, code: string | null): boolean {
    const alreadyActive = code === "conversation_already_has_active_response";
    const sent = this.#inFlight ?? this.#begun;
    if (sent === null || (eventId === null ? !alreadyActive : eventId !== sent.eventId))
      return false;
    this.#inFlight = null;
    this.#begun = null;
    if (alreadyActive) {
      this.#active = true;
      if (sent.wish.instructions === null) {
        this.#continueDue = true;
        this.#continueRetry = true;
      } else this.#queue.unshift(sent.wish);
    }
    return true;
  }

  /** What to send now as `eventId`; null: nothing. The answer counts as sent. */
  next(eventId: string, nowMs: number): ResponseRequest | null {
    if (this.busy || this.#callerSpeaking) return null;
    if (this.#automaticDueSinceMs !== null) {
      if (nowMs - this.#automaticDueSinceMs < AUTOMATIC_PATIENCE_MS) return null;
      if (this.#queue.length > 0 || this.#continueDue) this.#automaticDueSinceMs = null;
    }
    const wish =
      this.#queue.shift() ?? (this.#continueDue ? { instructions: null, opening: false } : null);
    if (wish === null) return null;
    if (wish.instructions === null) this.#continueDue = false;
    this.#inFlight = { wish, eventId };
    return wish;
  }

  /** Forgets every wish: the call is being handed over. */
  dropWishes(): void {
    this.#queue.length = 0;
    this.#continueDue = false;
  }
}
