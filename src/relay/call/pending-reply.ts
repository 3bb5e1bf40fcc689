import type { ResponseEnd } from "../model/model-session.js";

/**
 * Whether the caller is owed a reply: they spoke, a tool answered, a response failed, or there is a fact to tell. The one
 * place that knows it: a new session asks here whether it must speak first.
 */
export class PendingReply {
  #isOwed = false;
  #failedInARow = 0;

  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** The caller's turn is over, a response has begun, or something is to be told. */
  owe(): void {
    this.#isOwed = true;
  }

  /** What another process knew. */
  restore(isOwed: boolean): void {
    this.#isOwed = isOwed;
  }

  /**
   * A response has ended.
   *
   * @param spoke  whether any sound of it was or will be heard.
   * @returns      `ask_again`: it failed without a sound or came as text, for the first time in a row. `give_up`: again.
   */
  responseDone(end: ResponseEnd, spoke: boolean): "settled" | "ask_again" | "give_up" {
    // Tool calls are followed by another response.
    this.#isOwed = end.calls.length > 0;
    if (end.textOnly === null && (end.status !== "failed" || spoke)) {
      this.#failedInARow = 0;
      return "settled";
    }
    this.#failedInARow++;
    if (this.#failedInARow > 1) return "give_up";
    this.#isOwed = true;
    return "ask_again";
  }
}
