/**
 * The model's SIP endpoint: takes INVITEs, announces them by webhook, and is controlled by REST
 * (`call-rest.ts`) and by sideband sockets.
 *
 * ```ts
 * const model = await startModel({ script });
 * model.sip.deliverTo(`http://127.0.0.1:${relayPort}/openai/webhook`);
 * const twilio = await startTwilio({ publicUrl, sip: model.sip.invite });
 * // The relay: OPENAI_BASE_URL=model.baseUrl OPENAI_WEBHOOK_SECRET=model.sip.secret
 * // OPENAI_PROJECT_ID=model.sip.projectId
 * const call = await model.sip.call(0);
 * await call.events.until("accepted");
 * model.sip.fail({ operation: "accept", kind: "500" });
 * await model.sip.announce(call, { forgery: "wrong_secret" });   // the webhook again, spoilt
 * call.session?.crash();                                         // the sideband; the call goes on
 * call.die();                                                    // the model's leg
 * ```
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SimClock } from "../clock.js";
import type { SessionFaults } from "../model/faults.js";
import type { ModelSession } from "../model/session.js";
import type { SipSessionLink } from "../model/session-types.js";
import { SipCall } from "./call.js";
import { type CallRequest, CallRest, type CallRestFault } from "./call-rest.js";
import type { Invite, SipEndpoint } from "./endpoints.js";
import { type Delivery, type DeliveryReply, deliver } from "./webhook.js";

export interface SipOptions {
  /** Default proj_simulated. */
  readonly projectId?: string;
  /** `whsec_…`; default a fixed one. */
  readonly secret?: string;
  /** How long a call rings unless it is accepted. Default 20,000. */
  readonly ringMs?: number;
  /** Pauses before a webhook is sent again that was not answered 2xx. Default 500 and 2,000. */
  readonly retriesMs?: readonly number[];
  /** How many times each webhook is sent, all at once, under one `webhook-id`. Default 1. */
  readonly copies?: number;
  /** When a webhook that was answered 2xx is sent again, under the same id. Default never. */
  readonly repeatsMs?: readonly number[];
  /** The same call is also announced as `live.call.incoming`, before. Default false. */
  readonly announceLive?: boolean;
  /** How much faster than real time the model's sound plays. Default 1. */
  readonly playSpeed?: number;
}

export interface SipParts {
  readonly apiKey: string;
  readonly models: readonly string[];
  readonly clock: SimClock;
  readonly faults: SessionFaults;
  readonly open: (link: SipSessionLink) => ModelSession;
}

const RETRIES_MS = [500, 2000];

export class SimulatedSip {
  readonly projectId: string;
  readonly secret: string;
  /** In the order of their INVITEs. */
  readonly calls: SipCall[] = [];
  /** What the relay did wrong. */
  readonly violations: string[] = [];
  /** Every delivery of a webhook, with its answer. */
  readonly deliveries: { readonly callId: string; readonly id: string; readonly status: number }[] =
    [];
  readonly #options: SipOptions;
  readonly #clock: SimClock;
  readonly #open: SipParts["open"];
  readonly #rest: CallRest;
  readonly #waiting: { index: number; resolve: (call: SipCall) => void }[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #target: (() => string) | null = null;
  #closed = false;

