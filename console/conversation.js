// The turns, tools, transfers and keys of one call, in order.
import { clockTime, spanOf } from "./format.js";
import { html } from "./html.js";
import { entriesOf, heardAndNot } from "./turns.js";
import { byText, plain } from "./words.js";

/**
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {import("./turns.js").Turn} Turn
 */

/** @param {{ turn: Turn, live: boolean }} props */
function TurnEntry({ turn, live }) {
  const { who, startedMs, endedMs, heardMs, receivedMs, interruptedAtMs, voiceToVoiceMs } = turn;
  const speaks = live && endedMs === null;
  const { heard, unheard } = heardAndNot(turn);
  const interrupted = interruptedAtMs !== null;
  return html`
    <li class=${`turn ${who}${interrupted ? " interrupted" : ""}`}>
      <p class="meta"><b>${who === "agent" ? "Agent" : "Caller"}</b> <span>${clockTime(startedMs ?? 0)}</span>
        ${speaks ? html`<span class="tag live">speaking</span>` : null}
        ${voiceToVoiceMs === null ? null : html`<span>answered after ${spanOf(voiceToVoiceMs)}</span>`}
        ${interrupted ? html`<span class="tag warn">interrupted: ${spanOf(heardMs)} of ${spanOf(receivedMs)} heard</span>` : null}
      </p>
      <p class="said">${
        heard === "" && unheard === ""
          ? html`<em>${speaks ? "…" : who === "caller" ? "no transcript" : "nothing was heard"}</em>`
          : heard
      }${
        unheard.trim() === ""
          ? null
          : html`<span class="unheard"><span class="hidden">Generated, but not heard: </span>${unheard}</span>`
      }</p>
    </li>
  `;
}

/** Indents a text that is JSON. @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // A tool may return any text.
    return text;
  }
}

/** @param {{ tool: CallRecord["tools"][number] }} props */
function ToolEntry({ tool }) {
  return html`
    <li class="step tool">
      <details>
        <summary><span class="tag">tool</span> <b>${tool.name}</b>
          <span class=${tool.outcome === "ok" ? "tag good" : "tag bad"}>${plain(tool.outcome)}</span>
          <span class="meta">${spanOf(tool.ms)}, ${clockTime(tool.atMs)}</span></summary>
        <h3>Arguments</h3><pre>${pretty(tool.arguments)}</pre>
        <h3>Output</h3><pre>${pretty(tool.output)}</pre>
      </details>
    </li>
  `;
}

/** @param {{ transfer: NonNullable<CallRecord["transfer"]> }} props */
function TransferEntry({ transfer }) {
  const { destination, kind, reason, summary, urgency, by, outcome, steps, requestedMs } = transfer;
  const facts = [
    ["Reason", reason],
    ["Summary", summary],
    ["Urgency", urgency],
  ];
  return html`
    <li class="step transfer">
      <details open>
        <summary><span class="tag">transfer</span> to <b>${destination}</b> (${plain(kind)}), requested by ${byText(by)}
          <span class=${`tag ${outcome === null ? "live" : outcome === "answered" ? "good" : "bad"}`}>${plain(outcome ?? "in progress")}</span>
          <span class="meta">${clockTime(requestedMs)}</span></summary>
        <dl class="facts">${facts.map(([name, value]) =>
          value === null ? null : html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`,
        )}</dl>
        <ol class="steps">${steps.map(
          ({ atMs, step, detail }, i) =>
            html`<li key=${i}><span class="meta">${clockTime(atMs)}</span> ${plain(step)}${detail === null ? "" : `: ${detail}`}</li>`,
        )}</ol>
      </details>
    </li>
  `;
}

/** @param {{ record: CallRecord }} props */
export function Conversation({ record }) {
  const entries = entriesOf(record);
  if (entries.length === 0) return html`<p class="empty">No conversation yet.</p>`;
  return html`<ol class="conversation">${entries.map((entry, i) => {
    switch (entry.kind) {
      case "turn":
        return html`<${TurnEntry} key=${entry.turn.itemId} turn=${entry.turn} live=${record.state === "live"} />`;
      case "tool":
        return html`<${ToolEntry} key=${`tool ${entry.atMs} ${i}`} tool=${entry.tool} />`;
      case "transfer":
        return html`<${TransferEntry} key=${`transfer ${entry.atMs}`} transfer=${entry.transfer} />`;
      default:
        return html`<li key=${`key ${entry.atMs} ${i}`} class="step"><span class="tag">key</span> the caller pressed <b>${entry.key}</b>
          <span class="meta">${clockTime(entry.atMs)}</span></li>`;
    }
  })}</ol>`;
}
