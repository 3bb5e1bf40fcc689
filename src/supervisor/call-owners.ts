import { ExpiringMap } from "../domain/expiring-map.js";
import type { CallSid } from "../domain/ids.js";
import { PendingRequests } from "../domain/pending-requests.js";
import type { Clock } from "../ports/clock.js";
import type { PeerReply } from "../relay/calls/cluster.js";
import { CallerCounts } from "./caller-counts.js";
import type { ClusterMessage, ToWorker } from "./messages.js";

/**
 * A request without a reply counts as unanswered after this. A stalled worker is killed soon after.
 */
const REPLY_MS = 5_000;
/** Callbacks of a call still arrive after its end. */
const REMEMBER_MS = 10 * 60_000;
/** Ended calls that are remembered: more than a machine ends in that time. */
const MAX_REMEMBERED = 100_000;
const MAX_CLAIMED = 1_000_000;

/**
 * Knows which worker owns which call. It carries requests to the owner and replies back, and keeps
 * the keys that may be claimed once. Workers are named by the id of their process.
 */
export class CallOwners {
  readonly #clock: Clock;
  readonly #send: (worker: number, message: ToWorker) => void;
  readonly #owners = new Map<CallSid, number>();
  /** Owners of calls that have ended. */
  readonly #former = new ExpiringMap<CallSid, number>({
    ttlMs: REMEMBER_MS,
    maxSize: MAX_REMEMBERED,
  });
  readonly #requests: PendingRequests<PeerReply | null>;
  /** The worker from which the reply to each request must come. */
  readonly #targets = new Map<number, number>();
  readonly #callers: CallerCounts;
  readonly #claimed = new ExpiringMap<string, true>({ ttlMs: 0, maxSize: MAX_CLAIMED });

  constructor(clock: Clock, send: (worker: number, message: ToWorker) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#requests = new PendingRequests(clock);
    this.#callers = new CallerCounts(clock);
  }

  ownerOf(callSid: CallSid): number | null {
    return this.#owners.get(callSid) ?? this.#former.get(callSid, this.#clock.nowMs()) ?? null;
  }

  receive(worker: number, message: ClusterMessage): void {
    switch (message.type) {
      case "claim":
        this.#claim(worker, message.callSid);
        return;
      case "release":
        this.#release(worker, message.callSid);
        return;
      case "request":
        void this.#forward(worker, message);
        return;
      case "reply":
        if (this.#targets.get(message.id) === worker)
          this.#requests.settle(message.id, message.reply);
        return;
      case "claim_once": {
        const first = this.#claimOnce(message.key, message.ttlMs);
        this.#send(worker, { type: "claimed_once", id: message.id, first });
        return;
      }
      case "admit": {
        const refusal = this.#callers.admit(worker, message.call, message.limits);
        this.#send(worker, { type: "admitted", id: message.id, refusal });
        return;
      }
      case "present":
        this.#callers.present(worker, message.call);
        return;
      case "absent":
        this.#callers.absent(worker, message.callSid);
    }
  }

  /**
   * No caller depends on the worker. What it still owns are transfers of dead processes, which the
   * database keeps; only calls that it claims from now on would need another worker in its place.
   */
  drained(worker: number): void {
    for (const [callSid, owner] of this.#owners)
      if (owner === worker) this.#release(worker, callSid);
  }

  /** The worker has died. @returns how many live calls it owned. */
  workerGone(worker: number): number {
    let calls = 0;
    this.#callers.workerGone(worker);
    for (const [callSid, owner] of this.#owners) {
      if (owner !== worker) continue;
      this.#owners.delete(callSid);
      calls += 1;
    }
    for (const [id, target] of this.#targets)
      if (target === worker) this.#requests.settle(id, null);
    return calls;
  }

  close(): void {
    this.#requests.close();
  }

  #claim(worker: number, callSid: CallSid): void {
    const before = this.ownerOf(callSid);
    this.#owners.set(callSid, worker);
    this.#former.delete(callSid);
    if (before !== null && before !== worker) this.#send(before, { type: "moved", callSid });
  }

  /** Only the owner can release a call. */
  #release(worker: number, callSid: CallSid): void {
    if (this.#owners.get(callSid) !== worker) return;
    this.#owners.delete(callSid);
    this.#former.set(callSid, worker, this.#clock.nowMs());
  }

  async #forward(
    worker: number,
    { id, callSid, request }: Extract<ClusterMessage, { readonly type: "request" }>,
  ): Promise<void> {
    const owner = this.ownerOf(callSid);
    if (owner === null || owner === worker) {
      this.#send(worker, { type: "reply", id, reply: null });
      return;
    }
    let ownId = 0;
    const reply = await this.#requests.open(REPLY_MS, null, (opened) => {
      ownId = opened;
      this.#targets.set(ownId, owner);
      this.#send(owner, { type: "request", id: ownId, callSid, request });
    });
    this.#targets.delete(ownId);
    this.#send(worker, { type: "reply", id, reply });
  }

  #claimOnce(key: string, ttlMs: number): boolean {
    const nowMs = this.#clock.nowMs();
    if (this.#claimed.has(key, nowMs)) return false;
    this.#claimed.set(key, true, nowMs, ttlMs);
    return true;
  }
}
