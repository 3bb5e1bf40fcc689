// What the inspector shows in words: turns with their latency, events at the cursor, raw lines, files.
import { ApiError, callFile, readFlight } from "./api.js";
import { clockTime, spanOf } from "./format.js";
import { Component, html } from "./html.js";
import { eventsNear, latencyParts, NEAR_MS } from "./inspect-axis.js";
import { plain } from "./words.js";

/**
 * @typedef {import("./api.js").Timeline} TimelineData
 * @typedef {import("./api.js").TimelineEvent} TimelineEvent
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ bars: readonly TimelineEvent[], points: readonly TimelineEvent[] }} Events
 */

/** A line of audio is mostly base64. */
const MAX_LINE_CHARS = 400;

/**
 * @param {{ record: CallRecord, events: Events, flight: boolean, selected: string | null,
 *   choose: (itemId: string, atMs: number) => void }} props
 */
export function Turns({ record: { turns }, events, flight, selected, choose }) {
  const rows = turns.filter(({ startedMs }) => startedMs !== null);
  return html`<section class="card"><h2>Turns <span class="count">${rows.length}</span></h2>
    ${rows.length === 0 ? html`<p class="hint">There are no turns.</p>` : null}
    <ol class="inspect-turns">${rows.map((turn, i) => {
      const { who, itemId, startedMs, endedMs, text, heardText } = turn;
      const isChosen = itemId === selected;
      const nextMs = turns.slice(turns.indexOf(turn) + 1).find((other) => other.who === "caller");
      return html`<li key=${itemId} id=${`turn-${i}`} class=${`${who}${isChosen ? " chosen" : ""}`}>
        <button type="button" class="quiet" aria-current=${isChosen ? "true" : undefined}
          onClick=${() => choose(itemId, startedMs ?? 0)}>${clockTime(startedMs ?? 0)}</button>
        <span><b>${who === "agent" ? "Agent" : "Caller"}</b> ${heardText ?? text ?? html`<em>no transcript</em>`}
        ${
          who === "caller" && endedMs !== null && flight
            ? html`<${Latency} parts=${latencyParts(events.points, endedMs, nextMs?.startedMs ?? Number.POSITIVE_INFINITY)} />`
            : who === "agent" && turn.voiceToVoiceMs !== null
              ? html`<span class="meta">answered after ${spanOf(turn.voiceToVoiceMs)}</span>`
              : null
        }</span></li>`;
    })}</ol></section>`;
}

/** @param {{ parts: { name: string, ms: number }[] }} props */
function Latency({ parts }) {
  if (parts.length === 0) return null;
  return html`<span class="meta">${parts.map(({ name, ms }) => `${name}: ${spanOf(ms)}`).join(", ")}</span>`;
}

/** @param {{ events: Events, cursorMs: number }} props */
export function NearEvents({ events, cursorMs }) {
  const near = eventsNear(events, cursorMs);
  return html`<section class="card"><h2>Events at the cursor <span class="count">${near.length}</span></h2>
    ${near.length === 0 ? html`<p class="hint">None within ${NEAR_MS} ms.</p>` : null}
    <div class="near" tabindex="0" role="region" aria-label="Events at the cursor"><ol class="steps">${near.map(
      ({ atMs, lane, name, detail }, i) =>
        html`<li key=${i}><span class="meta">${(atMs / 1000).toFixed(3)} s ${lane}</span> <span>${plain(name)}</span>
          <span class="meta">${Object.entries(detail ?? {})
            .map(([field, value]) => `${field}: ${value}`)
            .join(", ")}</span></li>`,
    )}</ol></div></section>`;
}

/** @extends {Component<{ callSid: string, cursorMs: number }, { lines: string[], atMs: number, problem: string, busy: boolean }>} */
export class RawLines extends Component {
  /** @override */
  state = { lines: /** @type {string[]} */ ([]), atMs: -1, problem: "", busy: false };

  async #read() {
    const atMs = this.props.cursorMs;
    this.setState({ busy: true });
    try {
      const lines = await readFlight(
        this.props.callSid,
        Math.round(atMs - NEAR_MS),
        Math.round(atMs + NEAR_MS),
      );
      this.setState({ lines, atMs, problem: "", busy: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.setState({ problem: error.message, busy: false });
    }
  }

  /** @override */
  render() {
    const { lines, atMs, problem, busy } = this.state;
    return html`<section class="card"><h2>Flight recording</h2>
      <button type="button" disabled=${busy} onClick=${() => void this.#read()}>Show lines at the cursor</button>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${atMs < 0 ? null : html`<p class="hint" role="status">${lines.length} lines at ${(atMs / 1000).toFixed(2)} s.</p>`}
      ${lines.length === 0 ? null : html`<pre class="raw" tabindex="0" aria-label="Lines of the flight recording">${lines.map(shortened).join("\n")}</pre>`}
    </section>`;
  }
}

/** @param {string} line */
const shortened = (line) =>
  line.length <= MAX_LINE_CHARS
    ? line
    : `${line.slice(0, MAX_LINE_CHARS)} … (${line.length} characters)`;

/** @param {{ timeline: TimelineData, mayHear: boolean }} props */
export function Files({ timeline: { callSid, audio, flight }, mayHear }) {
  const files = /** @type {const} */ ([
    audio !== null && mayHear
      ? /** @type {const} */ ([audio.source, "Sound (WAV)", `${callSid}.wav`])
      : null,
    ["timeline", "Timeline (JSON)", `${callSid}.timeline.json`],
    ["", "Record (JSON)", `${callSid}.json`],
    flight && mayHear
      ? /** @type {const} */ (["flight", "Flight recording (JSONL)", `${callSid}.flight.jsonl`])
      : null,
  ]);
  return html`<section class="card"><h2>Download</h2><ul class="files">${files.map((file) =>
    file === null
      ? null
      : html`<li key=${file[2]}><a href=${callFile(callSid, file[0])} download=${file[2]}>${file[1]}</a></li>`,
  )}</ul></section>`;
}

/** @param {TimelineData} timeline @param {boolean} mayHear */
export function aboutText({ flight, audio, envelope, leftOut, incomplete }, mayHear) {
  const said = [];
  if (audio?.source === "recording")
    said.push(
      "The sound is Twilio's recording; where it begins on this axis is exact to about 100 ms.",
    );
  if (!flight) said.push("This call has no flight recording here: only its record is shown.");
  if (audio !== null && !mayHear) said.push("Your role does not allow you to hear it.");
  if (envelope !== null && envelope.agent.length === 0 && audio?.source === "recording")
    said.push("The recording has one channel, with both voices.");
  if (leftOut > 0) said.push(`${leftOut} events are left out: the call has too many.`);
  if (incomplete !== null) said.push(`The flight recording is not complete: ${incomplete}.`);
  said.push("Ctrl and the mouse wheel zoom, Shift and the wheel move the axis.");
  return said.join(" ");
}
