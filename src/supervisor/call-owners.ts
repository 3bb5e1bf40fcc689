import type { CallSid } from "../domain/ids.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { PeerReply } from "../relay/calls/cluster.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** What is asked of a worker is answered within this, or by nobody; a stalled worker is gone soon afterwards. */
const ASK_MS = 5_000;
/** A call that is over still gets callbacks. */
const REMEMBER_MS = 10 * 60_000;
const SWEEP_MS = 30_000;

interface Held {
  worker: number;
  /** Null while it lives. */
  untilMs: number | null;
}

interface Asked {
  readonly by: number;
  /** As the asker counts. */
  readonly id: number;
  readonly of: number;
  readonly timer: Timer;
}

type CallMessage = Extract<
  FromWorker,
  { readonly type: "hold" | "let_go" | "ask" | "answer" | "claim" }
>;

/** Which worker answers for which call; carries questions there and answers back, and keeps what may be claimed once. */
export class CallOwners {
  readonly #clock: Clock;
  readonly #send: (worker: number, message: ToWorker) => void;
  readonly #held = new Map<CallSid, Held>();
  readonly #asked = new Map<number, Asked>();
  /** Key → when it may be forgotten. */
  readonly #claimed = new Map<string, number>();
  #nextId = 1;
  #sweeper: Timer;

  constructor(clock: Clock, send: (worker: number, message: ToWorker) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#sweeper = clock.after(SWEEP_MS, () => this.#sweep());
  }

  ownerOf(callSid: CallSid): number | null {
    return this.#held.get(callSid)?.worker ?? null;
  }

  said(worker: number, message: CallMessage): void {
    switch (message.type) {
      case "hold":
        this.#hold(worker, message.callSid);
        return;
      case "let_go": {
        const held = this.#held.get(message.callSid);
        if (held?.worker === worker) held.untilMs = this.#clock.nowMs() + REMEMBER_MS;
        return;
      }
      case "ask": {
        const holder = this.ownerOf(message.callSid);
        if (holder === null || holder === worker) {
          this.#send(worker, { type: "answer", id: message.id, answer: null });
          return;
        }
        const id = this.#nextId++;
        const timer = this.#clock.after(ASK_MS, () => this.#answered(id, null));
        this.#asked.set(id, { by: worker, id: message.id, of: holder, timer });
        this.#send(holder, {
          type: "ask",
          id,
          callSid: message.callSid,
          question: message.question,
        });
        return;
      }
      case "answer":
        if (this.#asked.get(message.id)?.of === worker) this.#answered(message.id, message.answer);
        return;
      case "claim":
        this.#send(worker, {
          type: "claimed",
          id: message.id,
          first: this.#claim(message.key, message.ttlMs),
        });
    }
  }

  /** The worker has died. Returns how many calls it held. */
  gone(worker: number): number {
    let calls = 0;
    for (const [callSid, held] of this.#held) {
      if (held.worker !== worker) continue;
      if (held.untilMs === null) calls++;
      this.#held.delete(callSid);
    }
    for (const [id, asked] of this.#asked) if (asked.of === worker) this.#answered(id, null);
    return calls;
  }

  close(): void {
    this.#sweeper.cancel();
    for (const { timer } of this.#asked.values()) timer.cancel();
    this.#asked.clear();
  }

  #hold(worker: number, callSid: CallSid): void {
    const before = this.#held.get(callSid);
    this.#held.set(callSid, { worker, untilMs: null });
    if (before !== undefined && before.worker !== worker)
      this.#send(before.worker, { type: "moved", callSid });
  }

  #answered(id: number, answer: PeerReply | null): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    asked.timer.cancel();
    this.#send(asked.by, { type: "answer", id: asked.id, answer });
  }

  #claim(key: string, ttlMs: number): boolean {
    const nowMs = this.#clock.nowMs();
    if ((this.#claimed.get(key) ?? 0) > nowMs) return false;
    this.#claimed.set(key, nowMs + ttlMs);
    return true;
  }

  #sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (const [callSid, { untilMs }] of this.#held)
      if (untilMs !== null && untilMs <= nowMs) this.#held.delete(callSid);
    for (const [key, untilMs] of this.#claimed) if (untilMs <= nowMs) this.#claimed.delete(key);
    this.#sweeper = this.#clock.after(SWEEP_MS, () => this.#sweep());
  }
}
