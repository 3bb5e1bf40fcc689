import type { CallRecord } from "../domain/call-record.js";
import { type CallReview, NO_REVIEW } from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import {
  type CallCounts,
  type CallQuery,
  type CallStore,
  FACETS,
  type Facet,
  type FoundCall,
  type NodeSpan,
  type ReviewStore,
} from "../ports/store.js";
import type { MemoryJournal } from "./memory-journal.js";
import { memoryReviews } from "./memory-reviews.js";
import { writtenRecords } from "./record-texts.js";
import { type SearchDocument, searchDocument } from "./search-document.js";
import { isAfterCursor, matchesQuery, sortValue } from "./search-match.js";

export type MemoryCalls = Pick<
  CallStore,
  "find" | "load" | "loadJson" | "writeRecords" | "count" | "sumByNode"
> &
  ReviewStore;

/**
 * Finds, counts and loads the records of a journal in memory, and keeps their reviews, for the
 * operator API of the demo and of tests.
 */
export function memoryCalls(journal: Pick<MemoryJournal, "record" | "records">): MemoryCalls {
  const reviews = memoryReviews((callSid) => journal.record(callSid));
  const matching = async (query: CallQuery): Promise<readonly Reviewed[]> => {
    const records = journal.records();
    const given = await reviews.reviewsOf(records.map(({ callSid }) => callSid));
    return records
      .map((record) => ({ record, review: given.get(record.callSid) ?? NO_REVIEW }))
      .filter(({ record, review }) => matchesQuery(record, query, review));
  };
  const textsOf = (callSids: readonly CallSid[]): Map<CallSid, string> => {
    const texts = new Map<CallSid, string>();
    for (const callSid of callSids) {
      const record = journal.record(callSid);
      if (record !== null) texts.set(callSid, JSON.stringify(record));
    }
    return texts;
  };
  return {
    ...reviews,
    find: async (query, after, limit) => {
      const sort = query.sort ?? "started";
      return found(await matching(query), query)
        .filter(({ document }) => after === null || isAfterCursor(document, sort, after))
        .slice(0, limit)
        .map(({ call }) => call);
    },
    count: async (query) => await counted(matching, { ...query, state: "ended" }),
    sumByNode: async (sinceMs) => sums(await matching({ state: "ended", sinceMs })),
    load: async (callSid) => {
      const record = journal.record(callSid);
      return record === null ? null : { record, version: 1, applied: {}, owner: "memory" };
    },
    loadJson: async (callSids) => textsOf(callSids),
    writeRecords: async (wanted) => writtenRecords(wanted, textsOf(wanted.callSids)),
  };
}

interface Reviewed {
  readonly record: CallRecord;
  readonly review: CallReview;
}

function found(calls: readonly Reviewed[], query: CallQuery) {
  const sort = query.sort ?? "started";
  return calls
    .map(({ record }) => {
      const document = searchDocument(record);
      const { callSid } = record;
      const bytes = Buffer.byteLength(JSON.stringify(record));
      const cursor = { value: sortValue(document, sort), callSid };
      const call: FoundCall = { callSid, bytes, cursor };
      return { document, call };
    })
    .sort(
      ({ call: { cursor: a } }, { call: { cursor: b } }) =>
        b.value - a.value || (a.callSid < b.callSid ? 1 : -1),
    );
}

/** The property of a query that a facet stands for. */
const PROPERTIES: Readonly<Record<Facet, keyof CallQuery>> = {
  agent: "agent",
  outcome: "outcome",
  end_reason: "endReason",
  destination: "destination",
  node: "node",
  interrupted: "interrupted",
  tool_failed: "toolFailed",
  flag: "flag",
  review: "review",
  rating: "rating",
  tag: "tag",
};

async function counted(
  matching: (query: CallQuery) => Promise<readonly Reviewed[]>,
  query: CallQuery,
): Promise<CallCounts> {
  const counts = {} as Record<Facet, readonly (readonly [string, number])[]>;
  for (const facet of FACETS) {
    const { [PROPERTIES[facet]]: _, ...others } = query;
    const sum = new Map<string, number>();
    for (const { record, review } of await matching(others))
      for (const value of valuesOf(facet, searchDocument(record), review))
        sum.set(value, (sum.get(value) ?? 0) + 1);
    counts[facet] = [...sum].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }
  return { total: (await matching(query)).length, counts };
}

function valuesOf(facet: Facet, document: SearchDocument, review: CallReview): readonly string[] {
  switch (facet) {
    case "agent":
    case "outcome":
    case "destination":
    case "node":
      return present(document[facet]);
    case "end_reason":
      return present(document.endReason);
    case "interrupted":
      return [String(document.interruptions > 0)];
    case "tool_failed":
      return [String(document.failedTools > 0)];
    case "flag":
      return document.flags;
    case "review":
      if (review.reviewedAt !== null) return ["done"];
      return document.flags.length > 0 ? ["open"] : [];
    case "rating":
      return present(review.rating);
    case "tag":
      return review.tags;
  }
}

function present(value: string | number | null): readonly string[] {
  return value === null ? [] : [String(value)];
}

function sums(calls: readonly Reviewed[]): readonly NodeSpan[] {
  const all = calls.map(({ record }) => searchDocument(record));
  const nodes = [...new Set(all.map(({ node }) => node))];
  return nodes.map((node) => {
    const documents = all.filter((document) => document.node === node);
    const latencies = documents.flatMap(({ latencyMs }) =>
      latencyMs === null ? [] : [Math.round(latencyMs)],
    );
    const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0);
    return {
      node,
      calls: documents.length,
      failed: documents.filter(({ outcome }) => outcome === "failed" || outcome === "rejected")
        .length,
      costUsd: sum(documents.map(({ costUsd }) => costUsd ?? 0)),
      latencyMs: latencies.length === 0 ? null : sum(latencies) / latencies.length,
    };
  });
}
