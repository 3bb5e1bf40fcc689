/**
 * The model's SIP end: takes INVITEs, announces them by webhook, and is steered by REST and by sideband sockets.
 *
 * ```ts
 * const model = await startModel({ script });
 * model.sip.deliverTo(`http://127.0.0.1:${relayPort}/openai/webhook`);
 * const twilio = await startTwilio({ publicUrl, sip: model.sip.invite });
 * // The relay: OPENAI_BASE_URL=model.baseUrl OPENAI_WEBHOOK_SECRET=model.sip.secret OPENAI_PROJECT_ID=model.sip.projectId
 * const call = await model.sip.call(0);
 * await call.events.until("accepted");
 * model.sip.fail({ operation: "accept", kind: "500" });
 * await model.sip.announce(call, { forgery: "wrong_secret" });     // the webhook once more, spoilt
 * call.session?.crash();                                           // the sideband; the call goes on
 * call.die();                                                      // the model's leg
 * ```
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SimClock } from "../clock.js";
import { type Fault, isObject, type Json, object, text } from "../model/check.js";
import { ACCEPT } from "../model/schemas.js";
import type { ModelSession } from "../model/session.js";
import type { SipSessionLink } from "../model/session-types.js";
import { SipCall } from "./call.js";
import type { Invite, SipEndpoint } from "./endpoints.js";
import { type Delivery, type DeliveryReply, deliver } from "./webhook.js";

export interface SipOptions {
  /** Default proj_simulated. */
  readonly projectId?: string;
  /** `whsec_…`; default a fixed one. */
  readonly secret?: string;
  /** How long a call rings unless somebody accepts it. Default 20,000. */
  readonly ringMs?: number;
  /** Pauses before a webhook is sent again that was not answered 2xx. Default 500 and 2,000. */
  readonly retriesMs?: readonly number[];
  /** How many times each webhook is sent, all at once, under one `webhook-id`. Default 1. */
  readonly copies?: number;
  /** The same call is also announced as `live.call.incoming`, before. Default false. */
  readonly announceLive?: boolean;
  /** The model's sound plays so many times faster than in life. Default 1. */
  readonly playSpeed?: number;
}

export interface CallRestFault {
  readonly operation?: CallOperation;
  readonly kind: /** The call is gone: it ends. */
    | "404"
    /** Not carried out. */
    | "429"
    | "500"
    | "401"
    /** Carried out, and answered 500. */
    | "500_after"
    /** Carried out, but the answer never comes. */
    | "timeout_after"
    /** Not carried out, and no answer. */
    | "timeout_before"
    /** The connection is cut before anything is done. */
    | "reset";
  /** Default 1. */
  readonly times?: number;
}

export type CallOperation = "accept" | "reject" | "refer" | "hangup";

export interface CallRequest {
  readonly atMs: number;
  readonly operation: CallOperation;
  readonly callId: string;
  readonly body: string;
  /** 0: it was never looked at. */
  status: number;
  /** It was carried out, and nobody was told. */
  unanswered?: boolean;
}

const MAX_BODY_BYTES = 1024 * 1024;
const PATH = /^(?:\/v1)?\/realtime\/calls\/([^/]+)\/(accept|reject|refer|hangup)$/;
const REJECT = object({ optional: { status_code: statusCode } });
const REFER = object({ required: { target_uri: text(2000, 1) } });

function statusCode(value: Json, path: string): Fault | null {
  if (typeof value === "number" && Number.isInteger(value) && value >= 300 && value <= 699)
    return null;
  return {
    code: "invalid_value",
    message: `Invalid value for '${path}': a final SIP status from 300 to 699 is expected.`,
    param: path,
  };
}

export class SimulatedSip {
  readonly projectId: string;
  readonly secret: string;
  /** In the order of their INVITEs. */
  readonly calls: SipCall[] = [];
  /** What REST was asked. */
  readonly requests: CallRequest[] = [];
  /** What the relay did wrong. */
  readonly violations: string[] = [];
  /** Every delivery of a webhook, with its answer. */
  readonly deliveries: { readonly callId: string; readonly id: string; readonly status: number }[] =
    [];
  /** Each REST answer takes this much longer, in ms. */
  slowMs = 0;
  readonly #options: SipOptions;
  readonly #apiKey: string;
  readonly #clock: SimClock;
  readonly #open: (call: SipCall, side: SipSessionLink) => ModelSession;
  readonly #faults: { fault: CallRestFault; left: number }[] = [];
  readonly #waiting: { index: number; resolve: (call: SipCall) => void }[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #target: (() => string) | null = null;
  #closed = false;

