// Draws who talked when: a lane each for the caller, the agent and tools, and lines for transfers.
import { clockTime, spanOf } from "./format.js";
import { html } from "./html.js";
import { plain } from "./words.js";

/** @typedef {import("./api.js").CallRecord} CallRecord */

const LABEL = 64;
/** Room for the last time label, which is centred on its tick. */
const EDGE = 18;
/** Fits into most windows without scrolling. */
const MIN_WIDTH = 560;
const MAX_VISIBLE_WIDTH = 1_190;
const MARGIN = 90;
const MAX_WIDTH = 8_000;
/** Width of a second, as long as the call fits MAX_WIDTH. */
const PX_PER_S = 14;
const LANES = { caller: 8, agent: 40, tool: 72 };
const LANE = 24;
const BOTTOM = 104;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/**
 * @param {CallRecord} record
 * @param {number} nowMs since the call began.
 * @param {number} visibleWidth px that need no scrolling.
 * @returns {{ durationMs: number, width: number, x: (ms: number) => number, stepMs: number }}
 */
export function scaleOf(record, nowMs, visibleWidth) {
  const last = Math.max(
    1_000,
    ...record.turns.map(({ startedMs, endedMs, heardMs, receivedMs }) =>
      Math.max(endedMs ?? 0, (startedMs ?? 0) + Math.max(heardMs ?? 0, receivedMs ?? 0)),
    ),
    ...record.tools.map(({ atMs, ms }) => atMs + ms),
    record.transfer?.requestedMs ?? 0,
  );
  const ended =
    record.endedAt !== null && record.startedAt !== null
      ? Date.parse(record.endedAt) - Date.parse(record.startedAt)
      : nowMs;
  const durationMs = Math.max(last, ended);
  const wide = Math.max(MIN_WIDTH, visibleWidth, LABEL + (durationMs / 1000) * PX_PER_S);
  const width = Math.round(Math.min(MAX_WIDTH, wide));
  const x = (/** @type {number} */ ms) => LABEL + (ms / durationMs) * (width - LABEL - EDGE);
  const wanted = (durationMs / 1000 / (width - LABEL)) * 70;
  const stepMs = (STEPS_S.find((step) => step >= wanted) ?? 3600) * 1000;
  return { durationMs, width, x, stepMs };
}

/** @param {{ record: CallRecord, nowMs: number }} props */
export function Timeline({ record, nowMs }) {
  const { durationMs, width, x, stepMs } = scaleOf(
    record,
    nowMs,
    Math.min(MAX_VISIBLE_WIDTH, innerWidth - MARGIN),
  );
  const box = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ y) => ({
    x: x(from).toFixed(1),
    y,
    width: Math.max(2, x(to) - x(from)).toFixed(1),
    height: LANE,
    rx: 4,
  });
  const ticks = Array.from({ length: Math.floor(durationMs / stepMs) + 1 }, (_, i) => i * stepMs);
  const interruptions = record.turns.filter(
    ({ interruptedAtMs }) => interruptedAtMs !== null,
  ).length;
  const transfers = [
    ...record.earlierTransfers,
    ...(record.transfer === null ? [] : [record.transfer]),
  ];
  const counts = `turns: ${record.turns.length}, interruptions: ${interruptions}, tool calls: ${record.tools.length}, transfers: ${transfers.length}`;
  const summary = `${clockTime(durationMs)} long; ${counts}. The conversation below contains the same in words.`;
  return html`
    <div class="timeline" tabindex="0" role="region" aria-label="Timeline, scrolls sideways">
      <svg width=${width} height="128" viewBox=${`0 0 ${width} 128`} role="img" aria-label=${summary}>
        <defs><pattern id="unheard" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="hatch" width="2.5" height="6" /></pattern></defs>
        ${ticks.map(
          (
            ms,
          ) => html`<g key=${ms} class="tick"><line x1=${x(ms)} x2=${x(ms)} y1="4" y2=${BOTTOM} />
          <text x=${x(ms)} y=${BOTTOM + 16}>${clockTime(ms)}</text></g>`,
        )}
        <text class="lane" x="0" y=${LANES.caller + 17}>Caller</text>
        <text class="lane" x="0" y=${LANES.agent + 17}>Agent</text>
        <text class="lane" x="0" y=${LANES.tool + 17}>Tools</text>
        ${record.turns.map((turn) => {
          const from = turn.startedMs ?? 0;
          const to = turn.endedMs ?? (record.state === "live" ? Math.max(nowMs, from) : from);
          const unheardMs = Math.max(0, (turn.receivedMs ?? 0) - (turn.heardMs ?? 0));
          const title = `${turn.who} ${clockTime(from)}, ${spanOf(to - from)}: ${turn.heardText ?? turn.text ?? ""}`;
          return html`<g key=${turn.itemId} class=${`talk ${turn.who}`}>
            <title>${title}</title>
            ${
              turn.interruptedAtMs !== null && unheardMs > 0
                ? html`<rect class="unplayed" fill="url(#unheard)" ...${box(to, to + unheardMs, LANES.agent)}><title>${`generated, not heard: ${spanOf(unheardMs)}`}</title></rect>`
                : null
            }
            <rect ...${box(from, to, LANES[turn.who])} />
            ${
              turn.interruptedAtMs === null
                ? null
                : html`<path class="interruption" d=${`M${x(to)} ${LANES.caller} V${LANES.agent + LANE}`}><title>interrupted</title></path>`
            }
          </g>`;
        })}
        ${record.tools.map(
          ({ name, atMs, ms, outcome }, i) =>
            html`<rect key=${i} class=${`used ${outcome === "ok" ? "" : "bad"}`} ...${box(atMs, atMs + ms, LANES.tool)}>
            <title>${`${name}: ${plain(outcome)} after ${spanOf(ms)}`}</title></rect>`,
        )}
        ${transfers.map(
          ({ destination, requestedMs, outcome }) =>
            html`<path key=${requestedMs} class="transfer" d=${`M${x(requestedMs)} 4 V${BOTTOM}`}>
            <title>${`transfer to ${destination}: ${plain(outcome ?? "in progress")}`}</title></path>`,
        )}
      </svg>
      <p class="legend" aria-hidden="true"><i class="caller"></i>caller <i class="agent"></i>agent, heard <i class="unplayed"></i>generated, not heard
        <i class="interruption"></i>interruption <i class="used"></i>tool <i class="moved"></i>transfer</p>
    </div>
  `;
}
