// Ended calls from the database, one page at a time.
import { ApiError, readCalls, readCsv } from "./api.js";
import { ENDED_SORTS, OUTCOMES, toLink, toQuery } from "./calls-filter.js";
import { caller, clockTime, dollars, otherParty, when } from "./format.js";
import { Component, html } from "./html.js";
import { callLink } from "./route.js";
import { NumbersSwitch } from "./view-live.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ store: Store, filter: Record<string, string> }} EndedProps
 * @typedef {{ calls: CallRecord[], next: string | null, pages: string[], problem: string, busy: boolean }} EndedState
 */

const PAGE = "50";
const CSV_PAGE = "500";
/** 10,000 calls in one download. The API has no such limit. */
const MAX_CSV_PAGES = 20;

/** @extends {Component<EndedProps, EndedState>} */
export class EndedView extends Component {
  /** `pages`: the cursors of this page and those before it. @override @type {EndedState} */
  state = { calls: [], next: null, pages: [""], problem: "", busy: true };
  /** The number of the latest request. Answers to earlier ones are ignored. */
  #asked = 0;

  /** @override */
  componentDidMount() {
    void this.#read([""]);
  }

  /** @override */
  componentWillUnmount() {
    this.#asked = -1;
  }

  /** @override @param {EndedProps} before */
  componentDidUpdate({ filter }) {
    if (toLink(dataOf(filter)) !== toLink(dataOf(this.props.filter))) void this.#read([""]);
  }

  /** @param {string[]} pages */
  async #read(pages) {
    const asked = ++this.#asked;
    this.setState({ busy: true });
    try {
      const before = pages.at(-1) ?? "";
      const query = {
        ...toQuery(this.props.filter),
        limit: PAGE,
        ...(before === "" ? {} : { before }),
      };
      const { calls, next } = await readCalls(query);
      if (asked === this.#asked) this.setState({ calls, next, pages, problem: "", busy: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (asked === this.#asked) this.setState({ problem: error.message, busy: false });
    }
  }

