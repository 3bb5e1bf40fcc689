import { type CallSid, readCallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand, Refusal } from "../call/call-command.js";
import type { SipInvite } from "../sip/invite.js";
import type { CallService, Readiness, SipCallService } from "./call-service.js";
import { type CallbackKind, type CallbackLink, callOf, type Form } from "./callback-link.js";
import type { Calls } from "./calls.js";
import type { Cluster, ClusterPeer, PeerReply, PeerRequest } from "./cluster.js";
import type { Listening } from "./listening.js";
import type { PeerStreams } from "./peer-streams.js";

/** Callbacks that only the process with their call can use. Any process can handle the others. */
const OF_A_CALL: ReadonlySet<CallbackKind> = new Set([
  "call-status",
  "amd-status",
  "conference-events",
]);

type OwnCalls = CallService & SipCallService & Pick<Calls, "knows" | "moved" | "handoff">;

/**
 * The calls of one of several processes. Any process may get a webhook of any call. A request about
 * a call that this process does not have is sent to the process that owns it. If no process
 * answers, the call counts as one of a dead process.
 */
export class ClusterRouter implements CallService, SipCallService, ClusterPeer {
  readonly #calls: OwnCalls;
  readonly #cluster: Pick<Cluster, "ask">;
  readonly #listening: Pick<Listening, "invite">;
  readonly #streams: Pick<PeerStreams, "invite">;
  readonly #log: Log;

  constructor(
    calls: OwnCalls,
    cluster: Pick<Cluster, "ask">,
    listening: Pick<Listening, "invite">,
    streams: Pick<PeerStreams, "invite">,
    log: Log,
  ) {
    this.#calls = calls;
    this.#cluster = cluster;
    this.#listening = listening;
    this.#streams = streams;
    this.#log = log;
  }

  // --- from Twilio and operators -----------------------------------------------------------------

  /** A new call belongs to no process yet: the one that gets its webhook takes it. */
  incoming(form: Form, link?: CallbackLink): Promise<Twiml> {
    return this.#calls.incoming(form, link);
  }

  incomingSip(form: Form): Promise<Twiml> {
    return this.#calls.incomingSip(form);
  }

  /** The SIP path finds the owner itself, because it must ask more than once. */
  invited(invite: SipInvite): Promise<void> {
    return this.#calls.invited(invite);
  }

  openStream(socket: MediaSocket): MediaReceiver {
    return this.#calls.openStream(socket);
  }

  async connectEnded(form: Form): Promise<Twiml> {
    const reply = await this.#askOwner(readCallSid(form["CallSid"]), {
      kind: "connect_ended",
      form,
    });
    return reply?.kind === "twiml" ? reply.twiml : this.#calls.connectEnded(form);
  }

  async transferStatus(form: Form, link: CallbackLink): Promise<Twiml> {
    const reply = await this.#askOwner(callOf(link, form), {
      kind: "transfer_status",
      form,
      link,
    });
    return reply?.kind === "twiml" ? reply.twiml : this.#calls.transferStatus(form, link);
  }

  callback(kind: CallbackKind, form: Form, link: CallbackLink): void {
    const callSid = callOf(link, form);
    if (!OF_A_CALL.has(kind) || callSid === null || this.#calls.knows(callSid)) {
      this.#calls.callback(kind, form, link);
      return;
    }
    void this.#cluster
      .ask(callSid, { kind: "callback", callback: kind, form, link })
      .then((reply) => {
        if (reply === null) this.#calls.callback(kind, form, link);
      });
  }

  readiness(): Readiness {
    return this.#calls.readiness();
  }

  async execute(callSid: CallSid, command: CallCommand): Promise<Refusal | null> {
    const reply = await this.#askOwner(callSid, { kind: "command", command });
    return reply?.kind === "refusal" ? reply.refusal : this.#calls.execute(callSid, command);
  }

  /** @returns null: this process must answer itself. */
  async #askOwner(callSid: CallSid | null, request: PeerRequest): Promise<PeerReply | null> {
    if (callSid === null || this.#calls.knows(callSid)) return null;
    return this.#cluster.ask(callSid, request);
  }

  // --- from the other processes ------------------------------------------------------------------

  /**
   * A fault is logged here, where its cause is. The process that asked goes on as if no process had
   * the call.
   */
  async answer(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null> {
    try {
      return await this.#answer(callSid, request);
    } catch (error) {
      this.#log.error("cluster: peer request failed", { callSid, request: request.kind }, error);
      return null;
    }
  }

  async #answer(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null> {
    const calls = this.#calls;
    if (!calls.knows(callSid)) return null;
    switch (request.kind) {
      case "connect_ended":
        return { kind: "twiml", twiml: await calls.connectEnded(request.form) };
      case "transfer_status":
        return { kind: "twiml", twiml: await calls.transferStatus(request.form, request.link) };
      case "callback":
        calls.callback(request.callback, request.form, request.link);
        return { kind: "done" };
      case "sip_invited":
        await calls.invited(request.invite);
        return { kind: "done" };
      case "command":
        return { kind: "refusal", refusal: await calls.execute(callSid, request.command) };
      case "listen":
        return this.#listening.invite(callSid, request.by);
      case "stream":
        return this.#streams.invite(callSid);
      case "known":
        return { kind: "done" };
      case "stream_elsewhere": {
        const handoff = calls.handoff(callSid);
        return handoff === null ? null : { kind: "handoff", handoff };
      }
      default:
        // A newer version asks, while nodes are replaced one by one.
        return null;
    }
  }

  moved(callSid: CallSid): void {
    this.#calls.moved(callSid);
  }
}
