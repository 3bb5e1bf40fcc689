import type { CallSid } from "../../domain/ids.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import type { Twiml } from "../../wire/twiml.js";
import type { SipInvite } from "../sip/invite.js";
import type { SipCalls } from "../sip/sip-calls.js";
import type {
  CallbackKind,
  CallService,
  Form,
  Readiness,
  Refusal,
  SipCallService,
} from "./call-service.js";
import type { Calls } from "./calls.js";
import type { CallHandoff } from "./cluster.js";

/** The desk of a process that takes calls on both paths: which one a call is on shows by who knows it. */
export class PathRouter implements CallService, SipCallService {
  readonly #calls: Calls;
  readonly #sip: SipCalls;

  constructor(calls: Calls, sip: SipCalls) {
    this.#calls = calls;
    this.#sip = sip;
  }

  incoming(form: Form, query?: Form): Promise<Twiml> {
    return this.#calls.incoming(form, query);
  }

  async incomingSip(form: Form): Promise<Twiml> {
    return this.#sip.incoming(form);
  }

  async invited(invite: SipInvite): Promise<void> {
    await this.#sip.invited(invite);
  }

  openStream(socket: MediaSocket): MediaReceiver {
    return this.#calls.openStream(socket);
  }

  async connectEnded(form: Form): Promise<Twiml> {
    const callSid = (form["CallSid"] ?? "") as CallSid;
    // The number's fallback URL leads here, too.
    const known = this.#sip.knows(callSid) ? await this.#sip.conferenceOver(callSid, form) : null;
    return known ?? this.#calls.connectEnded(form);
  }

  async transferStatus(form: Form, query: Form): Promise<Twiml> {
    if (query["sip"] === undefined) return this.#calls.transferStatus(form, query);
    const callSid = (form["CallSid"] ?? "") as CallSid;
    return (await this.#sip.conferenceOver(callSid, form)) ?? this.#calls.connectEnded(form);
  }

  callback(kind: CallbackKind, form: Form, query: Form): void {
    if (query["sip"] !== undefined) {
      this.#sip.callback(form, query);
      return;
    }
    const call = this.#sip.find((form["CallSid"] ?? "") as CallSid);
    if (kind === "call-status" && call !== undefined && form["CallStatus"] === "completed")
      this.#sip.callerGone(call);
    this.#calls.callback(kind, form, query);
  }

  readiness(): Readiness {
    return this.#calls.readiness();
  }

  async transfer(
    callSid: CallSid,
    destination: string,
    reason: string | null,
  ): Promise<Refusal | null> {
    return this.#sip.find(callSid) === undefined
      ? this.#calls.transfer(callSid, destination, reason)
      : this.#sip.transfer(callSid, destination, reason);
  }

  async end(callSid: CallSid): Promise<Refusal | null> {
    return this.#sip.find(callSid) === undefined
      ? this.#calls.end(callSid)
      : this.#sip.end(callSid);
  }

  knows(callSid: CallSid): boolean {
    return this.#sip.knows(callSid) || this.#calls.knows(callSid);
  }

  heritage(callSid: CallSid): CallHandoff | null {
    return this.#calls.heritage(callSid);
  }

  moved(callSid: CallSid): void {
    this.#sip.moved(callSid);
    this.#calls.moved(callSid);
  }
}
