import type { CallSid } from "../domain/ids.js";
import { PendingRequests } from "../domain/pending-requests.js";
import type { AgentRefusal } from "../domain/refusal-reasons.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Cluster, ClusterPeer, PeerReply, PeerRequest } from "../relay/calls/cluster.js";
import type { CallLimits, CountedCall, MachineLimits } from "../relay/calls/machine-limits.js";
import type { ClusterMessage, FromWorker, ReloadFaults, ToWorker } from "./messages.js";

/** Longer than the supervisor waits: it matters only when the supervisor is gone or stalled. */
const REPLY_MS = 6_000;
/**
 * The start of a stream waits for this. Without an answer this process's own list of tokens
 * decides.
 */
const CLAIM_MS = 500;
/** A caller waits for this. Without an answer the worker's own calls decide. */
const ADMIT_MS = 250;
/** An operator waits for this. Two large files are read in it, on a busy machine. */
export const RELOAD_MS = 30_000;

/**
 * Messages that no caller or operator waits for are sent together, or with the next one that is
 * waited for: the supervisor wakes up for each write, on a core that is needed for sound.
 */
const GATHER_MS = 20;

/** The worker's end of the channel. */
export interface Channel {
  send(message: FromWorker): void;
}

/** Connects a worker to the other workers of its machine, through the supervisor. */
export class WorkerLink implements Cluster, MachineLimits {
  readonly #clock: Clock;
  readonly #channel: Channel;
  readonly #requests: PendingRequests<PeerReply | null>;
  readonly #claims: PendingRequests<boolean | null>;
  readonly #admissions: PendingRequests<AgentRefusal | null>;
  readonly #reloads: PendingRequests<ReloadFaults | undefined>;
  #peer: ClusterPeer | null = null;
  #gathered: ClusterMessage[] = [];
  #due: Timer | null = null;

  constructor(clock: Clock, channel: Channel) {
    this.#clock = clock;
    this.#channel = channel;
    this.#requests = new PendingRequests(clock);
    this.#claims = new PendingRequests(clock);
    this.#admissions = new PendingRequests(clock);
    this.#reloads = new PendingRequests(clock);
  }

  join(peer: ClusterPeer): void {
    this.#peer = peer;
  }

  claim(callSid: CallSid): void {
    this.#send({ type: "claim", callSid });
  }

  release(callSid: CallSid): void {
    this.#gather({ type: "release", callSid });
  }

  ask(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null> {
    return this.#requests.open(REPLY_MS, null, (id) =>
      this.#send({ type: "request", id, callSid, request }),
    );
  }

  claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return this.#claims.open(CLAIM_MS, null, (id) =>
      this.#send({ type: "claim_once", id, key, ttlMs }),
    );
  }

  admit(call: CountedCall, limits: CallLimits): Promise<AgentRefusal | null> {
    return this.#admissions.open(ADMIT_MS, null, (id) =>
      this.#send({ type: "admit", id, call, limits }),
    );
  }

  present(call: CountedCall): void {
    this.#gather({ type: "present", call });
  }

  absent(callSid: CallSid): void {
    this.#gather({ type: "absent", callSid });
  }

  /** Has the agents file read again, for all workers. Undefined: it could not be read in time. */
  reload(): Promise<ReloadFaults | undefined> {
    return this.#reloads.open(RELOAD_MS, undefined, (id) =>
      this.#channel.send({ type: "reload", id }),
    );
  }

  /** Handles a message from the supervisor. */
  receive(
    message: Extract<
      ToWorker,
      {
        readonly type: "request" | "reply" | "claimed_once" | "moved" | "reload_read" | "admitted";
      }
    >,
  ): void {
    switch (message.type) {
      case "reply":
        this.#requests.settle(message.id, message.reply);
        return;
      case "claimed_once":
        this.#claims.settle(message.id, message.first);
        return;
      case "admitted":
        this.#admissions.settle(message.id, message.refusal);
        return;
      case "reload_read":
        this.#reloads.settle(message.id, message.faults);
        return;
      case "moved":
        this.#peer?.moved(message.callSid);
        return;
      case "request":
        void this.#handle(message);
    }
  }

  async #handle({
    id,
    callSid,
    request,
  }: Extract<ToWorker, { readonly type: "request" }>): Promise<void> {
    const reply = (await this.#peer?.answer(callSid, request)) ?? null;
    this.#send({ type: "reply", id, reply });
  }

  /** Sends it within GATHER_MS. */
  #gather(message: ClusterMessage): void {
    this.#gathered.push(message);
    this.#due ??= this.#clock.after(GATHER_MS, () => this.flush());
  }

  /** Sends it now, after what was gathered before it. */
  #send(message: ClusterMessage): void {
    this.#gathered.push(message);
    this.flush();
  }

  /** Sends what was gathered now: what follows may be the last that the supervisor hears. */
  flush(): void {
    this.#due?.cancel();
    this.#due = null;
    const [first, ...more] = this.#gathered;
    this.#gathered = [];
    if (first === undefined) return;
    this.#channel.send(more.length === 0 ? first : { type: "several", messages: [first, ...more] });
  }
}
