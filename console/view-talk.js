// The page for talking to the agent through the browser's microphone.
import { Conversation } from "./conversation.js";
import { Component, html } from "./html.js";
import { Phone } from "./phone.js";
import { callLink } from "./route.js";
import { SetupFeed } from "./setup-feed.js";
import { AgentsFileState, CalleeChoice, calleeOf, Latencies, TextTurn } from "./view-dev.js";
import { Phase } from "./view-live.js";
import { WatchedCall } from "./watched-call.js";

/** @typedef {import("./store.js").Store} Store */

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/** @type {Readonly<Record<import("./phone.js").PhoneState, string>>} */
const STATES = {
  off: "Not connected.",
  opening: "Opening the microphone …",
  calling: "Calling …",
  talking: "You are connected. Speak, and interrupt the agent whenever you like.",
  with_human: "The agent has transferred you to a (simulated) human.",
  ended: "The call has ended.",
};

/** The state "talking" of a call without a microphone. */
const TYPING = "You are connected. Type what the caller says.";

/** @extends {Component<{ store: Store }>} */
export class TalkView extends Component {
  #due = false;
  #chosen = "";
  /** @type {SetupFeed | null} */
  #feed = null;
  #phone = new Phone({ changed: () => this.#changed() });

  #changed() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.forceUpdate();
    });
  }

  /** @override */
  componentDidMount() {
    const { phoneUrl } = this.props.store;
    if (phoneUrl !== null) this.#feed = new SetupFeed(phoneUrl, () => this.#changed());
  }

  /** @override */
  componentWillUnmount() {
    this.#feed?.close();
    if (this.#phone.callSid !== null || this.#phone.state !== "off") this.#phone.hangUp();
  }

  /** @override */
  render() {
    const { store } = this.props;
    const phone = this.#phone;
    const { state, levels, muted, problem, callSid, silent } = phone;
    const saying = state === "talking" && silent ? TYPING : STATES[state];
    const up = state === "calling" || state === "talking" || state === "with_human";
    const row = callSid === null ? undefined : store.live.get(callSid);
    const url = store.phoneUrl;
    // Earlier, the relay may not know the call yet.
    const known = callSid !== null && state !== "calling";
    const setup = this.#feed?.setup ?? null;
    const chosen = this.#chosen || `agent ${setup?.agents[0] ?? ""}`;
    const callee = setup === null ? {} : calleeOf(chosen);
    return html`
      <h1 tabindex="-1">Talk to the agent</h1>
      ${
        url === null
          ? html`<p class="empty">This page has no softphone. <code>murelay dev</code> and <code>npm run demo -- --keep</code> print an address that includes one.</p>`
          : html`
        ${setup === null ? null : html`<${AgentsFileState} setup=${setup} />`}
        <div class="talking"><div class="card talk" data-state=${state} data-heard=${phone.heardFrames}>
          <p class="phone-state" role="status">${saying}</p>
          <p class="problem" role="alert">${problem}</p>
          ${
            setup === null
              ? null
              : html`<${CalleeChoice} setup=${setup} chosen=${chosen} disabled=${up || state === "opening"}
                  choose=${(/** @type {string} */ value) => {
                    this.#chosen = value;
                    this.#changed();
                  }} />`
          }
          <div class="buttons">
            ${
              up || state === "opening"
                ? html`<button type="button" class="danger big" onClick=${() => phone.hangUp()}>Hang up</button>
                  ${
                    silent
                      ? null
                      : html`<button type="button" aria-pressed=${muted} onClick=${() => phone.mute()}>${muted ? "Unmute" : "Mute"}</button>`
                  }`
                : html`<button type="button" class="primary big" onClick=${() => void phone.call(url, { callee })}>Call</button>
                  ${
                    setup === null
                      ? null
                      : html`<button type="button" class="big" onClick=${() => void phone.call(url, { callee, silent: true })}>Call without a microphone</button>`
                  }`
            }
          </div>
          <${Level} name="You" level=${muted ? 0 : levels.mine} /><${Level} name="Agent" level=${levels.theirs} />
          ${row === undefined ? null : html`<p class="said"><${Phase} phase=${row.phase} detail=${row.detail} /> </p>`}
          ${!known ? null : html`<p><a href=${callLink(callSid)} target="_blank" rel="noopener">Open this call in a new window</a></p>`}
          ${setup === null ? null : html`<${TextTurn} disabled=${state !== "talking"} say=${(/** @type {string} */ text) => phone.say(text)} />`}
          <div class="keypad" role="group" aria-label="Keypad">${KEYS.map(
            (key) =>
              html`<button key=${key} type="button" disabled=${!up} onClick=${() => phone.press(key)}>${key}</button>`,
          )}</div>
          <p class="hint">Key 0 leads to a human if the agent has one. Wear headphones so that the agent does not hear itself.</p>
        </div>${!known ? null : html`<${Words} store=${store} callSid=${callSid} />`}</div>`
      }
    `;
  }
}

/** @param {{ store: Store, callSid: string }} props */
function Words({ store, callSid }) {
  return html`<section class="card"><h2>Conversation</h2><${WatchedCall} key=${callSid} store=${store} callSid=${callSid} show=${(
    /** @type {import("./watched-call.js").CallRecord | null} */ record,
  ) =>
    record === null
      ? null
      : html`<${Conversation} record=${record} /><${Latencies} record=${record} />`} /></section>`;
}

/** @param {{ name: string, level: number }} props */
function Level({ name, level }) {
  return html`<div class="level"><span>${name}</span><meter min="0" max="1" value=${level.toFixed(2)} aria-label=${`${name}: loudness`}></meter></div>`;
}
