/**
 * Other processes of this service, on this machine and on others, as the calls know them. A single
 * process has none. Implemented by `supervisor/` for the workers of one machine and by
 * `adapters/cluster/` for nodes.
 */
import type { CallSid } from "../../domain/ids.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand, CallHandoff, Refusal } from "../call/call-command.js";
import type { SipInvite } from "../sip/invite.js";
import type { CallbackKind, CallbackLink, Form } from "./callback-link.js";
import type { ListenRefusal } from "./listen-service.js";

/** A request to the process that answers for a call. Plain data: it travels as JSON. */
export type PeerRequest =
  | { readonly kind: "connect_ended"; readonly form: Form }
  | { readonly kind: "transfer_status"; readonly form: Form; readonly link: CallbackLink }
  | {
      readonly kind: "callback";
      readonly callback: CallbackKind;
      readonly form: Form;
      readonly link: CallbackLink;
    }
  | { readonly kind: "command"; readonly command: CallCommand }
  /** A leg of this call rings at the model. */
  | { readonly kind: "sip_invited"; readonly invite: SipInvite }
  /** An operator of this name wants to listen to the call: where, and by which ticket? */
  | { readonly kind: "listen"; readonly by: string }
  /** A stream of this call on the SIP path has arrived here: whereto, and by which ticket? */
  | { readonly kind: "stream" }
  /** The call's stream has arrived here: what is to be known of it? */
  | { readonly kind: "stream_elsewhere" };

export type PeerReply =
  | { readonly kind: "twiml"; readonly twiml: Twiml }
  | { readonly kind: "refusal"; readonly refusal: Refusal | null }
  | { readonly kind: "handoff"; readonly handoff: CallHandoff }
  /** `url` of an operator listener. The ticket is valid for one connection within ten seconds. */
  | {
      readonly kind: "listen" | "stream";
      readonly node: string;
      readonly url: string;
      readonly ticket: string;
    }
  | { readonly kind: "listen_refused"; readonly refusal: ListenRefusal }
  | { readonly kind: "done" };

/** What other processes may ask of this one. */
export interface ClusterPeer {
  /** Null: the call is not known here, or nothing can be said of it. Never rejects. */
  answer(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null>;
  /** Another process has the call's stream now. */
  moved(callSid: CallSid): void;
}

export interface Cluster {
  /** Once, before anything else. */
  join(member: ClusterPeer): void;
  /**
   * This process answers for the call from now on; the process that did before is told. Never waits
   * and never throws.
   */
  claim(callSid: CallSid): void;
  /**
   * The call is over; what still comes of it may be answered anywhere after a while. Never waits
   * and never throws.
   */
  release(callSid: CallSid): void;
  /**
   * Sends a request to the process that answers for the call. Null: there is none, or it did not
   * answer in time (a few seconds). Never rejects.
   */
  ask(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null>;
  /**
   * True for the first of all processes that asks for this key within `ttlMs`. Null: that cannot be
   * told now. Answers within half a second or so, and never rejects.
   */
  claimOnce(key: string, ttlMs: number): Promise<boolean | null>;
}

/**
 * Processes of this machine, which are near, and those of others: what the near ones cannot tell is
 * asked of the far ones.
 */
export class TieredCluster implements Cluster {
  readonly #near: Cluster;
  readonly #far: Cluster;

  constructor(near: Cluster, far: Cluster) {
    this.#near = near;
    this.#far = far;
  }

  join(member: ClusterPeer): void {
    this.#near.join(member);
    this.#far.join(member);
  }

  claim(callSid: CallSid): void {
    this.#near.claim(callSid);
    this.#far.claim(callSid);
  }

  release(callSid: CallSid): void {
    this.#near.release(callSid);
    this.#far.release(callSid);
  }

  async ask(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null> {
    return (await this.#near.ask(callSid, request)) ?? (await this.#far.ask(callSid, request));
  }

  /** What is far knows of all; what is near, only while that is away. */
  async claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return (await this.#far.claimOnce(key, ttlMs)) ?? (await this.#near.claimOnce(key, ttlMs));
  }
}
