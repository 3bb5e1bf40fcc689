// Listening to the call of a page.
import { Component, html } from "./html.js";
import { CallListener } from "./listen.js";

/** @typedef {{ callSid: string, path: string }} ListenProps */

/** @extends {Component<ListenProps, {}>} */
export class ListenPanel extends Component {
  #listener = new CallListener(() => this.setState({}));

  /** @override */
  componentWillUnmount() {
    this.#listener.stop();
  }

  /** @override */
  render() {
    const { callSid, path } = this.props;
    const { state, problem } = this.#listener;
    if (path !== "media-stream")
      return html`<section class="card"><h2>Listen</h2>
        <p class="hint">The audio of a call on the SIP path does not pass through the relay.</p></section>`;
    return html`<section class="card"><h2>Listen</h2>
      <div class="buttons">
        ${
          state === "off"
            ? html`<button type="button" onClick=${() => void this.#listener.start(callSid)}>Listen</button>`
            : html`<button type="button" onClick=${() => this.#listener.stop()}>Stop listening</button>`
        }
        <span role="status">${state === "on" ? html`<span class="tag good">listening</span>` : state === "opening" ? "connecting …" : ""}</span>
      </div>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      <p class="hint">The caller is on the left, the agent on the right. Listening is written to the call's record.</p>
    </section>`;
  }
}
