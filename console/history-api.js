// Requests about calls that are stored: counts, reviews, files, sums, the audit log.
import { address, ask, send } from "./api.js";

/**
 * @typedef {import("../src/domain/call-review.js").CallReview} CallReview
 * @typedef {import("./api.js").AuditEntry} AuditEntry
 * @typedef {Readonly<Record<string, { value: string, calls: number }[]>>} Facets
 * @typedef {{ total: number, counts: Facets }} Counts
 * @typedef {{ node: string, worker: number, calls: number, maxCalls: number, draining: boolean,
 *   silentMs: number }} NodeState
 * @typedef {{ node: string | null, calls: number, failed: number, costUsd: number,
 *   latencyMs: number | null }} NodeSum
 */

/** @param {Record<string, string>} filter @returns {Promise<Counts>} */
export const readCounts = async (filter) =>
  (await ask(`api/calls/counts?${new URLSearchParams(filter)}`)).json();

/** @param {Record<string, string>} filter @param {"csv" | "json" | "jsonl"} format */
export const exportAddress = (filter, format) =>
  address(`api/calls/export?${new URLSearchParams({ ...filter, format })}`);

/** @param {readonly string[]} callSids @returns {Promise<Readonly<Record<string, CallReview>>>} */
export async function readReviews(callSids) {
  if (callSids.length === 0) return {};
  const answer = await ask(`api/reviews?${new URLSearchParams({ calls: callSids.join(",") })}`);
  return (await answer.json()).reviews;
}

/** @param {string} callSid @returns {Promise<CallReview>} */
export const readReview = async (callSid) =>
  (await ask(`api/calls/${encodeURIComponent(callSid)}/review`)).json();

/**
 * @param {string} callSid
 * @param {"rating" | "tags" | "review-notes" | "reviewed"} what
 * @param {unknown} body
 * @returns {Promise<CallReview>} the review as it is now.
 */
export const changeReview = async (callSid, what, body) =>
  (await send(`api/calls/${encodeURIComponent(callSid)}/${what}`, body)).json();

/** @returns {Promise<NodeState[]>} also of processes that have died within the last hour. */
export const readNodes = async () => (await (await ask("api/nodes?silent=true")).json()).nodes;

/** @returns {Promise<NodeSum[]>} of the last hour. */
export const readSums = async () => (await (await ask("api/nodes/sums")).json()).nodes;

/** @param {Record<string, string>} filter @returns {Promise<{ entries: AuditEntry[], next: string | null }>} */
export const readAudit = async (filter) =>
  (await ask(`api/audit?${new URLSearchParams(filter)}`)).json();
