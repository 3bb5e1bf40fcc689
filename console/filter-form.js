// The form of a search over ended calls.
import { ENDED_SORTS, OUTCOMES, toLink } from "./calls-filter.js";
import { html } from "./html.js";

/** @typedef {import("./store.js").Store} Store */

/** @type {Readonly<Record<string, string>>} */
export const FILTER_NAMES = {
  q: "Search",
  agent: "Agent",
  outcome: "Outcome",
  from: "Caller",
  since: "From",
  until: "Until",
  end_reason: "End reason",
  destination: "Transferred to",
  min_latency_ms: "Latency of at least (ms)",
  min_duration_s: "Length of at least (s)",
  min_cost_usd: "Cost of at least (USD)",
  min_interruptions: "Interruptions, at least",
  interrupted: "Interrupted",
  tool_failed: "Tool failed",
  node: "Node",
  flag: "Found by a rule",
  review: "Review",
  rating: "Rating",
  tag: "Tag",
};
/** Behind "More filters". */
const MORE = [
  "from",
  "end_reason",
  "destination",
  "min_latency_ms",
  "min_duration_s",
  "min_cost_usd",
  "min_interruptions",
  "interrupted",
  "tool_failed",
  "tag",
];

const SEARCHED = 'words, "a phrase", number, SID';

/** @param {{ store: Store, filter: Record<string, string> }} props */
export function FilterForm({ store, filter }) {
  const value = (/** @type {string} */ name) => filter[name] ?? "";
  const kept = ["node", "flag", "review", "rating"].filter((name) => value(name) !== "");
  return html`<form class="filter card" onSubmit=${(
    /** @type {SubmitEvent & { currentTarget: HTMLFormElement }} */ event,
  ) => {
    event.preventDefault();
    location.hash = toLink(new FormData(event.currentTarget));
  }}>
    ${kept.map((name) => html`<input key=${name} type="hidden" name=${name} value=${value(name)} />`)}
    <div class="fields">
    <label class="grow">Search <input name="q" type="search" maxlength="200" placeholder=${SEARCHED} defaultValue=${value("q")} /></label>
    <label>Agent <${Choice} name="agent" value=${value("agent")} any="all" options=${store.directory.agents.map(({ name }) => [name, name])} /></label>
    <label>Outcome <${Choice} name="outcome" value=${value("outcome")} any="all" options=${OUTCOMES.map((name) => [name, name])} /></label>
    <label>From <input name="since" type="datetime-local" defaultValue=${value("since")} /></label>
    <label>Until <input name="until" type="datetime-local" defaultValue=${value("until")} /></label>
    <label>Sort <${Choice} name="sort" value=${value("sort")} options=${ENDED_SORTS} /></label>
    <div class="buttons"><button type="submit" class="primary">Filter</button><a class="button" href="#/ended">Clear</a></div>
    </div>
    <details open=${MORE.some((name) => value(name) !== "")}><summary>More filters</summary><div class="fields">
    <label>Caller <input name="from" type="text" inputmode="tel" placeholder="+1555…" defaultValue=${value("from")} /></label>
    <label>End reason <input name="end_reason" type="text" defaultValue=${value("end_reason")} /></label>
    <label>Transferred to <input name="destination" type="text" defaultValue=${value("destination")} /></label>
    <label>Tag <input name="tag" type="text" defaultValue=${value("tag")} /></label>
    <${Least} name="min_latency_ms" title="Latency of at least" unit="ms" value=${value("min_latency_ms")} />
    <${Least} name="min_duration_s" title="Length of at least" unit="s" value=${value("min_duration_s")} />
    <${Least} name="min_cost_usd" title="Cost of at least" unit="USD" step="any" value=${value("min_cost_usd")} />
    <${Least} name="min_interruptions" title="Interruptions of at least" unit="times" value=${value("min_interruptions")} />
    <label>Interrupted <${Choice} name="interrupted" value=${value("interrupted")} any="either" options=${YES_NO} /></label>
    <label>Tool failed <${Choice} name="tool_failed" value=${value("tool_failed")} any="either" options=${YES_NO} /></label>
    </div></details>
  </form>`;
}

const YES_NO = /** @type {const} */ ([
  ["true", "yes"],
  ["false", "no"],
]);

/** @param {{ name: string, value: string, any?: string, options: readonly (readonly [string, string])[] }} props */
function Choice({ name, value, any, options }) {
  const all = any === undefined ? options : [["", any], ...options];
  return html`<select name=${name}>${all.map(
    ([option, text]) =>
      html`<option key=${option} value=${option} selected=${option === value}>${text}</option>`,
  )}</select>`;
}

/** @param {{ name: string, title: string, unit: string, step?: string, value: string }} props */
function Least({ name, title, unit, step, value }) {
  return html`<label>${title} <input name=${name} type="number" min="0" step=${step ?? "1"} placeholder=${unit} defaultValue=${value} /></label>`;
}
