// How many calls have each value of each filter; a click narrows the search.
import { changedLink } from "./calls-filter.js";
import { counted } from "./format.js";
import { html } from "./html.js";
import { plain } from "./words.js";

/** @typedef {import("./history-api.js").Counts} Counts */

const TITLES = /** @type {const} */ ([
  ["review", "Review"],
  ["flag", "Found by a rule"],
  ["outcome", "Outcome"],
  ["agent", "Agent"],
  ["end_reason", "End reason"],
  ["destination", "Transferred to"],
  ["interrupted", "Interrupted"],
  ["tool_failed", "Tool failed"],
  ["rating", "Rating"],
  ["tag", "Tag"],
  ["node", "Node"],
]);
/** The form finds what is not shown. */
const MAX_VALUES = 8;

/** @type {Readonly<Record<string, string>>} */
const WORDS = {
  long_silence: "long silence",
  transfer_failed: "transfer failed",
  repeated: "caller repeated themselves",
  sampled: "sampled",
  open: "to review",
  done: "reviewed",
  true: "yes",
  false: "no",
};

/** @param {string} facet @param {string} value */
export function valueText(facet, value) {
  if (facet === "rating") return `${value} of 5`;
  if (facet === "tag" || facet === "agent" || facet === "node") return value;
  return WORDS[value] ?? plain(value);
}

/** @param {string} flag of a review. */
export const flagText = (flag) => WORDS[flag] ?? plain(flag);

/**
 * `hidden`: the page itself sets these.
 *
 * @param {{ filter: Record<string, string>, counts: Counts | null, page: string, hidden: readonly string[] }} props
 */
export function Facets({ filter, counts, page, hidden }) {
  if (counts === null) return html`<aside class="facets" aria-label="Counts"></aside>`;
  return html`<aside aria-label="Counts"><details class="facets" open=${isWide()}><summary>Counts</summary>${TITLES.map(
    ([facet, title]) => {
      const values = hidden.includes(facet) ? [] : (counts.counts[facet] ?? []);
      const chosen = filter[facet] ?? "";
      if (values.length === 0 && (chosen === "" || hidden.includes(facet))) return null;
      return html`<section key=${facet}><h2>${title}</h2><ul>${values
        .slice(0, MAX_VALUES)
        .map(({ value, calls }) => {
          const isChosen = value === chosen;
          const link = changedLink(filter, facet, isChosen ? "" : value, page);
          return html`<li key=${value}><a href=${link} aria-current=${isChosen ? "true" : undefined}>
          <span>${valueText(facet, value)}</span> <span class="number">${counted(calls)}</span></a></li>`;
        })}</ul></section>`;
    },
  )}</details></aside>`;
}

/** On a narrow page the counts would hide the calls. */
const isWide = () => window.matchMedia("(min-width: 901px)").matches;

/**
 * What the search asks for, each part with a link that takes it away.
 *
 * @param {{ filter: Record<string, string>, page: string, names: Readonly<Record<string, string>> }} props
 */
export function Chosen({ filter, page, names }) {
  const parts = Object.entries(filter).filter(([name, value]) => value !== "" && name in names);
  if (parts.length === 0) return null;
  return html`<p class="chosen">${parts.map(([name, value]) => {
    const text = `${names[name]}: ${valueText(name, value)}`;
    const link = changedLink(filter, name, "", page);
    return html`<a key=${name} class="chip" href=${link}
      aria-label=${`Remove ${text}`}>${text} <span aria-hidden="true">×</span></a> `;
  })}<a href=${page}>Clear all</a></p>`;
}
