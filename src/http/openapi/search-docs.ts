/** How the routes of searches describe themselves. */
import { FACETS } from "../../ports/store.js";
import { FILTERS } from "./record-docs.js";
import { failure, listOf, NUMBER, nullable, object, type RouteDoc, STRING } from "./route-doc.js";

const COUNT = { type: "integer", minimum: 0 };
const AWAY = { 503: failure("The database is away") };
const UNCLEAR = { 400: failure("A parameter cannot be understood") };

export const COUNTS: RouteDoc = {
  summary: "How many ended calls a search finds, and how many have each value of each filter",
  query: FILTERS,
  answers: {
    200: {
      description:
        "A filter that the search itself sets is counted as if it did not. The most frequent first",
      schema: object({
        total: COUNT,
        counts: object(
          Object.fromEntries(
            FACETS.map((facet) => [facet, listOf(object({ value: STRING, calls: COUNT }))]),
          ),
        ),
      }),
    },
    ...UNCLEAR,
    ...AWAY,
  },
};

export const DOWNLOAD: RouteDoc = {
  summary: "All ended calls that a search finds, with their reviews",
  query: {
    ...FILTERS,
    format: {
      description: "csv (default); json: records; jsonl: a case for evaluation on each line",
      schema: { enum: ["csv", "json", "jsonl"] },
    },
  },
  answers: {
    200: { description: "The file, written while it is read", type: "*/*" },
    ...UNCLEAR,
    ...AWAY,
  },
};

export const SUMS: RouteDoc = {
  summary: "Sums of the calls that have ended, by node",
  query: { since: { description: "Calls that began at or after this; default an hour ago" } },
  answers: {
    200: {
      description: "`latencyMs` is the mean of the calls' longest voice-to-voice times",
      schema: object({
        since: { type: "string", format: "date-time" },
        nodes: listOf(
          object({
            node: nullable(STRING),
            calls: COUNT,
            failed: COUNT,
            costUsd: NUMBER,
            latencyMs: nullable(NUMBER),
          }),
        ),
      }),
    },
    ...UNCLEAR,
    ...AWAY,
  },
};
