// Draws the axis of the inspector: lanes with waveforms, bars and events.
import { firstFrom, ticksOf } from "./inspect-axis.js";

/**
 * @typedef {import("./api.js").Timeline} TimelineData
 * @typedef {import("./api.js").TimelineEvent} TimelineEvent
 * @typedef {import("./inspect-axis.js").View} View
 * @typedef {import("./wav-source.js").WavSource} WavSource
 * @typedef {{ timeline: TimelineData, bars: readonly TimelineEvent[], points: readonly TimelineEvent[], view: View,
 *   sound: { source: WavSource, startMs: number } | null, selected: string | null }} Picture
 * @typedef {CanvasRenderingContext2D} Context
 */

/** From top to bottom, with their heights in px. */
export const LANES = /** @type {const} */ ([
  ["caller", 64],
  ["agent", 64],
  ["uplink", 24],
  ["model", 24],
  ["phone", 24],
  ["tool", 24],
  ["transfer", 24],
  ["operator", 24],
  ["relay", 24],
]);
export const TICKS_PX = 20;
export const HEIGHT_PX = LANES.reduce((sum, [, height]) => sum + height, TICKS_PX);
/** Bars of turns lie under the waveform. */
const TURN_PX = 6;
const PX_PER_TICK = 90;
const MARK_PX = 10;
/** A closer look than this is drawn from the samples themselves. */
export const SAMPLES_SPAN_MS = 40_000;
const BAD = /error|failed|truncate|clear|interrupt|left_out/;

/** Top of each lane. @type {Map<string, { top: number, height: number }>} */
const PLACES = new Map();
let top = TICKS_PX;
for (const [lane, height] of LANES) {
  PLACES.set(lane, { top, height });
  top += height;
}

/** @param {number} y px from the top. @returns {string | null} */
export const laneAt = (y) =>
  LANES.find(([lane]) => {
    const place = PLACES.get(lane);
    return place !== undefined && y >= place.top && y < place.top + place.height;
  })?.[0] ?? null;

/** @param {HTMLCanvasElement} canvas @param {Picture} picture */
export function drawAxis(canvas, picture) {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const scale = devicePixelRatio;
  const width = canvas.clientWidth;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT_PX * scale);
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const color = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const { view } = picture;
  const x = (/** @type {number} */ ms) => ((ms - view.fromMs) / view.spanMs) * width;
  drawGrid(context, view, width, x, color);
  for (const lane of /** @type {const} */ (["caller", "agent"]))
    drawWave(context, picture, lane, width, color(lane));
  drawBars(context, picture, width, x, color);
  drawPoints(context, picture, width, x, color);
}

/** @param {Context} context @param {View} view @param {number} width @param {(ms: number) => number} x @param {(name: string) => string} color */
function drawGrid(context, view, width, x, color) {
  context.fillStyle = color("line");
  for (const { top, height } of PLACES.values()) context.fillRect(0, top + height - 1, width, 1);
  context.font = "11px system-ui, sans-serif";
  for (const ms of ticksOf(view, Math.max(2, width / PX_PER_TICK))) {
    context.fillStyle = color("line");
    context.fillRect(x(ms), TICKS_PX - 4, 1, HEIGHT_PX);
    context.fillStyle = color("soft");
    const label = timeLabel(ms, view.spanMs);
    const room = width - context.measureText(label).width;
    context.fillText(label, Math.max(0, Math.min(room, x(ms) + 3)), 12);
  }
}

