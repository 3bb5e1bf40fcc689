// Listening to the call of a page, and speaking to the caller in place of the agent.
import { Component, html } from "./html.js";
import { CallListener } from "./listen.js";

/** @typedef {{ callSid: string }} ListenProps */

/** @extends {Component<ListenProps, { note: string }>} */
export class ListenPanel extends Component {
  /** @override */
  state = { note: "" };
  #listener = new CallListener(() => this.setState({}));

  /** @override */
  componentWillUnmount() {
    this.#listener.stop();
  }

  /** @override */
  render() {
    const { callSid } = this.props;
    const { state, problem } = this.#listener;
    // Named by the model: Twilio does not know the call.
    if (callSid.startsWith("rtc_"))
      return html`<section class="card"><h2>Listen</h2>
        <p class="hint">The audio of a call that comes straight from a trunk cannot be had.</p></section>`;
    return html`<section class="card"><h2>Listen</h2>
      <div class="buttons">${this.#buttons()}
        <span role="status">${STATES[state] ?? ""}</span></div>
      ${state === "speaking" ? this.#noteField() : null}
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      <p class="hint">The caller is on the left, the agent on the right. Listening is written to the call's record.</p>
    </section>`;
  }

  #buttons() {
    const { callSid } = this.props;
    const listener = this.#listener;
    const stop = html`<button type="button" onClick=${() => listener.stop()}>Stop listening</button>`;
    switch (listener.state) {
      case "off":
        return html`<button type="button" onClick=${() => void listener.start(callSid)}>Listen</button>`;
      case "on":
        return html`${stop}<button type="button" onClick=${() => void listener.takeOver(callSid)}>Take over</button>`;
      case "speaking":
        return html`<button type="button" class="primary" onClick=${() => {
          void listener.handBack(callSid, this.state.note.trim());
          this.setState({ note: "" });
        }}>Hand back</button>`;
      default:
        return stop;
    }
  }

  #noteField() {
    return html`<label for="hand-back-note">Note for the agent</label>
      <textarea id="hand-back-note" rows="2" maxlength="2000" value=${this.state.note} aria-describedby="hand-back-hint" onInput=${(
        /** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event,
      ) => this.setState({ note: event.currentTarget.value })}></textarea>
      <p class="hint" id="hand-back-hint">The agent does not hear you and the caller now. It is told this note.</p>`;
  }
}

/** @type {Readonly<Record<import("./listen.js").ListenState, unknown>>} */
const STATES = {
  off: "",
  opening: "connecting …",
  on: html`<span class="tag good">listening</span>`,
  speaking: html`<span class="tag bad">the caller hears you</span>`,
};
