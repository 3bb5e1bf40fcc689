// What operators did, newest first.
import { ApiError, readAudit } from "./api.js";
import { when } from "./format.js";
import { Component, html } from "./html.js";
import { callLink } from "./route.js";
import { plain } from "./words.js";

/** @typedef {import("./api.js").AuditEntry} AuditEntry */

/** @extends {Component<{}, { entries: AuditEntry[], next: string | null, problem: string, busy: boolean }>} */
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

  /** @param {string} before */
  async #read(before) {
    this.setState({ busy: true });
    try {
      const { entries, next } = await readAudit(before);
      const known = before === "" ? [] : this.state.entries;
      this.setState({ entries: [...known, ...entries], next, problem: "", busy: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.setState({ problem: error.message, busy: false });
    }
  }

  /** @override */
  render() {
    const { entries, next, problem, busy } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Audit</h1>
        <button type="button" disabled=${busy} onClick=${() => void this.#read("")}>Reload</button></div>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${
        entries.length === 0
          ? html`<p class="empty" role="status">${busy ? "Loading …" : problem === "" ? "No acts yet." : ""}</p>`
          : html`<table class="calls audit" aria-busy=${busy}>
          <caption class="hidden">What operators did, newest first</caption>
          <thead><tr><th scope="col">Time</th><th scope="col">Operator</th><th scope="col">Role</th><th scope="col">Act</th>
            <th scope="col">Call</th><th scope="col">Result</th></tr></thead>
          <tbody>${entries.map((entry, i) => html`<${Row} key=${i} entry=${entry} />`)}</tbody></table>`
      }
      ${
        next === null
          ? null
          : html`<div class="buttons paging"><button type="button" disabled=${busy} onClick=${() => void this.#read(next)}>Older</button></div>`
      }
    `;
  }
}

/** @param {{ entry: AuditEntry }} props */
function Row({ entry: { at, operator, role, action, callSid, status } }) {
  const done = status < 400;
  return html`<tr>
    <th scope="row">${when(at)}</th>
    <td data-label="Operator">${operator}</td>
    <td data-label="Role">${role}</td>
    <td data-label="Act">${plain(action)}</td>
    <td data-label="Call">${callSid === null ? "–" : html`<a href=${callLink(callSid)}><code>${callSid}</code></a>`}</td>
    <td data-label="Result"><span class=${`tag ${done ? "good" : "bad"}`}>${done ? "done" : `refused (${status})`}</span></td></tr>`;
}
