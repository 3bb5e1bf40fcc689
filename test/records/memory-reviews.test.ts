import { expect, it } from "vitest";
import { NO_REVIEW } from "../../src/domain/call-review.js";
import { changed, memoryReviews } from "../../src/records/memory-reviews.js";
import { testSid } from "../fakes/record-events.js";
import { SEARCHED_CALLS } from "../fakes/searched-calls.js";

const by = { by: "ada", epochMs: 0 };

// What databases do with the same changes is in `test/adapters/store/reviews.test.ts`.
it("a change leaves alone what it does not name", () => {
  const first = changed(NO_REVIEW, { ...by, rating: 4, addTags: ["b", "a"], reviewed: true });
  expect(first).toMatchObject({ rating: 4, ratedBy: "ada", tags: ["a", "b"], reviewedBy: "ada" });
  expect(changed(first, { ...by, removeTags: ["a"] })).toEqual({ ...first, tags: ["b"] });
  expect(changed(first, { by: "ben", epochMs: 1, rating: null, reviewed: false })).toEqual({
    ...NO_REVIEW,
    tags: ["a", "b"],
  });
});

it("calls without a review are left out, and so are calls that are not there", async () => {
  const reviews = memoryReviews((callSid) =>
    callSid === testSid(1) ? (SEARCHED_CALLS[0] ?? null) : null,
  );
  expect((await reviews.reviewsOf([testSid(1), testSid(2)])).size).toBe(0);
  expect(await reviews.changeReview(testSid(2), { ...by, rating: 1 })).toBe("not_found");
});