  async #download() {
    const { store, filter } = this.props;
    try {
      const { csv, whole } = await csvOf(toQuery(filter));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
      link.download = "calls.csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      store.say(whole ? "The calls were downloaded." : "The newest 10,000 calls were downloaded.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      store.say(error.message);
    }
  }

  /** @override */
  render() {
    const { store, filter } = this.props;
    const { calls, next, pages, problem, busy } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Ended calls</h1><${NumbersSwitch} store=${store} />
        <button type="button" onClick=${() => void this.#download()}>Download CSV</button></div>
      <${FilterForm} key=${toLink(dataOf(filter))} store=${store} filter=${filter} />
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${
        calls.length === 0
          ? html`<p class="empty" role="status">${busy ? "Loading …" : "No matching calls."}</p>`
          : html`<table class="calls" aria-busy=${busy}>
          <caption class="hidden">Ended calls</caption>
          <thead><tr><th scope="col">Caller</th><th scope="col">Agent</th><th scope="col">Started</th><th scope="col">Outcome</th>
            <th scope="col" class="number">Duration</th><th scope="col" class="number">Turns</th><th scope="col" class="number">Cost</th></tr></thead>
          <tbody>${calls.map((call) => html`<${EndedRow} key=${call.callSid} call=${call} show=${store.showNumbers} />`)}</tbody></table>`
      }
      <div class="buttons paging">
        <button type="button" disabled=${pages.length < 2 || busy} onClick=${() => void this.#read(pages.slice(0, -1))}>Newer</button>
        <span class="hint">Page ${pages.length}</span>
        <button type="button" disabled=${next === null || busy} onClick=${() => next !== null && void this.#read([...pages, next])}>Older</button>
      </div>
    `;
  }
}

/** @param {Record<string, string>} filter */
function dataOf(filter) {
  const data = new FormData();
  for (const [name, value] of Object.entries(filter)) data.set(name, value);
  return data;
}

/** @param {Record<string, string>} query */
async function csvOf(query) {
  const parts = [];
  let before = "";
  for (let page = 0; page < MAX_CSV_PAGES; page++) {
    const { csv, next } = await readCsv({
      ...query,
      limit: CSV_PAGE,
      ...(before === "" ? {} : { before }),
    });
    // Each page repeats the header line.
    parts.push(page === 0 ? csv : csv.slice(csv.indexOf("\n") + 1));
    if (next === null) return { csv: parts.join(""), whole: true };
    before = next;
  }
  return { csv: parts.join(""), whole: false };
}

/** @param {{ call: CallRecord, show: boolean }} props */
function EndedRow({ call, show }) {
  const { startedAt, endedAt, outcome } = call;
  const durationMs =
    startedAt === null || endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt);
  const link = callLink(call.callSid);
  return html`<tr onClick=${() => {
    if (getSelection()?.isCollapsed !== false) location.hash = link;
  }}>
    <th scope="row"><a href=${link}>${caller(otherParty(call), show)}</a></th>
    <td data-label="Agent">${call.agent}${call.direction === "outbound" ? html` <span class="tag">outbound</span>` : null}</td>
    <td data-label="Started">${when(startedAt)}</td>
    <td data-label="Outcome"><span class=${`tag outcome ${outcome ?? ""}`}>${outcome}</span></td>
    <td data-label="Duration" class="number">${clockTime(durationMs)}</td>
    <td data-label="Turns" class="number">${call.turns.length}</td>
    <td data-label="Cost" class="number">${dollars(call.costUsd)}</td></tr>`;
}

/** @param {EndedProps} props */
function FilterForm({ store, filter }) {
  return html`<form class="filter card" onSubmit=${(
    /** @type {SubmitEvent & { currentTarget: HTMLFormElement }} */ event,
  ) => {
    event.preventDefault();
    location.hash = toLink(new FormData(event.currentTarget));
  }}>
    <label>Search <input name="q" type="search" maxlength="200" placeholder="words, &quot;a phrase&quot;, number, CallSid" defaultValue=${filter["q"] ?? ""} /></label>
    <label>Agent <select name="agent">
      <option value="">all</option>
      ${store.directory.agents.map(({ name }) => html`<option key=${name} value=${name} selected=${name === filter["agent"]}>${name}</option>`)}
    </select></label>
    <label>Outcome <select name="outcome">
      <option value="">all</option>
      ${OUTCOMES.map((name) => html`<option key=${name} value=${name} selected=${name === filter["outcome"]}>${name}</option>`)}
    </select></label>
    <label>Caller <input name="from" type="text" inputmode="tel" placeholder="+1555…" defaultValue=${filter["from"] ?? ""} /></label>
    <label>From <input name="since" type="datetime-local" defaultValue=${filter["since"] ?? ""} /></label>
    <label>Until <input name="until" type="datetime-local" defaultValue=${filter["until"] ?? ""} /></label>
    <label>End reason <input name="end_reason" type="text" defaultValue=${filter["end_reason"] ?? ""} /></label>
    <label>Transferred to <input name="destination" type="text" defaultValue=${filter["destination"] ?? ""} /></label>
    <label>Latency of at least <input name="min_latency_ms" type="number" min="0" placeholder="ms" defaultValue=${filter["min_latency_ms"] ?? ""} /></label>
    <label>Length of at least <input name="min_duration_s" type="number" min="0" placeholder="s" defaultValue=${filter["min_duration_s"] ?? ""} /></label>
    <label>Cost of at least <input name="min_cost_usd" type="number" min="0" step="any" placeholder="USD" defaultValue=${filter["min_cost_usd"] ?? ""} /></label>
    <label>Interrupted <${YesNo} name="interrupted" value=${filter["interrupted"] ?? ""} /></label>
    <label>Tool failed <${YesNo} name="tool_failed" value=${filter["tool_failed"] ?? ""} /></label>
    <label>Sort <select name="sort">
      ${ENDED_SORTS.map(([name, text]) => html`<option key=${name} value=${name} selected=${name === (filter["sort"] ?? "")}>${text}</option>`)}
    </select></label>
    <div class="buttons"><button type="submit" class="primary">Filter</button><a class="button" href="#/ended">Clear</a></div>
  </form>`;
}

/** @param {{ name: string, value: string }} props */
function YesNo({ name, value }) {
  return html`<select name=${name}>
    <option value="" selected=${value === ""}>either</option>
    <option value="true" selected=${value === "true"}>yes</option>
    <option value="false" selected=${value === "false"}>no</option>
  </select>`;
}
