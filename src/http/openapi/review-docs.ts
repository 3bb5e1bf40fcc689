/** How the routes of reviews describe themselves. */
import {
  BOOLEAN,
  failure,
  mapOf,
  nullable,
  object,
  objectWith,
  type RouteDoc,
  reference,
  STRING,
} from "./route-doc.js";

const RATING = { type: "integer", minimum: 1, maximum: 5 };
const TAGS_SCHEMA = { type: "array", items: STRING, maxItems: 20 };
const NOT_FOUND = { 404: failure("There is no such call") };
const AWAY = { 503: failure("The database is away") };
const CHANGED = { description: "The review as it is now", schema: reference("Review") };

const FULL = { 409: failure("The call has as many tags or notes as it may") };

function change(
  summary: string,
  body: NonNullable<RouteDoc["body"]>,
  answers: RouteDoc["answers"] = {},
): RouteDoc {
  return {
    summary,
    body,
    answers: {
      200: CHANGED,
      400: failure("The body is not as described"),
      ...NOT_FOUND,
      ...answers,
      ...AWAY,
    },
  };
}

export const READ: RouteDoc = {
  summary: "Rating, tags and notes of a call, and what the rules found",
  answers: {
    200: { description: "The review", schema: reference("Review") },
    ...NOT_FOUND,
    ...AWAY,
  },
};

export const READ_MANY: RouteDoc = {
  summary: "The reviews of some calls",
  query: { calls: { description: "Up to 100 CallSids, separated by commas" } },
  answers: {
    200: {
      description: "By CallSid. Calls that have neither review nor flag are left out",
      schema: object({ reviews: mapOf(reference("Review")) }),
    },
    400: failure("A parameter cannot be understood"),
    ...AWAY,
  },
};

export const RATE = change("Rates a call", object({ rating: nullable(RATING) }));
export const TAGS = change(
  "Adds tags to a call and takes tags away",
  objectWith({}, { add: TAGS_SCHEMA, remove: TAGS_SCHEMA }),
  FULL,
);
export const WRITE_NOTE = change("Adds a note to a call", object({ text: STRING }), FULL);
export const REVIEWED = change(
  "Takes a call out of the queue of calls to review, or puts it back",
  object({ reviewed: BOOLEAN }),
);
