/** How the routes of call records describe themselves. */
import { REVIEW_FLAGS } from "../../domain/call-review.js";
import {
  BOOLEAN,
  failure,
  listOf,
  NUMBER,
  nullable,
  object,
  type RouteDoc,
  reference,
  STRING,
} from "./route-doc.js";

const NUMBER_TEXT = "A phone number in E.164, or a SIP or client address";
const NOT_FOUND = { 404: failure("There is no such call") };

const SEARCH: NonNullable<RouteDoc["query"]> = {
  q: { description: 'Words or a "phrase" of the call, a part of a number, or a CallSid' },
  end_reason: { description: "Only calls that ended for this reason" },
  destination: { description: "Only calls whose last transfer went to this destination" },
  min_latency_ms: {
    description: "Only calls with a voice-to-voice time of at least this",
    schema: NUMBER,
  },
  min_duration_s: { description: "Only calls of at least this length", schema: NUMBER },
  min_cost_usd: { description: "Only calls that cost at least this", schema: NUMBER },
  interrupted: { description: "Whether the caller interrupted the agent", schema: BOOLEAN },
  min_interruptions: {
    description: "Only calls in which the caller interrupted the agent at least so often",
    schema: { type: "integer" },
  },
  tool_failed: { description: "Whether a tool failed", schema: BOOLEAN },
  node: { description: "Only calls that this node carried" },
  flag: { description: "Only calls in which a rule found this", schema: { enum: REVIEW_FLAGS } },
  review: {
    description: "open: found by a rule and not reviewed yet; done: reviewed",
    schema: { enum: ["open", "done"] },
  },
  tag: { description: "Only calls with this tag" },
  rating: { description: "Only calls with this rating", schema: { type: "integer" } },
};

const SORT: NonNullable<RouteDoc["query"]> = {
  sort: {
    description: "The highest value first; default started",
    schema: { enum: ["started", "duration", "latency", "cost", "interruptions"] },
  },
};

/** Of every search over ended calls. */
export const FILTERS: NonNullable<RouteDoc["query"]> = {
  outcome: { description: "Only calls with this outcome" },
  agent: { description: "Only calls of this agent" },
  from: { description: `${NUMBER_TEXT}: only calls with this party` },
  since: { description: "Only calls that began at or after this time (ISO 8601)" },
  until: { description: "Only calls that began before this time (ISO 8601)" },
  ...SEARCH,
};

export const LIST: RouteDoc = {
  summary: "Call records, newest first; or those that a search finds",
  query: {
    state: { description: "Only live or ended calls", schema: { enum: ["live", "ended"] } },
    ...FILTERS,
    ...SORT,
    limit: { description: "1 to 500; default 50", schema: { type: "integer" } },
    before: {
      description:
        "The `next` of the answer before; or a time (ISO 8601), for calls that began before it",
    },
    format: { description: "json or csv; default by Accept", schema: { enum: ["json", "csv"] } },
  },
  answers: {
    200: {
      description: "The calls, and where the next page begins. As CSV: X-Next-Cursor",
      schema: object({ calls: listOf(reference("CallRecord")), next: nullable(STRING) }),
    },
    400: failure("A parameter cannot be understood"),
  },
};

export const ONE: RouteDoc = {
  summary: "One call record; of a live call as it is now",
  answers: { 200: { description: "The record", schema: reference("CallRecord") }, ...NOT_FOUND },
};

export const REMOVE: RouteDoc = {
  summary: "Deletes everything about a call, its recording included",
  answers: { 204: { description: "Deleted" }, ...NOT_FOUND },
};

export const EXPORT: RouteDoc = {
  summary: "Every call record of one caller",
  query: { before: { description: "The `next` of the answer before" } },
  answers: {
    200: {
      description: "At most 2,000 calls",
      schema: object({
        caller: STRING,
        calls: listOf(reference("CallRecord")),
        next: nullable(STRING),
      }),
    },
    400: failure("A parameter cannot be understood"),
  },
};

export const REMOVE_CALLER: RouteDoc = {
  summary: "Deletes everything about one caller",
  answers: {
    200: {
      description: "How many calls were deleted",
      schema: object({ deleted: { type: "integer" } }),
    },
  },
};
