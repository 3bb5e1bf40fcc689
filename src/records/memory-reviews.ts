import type { CallRecord } from "../domain/call-record.js";
import {
  type CallReview,
  MAX_REVIEW_NOTES,
  MAX_TAGS,
  NO_REVIEW,
  type ReviewNote,
} from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import type { ReviewChange, ReviewStore } from "../ports/store.js";
import { reviewFlags } from "./review-rules.js";

/** Reviews of a process without a database: that of the demo, and that of tests. */
export function memoryReviews(record: (callSid: CallSid) => CallRecord | null): ReviewStore {
  const reviews = new Map<CallSid, CallReview>();
  return {
    changeReview: async (callSid, change) => {
      if (record(callSid) === null) return "not_found";
      const next = changed(reviews.get(callSid) ?? NO_REVIEW, change);
      if (next.tags.length > MAX_TAGS || next.notes.length > MAX_REVIEW_NOTES) return "full";
      reviews.set(callSid, next);
      return "changed";
    },
    reviewsOf: async (callSids) => {
      const found = new Map<CallSid, CallReview>();
      for (const callSid of callSids) {
        const call = record(callSid);
        if (call === null) continue;
        const flags = call.state === "ended" ? reviewFlags(call) : [];
        const review = reviews.get(callSid);
        if (review !== undefined || flags.length > 0)
          found.set(callSid, { ...(review ?? NO_REVIEW), flags });
      }
      return found;
    },
  };
}

/** A review after one more change. */
export function changed(review: CallReview, change: ReviewChange): CallReview {
  const { by, epochMs, rating, addTags = [], removeTags = [], note, reviewed } = change;
  const at = new Date(epochMs).toISOString();
  const tags = new Set(review.tags);
  for (const tag of removeTags) tags.delete(tag);
  for (const tag of addTags) tags.add(tag);
  const added: readonly ReviewNote[] =
    note === undefined ? [] : [{ at, operator: by, text: note.text }];
  return {
    ...review,
    ...(rating === undefined ? {} : { rating, ratedBy: rating === null ? null : by }),
    ...(reviewed === undefined
      ? {}
      : { reviewedAt: reviewed ? at : null, reviewedBy: reviewed ? by : null }),
    tags: [...tags].sort(),
    notes: [...review.notes, ...added],
  };
}
