import type { CallRecord } from "../domain/call-record.js";
import { type CallReview, NO_REVIEW } from "../domain/call-review.js";
import type { CallCursor, CallFilter, CallQuery, CallSort } from "../ports/store.js";
import { type SearchDocument, searchDocument } from "./search-document.js";
import { parseSearch, type SearchTerm } from "./search-words.js";

/** What calls are sorted by; -1 for a call without this value. */
export function sortValue(document: SearchDocument, sort: CallSort): number {
  switch (sort) {
    case "started":
      return document.startedMs;
    case "duration":
      return document.durationMs ?? -1;
    case "latency":
      return document.latencyMs ?? -1;
    case "cost":
      return document.costUsd ?? -1;
    case "interruptions":
      return document.interruptions;
  }
}

/** Whether a call comes after this place in a list, the highest value first. */
export function isAfterCursor(document: SearchDocument, sort: CallSort, after: CallCursor) {
  const value = sortValue(document, sort);
  return value < after.value || (value === after.value && document.callSid < after.callSid);
}

/** Whether a query asks for properties that only ended calls have. */
export function asksForEnded(query: CallQuery): boolean {
  const { state, agent, outcome, sinceMs, untilMs, caller, text, sort, ...properties } = query;
  return (
    (sort !== undefined && sort !== "started") ||
    (text !== undefined && text.trim() !== "") ||
    Object.values(properties).some((value) => value !== undefined)
  );
}

/** Decides in memory what `CallStore.find` decides in a database. */
export function matchesQuery(
  record: CallRecord,
  query: CallQuery,
  review: CallReview = NO_REVIEW,
): boolean {
  const document = searchDocument(record);
  if (query.state !== undefined && record.state !== query.state) return false;
  if (!matchesFilter(document, query)) return false;
  if (!asksForEnded(query)) return true;
  return (
    record.state === "ended" && hasProperties(document, query) && hasReview(document, query, review)
  );
}

function matchesFilter(document: SearchDocument, filter: CallFilter): boolean {
  const { agent, outcome, sinceMs, untilMs, caller } = filter;
  return (
    (agent === undefined || document.agent === agent) &&
    (outcome === undefined || document.outcome === outcome) &&
    (sinceMs === undefined || document.startedMs >= sinceMs) &&
    (untilMs === undefined || document.startedMs < untilMs) &&
    (caller === undefined || document.caller === caller)
  );
}

function hasProperties(document: SearchDocument, query: CallQuery): boolean {
  const { text, endReason, destination, interrupted, toolFailed, node } = query;
  return (
    (node === undefined || document.node === node) &&
    isAtLeast(document.interruptions, query.minInterruptions) &&
    (endReason === undefined || document.endReason === endReason) &&
    (destination === undefined || document.destination === destination) &&
    isAtLeast(document.latencyMs, query.minLatencyMs) &&
    isAtLeast(document.durationMs, query.minDurationMs) &&
    isAtLeast(document.costUsd, query.minCostUsd) &&
    (interrupted === undefined || document.interruptions > 0 === interrupted) &&
    (toolFailed === undefined || document.failedTools > 0 === toolFailed) &&
    (text === undefined || text.trim() === "" || matchesText(document, text))
  );
}

function hasReview(document: SearchDocument, query: CallQuery, given: CallReview): boolean {
  const { flag, review, tag, rating } = query;
  const isDone = given.reviewedAt !== null;
  return (
    (flag === undefined || document.flags.includes(flag)) &&
    (review === undefined || (review === "done" ? isDone : !isDone && document.flags.length > 0)) &&
    (tag === undefined || given.tags.includes(tag)) &&
    (rating === undefined || given.rating === rating)
  );
}

function isAtLeast(value: number | null, least: number | undefined): boolean {
  return least === undefined || (value !== null && value >= least);
}

function matchesText(document: SearchDocument, text: string): boolean {
  const { terms, callSid, digits } = parseSearch(text);
  if (callSid !== null) return document.callSid.startsWith(callSid);
  const { from, to } = document;
  if (digits !== null && [from, to].some((number) => number?.includes(digits))) return true;
  const words = document.words.split(" ");
  return terms.length > 0 && terms.every((term) => hasTerm(words, term));
}

function hasTerm(words: readonly string[], { words: wanted, isPrefix }: SearchTerm): boolean {
  return words.some((_, start) =>
    wanted.every((word, i) => {
      const found = words[start + i];
      const isLast = i === wanted.length - 1;
      return isLast && isPrefix ? found?.startsWith(word) : found === word;
    }),
  );
}
