// The page that places a call with POST /api/calls.
import { ApiError, placeCall } from "./api.js";
import { Component, html } from "./html.js";
import { callLink } from "./route.js";

/** @typedef {import("./store.js").Store} Store */

/** @param {FormData} form @returns {Record<string, unknown>} @throws {ApiError} when the context is not a JSON object. */
export function requestOf(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  /** @type {Record<string, unknown>} */
  const request = { to: text("to").replace(/[\s().-]/g, ""), agent: text("agent") };
  if (text("from") !== "") request["from"] = text("from").replace(/[\s().-]/g, "");
  if (text("context") !== "") request["context"] = contextOf(text("context"));
  return request;
}

/** @param {string} text @returns {unknown} */
function contextOf(text) {
  let context;
  try {
    context = JSON.parse(text);
  } catch {
    throw new ApiError(0, "The context is not JSON.");
  }
  if (typeof context !== "object" || context === null || Array.isArray(context))
    throw new ApiError(0, "The context is not a JSON object.");
  return context;
}

/** @extends {Component<{ store: Store }, { problem: string, busy: boolean }>} */
export class PlaceView extends Component {
  /** @override */
  state = { problem: "", busy: false };

  /** @param {HTMLFormElement} form */
  async #place(form) {
    this.setState({ problem: "", busy: true });
    try {
      const { callSid } = await placeCall(requestOf(new FormData(form)));
      this.props.store.say("Twilio is ringing the number.");
      location.hash = callLink(callSid);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.setState({ problem: error.message, busy: false });
    }
  }

  /** @override */
  render() {
    const { agents } = this.props.store.directory;
    const { problem, busy } = this.state;
    return html`
      <h1 tabindex="-1">Place a call</h1>
      <form class="card place" onSubmit=${(
        /** @type {SubmitEvent & { currentTarget: HTMLFormElement }} */ event,
      ) => {
        event.preventDefault();
        void this.#place(event.currentTarget);
      }}>
        <label for="to">Number to call</label>
        <input id="to" name="to" type="tel" required placeholder="+15557654321" autocomplete="off" />
        <label for="agent">Agent</label>
        <select id="agent" name="agent" required>${agents.map(({ name }) => html`<option key=${name}>${name}</option>`)}</select>
        <label for="from">Caller ID <span class="hint">(optional; default: the agent's own number)</span></label>
        <input id="from" name="from" type="tel" autocomplete="off" />
        <label for="context">Context <span class="hint">(optional; a JSON object that the agent is given)</span></label>
        <textarea id="context" name="context" rows="5" spellcheck=${false} placeholder='{"order": "4217"}'></textarea>
        <p class="problem" role="alert">${problem}</p>
        <div class="buttons"><button type="submit" class="primary" disabled=${busy}>${busy ? "Placing …" : "Call"}</button></div>
      </form>
    `;
  }
}
