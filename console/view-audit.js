// What operators did, newest first, by filter and page by page.
import { ApiError } from "./api.js";
import { linkOf, queryOf } from "./calls-filter.js";
import { when } from "./format.js";
import { readAudit } from "./history-api.js";
import { Component, html } from "./html.js";
import { callLink } from "./route.js";
import { plain } from "./words.js";

/** @typedef {import("./api.js").AuditEntry} AuditEntry */

/** As the relay names them. */
const ACTIONS = [
  "sign_in",
  "sign_out",
  "listen",
  "note",
  "say",
  "take_over",
  "hand_back",
  "transfer",
  "end",
  "place_call",
  "rate_call",
  "tag_call",
  "review_note",
  "review_call",
  "export_calls",
  "export_caller",
  "delete_call",
  "delete_caller",
  "reload_agents",
  "drain",
];
const NAMES = ["operator", "action", "callSid", "refused", "since", "until"];

/**
 * @typedef {{ entries: AuditEntry[], next: string | null, problem: string, busy: boolean }} AuditState
 *
 * @extends {Component<{ filter: Record<string, string> }, AuditState>}
 */
export class AuditView extends Component {
  /** @override */
  state = {
    entries: /** @type {AuditEntry[]} */ ([]),
    next: /** @type {string | null} */ (null),
    problem: "",
    busy: true,
  };

  /** @override */
  componentDidMount() {
    void this.#read("");
  }

  /** @override @param {{ filter: Record<string, string> }} before */
  componentDidUpdate({ filter }) {
    if (JSON.stringify(filter) !== JSON.stringify(this.props.filter)) void this.#read("");
  }

  /** @param {string} before */
  async #read(before) {
    this.setState({ busy: true });
    try {
      const page = before === "" ? {} : { before };
      const { entries, next } = await readAudit({ ...queryOf(NAMES, this.props.filter), ...page });
      const known = before === "" ? [] : this.state.entries;
      this.setState({ entries: [...known, ...entries], next, problem: "", busy: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.setState({ problem: error.message, busy: false });
    }
  }

  /** @override */
  render() {
    const { filter } = this.props;
    const { entries, next, problem, busy } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Audit</h1>
        <button type="button" disabled=${busy} onClick=${() => void this.#read("")}>Reload</button></div>
      <${AuditForm} key=${JSON.stringify(filter)} filter=${filter} />
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${
        entries.length === 0
          ? html`<p class="empty" role="status">${emptyText(busy, problem)}</p>`
          : html`<table class="calls audit" aria-busy=${busy}>
          <caption class="hidden">What operators did, newest first</caption>
          <thead><tr><th scope="col">Time</th><th scope="col">Operator</th><th scope="col">Role</th><th scope="col">Act</th>
            <th scope="col">Call</th><th scope="col">Result</th></tr></thead>
          <tbody>${entries.map((entry, i) => html`<${Row} key=${i} entry=${entry} />`)}</tbody></table>`
      }
      ${
        next === null
          ? null
          : html`<div class="buttons paging">
            <button type="button" disabled=${busy} onClick=${() => void this.#read(next)}>Older</button></div>`
      }
    `;
  }
}

/** @param {boolean} busy @param {string} problem */
function emptyText(busy, problem) {
  if (busy) return "Loading …";
  return problem === "" ? "No matching acts." : "The audit log could not be read.";
}

/** @param {{ filter: Record<string, string> }} props */
function AuditForm({ filter }) {
  return html`<form class="filter card" onSubmit=${(
    /** @type {SubmitEvent & { currentTarget: HTMLFormElement }} */ event,
  ) => {
    event.preventDefault();
    location.hash = linkOf(NAMES, new FormData(event.currentTarget), "#/audit");
  }}><div class="fields">
    <label>Operator <input name="operator" type="text" maxlength="40"
      defaultValue=${filter["operator"] ?? ""} /></label>
    <label>Act <select name="action"><option value="">all</option>${ACTIONS.map(
      (name) =>
        html`<option key=${name} value=${name} selected=${name === filter["action"]}>${plain(name)}</option>`,
    )}</select></label>
    <label>Call <input name="callSid" type="text" maxlength="110" placeholder="CallSid"
      defaultValue=${filter["callSid"] ?? ""} /></label>
    <label>Result <select name="refused"><option value="">all</option>
      <option value="false" selected=${filter["refused"] === "false"}>done</option>
      <option value="true" selected=${filter["refused"] === "true"}>refused</option></select></label>
    <label>From <input name="since" type="datetime-local" defaultValue=${filter["since"] ?? ""} /></label>
    <label>Until <input name="until" type="datetime-local" defaultValue=${filter["until"] ?? ""} /></label>
    <div class="buttons"><button type="submit" class="primary">Filter</button>
      <a class="button" href="#/audit">Clear</a></div>
  </div></form>`;
}

/** @param {{ entry: AuditEntry }} props */
function Row({ entry: { at, operator, role, action, callSid, status } }) {
  const done = status < 400;
  return html`<tr>
    <th scope="row">${when(at)}</th>
    <td data-label="Operator">${operator}</td>
    <td data-label="Role">${role}</td>
    <td data-label="Act">${plain(action)}</td>
    <td data-label="Call">${
      callSid === null ? "–" : html`<a href=${callLink(callSid)}><code>${callSid}</code></a>`
    }</td>
    <td data-label="Result">
      <span class=${`tag ${done ? "good" : "bad"}`}>${done ? "done" : `refused (${status})`}</span></td></tr>`;
}
