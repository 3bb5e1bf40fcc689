/**
 * The customer database over HTTP, as the agents file describes it.
 */
import type { CrmEndpoint, CrmSettings } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { Clock } from "../../ports/clock.js";
import type { CallerProfile, Crm, CrmCall, Escalation } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import { CrmSpool, type Delivery } from "../journal/crm-spool.js";
import { type GuardedReply, guardedRequest, type Resolver } from "./guarded-request.js";
import { fillUrl } from "./url-template.js";

export interface HttpCrmDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Where records wait for `call_completed`; only used when that is configured. */
  readonly spoolDirectory: string;
  readonly resolve?: Resolver;
}

export interface HttpCrm extends Crm {
  /** Delivers what an earlier process left behind, and from now on what is completed. */
  start(): Promise<void>;
  /** Records of calls that wait to be accepted. */
  readonly pending: number;
  /** What waits stays on disk. Idempotent. */
  stop(): void;
}

const MAX_PROFILE_BYTES = 65_536;
const NOTES_CHARS = 1_000;
const CASES_MOST = 10;
const REFERENCE_CHARS = 100;
/** What placeholders may take of an answer. */
const MAX_FIELDS = 50;
const FIELD_CHARS = 500;

export function createHttpCrm(settings: CrmSettings, deps: HttpCrmDeps): HttpCrm {
  const { callerLookup, escalation, callCompleted } = settings;
  const { log, clock, resolve } = deps;
  const ask = (
    endpoint: CrmEndpoint,
    call: CrmCall,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GuardedReply> => {
    const { method, timeoutMs, allowPrivateHosts } = endpoint;
    const bodiless = method === "GET" || method === "DELETE";
    const { callSid, from, to } = call;
    const { url } = fillUrl(endpoint.url, {
      callSid,
      from: from || "anonymous",
      to: to || "unknown",
    });
    return guardedRequest(
      {
        method,
        url,
        headers: {
          ...(bodiless ? {} : { "content-type": "application/json" }),
          ...headers,
          ...endpoint.headers,
        },
        body: bodiless ? null : typeof body === "string" ? body : JSON.stringify(body),
        timeoutMs,
        maxResponseBytes: MAX_PROFILE_BYTES,
        allowPrivateHosts,
      },
      resolve,
    );
  };

  const deliver = async (endpoint: CrmEndpoint, { call, record }: Delivery): Promise<void> => {
    // The key lets the other side see a repetition: we may not have heard that the first one was accepted.
    const { status } = await ask(endpoint, call, record, { "idempotency-key": call.callSid });
    if (status >= 300) throw refusal(status);
  };
  const spool =
    callCompleted === null
      ? null
      : new CrmSpool(
          deps.spoolDirectory,
          (delivery) => deliver(callCompleted, delivery),
          clock,
          log,
        );

  return {
    lookUp: async (call) => {
      if (callerLookup === null) return null;
      try {
        const reply = await ask(callerLookup, call, { ...call });
        if (reply.status === 404 || reply.status === 204) return null;
        if (reply.status >= 300) throw refusal(reply.status);
        return readProfile(reply.body);
      } catch (error) {
        const code = error instanceof RelayError ? error.code : "internal";
        log.warn("caller not looked up", { callSid: call.callSid, code }, error);
        return null;
      }
    },
    escalate: async (details: Escalation) => {
      if (escalation === null) return null;
      const reply = await ask(escalation, details, details, { "idempotency-key": details.callSid });
      if (reply.status >= 300) throw refusal(reply.status);
      return readReference(reply.body);
    },
    completed: async (call, record) => {
      await spool?.add({ call, record });
    },
    start: async () => {
      await spool?.start();
    },
    get pending() {
      return spool?.pending ?? 0;
    },
    stop: () => spool?.stop(),
  };
}

/** Retryable unless the other side says that it will never take this. */
function refusal(status: number): RelayError {
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  // 401 and 403 are somebody's wrong key, which gets mended.
  return new RelayError("tool_failed", `the customer database answered HTTP ${status}`, {
    retryable: passing || status === 401 || status === 403,
  });
}

function readProfile(body: string): CallerProfile | null {
  const value = parseObject(body);
  if (value === null) return null;
  const cases: unknown = value["open_cases"] ?? value["openCases"];
  return {
    name: text(value["name"], 200),
    language: text(value["language"], 35),
    notes: text(value["notes"], NOTES_CHARS),
    openCases: (Array.isArray(cases) ? cases : []).slice(0, CASES_MOST).flatMap((one: unknown) => {
      if (!isObject(one)) return [];
      const id = text(one["id"], REFERENCE_CHARS);
      return id === null ? [] : [{ id, subject: text(one["subject"], 200) ?? "" }];
    }),
    fields: readFields(value),
  };
}

function readFields(value: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const read = typeof field === "boolean" ? String(field) : text(field, FIELD_CHARS);
    return read === null ? [] : [[name, read.replace(/\s+/g, " ")] as const];
  });
  return Object.fromEntries(fields.slice(0, MAX_FIELDS));
}

function readReference(body: string): string | null {
  const value = parseObject(body);
  if (value === null) return null;
  return text(value["reference"], REFERENCE_CHARS) ?? text(value["id"], REFERENCE_CHARS);
}

function parseObject(body: string): Readonly<Record<string, unknown>> | null {
  if (body.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : null;
  } catch (error) {
    throw new RelayError("tool_failed", "the customer database's answer is not valid JSON", {
      cause: error,
    });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown, chars: number): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, chars) : null;
}