  constructor(options: SipOptions, parts: SipParts) {
    this.#options = options;
    this.#clock = parts.clock;
    this.#open = parts.open;
    this.projectId = options.projectId ?? "proj_simulated";
    this.secret =
      options.secret ??
      `whsec_${Buffer.from("a secret of thirty-two characters").toString("base64")}`;
    this.#rest = new CallRest({
      apiKey: parts.apiKey,
      models: parts.models,
      clock: parts.clock,
      faults: parts.faults,
      find: (callId) => this.find(callId),
      violation: (text) => this.violations.push(text),
    });
  }

  /** What a carrier dials. */
  get address(): string {
    return `sip:${this.projectId}@sip.api.openai.com;transport=tls`;
  }

  /** What REST was asked. */
  get requests(): readonly CallRequest[] {
    return this.#rest.requests;
  }

  /** Each REST answer takes this much longer, in ms. */
  set slowMs(ms: number) {
    this.#rest.slowMs = ms;
  }

  /** Where webhooks go; a function is asked for every delivery. */
  deliverTo(target: string | (() => string)): void {
    this.#target = typeof target === "string" ? () => target : target;
  }

  /** The next matching REST requests fail. */
  fail(fault: CallRestFault): void {
    this.#rest.fail(fault);
  }

  /** The call with this index; waits for its INVITE. */
  call(index: number): Promise<SipCall> {
    const there = this.calls[index];
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => {
      this.#waiting.push({ index, resolve });
    });
  }

  find(callId: string): SipCall | undefined {
    return this.calls.find((call) => call.id === callId);
  }

  /** An INVITE arrives. Bound, so that it can be handed to a carrier. */
  readonly invite: SipEndpoint = (invite, carrier) => {
    const user = /^sips?:([^@]+)@/.exec(invite.uri)?.[1] ?? "";
    const number = (this.calls.length + 1).toString(36);
    const id = `rtc_${number}${Math.floor(this.#clock.nowMs()).toString(36)}sim`;
    const body = webhookBody("realtime.call.incoming", id, invite);
    const call = new SipCall(id, body, invite, carrier, {
      clock: this.#clock,
      ringMs: this.#options.ringMs ?? 20_000,
      playSpeed: this.#options.playSpeed ?? 1,
      open: this.#open,
    });
    this.calls.push(call);
    for (const [i, waiter] of [...this.#waiting.entries()].reverse()) {
      if (waiter.index >= this.calls.length) continue;
      this.#waiting.splice(i, 1);
      waiter.resolve(this.calls[waiter.index]!);
    }
    // The carrier must have its end of the call first.
    this.#clock.after(0, () => {
      if (user === this.projectId) this.#announceAll(call, invite);
      else {
        this.violations.push(`a call to ${invite.uri}, which is not the project's address`);
        call.reject(404);
      }
    });
    return call;
  };

  /**
   * Sends a webhook of this call: as it was, under a new id, later, or spoilt. Resolves with the
   * answer.
   */
  announce(call: SipCall, how: Partial<Delivery> = {}): Promise<DeliveryReply> {
    const url = how.url ?? this.#target?.() ?? "";
    const run = deliver(this.secret, { body: call.body, ...how, url }).then((reply) => {
      this.deliveries.push({ callId: call.id, id: reply.id, status: reply.status });
      call.events.add("delivery", {
        id: reply.id,
        status: reply.status,
        forgery: how.forgery ?? "",
      });
      return reply;
    });
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
    return run;
  }

  /** When no webhook is under way any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  close(): void {
    this.#closed = true;
    for (const call of this.calls) call.bye();
  }

  /** @returns false when the path is none of its own. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#rest.serve(request, response);
  }

  #announceAll(call: SipCall, invite: Invite): void {
    if (this.#target === null) return;
    if (this.#options.announceLive === true)
      void this.announce(call, { body: webhookBody("live.call.incoming", call.id, invite) });
    const id = `wh_${call.id}`;
    const { copies = 1, repeatsMs = [] } = this.#options;
    for (let copy = 0; copy < copies; copy++) void this.#deliverWithRetries(call, id, 0);
    for (const ms of repeatsMs)
      this.#clock.after(ms, () => {
        if (!this.#closed) void this.announce(call, { id });
      });
  }

  /** Until an answer is 2xx, or no retry is left. */
  async #deliverWithRetries(call: SipCall, id: string, attempt: number): Promise<void> {
    const reply = await this.announce(call, { id });
    if (reply.status >= 200 && reply.status <= 299) return;
    const pauseMs = (this.#options.retriesMs ?? RETRIES_MS)[attempt];
    if (pauseMs === undefined || this.#closed) return;
    this.#clock.after(pauseMs, () => {
      if (!this.#closed) void this.#deliverWithRetries(call, id, attempt + 1);
    });
  }
}

function webhookBody(type: string, callId: string, invite: Invite): string {
  const session = type.startsWith("live.") ? { session_id: `live_${callId}` } : { call_id: callId };
  return JSON.stringify({
    object: "event",
    id: `evt_${callId}`,
    type,
    created_at: Math.floor(Date.now() / 1000),
    data: { ...session, sip_media_security: "srtp", sip_headers: invite.headers },
  });
}
