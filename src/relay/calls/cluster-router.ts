import type { CallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import { readLink } from "../../transfer/transfer-link.js";
import type { Twiml } from "../../wire/twiml.js";
import type { SipInvite } from "../sip/invite.js";
import type {
  CallbackKind,
  CallService,
  Form,
  Readiness,
  Refusal,
  SipCallService,
} from "./call-service.js";
import type { Calls } from "./calls.js";
import type { Cluster, ClusterPeer, PeerReply, PeerRequest } from "./cluster.js";
import { apologyTwiml } from "./voice-twiml.js";

/** Callbacks that only the process of their call can make something of; the others are right anywhere. */
const OF_A_CALL: ReadonlySet<CallbackKind> = new Set([
  "call-status",
  "amd-status",
  "conference-events",
]);

type OwnDesk = CallService & Pick<Calls, "knows" | "moved" | "heritage"> & Partial<SipCallService>;

/**
 * The desk of one of several processes. Any of them may get a webhook of any call: what is not known here is put to the process that
 * answers for the call, and is treated as a call of a dead process when nobody does.
 */
export class ClusterRouter implements CallService, SipCallService, ClusterPeer {
  readonly #calls: OwnDesk;
  readonly #fleet: Pick<Cluster, "ask">;
  readonly #log: Log;

  constructor(calls: OwnDesk, fleet: Pick<Cluster, "ask">, log: Log) {
    this.#calls = calls;
    this.#fleet = fleet;
    this.#log = log;
  }

  // --- from Twilio and operators --------------------------------------------------------------------

  /** A call that rings is nobody's yet: whoever gets its webhook takes it. */
  incoming(form: Form, query?: Form): Promise<Twiml> {
    return this.#calls.incoming(form, query);
  }

  incomingSip(form: Form): Promise<Twiml> {
    return this.#calls.incomingSip?.(form) ?? Promise.resolve(apologyTwiml(null));
  }

  /** Whose call it is, is for the SIP path to find out: it must not give up at the first silence. */
  async invited(invite: SipInvite): Promise<void> {
    await this.#calls.invited?.(invite);
  }

  openStream(socket: MediaSocket): MediaReceiver {
    return this.#calls.openStream(socket);
  }

  async connectEnded(form: Form): Promise<Twiml> {
    const answer = await this.#askHolder(sidOf(form), { kind: "connect_ended", form });
    return answer?.kind === "twiml" ? answer.twiml : this.#calls.connectEnded(form);
  }

  async transferStatus(form: Form, query: Form): Promise<Twiml> {
    const callSid = readLink(query)?.call ?? sidOf(form);
    const answer = await this.#askHolder(callSid, { kind: "transfer_status", form, query });
    return answer?.kind === "twiml" ? answer.twiml : this.#calls.transferStatus(form, query);
  }

  callback(kind: CallbackKind, form: Form, query: Form): void {
    const callSid =
      readLink(query)?.call ??
      (query["sip"] === undefined ? sidOf(form) : sidOf({ CallSid: query["call"] ?? "" }));
    if (!OF_A_CALL.has(kind) || callSid === null || this.#calls.knows(callSid)) {
      this.#calls.callback(kind, form, query);
      return;
    }
    void this.#fleet
      .ask(callSid, { kind: "callback", callback: kind, form, query })
      .then((answer) => {
        if (answer === null) this.#calls.callback(kind, form, query);
      });
  }

  readiness(): Readiness {
    return this.#calls.readiness();
  }

  async transfer(
    callSid: CallSid,
    destination: string,
    reason: string | null,
  ): Promise<Refusal | null> {
    const answer = await this.#askHolder(callSid, { kind: "transfer", destination, reason });
    return answer?.kind === "refusal"
      ? answer.refusal
      : this.#calls.transfer(callSid, destination, reason);
  }

  async end(callSid: CallSid): Promise<Refusal | null> {
    const answer = await this.#askHolder(callSid, { kind: "end" });
    return answer?.kind === "refusal" ? answer.refusal : this.#calls.end(callSid);
  }

  /** Null: this process is to answer itself. */
  async #askHolder(callSid: CallSid | null, question: PeerRequest): Promise<PeerReply | null> {
    if (callSid === null || this.#calls.knows(callSid)) return null;
    return this.#fleet.ask(callSid, question);
  }

  // --- from the other processes ---------------------------------------------------------------------

  /** A fault of ours is told here, where its cause is; whoever asked goes on as if nobody had the call. */
  async answer(callSid: CallSid, question: PeerRequest): Promise<PeerReply | null> {
    try {
      return await this.#answer(callSid, question);
    } catch (error) {
      this.#log.error("another process got no answer", { callSid, question: question.kind }, error);
      return null;
    }
  }

  async #answer(callSid: CallSid, question: PeerRequest): Promise<PeerReply | null> {
    const calls = this.#calls;
    if (!calls.knows(callSid)) return null;
    switch (question.kind) {
      case "connect_ended":
        return { kind: "twiml", twiml: await calls.connectEnded(question.form) };
      case "transfer_status":
        return { kind: "twiml", twiml: await calls.transferStatus(question.form, question.query) };
      case "callback":
        calls.callback(question.callback, question.form, question.query);
        return { kind: "done" };
      case "sip_invited":
        await calls.invited?.(question.invite);
        return { kind: "done" };
      case "transfer":
        return {
          kind: "refusal",
          refusal: await calls.transfer(callSid, question.destination, question.reason),
        };
      case "end":
        return { kind: "refusal", refusal: await calls.end(callSid) };
      case "stream_elsewhere": {
        const heritage = calls.heritage(callSid);
        return heritage === null ? null : { kind: "heritage", heritage };
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

function sidOf(form: Form): CallSid | null {
  const sid = form["CallSid"] ?? "";
  return /^CA[0-9a-fA-F]{32}$/.test(sid) ? (sid as CallSid) : null;
}
