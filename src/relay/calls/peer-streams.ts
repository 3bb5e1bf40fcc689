import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { PeerConnection, PeerDialer } from "../../ports/sockets.js";
import type { CarriedLeg, StreamCarrier } from "../media/media-leg.js";
import type { Cluster, PeerReply } from "./cluster.js";
import { PeerTickets } from "./peer-tickets.js";
import type { CallRegistry } from "./registry.js";

export interface PeerStreamsParts {
  /** This one's name. */
  readonly node: string;
  readonly registry: Pick<CallRegistry, "sip">;
  readonly clock: Clock;
  readonly log: Log;
  readonly cluster: Pick<Cluster, "ask">;
  readonly peers: PeerDialer;
}

/** About two seconds of a stream with two tracks. */
const MAX_BACKLOG_BYTES = 64 * 1024;

const NORMAL = 1000;
const REFUSED = 1008;
const INTERNAL = 1011;

/**
 * Twilio opens two kinds of stream for a call on the SIP path: the fork for listeners and a
 * supervisor's line. If MEDIA_URL does not name the process, they reach any process, which carries
 * them to the process with the call, message by message.
 */
export class PeerStreams {
  /** Where other processes reach the operator listener of this one; null: that is not known. */
  reachedAt: string | null = null;
  readonly #parts: PeerStreamsParts;
  readonly #tickets: PeerTickets<true>;

  constructor(parts: PeerStreamsParts) {
    this.#parts = parts;
    this.#tickets = new PeerTickets(() => parts.clock.nowMs());
  }

  /** A stream of this call has reached another process. Null: it cannot be carried here. */
  invite(callSid: CallSid): PeerReply | null {
    const { node, registry } = this.#parts;
    if (this.reachedAt === null || registry.sip(callSid) === undefined) return null;
    const ticket = this.#tickets.issue(callSid, true);
    return { kind: "stream", node, url: this.reachedAt, ticket };
  }

  redeem(callSid: CallSid, ticket: string): boolean {
    return this.#tickets.redeem(callSid, ticket) !== null;
  }

  /** The way to the process with this call. Null: no process has it, or it cannot be reached. */
  async open(callSid: CallSid): Promise<StreamCarrier | null> {
    const { cluster, peers, log } = this.#parts;
    const reply = await cluster.ask(callSid, { kind: "stream" });
    if (reply?.kind !== "stream") return null;
    const connection = await peers.dial(reply.url, callSid, "stream", reply.ticket);
    if (connection !== null) return new Carrier(connection);
    const fix = "set PEER_URL and ADMIN_HOST there so that other nodes reach its operator listener";
    log.warn("media: process with the call not reached", { callSid, node: reply.node, fix });
    return null;
  }
}

class Carrier implements StreamCarrier {
  readonly #peer: PeerConnection;

  constructor(peer: PeerConnection) {
    this.#peer = peer;
  }

  begin(leg: CarriedLeg): void {
    this.#peer.begin({
      message: (message) => leg.toPhone(message),
      // Without a close frame the process with the call is gone.
      closed: (code, reason) =>
        code === NORMAL || code === REFUSED
          ? leg.end(code, reason)
          : leg.end(INTERNAL, "process lost"),
    });
  }

  message(message: Uint8Array): void {
    if (this.#peer.bufferedBytes() <= MAX_BACKLOG_BYTES) this.#peer.send(message, false);
    // Dropping one message would leave a gap in the audio, or hide the stream's end.
    else this.#peer.close(INTERNAL, "too slow");
  }

  closed(): void {
    this.#peer.close(NORMAL, "closed");
  }
}
