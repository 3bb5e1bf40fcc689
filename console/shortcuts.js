// Keyboard shortcuts. They do nothing while a text is being written, and can be turned off.
import { Component, createRef, html } from "./html.js";
import { KeySequence, SHORTCUTS } from "./shortcut-keys.js";

/** @typedef {import("./shortcut-keys.js").Shortcut} Shortcut */

const OFF = "murelay.shortcuts.off";
export const areShortcutsOn = () => sessionStorage.getItem(OFF) === null;

/** @param {(shortcut: Shortcut) => void} run */
export function listenForShortcuts(run) {
  const sequence = new KeySequence();
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isWriting(event.target) || document.querySelector("dialog[open]") !== null) return;
    if (!areShortcutsOn() && event.key !== "?") return;
    const found = sequence.press(event.key, event.timeStamp);
    if (found === null) return;
    event.preventDefault();
    run(found);
  });
}

/** @param {EventTarget | null} target */
function isWriting(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  );
}

/** Moves the focus between the links of the rows of a list. @param {1 | -1} step */
export function moveInList(step) {
  /** @type {HTMLElement[]} */
  const links = [...document.querySelectorAll("main tbody th a")].filter(
    (link) => link instanceof HTMLElement,
  );
  const { activeElement } = document;
  const at = activeElement instanceof HTMLElement ? links.indexOf(activeElement) : -1;
  const next = at === -1 ? (step === 1 ? 0 : links.length - 1) : at + step;
  links[Math.max(0, Math.min(links.length - 1, next))]?.focus();
}

/** @extends {Component<{ close: () => void }>} */
export class ShortcutSheet extends Component {
  /** @type {import("preact").RefObject<HTMLDialogElement | null>} */
  #dialog = createRef();

  /** @override */
  componentDidMount() {
    this.#dialog.current?.showModal();
  }

  /** @override */
  render() {
    return html`<dialog ref=${this.#dialog} class="sheet" aria-labelledby="sheet-title" onClose=${this.props.close}>
      <h2 id="sheet-title">Keyboard shortcuts</h2>
      <dl>${SHORTCUTS.map(
        ({ keys, does }) =>
          html`<div key=${keys}><dt>${keys.split(" ").map((key) => html`<kbd key=${key}>${key}</kbd> `)}</dt><dd>${does}</dd></div>`,
      )}</dl>
      <label class="switch"><input type="checkbox" checked=${areShortcutsOn()} onChange=${(
        /** @type {Event & { currentTarget: HTMLInputElement }} */ event,
      ) => {
        if (event.currentTarget.checked) sessionStorage.removeItem(OFF);
        else sessionStorage.setItem(OFF, "1");
      }} /> Shortcuts are on</label>
      <div class="buttons"><button type="button" class="primary" onClick=${() => this.#dialog.current?.close()}>Close</button></div>
    </dialog>`;
  }
}
