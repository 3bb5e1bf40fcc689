import type { Clock, Timer } from "../ports/clock.js";

interface Pending<Reply> {
  readonly settle: (reply: Reply) => void;
  readonly timer: Timer;
  readonly late: Reply;
}

/**
 * Requests that wait for a reply with their id: over a channel, a bus or a socket. Each is settled
 * exactly once, by its reply or by its time-out. Ids are 1, 2, 3 … and never used twice.
 */
export class PendingRequests<Reply> {
  readonly #clock: Pick<Clock, "after">;
  readonly #pending = new Map<number, Pending<Reply>>();
  #lastId = 0;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#pending.size;
  }

  /**
   * Opens a request and sends it.
   *
   * @param timeoutMs  counted from now.
   * @param late       the reply when none came in time.
   * @param send       called once, before this returns; a throw rejects the promise and forgets the
   *                   request.
   */
  open(timeoutMs: number, late: Reply, send: (id: number) => void): Promise<Reply> {
    return new Promise((settle, reject) => {
      const id = ++this.#lastId;
      const timer = this.#clock.after(timeoutMs, () => this.settle(id, late));
      this.#pending.set(id, { settle, timer, late });
      try {
        send(id);
      } catch (error) {
        this.#remove(id);
        reject(error);
      }
    });
  }

  /** A reply has come. False: nothing waits for it (any more). */
  settle(id: number, reply: Reply): boolean {
    const pending = this.#remove(id);
    pending?.settle(reply);
    return pending !== undefined;
  }

  /** Nothing will be replied to any more: each request gets what it would have got late. */
  close(): void {
    for (const [id, { late }] of [...this.#pending]) this.settle(id, late);
  }

  #remove(id: number): Pending<Reply> | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.timer.cancel();
    return pending;
  }
}