  constructor(
    options: SipOptions,
    parts: {
      readonly apiKey: string;
      readonly clock: SimClock;
      readonly open: (call: SipCall, side: SipSessionLink) => ModelSession;
    },
  ) {
    this.#options = options;
    this.#apiKey = parts.apiKey;
    this.#clock = parts.clock;
    this.#open = parts.open;
    this.projectId = options.projectId ?? "proj_simulated";
    this.secret =
      options.secret ??
      `whsec_${Buffer.from("a secret of thirty-two characters").toString("base64")}`;
  }

  /** What a carrier dials. */
  get address(): string {
    return `sip:${this.projectId}@sip.api.openai.com;transport=tls`;
  }

  /** Where webhooks go; a function is asked for every delivery. */
  deliverTo(target: string | (() => string)): void {
    this.#target = typeof target === "string" ? () => target : target;
  }

  fail(fault: CallRestFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  /** The call with this index, waiting for its INVITE. */
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

  /** An INVITE arrives. Bound: it can be handed to a carrier. */
  readonly invite: SipEndpoint = (invite, carrier) => {
    const user = /^sips?:([^@]+)@/.exec(invite.uri)?.[1] ?? "";
    const id = `rtc_${(this.calls.length + 1).toString(36)}${Math.floor(this.#clock.nowMs()).toString(36)}sim`;
    const call = new SipCall(
      id,
      this.#body("realtime.call.incoming", id, invite),
      invite,
      carrier,
      {
        clock: this.#clock,
        ringMs: this.#options.ringMs ?? 20_000,
        playSpeed: this.#options.playSpeed ?? 1,
        open: this.#open,
      },
    );
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

  /** A webhook of this call, by hand: as it was, under a new id, later, or spoilt. Resolves with the answer. */
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

  #announceAll(call: SipCall, invite: Invite): void {
    if (this.#target === null) return;
    if (this.#options.announceLive === true)
      void this.announce(call, { body: this.#body("live.call.incoming", call.id, invite) });
    const id = `wh_${call.id}`;
    for (let copy = 0; copy < (this.#options.copies ?? 1); copy++) void this.#persist(call, id, 0);
  }

  /** Until somebody answers 2xx, or the patience is at its end. */
  async #persist(call: SipCall, id: string, attempt: number): Promise<void> {
    const reply = await this.announce(call, { id });
    if (reply.status >= 200 && reply.status <= 299) return;
    const pauseMs = (this.#options.retriesMs ?? [500, 2000])[attempt];
    if (pauseMs === undefined || this.#closed) return;
    this.#clock.after(pauseMs, () => {
      if (!this.#closed) void this.#persist(call, id, attempt + 1);
    });
  }

  #body(type: string, callId: string, invite: Invite): string {
    const session = type.startsWith("live.")
      ? { session_id: `live_${callId}` }
      : { call_id: callId };
    return JSON.stringify({
      object: "event",
      id: `evt_${callId}`,
      type,
      created_at: Math.floor(Date.now() / 1000),
      data: { ...session, sip_media_security: "srtp", sip_headers: invite.headers },
    });
  }

  // --- REST ----------------------------------------------------------------------------------------------

  /** @returns false when the path is none of its own. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const match = PATH.exec(new URL(request.url ?? "/", "http://sim").pathname);
    if (match === null) return false;
    const [, callId = "", operation = ""] = match;
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on("error", () => response.destroy());
    request.on("end", () => {
      const answer = () =>
        this.#answer(request, response, {
          atMs: this.#clock.nowMs(),
          operation: operation as CallOperation,
          callId: decodeURIComponent(callId),
          body: Buffer.concat(chunks).toString(),
          status: 0,
        });
      if (this.slowMs > 0) this.#clock.after(this.slowMs, answer);
      else answer();
    });
    return true;
  }

  #answer(request: IncomingMessage, response: ServerResponse, asked: CallRequest): void {
    this.requests.push(asked);
    const fault = this.#fault(asked.operation);
    if (fault === "reset" || fault === "timeout_before") {
      if (fault === "reset") request.socket.destroy();
      return;
    }
    const { status, error } = this.#carryOut(request, asked, fault);
    asked.status = status;
    if (fault === "timeout_after") {
      asked.unanswered = true;
      return;
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(error === null ? "" : JSON.stringify({ error }));
  }

  #carryOut(
    request: IncomingMessage,
    asked: CallRequest,
    fault: CallRestFault["kind"] | null,
  ): RestAnswer {
    const { operation, callId, body } = asked;
    const call = this.find(callId);
    if (request.method !== "POST")
      return refusal(405, "method_not_allowed", "Only POST is allowed.");
    if (request.headers.authorization !== `Bearer ${this.#apiKey}`) {
      this.violations.push(`${operation}: wrong or missing API key`);
      return refusal(401, "invalid_api_key", "Incorrect API key provided.");
    }
    if (fault === "429") return refusal(429, "rate_limit_exceeded", "Rate limit reached.");
    if (fault === "500") return refusal(500, "server_error", "The server had an error.");
    if (fault === "401") return refusal(401, "invalid_api_key", "Incorrect API key provided.");
    if (fault === "404" && call !== undefined) {
      if (call.state === "ringing") call.cancelWhileRinging();
      else call.die();
    }
    if (call === undefined || call.state === "over")
      return refusal(404, "call_id_not_found", `No call found with id '${callId}'.`);
    const wrong = this.#do(call, operation, body, request);
    if (wrong !== null) {
      if (!this.#couldNotKnow(asked, call))
        this.violations.push(`${operation}: ${wrong.error?.message ?? ""}`);
      return wrong;
    }
    return fault === "500_after"
      ? refusal(500, "server_error", "The server had an error.")
      : { status: 200, error: null };
  }

  /** Whoever got no answer to `accept` knows neither that the call is theirs nor that it is not. */
  #couldNotKnow(asked: CallRequest, call: SipCall): boolean {
    const unsure = this.requests.some(
      (other) =>
        other !== asked &&
        other.callId === call.id &&
        other.operation === "accept" &&
        (other.status === 0 || other.status >= 429 || other.unanswered === true),
    );
    return unsure && (asked.operation === "accept" || asked.operation === "hangup");
  }

  /** @returns what was wrong with the request. */
  #do(
    call: SipCall,
    operation: CallOperation,
    body: string,
    request: IncomingMessage,
  ): RestAnswer | null {
    let json: Json = {};
    if (body !== "") {
      if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
        return refusal(415, "unsupported_media_type", "The body must be application/json.");
      try {
        json = JSON.parse(body) as Json;
      } catch {
        return refusal(400, "invalid_json", "The body is not valid JSON.");
      }
    }
    switch (operation) {
      case "accept": {
        const fault = ACCEPT(json, "");
        if (fault !== null || !isObject(json)) return faulty(fault);
        if (call.state !== "ringing")
          return refusal(400, "call_already_accepted", "The call was accepted already.");
        call.accept(json);
        return null;
      }
      case "reject": {
        const fault = REJECT(json, "");
        if (fault !== null || !isObject(json)) return faulty(fault);
        if (call.state !== "ringing")
          return refusal(400, "call_already_accepted", "Only a ringing call can be rejected.");
        const status = json["status_code"];
        call.reject(typeof status === "number" ? status : 603);
        return null;
      }
      case "refer": {
        const fault = REFER(json, "");
        if (fault !== null || !isObject(json)) return faulty(fault);
        const target = String(json["target_uri"]);
        if (!/^(?:tel:\+[1-9]\d{6,14}|sips?:[^\s@]+@[^\s@]+)$/.test(target))
          return refusal(
            400,
            "invalid_value",
            `'${target}' is neither a tel: nor a sip: URI.`,
            "target_uri",
          );
        if (call.state !== "live")
          return refusal(400, "call_not_accepted", "Only a running call can be referred.");
        // The answer does not wait for what the carrier makes of it.
        call.refer(target);
        return null;
      }
      case "hangup":
        if (body !== "" && body !== "{}")
          return refusal(400, "invalid_value", "hangup takes no body.");
        if (call.state !== "live")
          return refusal(
            400,
            "call_not_accepted",
            "Only a running call can be hung up; reject this one.",
          );
        call.hangUp();
        return null;
    }
  }

  #fault(operation: CallOperation): CallRestFault["kind"] | null {
    const at = this.#faults.findIndex(
      ({ fault }) => fault.operation === undefined || fault.operation === operation,
    );
    const entry = this.#faults[at];
    if (entry === undefined) return null;
    if (--entry.left === 0) this.#faults.splice(at, 1);
    return entry.fault.kind;
  }
}

interface RestAnswer {
  readonly status: number;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string;
    readonly param: string | null;
  } | null;
}

function refusal(
  status: number,
  code: string,
  message: string,
  param: string | null = null,
): RestAnswer {
  const type =
    status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error";
  return { status, error: { message, type, code, param } };
}

function faulty(fault: Fault | null): RestAnswer {
  return refusal(
    400,
    fault?.code ?? "invalid_type",
    fault?.message ?? "The body must be an object.",
    fault?.param ?? null,
  );
}
