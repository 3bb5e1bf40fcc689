// What a supervisor can do with a live call: tell the model something, have it say something,
// transfer the call, end it.
import { endCall, haveSaid, tellModel, transferCall } from "./api.js";
import { Dialog } from "./dialog.js";
import { Component, html } from "./html.js";
import { plain } from "./words.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {"note" | "say" | "transfer" | "end"} Act
 * @typedef {{ store: Store, callSid: string, agent: string | null }} ActionsProps
 */

const MAX_TEXT_CHARS = 2_000;

/** @extends {Component<ActionsProps, { dialog: Act | null, destination: string, text: string }>} */
export class Actions extends Component {
  /** @override */
  state = { dialog: /** @type {Act | null} */ (null), destination: "", text: "" };

  #close = () => this.setState({ dialog: null, text: "" });

  /** @param {Act} dialog */
  #open = (dialog) => () => this.setState({ dialog });

  /** @override */
  render() {
    const { store, agent } = this.props;
    const known = store.directory.agents.find(({ name }) => name === agent);
    const canTransfer = (known?.destinations ?? []).length > 0;
    return html`
      <div class="actions">
        <button type="button" onClick=${this.#open("note")}>Note …</button>
        <button type="button" onClick=${this.#open("say")}>Say …</button>
        <button type="button" disabled=${!canTransfer} onClick=${this.#open("transfer")}>Transfer …</button>
        <button type="button" class="danger" onClick=${this.#open("end")}>End call …</button>
      </div>
      ${this.#dialog()}
    `;
  }

  #dialog() {
    switch (this.state.dialog) {
      case "note":
        return this.#textDialog({
          title: "Tell the model",
          label: "Note",
          hint: "The caller does not hear it. The model takes it into account from now on.",
          action: "Send note",
          run: tellModel,
          done: "The model was told.",
        });
      case "say":
        return this.#textDialog({
          title: "Have the agent say",
          label: "Words",
          hint: "The agent says exactly this as soon as it may speak.",
          action: "Have it said",
          run: haveSaid,
          done: "The agent was asked to say it.",
        });
      case "transfer":
        return this.#transferDialog();
      case "end":
        return this.#endDialog();
      default:
        return null;
    }
  }

  /** @param {{ title: string, label: string, hint: string, action: string, done: string,
   *   run: (callSid: string, text: string) => Promise<unknown> }} what */
  #textDialog({ title, label, hint, action, run, done }) {
    const { store, callSid } = this.props;
    return html`
      <${Dialog} title=${title} action=${action} close=${this.#close} run=${async () => {
        await run(callSid, this.state.text.trim());
        store.say(done);
      }}>
        <label for="text">${label}</label>
        <textarea id="text" rows="4" required maxlength=${MAX_TEXT_CHARS} value=${this.state.text} aria-describedby="text-hint" onInput=${(
          /** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event,
        ) => this.setState({ text: event.currentTarget.value })}></textarea>
        <p class="hint" id="text-hint">${hint}</p>
      <//>`;
  }

  #transferDialog() {
    const { store, callSid, agent } = this.props;
    const known = store.directory.agents.find(({ name }) => name === agent);
    const destinations = known?.destinations ?? [];
    const chosen =
      destinations.find(({ name }) => name === this.state.destination) ??
      destinations.find(({ name }) => name === known?.defaultDestination) ??
      destinations[0];
    if (chosen === undefined) return null;
    return html`
      <${Dialog} title="Transfer this call" action=${`Transfer to ${chosen.name}`} close=${this.#close} run=${async () => {
        await transferCall(callSid, chosen.name, this.state.text.trim());
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
        <input id="reason" value=${this.state.text} maxlength="500" onInput=${(
          /** @type {Event & { currentTarget: HTMLInputElement }} */ event,
        ) => this.setState({ text: event.currentTarget.value })} />
      <//>`;
  }

  #endDialog() {
    const { store, callSid } = this.props;
    return html`
      <${Dialog} title="End this call?" action="End call" danger=${true} close=${this.#close} run=${async () => {
        await endCall(callSid);
        store.say("The call is being ended.");
      }}>
        <p>This hangs up on the caller immediately. It cannot be undone.</p>
      <//>`;
  }
}
