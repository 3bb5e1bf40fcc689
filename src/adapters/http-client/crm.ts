/** The CRM over HTTP, as the `crm` section of the agents file describes it. */
import type { CrmEndpoint, CrmSettings } from "../../domain/agent-profile.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { Clock } from "../../ports/clock.js";
import type { CallerProfile, Crm, CrmCall, Escalation } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import { CrmSpool, type Delivery } from "../journal/crm-spool.js";
import type { Network } from "../network/network.js";
import { type GuardedReply, guardedRequest } from "./guarded-request.js";
import { fillUrl } from "./url-template.js";

export interface HttpCrmDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Where records wait for `call_completed`. Used only when that is configured. */
  readonly spoolDirectory: string;
  /** Default: direct connections. */
  readonly network?: Network;
}

export interface HttpCrm extends Crm {
  /** Delivers what an earlier process left, and from now on each completed call. */
  start(): Promise<void>;
  /** Records of calls that wait to be accepted. */
  readonly pending: number;
  /** Waiting records stay on disk. Idempotent. */
  stop(): void;
}

const MAX_PROFILE_BYTES = 65_536;
const NOTES_CHARS = 1_000;
const MAX_CASES = 10;
const REFERENCE_CHARS = 100;
/** What placeholders may take of an answer. */
const MAX_FIELDS = 50;
const FIELD_CHARS = 500;

export function createHttpCrm(settings: CrmSettings, deps: HttpCrmDeps): HttpCrm {
  const { callerLookup, escalation, callCompleted } = settings;
  const { log, clock, network } = deps;
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
      network,
    );
  };

  const deliver = async (endpoint: CrmEndpoint, { call, record }: Delivery): Promise<void> => {
    // The key lets the CRM notice a repetition: the answer to the first delivery may have been
    // lost.
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
        const code = errorCodeOf(error);
        log.warn("crm: caller not looked up", { callSid: call.callSid, code }, error);
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

/** Retryable unless the status says that the CRM will never accept this. */
function refusal(status: number): RelayError {
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  // 401 and 403 mean a wrong key, which gets corrected.
  return new RelayError("tool_failed", `the CRM answered HTTP ${status}`, {
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
    openCases: (Array.isArray(cases) ? cases : []).slice(0, MAX_CASES).flatMap((one: unknown) => {
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
    throw new RelayError("tool_failed", "the CRM's answer is not valid JSON", {
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