/** @param {number} ms @param {number} spanMs */
export function timeLabel(ms, spanMs) {
  const digits = spanMs < 1_000 ? 2 : spanMs < 10_000 ? 1 : 0;
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60];
  const seconds = ((ms % 60_000) / 1_000)
    .toFixed(digits)
    .padStart(digits === 0 ? 2 : 3 + digits, "0");
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${minutes}:${seconds}`;
}

/** @param {Context} context @param {Picture} picture @param {"caller" | "agent"} lane @param {number} width @param {string} fill */
function drawWave(context, picture, lane, width, fill) {
  const place = PLACES.get(lane);
  if (place === undefined) return;
  const middle = place.top + (place.height - TURN_PX) / 2;
  const half = (place.height - TURN_PX) / 2 - 3;
  context.fillStyle = fill;
  const levels = samplesOf(picture, lane, width) ?? envelopeOf(picture, lane, width);
  for (const [column, level] of levels.entries()) {
    const tall = level * half;
    // A quiet line is a line too.
    context.fillRect(column, middle - tall, 1, Math.max(1, 2 * tall));
  }
}

/** The loudest of each column. @param {Picture} picture @param {"caller" | "agent"} lane @param {number} width @returns {number[]} 0 to 1. */
function envelopeOf({ timeline, view }, lane, width) {
  const { envelope } = timeline;
  if (envelope === null) return [];
  const levels = envelope[lane];
  return Array.from({ length: Math.floor(width) }, (_, column) => {
    const fromMs = view.fromMs + (column / width) * view.spanMs;
    const first = Math.floor(fromMs / envelope.stepMs);
    const last = Math.floor((fromMs + view.spanMs / width) / envelope.stepMs);
    let loudest = 0;
    for (let step = first; step <= last; step++) loudest = Math.max(loudest, levels[step] ?? 0);
    return loudest / 100;
  });
}

/** The blocks of sound that a view shows. @param {WavSource} source @param {number} startMs @param {View} view */
export function blocksOf(source, startMs, { fromMs, spanMs }) {
  const blockMs = (source.blockFrames * 1_000) / source.format.rateHz;
  const first = Math.max(0, Math.floor((fromMs - startMs) / blockMs));
  const last = Math.min(source.blocks - 1, Math.floor((fromMs + spanMs - startMs) / blockMs));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** @param {Picture} picture @param {"caller" | "agent"} lane @param {number} width @returns {number[] | null} null: not all of the sound is here. */
function samplesOf({ sound, view }, lane, width) {
  if (sound === null || view.spanMs > SAMPLES_SPAN_MS) return null;
  const { source, startMs } = sound;
  const channel = lane === "caller" ? 0 : 1;
  const shown = blocksOf(source, startMs, view);
  if (shown.length === 0 || shown.some((number) => source.known(number) === undefined)) return null;
  const perMs = source.format.rateHz / 1_000;
  return Array.from({ length: Math.floor(width) }, (_, column) => {
    const fromMs = view.fromMs + (column / width) * view.spanMs - startMs;
    const first = Math.floor(fromMs * perMs);
    const last = Math.max(first, Math.floor((fromMs + view.spanMs / width) * perMs));
    let loudest = 0;
    for (let frame = Math.max(0, first); frame <= last; frame++) {
      const block = source.known(Math.floor(frame / source.blockFrames));
      loudest = Math.max(loudest, Math.abs(block?.[channel]?.[frame % source.blockFrames] ?? 0));
    }
    return loudest;
  });
}

/** @param {Context} context @param {Picture} picture @param {number} width @param {(ms: number) => number} x @param {(name: string) => string} color */
function drawBars(context, { bars, selected }, width, x, color) {
  for (const { atMs, durationMs = 0, lane, name, detail } of bars) {
    const place = PLACES.get(lane);
    const [left, right] = [x(atMs), x(atMs + durationMs)];
    if (place === undefined || right < 0 || left > width) continue;
    const wide = Math.max(2, right - left);
    const isTurn = name === "turn";
    context.fillStyle = color(isTurn ? lane : "warn");
    if (isTurn && detail?.["itemId"] === selected) {
      context.globalAlpha = 0.18;
      context.fillRect(left, place.top, wide, place.height);
      context.globalAlpha = 1;
    }
    if (isTurn) context.fillRect(left, place.top + place.height - TURN_PX - 1, wide, TURN_PX);
    else context.fillRect(left, place.top + 5, wide, place.height - 10);
  }
}

/** @param {Context} context @param {Picture} picture @param {number} width @param {(ms: number) => number} x @param {(name: string) => string} color */
function drawPoints(context, { points, view }, width, x, color) {
  const [normal, bad] = [color("text"), color("bad")];
  /** @type {Map<string, number>} the last column in which a kind was drawn. */
  const drawn = new Map();
  const end = firstFrom(points, view.fromMs + view.spanMs);
  for (let i = firstFrom(points, view.fromMs); i < end; i++) {
    const event = points[i];
    if (event === undefined) continue;
    const { atMs, lane, name } = event;
    const place = PLACES.get(lane);
    const column = Math.min(width - 1, Math.floor(x(atMs)));
    const isBad = BAD.test(name);
    const kind = `${lane} ${isBad || lane === "agent" ? name : ""}`;
    if (place === undefined || drawn.get(kind) === column) continue;
    drawn.set(kind, column);
    context.fillStyle = isBad ? bad : normal;
    if (isBad) context.fillRect(column - 0.5, place.top + 2, 2, place.height - 4);
    else context.fillRect(column, place.top + markTop(lane, name), 1, MARK_PX);
  }
}

/** What was received is above, what was sent below. @param {string} lane @param {string} name */
function markTop(lane, name) {
  if (lane === "agent") return name === "sent" ? 64 - TURN_PX - MARK_PX - 3 : 2;
  if (lane === "caller") return 2;
  return name.endsWith("_sent") ? 12 : 3;
}
