import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { ListenerReceiver, ListenerSocket, PeerDialer } from "../../ports/sockets.js";
import type { LeaveReason } from "../media/call-listeners.js";
import type { Cluster, PeerReply } from "./cluster.js";
import type { ListenRefusal, ListenService, OpenListening } from "./listen-service.js";
import { PeerListening } from "./peer-listening.js";
import { PeerTickets } from "./peer-tickets.js";
import type { CallRegistry } from "./registry.js";

export interface ListeningParts {
  /** This one's name. */
  readonly node: string;
  readonly registry: Pick<CallRegistry, "find">;
  /** The process's own: listeners are no part of a flight recording. */
  readonly clock: Clock;
  /** The node that has a live call, by its record; null: it is not live. */
  readonly nodeOf: (callSid: CallSid) => Promise<string | null>;
  /** Null: this is the only process. */
  readonly cluster: Pick<Cluster, "ask"> | null;
  readonly peers: PeerDialer;
}

/** Operators who listen to calls, of this process and of others. */
export class Listening implements ListenService {
  /**
   * Where other nodes reach the operator listener of this one; null: it does not listen yet, or its
   * port is not known.
   */
  reachedAt: string | null = null;
  readonly #parts: ListeningParts;
  /** With the name of the operator. */
  readonly #tickets: PeerTickets<string>;

  constructor(parts: ListeningParts) {
    this.#parts = parts;
    this.#tickets = new PeerTickets(() => parts.clock.nowMs());
  }

  async refusal(callSid: CallSid): Promise<ListenRefusal | null> {
    if (this.#parts.registry.find(callSid) !== undefined) return this.#refusalHere(callSid);
    const node = await this.#parts.nodeOf(callSid);
    // Whether that node can be reached shows when it is tried.
    return node === null ? { reason: "not_found" } : null;
  }

  async open(callSid: CallSid, by: string): Promise<OpenListening | ListenRefusal> {
    if (this.#parts.registry.find(callSid) !== undefined) return this.openHere(callSid, by);
    const found = await this.#openThere(callSid, by);
    if (found !== null) return found;
    const node = await this.#parts.nodeOf(callSid);
    return node === null ? { reason: "not_found" } : { reason: "elsewhere", node };
  }

  openHere(callSid: CallSid, by: string): OpenListening | ListenRefusal {
    const refusal = this.#refusalHere(callSid);
    if (refusal !== null) return refusal;
    return { join: (socket) => this.#join(callSid, by, socket), abandon: () => undefined };
  }

  redeem(callSid: CallSid, ticket: string): string | null {
    return this.#tickets.redeem(callSid, ticket);
  }

  /** Another process's operator wants to listen. */
  invite(callSid: CallSid, by: string): PeerReply | null {
    const refusal = this.#refusalHere(callSid);
    if (refusal !== null) return { kind: "listen_refused", refusal };
    if (this.reachedAt === null) return null;
    const ticket = this.#tickets.issue(callSid, by);
    return { kind: "listen", node: this.#parts.node, url: this.reachedAt, ticket };
  }

  #refusalHere(callSid: CallSid): ListenRefusal | null {
    const call = this.#parts.registry.find(callSid);
    if (call === undefined) return { reason: "not_live" };
    const { listeners } = call.path;
    if (listeners === null) return { reason: "path" };
    if (call.isOver) return { reason: "not_live" };
    return listeners.isFull ? { reason: "too_many_listeners" } : null;
  }

  /** Null: no other process can be asked. */
  async #openThere(callSid: CallSid, by: string): Promise<OpenListening | ListenRefusal | null> {
    const { cluster, peers } = this.#parts;
    const reply = (await cluster?.ask(callSid, { kind: "listen", by })) ?? null;
    if (reply?.kind === "listen_refused") return reply.refusal;
    if (reply?.kind !== "listen") return null;
    const connection = await peers.dial(reply.url, callSid, "listen", reply.ticket);
    if (connection === null) return { reason: "elsewhere", node: reply.node };
    return new PeerListening(connection);
  }

  #join(callSid: CallSid, by: string, socket: ListenerSocket): ListenerReceiver | null {
    const call = this.#parts.registry.find(callSid);
    const joined = call?.path.listeners?.join(by, socket, this.#parts.clock) ?? null;
    if (call === undefined || joined === null) return null;
    const { id: listener } = joined;
    const speaks = (): boolean => call.takeover.listener === listener;
    return {
      audio: (ulaw) => {
        if (!speaks()) return;
        const base64 = Buffer.from(ulaw).toString("base64");
        call.execute({ type: "supervisor_audio", listener, base64 });
      },
      closed: (code) => {
        joined.left(leftBecause(code));
        if (speaks())
          call.execute({ type: "hand_back", by, reason: "connection_lost", note: null });
      },
    };
  }
}

/** A process that carries a listener's audio says so when that listener is too slow. */
const TOO_SLOW = 1013;

function leftBecause(code: number): LeaveReason {
  return code === TOO_SLOW ? "too_slow" : "left";
}
