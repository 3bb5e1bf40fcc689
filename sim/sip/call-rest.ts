/** Call control by REST: accept, reject, refer and hang up a SIP call, with faults on demand. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SimClock } from "../clock.js";
import { type Fault, isObject, type Json, type JsonObject, object, text } from "../model/check.js";
import type { SessionFaults } from "../model/faults.js";
import { ACCEPT } from "../model/schemas.js";
import { refusedPart } from "../model/session-update.js";
import type { SipCall } from "./call.js";

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
  /** It was carried out, and no answer was sent. */
  unanswered?: boolean;
}

export interface CallRestParts {
  readonly apiKey: string;
  readonly models: readonly string[];
  readonly clock: SimClock;
  readonly faults: SessionFaults;
  find(callId: string): SipCall | undefined;
  violation(text: string): void;
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

const MAX_BODY_BYTES = 1024 * 1024;
const PATH = /^(?:\/v1)?\/realtime\/calls\/([^/]+)\/(accept|reject|refer|hangup)$/;
const REJECT = object({ optional: { status_code: statusCode } });
const REFER = object({ required: { target_uri: text(2000, 1) } });
const DEFAULT_REJECT_STATUS = 603;

export class CallRest {
  readonly requests: CallRequest[] = [];
  /** Each answer takes this much longer, in ms. */
  slowMs = 0;
  readonly #parts: CallRestParts;
  readonly #faults: { fault: CallRestFault; left: number }[] = [];

  constructor(parts: CallRestParts) {
    this.#parts = parts;
  }

  fail(fault: CallRestFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

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
          atMs: this.#parts.clock.nowMs(),
          operation: operation as CallOperation,
          callId: decodeURIComponent(callId),
          body: Buffer.concat(chunks).toString(),
          status: 0,
        });
      if (this.slowMs > 0) this.#parts.clock.after(this.slowMs, answer);
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
    const call = this.#parts.find(callId);
    if (request.method !== "POST")
      return refusal(405, "method_not_allowed", "Only POST is allowed.");
    if (request.headers.authorization !== `Bearer ${this.#parts.apiKey}`) {
      this.#parts.violation(`${operation}: wrong or missing API key`);
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
      if (!wrong.excused && !this.#couldNotKnow(asked, call))
        this.#parts.violation(`${operation}: ${wrong.answer.error?.message ?? ""}`);
      return wrong.answer;
    }
    return fault === "500_after"
      ? refusal(500, "server_error", "The server had an error.")
      : { status: 200, error: null };
  }

  /** A client without an answer to `accept` cannot know whether the call is its own. */
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

  /** @returns what was wrong with the request; `excused`: a test's doing. */
  #do(
    call: SipCall,
    operation: CallOperation,
    body: string,
    request: IncomingMessage,
  ): { readonly answer: RestAnswer; readonly excused: boolean } | null {
    const json = jsonOf(body, request.headers["content-type"] ?? "");
    if ("status" in json) return mistake(json);
    if (operation === "accept") return this.#accept(call, json.json);
    if (operation === "reject") return mistakeOf(reject(call, json.json));
    if (operation === "refer") return mistakeOf(refer(call, json.json));
    return mistakeOf(hangUp(call, body));
  }

  #accept(call: SipCall, json: Json) {
    const fault = ACCEPT(json, "");
    if (fault !== null || !isObject(json)) return mistake(faulty(fault));
    const model = String(json["model"]);
    if (!this.#parts.models.includes(model)) {
      const message = `The model '${model}' does not exist or you do not have access to it.`;
      return mistake(refusal(400, "invalid_model", message, "model"));
    }
    const part = refusedPart(json, this.#parts.faults.refuseParts, "");
    if (part !== null)
      return { answer: refusal(400, part.code, part.message, part.param), excused: true };
    if (call.state !== "ringing")
      return mistake(refusal(400, "call_already_accepted", "The call was accepted already."));
    call.accept(json);
    return null;
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

function mistake(answer: RestAnswer) {
  return { answer, excused: false };
}

function mistakeOf(answer: RestAnswer | null) {
  return answer === null ? null : mistake(answer);
}

function reject(call: SipCall, json: Json): RestAnswer | null {
  const fault = REJECT(json, "");
  if (fault !== null || !isObject(json)) return faulty(fault);
  if (call.state !== "ringing")
    return refusal(400, "call_already_accepted", "Only a ringing call can be rejected.");
  const status = json["status_code"];
  call.reject(typeof status === "number" ? status : DEFAULT_REJECT_STATUS);
  return null;
}

function refer(call: SipCall, json: Json): RestAnswer | null {
  const fault = REFER(json, "");
  if (fault !== null || !isObject(json)) return faulty(fault);
  const target = String(json["target_uri"]);
  if (!/^(?:tel:\+[1-9]\d{6,14}|sips?:[^\s@]+@[^\s@]+)$/.test(target)) {
    const message = `'${target}' is neither a tel: nor a sip: URI.`;
    return refusal(400, "invalid_value", message, "target_uri");
  }
  if (call.state !== "live")
    return refusal(400, "call_not_accepted", "Only a running call can be referred.");
  // The answer does not wait for what the carrier makes of it.
  call.refer(target);
  return null;
}

function hangUp(call: SipCall, body: string): RestAnswer | null {
  if (body !== "" && body !== "{}") return refusal(400, "invalid_value", "hangup takes no body.");
  if (call.state !== "live") {
    const message = "Only a running call can be hung up; reject this one.";
    return refusal(400, "call_not_accepted", message);
  }
  call.hangUp();
  return null;
}

function jsonOf(body: string, contentType: string): { readonly json: Json } | RestAnswer {
  if (body === "") return { json: {} };
  if (!/^application\/json\b/.test(contentType))
    return refusal(415, "unsupported_media_type", "The body must be application/json.");
  try {
    return { json: JSON.parse(body) as JsonObject };
  } catch {
    return refusal(400, "invalid_json", "The body is not valid JSON.");
  }
}

function statusCode(value: Json, path: string): Fault | null {
  if (typeof value === "number" && Number.isInteger(value) && value >= 300 && value <= 699)
    return null;
  return {
    code: "invalid_value",
    message: `Invalid value for '${path}': a final SIP status from 300 to 699 is expected.`,
    param: path,
  };
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
