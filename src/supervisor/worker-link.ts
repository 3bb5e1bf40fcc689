import type { CallSid } from "../domain/ids.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Cluster, ClusterPeer, PeerReply, PeerRequest } from "../relay/calls/cluster.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** Longer than the supervisor waits itself: only a supervisor that is gone or stalled leaves it to this. */
const ASK_MS = 6_000;
/** A stream's start waits for this; without an answer this process's own list of spent tokens counts. */
const CLAIM_MS = 500;

/** How the worker's side of the channel is reached. */
export interface Channel {
  send(message: FromWorker): void;
}

/** The other workers of this machine, by way of the supervisor. */
export class WorkerLink implements Cluster {
  readonly #clock: Clock;
  readonly #channel: Channel;
  readonly #asked = new Map<
    number,
    { readonly done: (answer: PeerReply | null) => void; readonly timer: Timer }
  >();
  readonly #claims = new Map<
    number,
    { readonly done: (first: boolean | null) => void; readonly timer: Timer }
  >();
  #member: ClusterPeer | null = null;
  #nextId = 1;

  constructor(clock: Clock, channel: Channel) {
    this.#clock = clock;
    this.#channel = channel;
  }

  join(member: ClusterPeer): void {
    this.#member = member;
  }

  claim(callSid: CallSid): void {
    this.#channel.send({ type: "hold", callSid });
  }

  release(callSid: CallSid): void {
    this.#channel.send({ type: "let_go", callSid });
  }

  ask(callSid: CallSid, question: PeerRequest): Promise<PeerReply | null> {
    return new Promise((done) => {
      const id = this.#nextId++;
      const timer = this.#clock.after(ASK_MS, () => this.#answered(id, null));
      this.#asked.set(id, { done, timer });
      this.#channel.send({ type: "ask", id, callSid, question });
    });
  }

  claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return new Promise((done) => {
      const id = this.#nextId++;
      const timer = this.#clock.after(CLAIM_MS, () => this.#claimed(id, null));
      this.#claims.set(id, { done, timer });
      this.#channel.send({ type: "claim", id, key, ttlMs });
    });
  }

  /** From the supervisor. */
  receive(
    message: Extract<ToWorker, { readonly type: "ask" | "answer" | "claimed" | "moved" }>,
  ): void {
    switch (message.type) {
      case "answer":
        this.#answered(message.id, message.answer);
        return;
      case "claimed":
        this.#claimed(message.id, message.first);
        return;
      case "moved":
        this.#member?.moved(message.callSid);
        return;
      case "ask": {
        const { id } = message;
        const answer =
          this.#member?.answer(message.callSid, message.question) ?? Promise.resolve(null);
        void answer.then((given) => this.#channel.send({ type: "answer", id, answer: given }));
      }
    }
  }

  #answered(id: number, answer: PeerReply | null): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.timer.cancel();
    asked?.done(answer);
  }

  #claimed(id: number, first: boolean | null): void {
    const claim = this.#claims.get(id);
    this.#claims.delete(id);
    claim?.timer.cancel();
    claim?.done(first);
  }
}
