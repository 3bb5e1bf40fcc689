// Who talked when, drawn: a lane for the caller, one for the agent, one for tools and transfers.
import { clockTime, spanOf } from "./format.js";
import { html } from "./html.js";
import { plain } from "./words.js";

/** @typedef {import("./api.js").CallRecord} CallRecord */

const LABEL = 64;
/** The last time stands half beside its tick. */
const EDGE = 18;
/** Without scrolling, on most windows. */
const MIN_WIDTH = 560;
const MOST_ROOM = 1_190;
const MARGIN = 90;
const MAX_WIDTH = 8_000;
/** So much room has a second of a call that is not too long for it. */
const PX_PER_S = 14;
const LANES = { caller: 8, agent: 40, tool: 72 };
const LANE = 24;
const BOTTOM = 104;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/**
 * @param {CallRecord} record
 * @param {number} nowMs since the call began.
 * @param {number} room px that need no scrolling.
 * @returns {{ durationMs: number, width: number, x: (ms: number) => number, stepMs: number }}
 */
export function scaleOf(record, nowMs, room) {
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
  const wide = Math.max(MIN_WIDTH, room, LABEL + (durationMs / 1000) * PX_PER_S);
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
    Math.min(MOST_ROOM, innerWidth - MARGIN),
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
  const summary = `${clockTime(durationMs)} long; ${counts}. The conversation below tells the same in words.`;
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
          const lost = Math.max(0, (turn.receivedMs ?? 0) - (turn.heardMs ?? 0));
          const title = `${turn.who} ${clockTime(from)}, ${spanOf(to - from)}: ${turn.heardText ?? turn.text ?? ""}`;
          return html`<g key=${turn.itemId} class=${`talk ${turn.who}`}>
            <title>${title}</title>
            ${
              turn.interruptedAtMs !== null && lost > 0
                ? html`<rect class="lost" fill="url(#unheard)" ...${box(to, to + lost, LANES.agent)}><title>${`generated, not heard: ${spanOf(lost)}`}</title></rect>`
                : null
            }
            <rect ...${box(from, to, LANES[turn.who])} />
            ${
              turn.interruptedAtMs === null
                ? null
                : html`<path class="cut" d=${`M${x(to)} ${LANES.caller} V${LANES.agent + LANE}`}><title>interrupted</title></path>`
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
            <title>${`transfer to ${destination}: ${plain(outcome ?? "under way")}`}</title></path>`,
        )}
      </svg>
      <p class="legend" aria-hidden="true"><i class="caller"></i>caller <i class="agent"></i>agent, heard <i class="lost"></i>generated, not heard
        <i class="cut"></i>interruption <i class="used"></i>tool <i class="moved"></i>transfer</p>
    </div>
  `;
}
