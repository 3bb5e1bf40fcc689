// Parts of the Talk page under `murelay dev`: whom to call, faults of the agents file, text, latency.
import { clockTime, spanOf } from "./format.js";
import { Component, html } from "./html.js";
import { answersOf } from "./latency.js";

/**
 * @typedef {import("./setup-feed.js").Setup} Setup
 * @typedef {import("./phone.js").Callee} Callee
 * @typedef {import("./api.js").CallRecord} CallRecord
 */

/** @param {{ setup: Setup }} props */
export function AgentsFileState({ setup }) {
  const { file, faults, model, notices, reading, version } = setup;
  if (reading)
    return html`<p class="meta" role="status"><code>${file}</code> has changed and is being read …</p>`;
  if (faults.length === 0)
    return html`<p class="meta" role="status"><code>${file}</code> is in force (version ${version}); model: ${model}.</p>
    ${
      notices.length === 0
        ? null
        : html`<div class="banner" role="alert"><p>The model refuses something. Calls fail, or go on without it.</p>
        <ul>${notices.map((notice, i) => html`<li key=${i}>${notice}</li>`)}</ul></div>`
    }`;
  return html`<div class="banner" role="alert">
    <p><code>${file}</code> has faults. The version before stays in force.</p>
    <ul>${faults.map(
      ({ line, path, problem }, i) =>
        html`<li key=${i}>${line === null ? null : html`<b>line ${line}</b> `}<code>${path}</code> ${problem}</li>`,
    )}</ul>
  </div>`;
}

/**
 * Chooses an agent, or a number of the agents file.
 *
 * @param {{ setup: Setup, chosen: string, disabled: boolean, choose: (value: string) => void }} props
 */
export function CalleeChoice({ setup, chosen, disabled, choose }) {
  const options = [
    ...setup.agents.map((name) => [`agent ${name}`, name]),
    ...setup.numbers.map((number) => [`number ${number}`, number]),
  ];
  return html`<label class="callee">Call <select disabled=${disabled} value=${chosen} onChange=${(
    /** @type {Event & { currentTarget: HTMLSelectElement }} */ event,
  ) => choose(event.currentTarget.value)}>${options.map(
    ([value, text]) => html`<option key=${value} value=${value}>${text}</option>`,
  )}</select></label>`;
}

/** @param {string} chosen a value of CalleeChoice. @returns {Callee} */
export function calleeOf(chosen) {
  const [kind, ...rest] = chosen.split(" ");
  const value = rest.join(" ");
  if (kind === "agent") return { agent: value };
  return kind === "number" ? { number: value } : {};
}

/** @extends {Component<{ disabled: boolean, say: (text: string) => void }, { text: string }>} */
export class TextTurn extends Component {
  /** @override */
  state = { text: "" };

  /** @override */
  render() {
    const { disabled, say } = this.props;
    const text = this.state.text.trim();
    return html`<form class="text-turn" onSubmit=${(/** @type {Event} */ event) => {
      event.preventDefault();
      if (text === "") return;
      say(text);
      this.setState({ text: "" });
    }}>
      <label class="hidden" for="text-turn">Say in text</label>
      <input id="text-turn" autocomplete="off" placeholder="Type what the caller says" maxlength="2000" disabled=${disabled}
        value=${this.state.text} onInput=${(
          /** @type {Event & { currentTarget: HTMLInputElement }} */ event,
        ) => this.setState({ text: event.currentTarget.value })} />
      <button type="submit" disabled=${disabled || text === ""}>Say</button>
    </form>`;
  }
}

/** @param {{ record: CallRecord }} props */
export function Latencies({ record }) {
  const answers = answersOf(record);
  if (answers.length === 0) return null;
  return html`<h3>Latency by part</h3>
    <table class="latencies">
      <thead><tr><th scope="col">Turn</th><th scope="col">To the first sound</th><th scope="col">Tools</th><th scope="col">Output to sound</th></tr></thead>
      <tbody>${answers.map(
        ({ atMs, firstSoundMs, tools, toolToSoundMs }) => html`<tr key=${atMs}>
          <td>${clockTime(atMs)}</td><td>${firstSoundMs === null ? "–" : spanOf(firstSoundMs)}</td>
          <td>${tools.length === 0 ? "–" : tools.map(({ name, ms }) => `${name}: ${spanOf(ms)}`).join(", ")}</td>
          <td>${toolToSoundMs === null ? "–" : spanOf(toolToSoundMs)}</td></tr>`,
      )}</tbody>
    </table>`;
}
