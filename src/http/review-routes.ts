/** Tags, notes and a rating of a call, and that it was reviewed. See `docs/reviews.md`. */
import { setImmediate } from "node:timers/promises";
import {
  type CallReview,
  MAX_REVIEW_NOTE_BYTES,
  MAX_REVIEW_NOTE_CHARS,
  MAX_TAGS,
  NO_REVIEW,
  RATINGS,
  TAG,
} from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import type { Operator } from "../domain/operator.js";
import type { CallStore, ReviewChange, ReviewStore } from "../ports/store.js";
import { callSidOf } from "./call-sid.js";
import { RATE, READ, READ_MANY, REVIEWED, TAGS, WRITE_NOTE } from "./openapi/review-docs.js";
import type { RouteDoc } from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { QueryFault } from "./record-query.js";
import { BYTES_PER_TURN, CALLS_PER_TURN } from "./record-reader.js";
import { answered, begun, masked, shown } from "./record-routes.js";
import { json, type Reply } from "./reply.js";

export interface ReviewRouteParts {
  readonly reviews: ReviewStore;
  readonly store: Pick<CallStore, "loadJson">;
  readonly epochMs: () => number;
  /** Makes an id that is unique across processes. */
  readonly newId: () => string;
}

type Change = Omit<ReviewChange, "by" | "epochMs">;

const NOTES_FULL = json(409, {
  error: "full",
  message: `the notes of a call have at most ${MAX_REVIEW_NOTE_BYTES} bytes in all`,
});
const NOT_FOUND = json(404, { error: "not_found" });
/** Calls whose reviews are asked for at once: a page of a list. */
const MAX_CALLS = 100;

export function reviewRoutes(parts: ReviewRouteParts): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/api/calls/:callSid/review",
      access: "viewer",
      doc: READ,
      handle: async (request) => await answered(async () => await readOne(parts, request)),
    },
    {
      method: "GET",
      path: "/api/reviews",
      access: "viewer",
      doc: READ_MANY,
      handle: async ({ operator, query }) =>
        await answered(async () => await readMany(parts, operator, query)),
    },
    changeRoute(parts, "rating", "rate_call", RATE, ratingOf),
    changeRoute(parts, "tags", "tag_call", TAGS, tagsOf),
    changeRoute(parts, "review-notes", "review_note", WRITE_NOTE, (body) =>
      noteOf(body, parts.newId),
    ),
    changeRoute(parts, "reviewed", "review_call", REVIEWED, reviewedOf),
  ];
}

function changeRoute(
  parts: ReviewRouteParts,
  name: string,
  audit: string,
  doc: RouteDoc,
  read: (body: unknown) => Change,
): OperatorRoute {
  return {
    method: "POST",
    path: `/api/calls/:callSid/${name}`,
    access: "supervisor",
    audit,
    doc,
    handle: async ({ operator, params, body }) =>
      await answered(async () => {
        const callSid = callSidOf(params["callSid"]);
        if (callSid === null) return NOT_FOUND;
        const change = { ...read(body), by: operator.name, epochMs: parts.epochMs() };
        if (!(await hasRoomFor(parts, callSid, change))) return NOTES_FULL;
        switch (await parts.reviews.changeReview(callSid, change)) {
          case "not_found":
            return NOT_FOUND;
          case "full":
            return json(409, {
              error: "full",
              message: "the call has as many tags or notes as it may have",
            });
          case "changed":
            return shown(await reviewOf(parts, callSid), operator);
        }
      }),
  };
}

async function readOne(
  parts: ReviewRouteParts,
  { operator, params }: OperatorRequest,
): Promise<Reply> {
  const callSid = callSidOf(params["callSid"]);
  if (callSid === null || (await parts.store.loadJson([callSid])).size === 0) return NOT_FOUND;
  return shown(await reviewOf(parts, callSid), operator);
}

/** In slices: reviews may have long notes. */
export async function readMany(
  { reviews }: Pick<ReviewRouteParts, "reviews">,
  operator: Operator,
  query: URLSearchParams,
): Promise<Reply> {
  const names = (query.get("calls") ?? "").split(",").filter((name) => name !== "");
  const callSids = names.flatMap((name) => callSidOf(name) ?? []);
  if (callSids.length !== names.length || names.length > MAX_CALLS)
    throw new QueryFault(`calls must be up to ${MAX_CALLS} CallSids, separated by commas`);
  const wanted = [...new Set(callSids)];
  async function* chunks(): AsyncGenerator<string> {
    let text = '{"reviews":{';
    let comma = "";
    for (let at = 0; at < wanted.length; at += CALLS_PER_TURN) {
      const slice = await reviews.reviewsOf(wanted.slice(at, at + CALLS_PER_TURN));
      for (const [callSid, review] of slice) {
        text += `${comma}"${callSid}":${JSON.stringify(review)}`;
        comma = ",";
        if (text.length < BYTES_PER_TURN) continue;
        yield masked(text, operator);
        text = "";
        await setImmediate();
      }
    }
    yield masked(`${text}}}`, operator);
  }
  return { status: 200, type: "application/json; charset=utf-8", chunks: await begun(chunks()) };
}

/** Two notes that come at the same moment may both find room. */
async function hasRoomFor(
  parts: ReviewRouteParts,
  callSid: CallSid,
  { note }: Change,
): Promise<boolean> {
  if (note === undefined) return true;
  const { notes } = await reviewOf(parts, callSid);
  const bytes = [...notes, note].reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  return bytes <= MAX_REVIEW_NOTE_BYTES;
}

async function reviewOf({ reviews }: ReviewRouteParts, callSid: CallSid): Promise<CallReview> {
  return (await reviews.reviewsOf([callSid])).get(callSid) ?? NO_REVIEW;
}

function ratingOf(body: unknown): Change {
  const { rating } = Object(body) as { rating?: unknown };
  const known = rating === null ? null : RATINGS.find((one) => one === rating);
  if (known === undefined) throw new QueryFault("rating must be a number from 1 to 5, or null");
  return { rating: known };
}

function tagsOf(body: unknown): Change {
  const { add = [], remove = [] } = Object(body) as { add?: unknown; remove?: unknown };
  const [addTags, removeTags] = [tagList(add), tagList(remove)];
  if (addTags.length + removeTags.length === 0)
    throw new QueryFault("add or remove must name a tag");
  return { addTags, removeTags };
}

function tagList(value: unknown): readonly string[] {
  const isList = Array.isArray(value) && value.length <= MAX_TAGS;
  const tags: readonly unknown[] = isList ? value : [null];
  return tags.map((tag) => {
    if (typeof tag === "string" && TAG.test(tag)) return tag;
    throw new QueryFault(
      `add and remove must be lists of up to ${MAX_TAGS} tags: lower-case letters, digits, - and _`,
    );
  });
}

function noteOf(body: unknown, newId: () => string): Change {
  const { text } = Object(body) as { text?: unknown };
  const note = typeof text === "string" ? text.trim() : "";
  if (note === "" || note.length > MAX_REVIEW_NOTE_CHARS)
    throw new QueryFault(`text must have 1 to ${MAX_REVIEW_NOTE_CHARS} characters`);
  return { note: { id: newId(), text: note } };
}

function reviewedOf(body: unknown): Change {
  const { reviewed } = Object(body) as { reviewed?: unknown };
  if (typeof reviewed !== "boolean") throw new QueryFault("reviewed must be true or false");
  return { reviewed };
}
