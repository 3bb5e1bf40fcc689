// What a supervisor can do with a live call: transfer it, end it.
import { endCall, transferCall } from "./api.js";
import { Dialog } from "./dialog.js";
import { Component, html } from "./html.js";
import { plain } from "./words.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ store: Store, callSid: string, agent: string | null }} ActionsProps
 */

/** @extends {Component<ActionsProps, { dialog: "transfer" | "end" | null, destination: string, reason: string }>} */
export class Actions extends Component {
  /** @override */
  state = { dialog: /** @type {"transfer" | "end" | null} */ (null), destination: "", reason: "" };

  #close = () => this.setState({ dialog: null, reason: "" });

  /** @override */
  render() {
    const { store, callSid, agent } = this.props;
    const { dialog, reason } = this.state;
    const known = store.directory.agents.find(({ name }) => name === agent);
    const destinations = known?.destinations ?? [];
    const chosen =
      destinations.find(({ name }) => name === this.state.destination) ??
      destinations.find(({ name }) => name === known?.defaultDestination) ??
      destinations[0];
    return html`
      <div class="actions">
        <button type="button" disabled=${chosen === undefined} onClick=${() => this.setState({ dialog: "transfer" })}>Transfer …</button>
        <button type="button" class="danger" onClick=${() => this.setState({ dialog: "end" })}>End call …</button>
      </div>
      ${
        dialog === "transfer" && chosen !== undefined
          ? html`
            <${Dialog} title="Transfer this call" action=${`Transfer to ${chosen.name}`} close=${this.#close} run=${async () => {
              await transferCall(callSid, chosen.name, reason.trim());
              store.say(`The call is being transferred to ${chosen.name}.`);
            }}>
              <label for="destination">Destination</label>
              <select id="destination" value=${chosen.name} onChange=${(
                /** @type {Event & { currentTarget: HTMLSelectElement }} */ event,
              ) => this.setState({ destination: event.currentTarget.value })}>
                ${destinations.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}
              </select>
              <p class="hint">${chosen.description} (${plain(chosen.kind)})</p>
              <label for="reason">Reason <span class="hint">(optional; in the record)</span></label>
              <input id="reason" value=${reason} maxlength="500" onInput=${(
                /** @type {Event & { currentTarget: HTMLInputElement }} */ event,
              ) => this.setState({ reason: event.currentTarget.value })} />
            <//>`
          : null
      }
      ${
        dialog === "end"
          ? html`
            <${Dialog} title="End this call?" action="End call" danger=${true} close=${this.#close} run=${async () => {
              await endCall(callSid);
              store.say("The call is being ended.");
            }}>
              <p>This hangs up on the caller immediately. It cannot be undone.</p>
            <//>`
          : null
      }
    `;
  }
}
