// One call on one time axis: loudness of both directions, and every event in its lane.
import { ApiError, readTimeline } from "./api.js";
import { clockTime } from "./format.js";
import { Component, createRef, html } from "./html.js";
import { eventsNear, lengthOf, windowOf } from "./inspect-axis.js";
import { callLink } from "./route.js";
import { plain } from "./words.js";

/**
 * @typedef {import("./api.js").Timeline} TimelineData
 * @typedef {{ timeline: TimelineData | null, problem: string, cursorMs: number, zoom: number }} InspectState
 */

const LANES = /** @type {const} */ ([
  "caller",
  "agent",
  "uplink",
  "model",
  "phone",
  "tool",
  "transfer",
  "operator",
  "relay",
]);
const LANE_PX = 30;
const WIDTH_PX = 1_000;
const MAX_ZOOM = 64;

/** @extends {Component<{ callSid: string }, InspectState>} */
export class InspectView extends Component {
  /** @override @type {InspectState} */
  state = { timeline: null, problem: "", cursorMs: 0, zoom: 1 };
  /** @type {import("preact").RefObject<HTMLCanvasElement | null>} */
  #canvas = createRef();

  /** @override */
  componentDidMount() {
    void this.#read();
  }

  /** @override */
  componentDidUpdate() {
    const { timeline, cursorMs, zoom } = this.state;
    const canvas = this.#canvas.current;
    if (timeline !== null && canvas !== null) draw(canvas, timeline, cursorMs, zoom);
  }

  async #read() {
    try {
      this.setState({ timeline: await readTimeline(this.props.callSid), problem: "" });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.setState({ problem: error.message });
    }
  }

  /** @override */
  render() {
    const { callSid } = this.props;
    const { timeline, problem, zoom, cursorMs } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Inspect</h1><a class="button" href=${callLink(callSid)}>The call</a>
        <button type="button" disabled=${zoom === 1} onClick=${() => this.setState({ zoom: zoom / 2 })}>Zoom out</button>
        <button type="button" disabled=${zoom >= MAX_ZOOM} onClick=${() => this.setState({ zoom: zoom * 2 })}>Zoom in</button></div>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${timeline === null ? html`<p class="empty" role="status">${problem === "" ? "Loading …" : ""}</p>` : this.#axis(timeline, cursorMs)}
    `;
  }

  /** @param {TimelineData} timeline @param {number} cursorMs */
  #axis(timeline, cursorMs) {
    const lengthMs = lengthOf(timeline);
    const near = eventsNear(timeline, cursorMs);
    return html`
      <section class="card" aria-label="Time axis">
        <canvas ref=${this.#canvas} class="inspect" width=${WIDTH_PX} height=${LANES.length * LANE_PX} role="img"
          aria-label=${`${timeline.events.length} events in ${clockTime(lengthMs)}; those at the cursor are listed below`}
          onClick=${(/** @type {MouseEvent & { currentTarget: HTMLCanvasElement }} */ event) => {
            const { left, width } = event.currentTarget.getBoundingClientRect();
            const { fromMs, spanMs } = windowOf(lengthMs, this.state.zoom, cursorMs);
            const share = (event.clientX - left) / width;
            this.setState({ cursorMs: Math.round(fromMs + share * spanMs) });
          }}></canvas>
        <label class="cursor">Cursor <input type="range" min="0" max=${Math.ceil(lengthMs)} step="10" value=${cursorMs} onInput=${(
          /** @type {Event & { currentTarget: HTMLInputElement }} */ event,
        ) => this.setState({ cursorMs: Number(event.currentTarget.value) })} /></label>
        <p class="hint">At ${(cursorMs / 1000).toFixed(2)} s. From top to bottom: ${LANES.join(", ")}.${
          timeline.flight
            ? ""
            : " This call has no flight recording here: only its record is shown."
        }</p>
      </section>
      <section class="card"><h2>Events at the cursor <span class="count">${near.length}</span></h2>
        <ol class="steps">${near.map(
          ({ atMs, lane, name, detail }, i) =>
            html`<li key=${i}><span class="meta">${(atMs / 1000).toFixed(3)} s ${lane}</span> ${plain(name)} ${Object.entries(
              detail ?? {},
            )
              .map(([field, value]) => `${field}: ${value}`)
              .join(", ")}</li>`,
        )}</ol></section>`;
  }
}

/** @param {HTMLCanvasElement} canvas @param {TimelineData} timeline @param {number} cursorMs @param {number} zoom */
function draw(canvas, timeline, cursorMs, zoom) {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { width, height } = canvas;
  const { fromMs, spanMs } = windowOf(lengthOf(timeline), zoom, cursorMs);
  const x = (/** @type {number} */ ms) => ((ms - fromMs) / spanMs) * width;
  const color = getComputedStyle(canvas).color;
  context.clearRect(0, 0, width, height);
  context.fillStyle = color;
  if (timeline.envelope !== null)
    for (const [lane, levels] of [timeline.envelope.caller, timeline.envelope.agent].entries()) {
      const { stepMs } = timeline.envelope;
      context.globalAlpha = 0.35;
      for (const [i, level] of levels.entries()) {
        const tall = (level / 100) * (LANE_PX - 4);
        const wide = Math.max(1, (stepMs / spanMs) * width);
        context.fillRect(x(i * stepMs), (lane + 1) * LANE_PX - 2 - tall, wide, tall);
      }
    }
  for (const { atMs, durationMs, lane } of timeline.events) {
    const top = LANES.indexOf(lane) * LANE_PX;
    context.globalAlpha = durationMs === undefined ? 0.8 : 0.25;
    const wide = Math.max(1, ((durationMs ?? 0) / spanMs) * width);
    context.fillRect(x(atMs), top + 2, wide, durationMs === undefined ? 8 : LANE_PX - 4);
  }
  context.globalAlpha = 1;
  context.fillRect(x(cursorMs) - 1, 0, 2, height);
}
