// One ended call in a list.
import { flagText } from "./facets.js";
import { caller, clockTime, dollars, otherParty, when } from "./format.js";
import { html } from "./html.js";
import { callLink } from "./route.js";
import { plain } from "./words.js";

/**
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {import("./history-api.js").CallReview} CallReview
 */

/** @param {{ call: CallRecord, review: CallReview | undefined, show: boolean }} props */
export function EndedRow({ call, review, show }) {
  const { startedAt, endedAt, outcome, endReason } = call;
  const durationMs =
    startedAt === null || endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt);
  const link = callLink(call.callSid);
  return html`<tr onClick=${() => {
    if (getSelection()?.isCollapsed !== false) location.hash = link;
  }}>
    <th scope="row"><a href=${link}>${caller(otherParty(call), show)}</a>${
      review === undefined ? null : html`<${Marks} review=${review} />`
    }</th>
    <td data-label="Agent">${call.agent}${call.direction === "outbound" ? html` <span class="tag">outbound</span>` : null}</td>
    <td data-label="Started">${when(startedAt)}</td>
    <td data-label="Outcome"><span class=${`tag outcome ${outcome ?? ""}`}>${outcome}</span>${
      endReason === null || endReason === outcome
        ? null
        : html`<span class="under hint">${plain(endReason)}</span>`
    }</td>
    <td data-label="Duration" class="number">${clockTime(durationMs)}</td>
    <td data-label="Turns" class="number">${call.turns.length}</td>
    <td data-label="Cost" class="number">${dollars(call.costUsd)}</td></tr>`;
}

/** @param {{ review: CallReview }} props */
function Marks({ review: { flags, tags, rating, reviewedAt } }) {
  const isOpen = reviewedAt === null;
  if (rating === null && tags.length === 0 && (!isOpen || flags.length === 0)) return null;
  return html`<span class="marks">${rating === null ? null : html`<span class="tag" title="Rating">${rating}/5</span>`}
    ${isOpen ? flags.map((flag) => html`<span key=${flag} class="tag warn">${flagText(flag)}</span>`) : null}
    ${tags.map((tag) => html`<span key=${tag} class="tag live">${tag}</span>`)}</span>`;
}
