// Converts between the filter form of ended calls, the page's address and the parameters of GET /api/calls.

export const OUTCOMES = /** @type {const} */ ([
  "completed",
  "transferred",
  "abandoned",
  "failed",
  "rejected",
]);
const NAMES = /** @type {const} */ ([
  "q",
  "agent",
  "outcome",
  "from",
  "since",
  "until",
  "end_reason",
  "destination",
  "min_latency_ms",
  "min_duration_s",
  "min_cost_usd",
  "min_interruptions",
  "interrupted",
  "tool_failed",
  "node",
  "flag",
  "review",
  "rating",
  "tag",
  "sort",
]);

/** Orders of `GET /api/calls`. */
export const ENDED_SORTS = /** @type {const} */ ([
  ["", "newest first"],
  ["latency", "slowest answer"],
  ["interruptions", "most interruptions"],
  ["duration", "longest"],
  ["cost", "most expensive"],
]);

/**
 * The parameters of a request.
 *
 * @param {readonly string[]} names
 * @param {Record<string, string>} filter of the address; its times are local, as the form has them.
 * @returns {Record<string, string>}
 */
export function queryOf(names, filter) {
  /** @type {Record<string, string>} */
  const query = {};
  for (const name of names) {
    const value = (filter[name] ?? "").trim();
    if (value === "") continue;
    if (name !== "since" && name !== "until") query[name] = value;
    else if (!Number.isNaN(Date.parse(value))) query[name] = new Date(value).toISOString();
  }
  return query;
}

/**
 * The address of a page with a filter.
 *
 * @param {readonly string[]} names
 * @param {FormData} form
 * @param {string} page
 */
export function linkOf(names, form, page) {
  const query = new URLSearchParams();
  for (const name of names) {
    const value = String(form.get(name) ?? "").trim();
    if (value !== "") query.set(name, value);
  }
  return `${page}${query.size === 0 ? "" : `?${query}`}`;
}

/** @param {Record<string, string>} filter */
export const toQuery = (filter) => ({ state: "ended", ...queryOf(NAMES, filter) });

/**
 * The same search with one part changed.
 *
 * @param {Record<string, string>} filter
 * @param {string} name
 * @param {string} value "": without this part.
 * @param {string} [page]
 */
export function changedLink(filter, name, value, page = "#/ended") {
  const form = new FormData();
  for (const [key, old] of Object.entries({ ...filter, [name]: value })) form.set(key, old);
  return toLink(form, page);
}

/** @param {FormData} form @param {string} [page] */
export const toLink = (form, page = "#/ended") => linkOf(NAMES, form, page);
