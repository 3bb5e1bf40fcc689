import type { CallSid } from "../../domain/ids.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand, Refusal } from "../call/call-command.js";
import type { SipInvite } from "../sip/invite.js";
import type { CallbackKind, CallbackLink, Form } from "./callback-link.js";

export interface Readiness {
  readonly ready: boolean;
  /**
   * "ok", "draining", "full", "overloaded", "database", "disk", "no_worker", or the code with which
   * every recent dial of the model failed: "upstream_account", "upstream_rejected".
   */
  readonly reason: string;
}

/**
 * The operations on calls that the edge uses. `Calls` implements them, and `ClusterRouter` for
 * several processes; the routes in `http/` know nothing else of calls. Methods that return TwiML
 * always return a harmless document: they never throw for what a caller, Twilio or the model did.
 */
export interface CallService {
  /**
   * POST /incoming-call, for callers and for people who have answered a call of ours. Repeats of
   * the same CallSid get the same treatment, not a second session.
   */
  incoming(form: Form, link?: CallbackLink): Promise<Twiml>;
  /** A Media Streams socket was upgraded; nothing is known of it until its `start`. */
  openStream(socket: MediaSocket): MediaReceiver;
  /** POST /connect-ended, also for calls this process never saw. */
  connectEnded(form: Form): Promise<Twiml>;
  /** POST /transfer-status and the TwiML pages of a transfer. */
  transferStatus(form: Form, link: CallbackLink): Promise<Twiml>;
  /** Callbacks, all of which are answered with 204. */
  callback(kind: CallbackKind, form: Form, link: CallbackLink): void;

  readiness(): Readiness;
  /** @returns why the command was refused; null: it is being carried out. */
  execute(callSid: CallSid, command: CallCommand): Promise<Refusal | null>;
}

/** The same for calls on the SIP path, where it is configured. */
export interface SipCallService {
  /** POST /sip/incoming-call. */
  incomingSip(form: Form): Promise<Twiml>;
  /** A call rings at the model; it is taken or refused, by the process it belongs to. */
  invited(invite: SipInvite): Promise<void>;
}
