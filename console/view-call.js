// One call, live or ended.
import { Actions } from "./actions.js";
import { recordingAddress } from "./api.js";
import { Conversation } from "./conversation.js";
import { caller, clockTime, counted, dollars, otherParty, spanOf, when } from "./format.js";
import { html } from "./html.js";
import { ListenPanel } from "./listen-panel.js";
import { ReviewPanel } from "./review-panel.js";
import { inspectLink } from "./route.js";
import { Timeline } from "./timeline.js";
import { NumbersSwitch, Phase } from "./view-live.js";
import { WatchedCall } from "./watched-call.js";
import { plain } from "./words.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./api.js").CallRecord} CallRecord
 */

/** @param {{ store: Store, callSid: string }} props */
export function CallView({ store, callSid }) {
  return html`<${WatchedCall} key=${callSid} store=${store} callSid=${callSid} show=${(
    /** @type {CallRecord | null} */ record,
    /** @type {string} */ problem,
  ) => page(store, callSid, record, problem)} />`;
}

/** @param {Store} store @param {string} callSid @param {CallRecord | null} record @param {string} problem */
function page(store, callSid, record, problem) {
  // The heading must stay the same element because it has the focus.
  if (record === null)
    return html`
      <div class="heading"><h1 tabindex="-1">Call</h1></div>
      <p class="empty" role="status">${problem === "" ? "Loading the call …" : problem}</p>
    `;
  const startedMs = record.startedAt === null ? store.nowMs : Date.parse(record.startedAt);
  const nowMs = Math.max(0, store.nowMs - startedMs);
  const row = store.live.get(callSid);
  const live = record.state === "live";
  return html`
    <div class="heading">
      <h1 tabindex="-1">${caller(otherParty(record), store.showNumbers)} <span class="with">${
        record.direction === "outbound" ? "called by" : "with"
      } ${record.agent ?? "no agent"}</span></h1>
      <${NumbersSwitch} store=${store} />
      <a class="button" href=${inspectLink(callSid)}>Inspect</a>
      ${live && store.mayAct ? html`<${Actions} store=${store} callSid=${callSid} agent=${record.agent} />` : null}
    </div>
    ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
    <${Facts} record=${record} row=${row} nowMs=${nowMs} />
    <section aria-label="Timeline"><${Timeline} record=${record} nowMs=${live ? nowMs : 0} /></section>
    <div class="columns">
      <section class="card wide"><h2>Conversation</h2><${Conversation} record=${record} /></section>
      <div class="aside">
        ${live && store.mayAct ? html`<${ListenPanel} key=${callSid} callSid=${callSid} />` : null}
        ${live ? null : html`<${ReviewPanel} key=${`review ${callSid}`} callSid=${callSid} mayWrite=${store.mayAct} />`}
        <${Latencies} record=${record} />
        <${Usage} record=${record} />
        <${Recording} record=${record} mayHear=${store.mayAct} />
        <${Events} record=${record} />
      </div>
    </div>
  `;
}

/** @param {{ record: CallRecord, row: import("./live-calls.js").Row | undefined, nowMs: number }} props */
function Facts({ record, row, nowMs }) {
  const { startedAt, endedAt, outcome, endReason } = record;
  const durationMs =
    startedAt !== null && endedAt !== null ? Date.parse(endedAt) - Date.parse(startedAt) : nowMs;
  const now =
    record.state === "live"
      ? html`<${Phase} phase=${row?.phase ?? "listening"} detail=${row?.detail ?? ""} />`
      : html`<span class=${`tag outcome ${outcome ?? ""}`}>${outcome}</span> ${plain(endReason ?? "")}`;
  const facts = /** @type {const} */ ([
    [record.state === "live" ? "Now" : "Outcome", now],
    ["Started", when(startedAt)],
    ["Duration", clockTime(durationMs)],
    ["Cost", dollars(record.costUsd)],
    ["Path", record.path],
    ["Node", record.node ?? "–"],
    ["Call", html`<code>${record.callSid}</code>`],
  ]);
  return html`<dl class="facts card">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{ record: CallRecord }} props */
function Latencies({ record }) {
  const spans = record.turns.flatMap(({ voiceToVoiceMs }) =>
    voiceToVoiceMs === null ? [] : [voiceToVoiceMs],
  );
  const sorted = spans.toSorted((a, b) => a - b);
  return html`<section class="card"><h2>Latency</h2>${
    spans.length === 0
      ? html`<p class="hint">No answer yet.</p>`
      : html`<dl class="facts"><div><dt>Last</dt><dd>${spanOf(spans.at(-1))}</dd></div>
        <div><dt>Median</dt><dd>${spanOf(sorted[Math.floor((sorted.length - 1) / 2)])}</dd></div>
        <div><dt>Worst</dt><dd>${spanOf(sorted.at(-1))}</dd></div></dl>
        <p class="hint">From the end of the caller's speech to the agent's first audio.</p>`
  }</section>`;
}

/** @param {{ record: CallRecord }} props */
function Usage({ record }) {
  const { models, transcription } = record.usage;
  return html`<section class="card"><h2>Usage</h2>
    <dl class="facts">
      ${Object.entries(models).map(
        ([
          model,
          { inputAudio, inputText, outputAudio, outputText, cachedAudio, cachedText, responses },
        ]) =>
          html`<div key=${model}><dt>${model}</dt><dd>${responses} responses, ${counted(inputAudio + inputText)} tokens in
            (${counted(cachedAudio + cachedText)} cached), ${counted(outputAudio + outputText)} out</dd></div>`,
      )}
      ${Object.entries(transcription).map(
        ([model, { tokens, seconds }]) =>
          html`<div key=${model}><dt>${model}</dt><dd>${tokens > 0 ? `${counted(tokens)} tokens` : `${seconds.toFixed(1)} s`}</dd></div>`,
      )}
      <div><dt>Cost</dt><dd>${dollars(record.costUsd)}${record.unpriced.length === 0 ? "" : `, without ${record.unpriced.join(", ")}`}</dd></div>
    </dl></section>`;
}

/** @param {{ record: CallRecord, mayHear: boolean }} props */
function Recording({ record: { callSid, recording }, mayHear }) {
  if (recording === null) return null;
  const { sid, file, transcript, words } = recording;
  return html`<section class="card"><h2>Recording</h2>
    <dl class="facts"><div><dt>Twilio</dt><dd><code>${sid}</code></dd></div>
      <div><dt>File</dt><dd>${file === null ? "not fetched yet" : html`<code>${file}</code>`}</dd></div></dl>
    ${file === null || !mayHear ? null : html`<audio controls preload="metadata" src=${recordingAddress(callSid)} aria-label="Recording of the call"></audio>`}
    ${
      transcript === null
        ? null
        : html`<details><summary>Transcript${words === null ? "" : ` (${counted(words.length)} words)`}</summary><p class="transcript">${transcript}</p></details>`
    }</section>`;
}

/** @param {{ record: CallRecord }} props */
function Events({ record: { events } }) {
  return html`<section class="card"><details><summary><h2>Events <span class="count">${events.length}</span></h2></summary>
    <ol class="steps">${events.map(
      ({ atMs, name, fields }, i) =>
        html`<li key=${i}><span class="meta">${clockTime(atMs)}</span> ${plain(name)} ${Object.entries(
          fields,
        )
          .map(([field, value]) => `${field}: ${value}`)
          .join(", ")}</li>`,
    )}</ol></details></section>`;
}
