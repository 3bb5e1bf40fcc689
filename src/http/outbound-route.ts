/** `POST /api/calls`: a call that the relay places. See `docs/outbound.md`. */
import { shapeProblem } from "../config/agents/number-plans.js";
import { RelayError } from "../domain/errors.js";
import type { PolicyRefusal } from "../domain/refusal-reasons.js";
import type { Outbound, OutboundOrder, OutboundRefusal } from "../relay/calls/outbound.js";
import {
  failure,
  nullable,
  object,
  objectWith,
  type RouteDoc,
  STRING,
} from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json, type Reply } from "./reply.js";

/** Limited, because the model reads the whole context in every turn. */
const MAX_CONTEXT_CHARS = 16_000;
const FIELDS = new Set(["to", "from", "agent", "context"]);

const DOC: RouteDoc = {
  summary: "Places a call, with answering-machine detection",
  body: objectWith(
    { to: STRING, agent: STRING },
    { from: nullable(STRING), context: nullable({ type: "object" }) },
  ),
  answers: {
    202: { description: "The call is being placed", schema: object({ callSid: STRING }) },
    422: failure(
      "No such agent, no number to call from, a number that is not called, or refused by Twilio",
    ),
    429: failure("A limit of `outbound` is reached: number_limit, minute_limit or daily_budget"),
    502: failure("Twilio refused the request"),
    503: failure("No call is accepted now, or the database or Twilio is busy"),
    504: failure("Twilio did not answer; the call may have been placed"),
  },
};

const POLICY_TEXTS: Readonly<Record<PolicyRefusal, string>> = {
  premium_number: "this is a premium-rate number, which is never called",
  satellite_number: "this is a satellite number, which is never called",
  own_number: "this is one of our own numbers: an agent would talk with an agent",
  country_not_allowed: "its country is not in `outbound.countries` of the agents file",
  number_limit: "the number was called `outbound.max_per_number_per_hour` times in this hour",
  minute_limit: "`outbound.max_per_minute` calls were placed in this minute: try again in the next",
  daily_budget: "placed calls have cost `outbound.max_usd_per_day` today (UTC)",
};

export function outboundRoutes(outbound: Pick<Outbound, "place">): readonly OperatorRoute[] {
  return [
    {
      method: "POST",
      path: "/api/calls",
      access: "supervisor",
      audit: "place_call",
      doc: DOC,
      handle: async ({ body }) => {
        const order = readOrder(body);
        if (typeof order === "string") return json(400, { error: "invalid", message: order });
        try {
          const placed = await outbound.place(order);
          return "callSid" in placed
            ? json(202, { callSid: placed.callSid })
            : refused(placed.refusal, order.agent);
        } catch (error) {
          if (error instanceof RelayError) return failed(error);
          throw error;
        }
      },
    },
  ];
}

/** The order, or a message about what is wrong with the body. */
function readOrder(body: unknown): OutboundOrder | string {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return "the body is not a JSON object";
  const unknown = Object.keys(body).find((name) => !FIELDS.has(name));
  if (unknown !== undefined)
    return `${unknown} is not a field of this request: to, from, agent, context`;
  const { to, from = null, agent, context = null } = body as Record<string, unknown>;
  if (typeof to !== "string") return "to is missing: the E.164 number to call";
  const problem = shapeProblem(to);
  if (problem !== null) return `to ${problem}`;
  if (from !== null) {
    if (typeof from !== "string") return "from must be an E.164 number";
    const fromProblem = shapeProblem(from);
    if (fromProblem !== null) return `from ${fromProblem}`;
  }
  if (typeof agent !== "string" || agent === "")
    return "agent is missing: the name of an agent of the agents file";
  if (context !== null && (typeof context !== "object" || Array.isArray(context)))
    return "context must be a JSON object";
  if (JSON.stringify(context).length > MAX_CONTEXT_CHARS)
    return `context is longer than ${MAX_CONTEXT_CHARS} characters of JSON`;
  return { to, from, agent, context: context as OutboundOrder["context"] };
}

function refused(refusal: OutboundRefusal, agent: string): Reply {
  switch (refusal) {
    case "agent_unknown":
      return json(422, {
        error: refusal,
        message: `the agents file has no agent ${JSON.stringify(agent)}`,
      });
    case "from_missing":
      return json(422, {
        error: refusal,
        message: "set `from`: the agents file has no number of this agent",
      });
    case "premium_number":
    case "satellite_number":
    case "own_number":
    case "country_not_allowed":
      return json(422, { error: refusal, message: POLICY_TEXTS[refusal] });
    case "number_limit":
    case "minute_limit":
    case "daily_budget":
      return json(429, { error: refusal, message: POLICY_TEXTS[refusal] });
    default:
      return json(503, { error: refusal });
  }
}

function failed(error: RelayError): Reply {
  const { code, message } = error;
  switch (code) {
    case "twilio_rejected":
      return json(422, { error: code, message });
    case "twilio_busy":
    case "store_unavailable":
      return json(503, { error: code, message });
    case "twilio_timeout":
    case "twilio_unavailable":
      return json(504, {
        error: code,
        message: `${message}; the call may have been placed: check before you try again`,
      });
    default:
      return json(502, { error: code, message });
  }
}
