// What people say of one call: rating, tags, notes, and that it was reviewed.
import { ApiError } from "./api.js";
import { flagText } from "./facets.js";
import { when } from "./format.js";
import { changeReview, readReview } from "./history-api.js";
import { Component, html } from "./html.js";

/** @typedef {import("./history-api.js").CallReview} CallReview */

const RATINGS = [1, 2, 3, 4, 5];

/** @extends {Component<{ callSid: string, mayWrite: boolean }, { review: CallReview | null, problem: string, busy: boolean }>} */
export class ReviewPanel extends Component {
  /** @override */
  state = { review: /** @type {CallReview | null} */ (null), problem: "", busy: false };
  #gone = false;

  /** @override */
  componentDidMount() {
    void this.#run(() => readReview(this.props.callSid));
  }

  /** @override */
  componentWillUnmount() {
    this.#gone = true;
  }

  /** @param {() => Promise<CallReview>} work @returns {Promise<boolean>} whether it was done. */
  async #run(work) {
    this.setState({ busy: true, problem: "" });
    try {
      const review = await work();
      if (!this.#gone) this.setState({ review, busy: false });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.#gone) this.setState({ problem: error.message, busy: false });
      return false;
    }
  }

  /** @param {"rating" | "tags" | "review-notes" | "reviewed"} what @param {unknown} body */
  #change(what, body) {
    return this.#run(() => changeReview(this.props.callSid, what, body));
  }

  /** Empties the form once its content is stored. @param {"tags" | "review-notes"} what @param {(text: string) => unknown} toBody */
  #submit(what, toBody) {
    return (/** @type {SubmitEvent & { currentTarget: HTMLFormElement }} */ event) => {
      event.preventDefault();
      const form = event.currentTarget;
      const text = String(new FormData(form).get("text") ?? "").trim();
      if (text === "") return;
      void this.#change(what, toBody(text)).then((isDone) => {
        if (isDone) form.reset();
      });
    };
  }

  /** @override */
  render() {
    const { review, problem } = this.state;
    return html`<section class="card review"><h2>Review</h2>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${review === null ? (problem === "" ? html`<p class="hint">Loading …</p>` : null) : this.#content(review)}
    </section>`;
  }

  /** @param {CallReview} review */
  #content(review) {
    const { mayWrite } = this.props;
    const { flags, reviewedAt, reviewedBy } = review;
    return html`
      ${flags.length === 0 ? null : html`<p class="marks">${flags.map((flag) => html`<span key=${flag} class="tag warn">${flagText(flag)}</span>`)}</p>`}
      ${this.#rating(review)}
      ${this.#tags(review)}
      ${this.#notes(review)}
      <p class="reviewed">${
        reviewedAt === null
          ? html`<span class="hint">Not reviewed.</span>`
          : html`<span class="hint">Reviewed by ${reviewedBy}, ${when(reviewedAt)}</span>`
      }${
        mayWrite
          ? html`<button type="button" class=${reviewedAt === null ? "primary" : ""} disabled=${this.state.busy} onClick=${() => void this.#change("reviewed", { reviewed: reviewedAt === null })}>${reviewedAt === null ? "Mark as reviewed" : "Put back"}</button>`
          : null
      }</p>`;
  }

  /** @param {CallReview} review */
  #rating({ rating, ratedBy }) {
    const { mayWrite } = this.props;
    const by = rating === null ? "Not rated" : `${rating} of 5, by ${ratedBy}`;
    if (!mayWrite) return html`<p>${by}</p>`;
    return html`<fieldset class="rating"><legend>Rating <span class="hint">${by}</span></legend>${RATINGS.map(
      (value) =>
        html`<button key=${value} type="button" disabled=${this.state.busy} aria-pressed=${value === rating ? "true" : "false"}
          aria-label=${`${value} of 5`} onClick=${() => void this.#change("rating", { rating: value === rating ? null : value })}>${value}</button>`,
    )}</fieldset>`;
  }

  /** @param {CallReview} review */
  #tags({ tags }) {
    const { mayWrite } = this.props;
    const { busy } = this.state;
    return html`<div class="tags"><h3>Tags</h3>
      <p class="marks">${tags.length === 0 ? html`<span class="hint">None.</span>` : null}${tags.map(
        (tag) =>
          html`<span key=${tag} class="tag live">${tag}${
            mayWrite
              ? html` <button type="button" class="remove" disabled=${busy} aria-label=${`Remove the tag ${tag}`} onClick=${() => void this.#change("tags", { remove: [tag] })}>×</button>`
              : null
          }</span>`,
      )}</p>
      ${
        mayWrite
          ? html`<form class="one-line" onSubmit=${this.#submit("tags", (text) => ({ add: [text.toLowerCase().replace(/\s+/g, "-")] }))}>
        <input name="text" aria-label="New tag" maxlength="40" placeholder="new-tag" /><button type="submit" disabled=${busy}>Add tag</button></form>`
          : null
      }</div>`;
  }

  /** @param {CallReview} review */
  #notes({ notes }) {
    const { mayWrite } = this.props;
    return html`<div class="notes"><h3>Notes</h3>
      ${notes.length === 0 ? html`<p class="hint">None.</p>` : html`<ol class="steps">${notes.map(({ at, operator, text }, i) => html`<li key=${i}><span class="meta"><b>${operator}</b> ${when(at)}</span><p>${text}</p></li>`)}</ol>`}
      ${
        mayWrite
          ? html`<form onSubmit=${this.#submit("review-notes", (text) => ({ text }))}>
        <textarea name="text" aria-label="New note" rows="2" maxlength="4000"></textarea>
        <button type="submit" disabled=${this.state.busy}>Add note</button></form>`
          : null
      }</div>`;
  }
}
