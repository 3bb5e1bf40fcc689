/**
 * The other processes of this service, on this machine and on others, as calls see them. A single
 * process has no cluster. Implemented by `supervisor/` for the workers of one machine and by
 * `adapters/cluster/` for nodes.
 */
import type { CallSid } from "../../domain/ids.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand, CallHandoff, Refusal } from "../call/call-command.js";
import type { SipInvite } from "../sip/invite.js";
import type { CallbackKind, CallbackLink, Form } from "./callback-link.js";
import type { ListenRefusal } from "./listen-service.js";

/** A request to the owner of a call. Plain data: it travels as JSON. */
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
  /**
   * An operator of this name wants to listen to the call. The reply says where, and has a ticket.
   */
  | { readonly kind: "listen"; readonly by: string }
  /** A stream of this call on the SIP path has arrived here. The reply says where to carry it. */
  | { readonly kind: "stream" }
  /** Does a process have this call, or a transfer of it? The reply is `done`. */
  | { readonly kind: "known" }
  /** The call's stream has arrived here. The reply is the call's handoff. */
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
  /** Null: this process does not know the call, or cannot answer. Never rejects. */
  answer(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null>;
  /** Another process has the call's stream now. */
  moved(callSid: CallSid): void;
}

export interface Cluster {
  /** Called once, before anything else. */
  join(member: ClusterPeer): void;
  /**
   * This process owns the call from now on, and the former owner is told. Never waits and never
   * throws.
   */
  claim(callSid: CallSid): void;
  /**
   * The call is over. After a while any process may answer its late callbacks. Never waits and
   * never throws.
   */
  release(callSid: CallSid): void;
  /**
   * Sends a request to the owner of the call. Null: there is none, or it did not answer in time (a
   * few seconds). Never rejects.
   */
  ask(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null>;
  /**
   * True for the first of all processes that asks for this key within `ttlMs`. Null: unknown,
   * because the others cannot be asked. Answers within about half a second. Never rejects.
   */
  claimOnce(key: string, ttlMs: number): Promise<boolean | null>;
}

/**
 * The processes of this machine, which are near, and those of other machines, which are far. Far
 * ones are asked only what near ones do not know.
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

  /** The far side knows about all processes. The near side decides while the far side is away. */
  async claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return (await this.#far.claimOnce(key, ttlMs)) ?? (await this.#near.claimOnce(key, ttlMs));
  }
}
