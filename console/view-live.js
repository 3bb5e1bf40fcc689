// The table of live calls.
import { caller, clockTime, counted, spanOf } from "./format.js";
import { Component, html } from "./html.js";
import { callLink } from "./route.js";
import { marksOf, readSort, SORTS } from "./trouble.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./live-calls.js").Row} Row
 */

/** The search finds calls beyond this number of rows. */
export const MAX_ROWS = 100;

/** @type {Readonly<Record<import("./live-calls.js").PhaseName, string>>} */
const PHASES = {
  ringing: "ringing",
  listening: "listening",
  caller: "caller speaks",
  thinking: "thinking",
  agent: "agent speaks",
  tool: "tool",
  transfer: "transfer to",
  ended: "ended,",
};

/** @param {Pick<Row, "phase" | "detail">} row */
export function Phase({ phase, detail }) {
  return html`<span class=${`phase ${phase}`}><i aria-hidden="true"></i>${PHASES[phase]}${
    detail === "" ? "" : ` ${detail.replaceAll("_", " ")}`
  }</span>`;
}

/** @extends {Component<{ row: Row, seconds: number, show: boolean }>} */
class CallRow extends Component {
  /** @override @param {{ row: Row, seconds: number, show: boolean }} next */
  shouldComponentUpdate(next) {
    const { row, seconds, show } = this.props;
    return next.row !== row || next.seconds !== seconds || next.show !== show;
  }

  /** @override */
  render() {
    const { row, seconds, show } = this.props;
    const link = callLink(row.callSid);
    return html`
      <tr class=${row.phase === "ended" ? "over" : ""} onClick=${() => {
        if (getSelection()?.isCollapsed !== false) location.hash = link;
      }}>
        <th scope="row"><a href=${link}>${caller(row.number, show)}</a>${marksOf(row).map(
          (mark) => html` <span key=${mark} class="tag bad">${mark}</span>`,
        )}</th>
        <td data-label="Agent">${row.agent}${row.direction === "outbound" ? html` <span class="tag">outbound</span>` : null}</td>
        <td data-label="Now"><${Phase} phase=${row.phase} detail=${row.detail} /></td>
        <td data-label="Last words" class="words">${
          row.words === "" ? "" : html`<span class="who">${row.wordsBy}</span> ${row.words}`
        }</td>
        <td data-label="Duration" class="number">${clockTime(seconds * 1000)}</td>
        <td data-label="Latency" class="number">${spanOf(row.voiceToVoiceMs)}</td>
        <td data-label="Interruptions" class="number">${row.interruptions}</td>
        <td data-label="Node" class="node">${row.node}</td>
      </tr>
    `;
  }
}

/** @param {{ store: Store }} props */
export function NumbersSwitch({ store }) {
  return html`<label class="switch"><input type="checkbox" checked=${store.showNumbers} onChange=${() => {
    store.showNumbers = !store.showNumbers;
    store.changed();
  }} /> Show numbers</label>`;
}

/** An unreachable relay is not "no calls". @param {Store} store */
function emptyText({ connection, live, search }) {
  if (connection === "connecting") return "Reading the live calls …";
  if (connection === "lost")
    return "The relay cannot be reached, so that it is not known whether there are live calls.";
  return search.trim() === ""
    ? "There are no live calls. New calls appear here automatically."
    : `None of the ${counted(live.size)} live calls matches.`;
}

/** @param {{ store: Store }} props */
function AlertButton({ store }) {
  const { alerts } = store;
  if (!alerts.isPossible) return null;
  return html`<button type="button" aria-pressed=${alerts.isOn ? "true" : "false"} onClick=${() => void store.turnAlerts(!alerts.isOn)}>${alerts.isOn ? "Notifications on" : "Notify me of trouble"}</button>`;
}

/** @param {{ store: Store }} props */
export function LiveView({ store }) {
  const { live, nowMs, showNumbers, search } = store;
  const sort = readSort(store.route.page === "live" ? (store.route.sort ?? "") : "");
  const { rows, matching } = live.find(search, MAX_ROWS, sort);
  return html`
    <div class="heading">
      <h1 tabindex="-1">Live calls</h1>
      <label class="search">
        <span class="hidden">Search live calls</span>
        <input type="search" placeholder="Search agent, number, words, node …" value=${search} onInput=${(
          /** @type {InputEvent & { currentTarget: HTMLInputElement }} */ event,
        ) => {
          store.search = event.currentTarget.value;
          store.changed();
        }} />
      </label>
      <label class="sort">Sort <select value=${sort} onChange=${(
        /** @type {Event & { currentTarget: HTMLSelectElement }} */ event,
      ) => {
        const { value } = event.currentTarget;
        location.hash = value === "newest" ? "#/live" : `#/live?sort=${value}`;
      }}>${SORTS.map(([name, text]) => html`<option key=${name} value=${name} selected=${name === sort}>${text}</option>`)}</select></label>
      <${NumbersSwitch} store=${store} />
      <${AlertButton} store=${store} />
    </div>
    ${
      rows.length === 0
        ? html`<p class="empty" role="status">${emptyText(store)}</p>`
        : html`
          <table class="calls live">
            <caption class="hidden">Live calls, ${SORTS.find(([name]) => name === sort)?.[1]}</caption>
            <thead><tr>
              <th scope="col">Caller</th><th scope="col">Agent</th><th scope="col">Now</th><th scope="col">Last words</th>
              <th scope="col" class="number">Duration</th>
              <th scope="col" class="number"><abbr title="Latest time from the end of the caller's speech to the agent's first audio">Latency</abbr></th>
              <th scope="col" class="number"><abbr title="Interruptions">Intr.</abbr></th><th scope="col">Node</th>
            </tr></thead>
            <tbody>${rows.map(
              (row) => html`<${CallRow}
                key=${row.callSid}
                row=${row}
                show=${showNumbers}
                seconds=${Math.max(0, Math.floor(((row.endedMs ?? nowMs) - row.startedMs) / 1000))}
              />`,
            )}</tbody>
          </table>`
    }
    ${
      matching > rows.length
        ? html`<p class="more">Showing the first ${rows.length} of ${counted(matching)}. Search to find the others.</p>`
        : null
    }
  `;
}
