import { expect, it } from "vitest";
import { RATE, REVIEWED, TAGS, WRITE_NOTE } from "../../../src/http/openapi/review-docs.js";
import { COUNTS, DOWNLOAD, SUMS } from "../../../src/http/openapi/search-docs.js";
import { FACETS } from "../../../src/ports/store.js";

it("every change of a review takes a body and says why it may be refused", () => {
  for (const doc of [RATE, TAGS, WRITE_NOTE, REVIEWED]) {
    expect(doc.body).toBeDefined();
    // A call has as many tags and notes as it may, and one rating.
    const full = doc === TAGS || doc === WRITE_NOTE ? ["409"] : [];
    expect(Object.keys(doc.answers)).toEqual(["200", "400", "404", ...full, "503"]);
  }
});

it("what is counted can be searched for, and files take the same search", () => {
  for (const facet of FACETS) {
    expect(Object.keys(COUNTS.query ?? {})).toContain(facet);
    expect(Object.keys(DOWNLOAD.query ?? {})).toContain(facet);
  }
  expect(Object.keys(SUMS.answers)).toContain("503");
});
