// A dialog that asks before an action that cannot be undone.
import { Component, createRef, html } from "./html.js";

/**
 * @typedef {{ title: string, children?: import("./html.js").View, action: string, danger?: boolean,
 *   run: () => Promise<void>, close: () => void }} DialogProps
 */

/** When `run` rejects, the dialog stays open and shows the message. @extends {Component<DialogProps, { busy: boolean, problem: string }>} */
export class Dialog extends Component {
  /** @override */
  state = { busy: false, problem: "" };
  /** @type {import("preact").RefObject<HTMLDialogElement | null>} */
  #dialog = createRef();

  /** @override */
  componentDidMount() {
    this.#dialog.current?.showModal();
  }

  async #run() {
    this.setState({ busy: true, problem: "" });
    try {
      await this.props.run();
      this.#dialog.current?.close();
    } catch (error) {
      this.setState({
        busy: false,
        problem: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** @override */
  render() {
    const { title, children, action, danger, close } = this.props;
    const { busy, problem } = this.state;
    return html`
      <dialog ref=${this.#dialog} aria-labelledby="dialog-title" onClose=${close}>
        <form onSubmit=${(/** @type {Event} */ event) => {
          event.preventDefault();
          void this.#run();
        }}>
          <h2 id="dialog-title">${title}</h2>
          ${children}
          <p class="problem" role="alert">${problem}</p>
          <div class="buttons">
            <button type="button" onClick=${() => this.#dialog.current?.close()}>Cancel</button>
            <button type="submit" class=${danger === true ? "danger" : "primary"} disabled=${busy}>${action}</button>
          </div>
        </form>
      </dialog>
    `;
  }
}
