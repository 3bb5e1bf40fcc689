// Ended calls from the database: a search with its counts, one page at a time.
import { ApiError, readCalls } from "./api.js";
import { toLink, toQuery } from "./calls-filter.js";
import { EndedRow } from "./ended-row.js";
import { Chosen, Facets } from "./facets.js";
import { FILTER_NAMES, FilterForm } from "./filter-form.js";
import { counted } from "./format.js";
import { exportAddress, readCounts, readReviews } from "./history-api.js";
import { Component, html } from "./html.js";
import { NumbersSwitch } from "./view-live.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {import("./history-api.js").CallReview} CallReview
 * @typedef {{ store: Store, filter: Record<string, string>, queue: boolean }} EndedProps
 * @typedef {{ calls: CallRecord[], reviews: Readonly<Record<string, CallReview>>, next: string | null,
 *   pages: string[], problem: string, busy: boolean, counts: import("./history-api.js").Counts | null }} EndedState
 */

const PAGE = "50";
const ABOUT_REVIEW =
  "Rules found a long silence, a failed transfer or a caller who repeated themselves in these calls; two calls in a hundred are sampled.";

/** `queue`: only calls that wait for a review. @extends {Component<EndedProps, EndedState>} */
export class EndedView extends Component {
  /** `pages`: the cursors of this page and those before it. @override @type {EndedState} */
  state = {
    calls: [],
    reviews: {},
    next: null,
    pages: [""],
    problem: "",
    busy: true,
    counts: null,
  };
  /** The number of the latest request. Answers to earlier ones are ignored. */
  #asked = 0;

  /** @override */
  componentDidMount() {
    this.#search();
  }

  /** @override */
  componentWillUnmount() {
    this.#asked = -1;
  }

  /** @override @param {EndedProps} before */
  componentDidUpdate({ filter }) {
    if (toLink(dataOf(filter)) !== toLink(dataOf(this.props.filter))) this.#search();
  }

  /** @returns {Record<string, string>} */
  get #query() {
    const { filter, queue } = this.props;
    return { ...toQuery(filter), ...(queue ? { review: "open" } : {}) };
  }

  #search() {
    void this.#read([""]);
    void this.#count();
  }

  /** @param {string[]} pages */
  async #read(pages) {
    const asked = ++this.#asked;
    this.setState({ busy: true });
    try {
      const before = pages.at(-1) ?? "";
      const query = { ...this.#query, limit: PAGE, ...(before === "" ? {} : { before }) };
      const { calls, next } = await readCalls(query);
      if (asked !== this.#asked) return;
      this.setState({ calls, next, pages, problem: "", busy: false });
      const reviews = await readReviews(calls.map(({ callSid }) => callSid));
      if (asked === this.#asked) this.setState({ reviews });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (asked === this.#asked) this.setState({ problem: error.message, busy: false });
    }
  }

  async #count() {
    const query = this.#query;
    const asked = JSON.stringify(query);
    try {
      const { ["state"]: _, ["sort"]: _sort, ...filter } = query;
      const counts = await readCounts(filter);
      if (asked === JSON.stringify(this.#query)) this.setState({ counts });
    } catch (error) {
      // The list names the same problem.
      if (!(error instanceof ApiError)) throw error;
      this.setState({ counts: null });
    }
  }

  /** @override */
  render() {
    const { store, filter, queue } = this.props;
    const { calls, reviews, next, pages, problem, busy, counts } = this.state;
    const page = queue ? "#/review" : "#/ended";
    const newer = () => void this.#read(pages.slice(0, -1));
    const older = () => next !== null && void this.#read([...pages, next]);
    const { ["state"]: _, ...query } = this.#query;
    return html`
      <div class="heading"><h1 tabindex="-1">${queue ? "Calls to review" : "Ended calls"}${
        counts === null ? null : html` <span class="with">${counted(counts.total)}</span>`
      }</h1><${NumbersSwitch} store=${store} />
        <details class="menu"><summary class="button">Download</summary><div class="card">
          <a href=${exportAddress(query, "csv")} download>CSV <span class="hint">for a spreadsheet</span></a>
          <a href=${exportAddress(query, "json")} download>JSON <span class="hint">whole records</span></a>
          <a href=${exportAddress(query, "jsonl")} download>JSONL <span class="hint">for evaluation</span></a>
        </div></details></div>
      ${
        queue
          ? html`<p class="hint lead">${ABOUT_REVIEW}</p>`
          : html`<${FilterForm} key=${toLink(dataOf(filter))} store=${store} filter=${filter} />`
      }
      <${Chosen} filter=${filter} page=${page} names=${FILTER_NAMES} />
      ${
        problem === ""
          ? null
          : html`<p class="problem" role="alert">${problem} <button type="button"
          onClick=${() => this.#search()}>Try again</button></p>`
      }
      <div class="found">
        <${Facets} filter=${filter} counts=${counts} page=${page} hidden=${queue ? ["review"] : []} />
        <div>
          ${this.#table(calls, reviews, store.showNumbers)}
          ${
            pages.length < 2 && next === null
              ? null
              : html`<div class="buttons paging">
            <button type="button" disabled=${pages.length < 2 || busy} onClick=${newer}>Newer</button>
            <span class="hint">Page ${pages.length}</span>
            <button type="button" disabled=${next === null || busy} onClick=${older}>Older</button>
          </div>`
          }
        </div>
      </div>
    `;
  }

  /** @param {CallRecord[]} calls @param {EndedState["reviews"]} reviews @param {boolean} show */
  #table(calls, reviews, show) {
    const { busy, problem } = this.state;
    if (calls.length === 0)
      return html`<p class="empty" role="status">${
        busy
          ? "Loading …"
          : problem !== ""
            ? "The calls could not be read."
            : this.props.queue
              ? "No call waits for a review."
              : "No matching calls."
      }</p>`;
    return html`<table class="calls" aria-busy=${busy}>
      <caption class="hidden">${this.props.queue ? "Calls to review" : "Ended calls"}</caption>
      <thead><tr><th scope="col">Caller</th><th scope="col">Agent</th>
        <th scope="col">Started</th><th scope="col">Outcome</th>
        <th scope="col" class="number">Duration</th><th scope="col" class="number">Turns</th>
        <th scope="col" class="number">Cost</th></tr></thead>
      <tbody>${calls.map(
        (call) =>
          html`<${EndedRow} key=${call.callSid} call=${call} review=${reviews[call.callSid]} show=${show} />`,
      )}</tbody></table>`;
  }
}

/** @param {Record<string, string>} filter */
function dataOf(filter) {
  const data = new FormData();
  for (const [name, value] of Object.entries(filter)) data.set(name, value);
  return data;
}
