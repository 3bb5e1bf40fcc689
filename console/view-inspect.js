// One call on one time axis: the sound of both directions, and every event in its lane.
import { ApiError, readCall, readSound, readTimeline } from "./api.js";
import { CallPlayer } from "./call-player.js";
import { clockTime } from "./format.js";
import { Component, createRef, html } from "./html.js";
import {
  barsAndPoints,
  following,
  lengthOf,
  maxZoom,
  turnAt,
  viewOf,
  zoomed,
} from "./inspect-axis.js";
import { aboutText, Files, NearEvents, RawLines, Turns } from "./inspect-details.js";
import {
  blocksOf,
  drawAxis,
  HEIGHT_PX,
  LANES,
  laneAt,
  SAMPLES_SPAN_MS,
  TICKS_PX,
} from "./inspect-draw.js";
import { callLink, inspectLink } from "./route.js";
import { Throttle } from "./throttle.js";
import { WavSource } from "./wav-source.js";

/**
 * @typedef {import("./api.js").Timeline} TimelineData
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ source: WavSource, startMs: number, player: CallPlayer }} Sound
 * @typedef {{ store: import("./store.js").Store, callSid: string, atMs: number, zoom: number }} InspectProps
 * @typedef {{ timeline: TimelineData | null, record: CallRecord | null, problem: string, noSound: string, sound: Sound | null,
 *   cursorMs: number, zoom: number, fromMs: number, selected: string | null }} InspectState
 */

const ZOOM_STEP = 2;
/** While the sound plays, lists and address follow this often. */
const FOLLOW_MS = 250;
/** A slider that is dragged changes the address this often. Safari refuses 100 changes in 10 s. */
const ADDRESS_MS = 250;

/** @extends {Component<InspectProps, InspectState>} */
export class InspectView extends Component {
  /** @override @type {InspectState} */
  state = {
    timeline: null,
    record: null,
    problem: "",
    noSound: "",
    sound: null,
    cursorMs: this.props.atMs,
    zoom: this.props.zoom,
    fromMs: 0,
    selected: null,
  };
  /** @type {import("./inspect-details.js").Events} */
  #events = { bars: [], points: [] };
  #lengthMs = 1_000;
  /** @type {import("preact").RefObject<HTMLCanvasElement | null>} */
  #canvas = createRef();
  /** @type {import("preact").RefObject<HTMLElement | null>} */
  #playhead = createRef();
  /** @type {import("preact").RefObject<HTMLInputElement | null>} */
  #slider = createRef();
  /** @type {import("preact").RefObject<HTMLElement | null>} */
  #clock = createRef();
  #resized = new ResizeObserver(() => this.#draw());
  #frame = 0;
  #followedMs = 0;
  #wasWanted = false;
  #address = new Throttle(ADDRESS_MS, replaceLink);
  #isGone = false;
  #isOpened = false;
  /** @type {(event: WheelEvent) => void} */
  #wheel = (event) => this.#onWheel(event);

  /** @override */
  componentDidMount() {
    void this.#read();
  }

  /** @override */
  componentWillUnmount() {
    this.#isGone = true;
    this.#address.stop();
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
    this.state.sound?.player.close();
  }

  /** @override @param {InspectProps} before */
  componentDidUpdate(before) {
    const { atMs, zoom } = this.props;
    // Another link to this call was followed.
    if (atMs !== before.atMs || zoom !== before.zoom) this.#seek(atMs, this.#allowed(zoom));
    // A canvas that has gone, and come again with the page, is another one.
    const canvas = this.#canvas.current;
    if (canvas !== null && canvas.dataset["watched"] === undefined) {
      canvas.dataset["watched"] = "";
      this.#resized.observe(canvas);
      canvas.addEventListener("wheel", this.#wheel, { passive: false });
    }
    const { timeline } = this.state;
    // Who the operator is may be known later than the call.
    if (timeline?.audio != null && this.props.store.mayAct && !this.#isOpened) {
      this.#isOpened = true;
      void this.#openSound(timeline.callSid, timeline.audio);
    }
    this.#draw();
  }

  async #read() {
    const { callSid, atMs } = this.props;
    try {
      const [timeline, record] = await Promise.all([readTimeline(callSid), readCall(callSid)]);
      if (this.#isGone) return;
      this.#events = barsAndPoints(timeline.events);
      this.#lengthMs = lengthOf(timeline);
      const zoom = this.#allowed(this.props.zoom);
      const fromMs = viewOf(this.#lengthMs, zoom, atMs - this.#lengthMs / zoom / 2).fromMs;
      const cursorMs = Math.min(atMs, this.#lengthMs);
      this.setState({ timeline, record, problem: "", zoom, fromMs, cursorMs });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.setState({ problem: error.message });
    }
  }

  /** @param {string} callSid @param {NonNullable<TimelineData["audio"]>} audio */
  async #openSound(callSid, { startMs, source: what }) {
    try {
      const source = await WavSource.open((from, to) => readSound(callSid, what, from, to));
      if (this.#isGone) return;
      const player = new CallPlayer(source, startMs, () => this.#played());
      this.#lengthMs = Math.max(this.#lengthMs, player.lengthMs);
      this.setState({ sound: { source, startMs, player } });
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      this.setState({ noSound: `The sound cannot be played: ${said}` });
    }
  }

  /** @param {number} zoom */
  #allowed(zoom) {
    return Math.min(maxZoom(this.#lengthMs), Math.max(1, zoom));
  }

  get #view() {
    return viewOf(this.#lengthMs, this.state.zoom, this.state.fromMs);
  }

  // --- the cursor --------------------------------------------------------------------------------

  /** @param {number} ms @param {number} [zoom] */
  #seek(ms, zoom = this.state.zoom) {
    const cursorMs = Math.min(this.#lengthMs, Math.max(0, ms));
    const { fromMs, sound } = this.state;
    this.setState({ zoom, cursorMs, fromMs: following(this.#lengthMs, zoom, fromMs, cursorMs) });
    this.#remember(cursorMs, zoom);
    if (sound?.player.isWanted) void sound.player.play(cursorMs);
  }

  /** The address shows the same instant to others. @param {number} atMs @param {number} zoom */
  #remember(atMs, zoom) {
    this.#address.ask(inspectLink(this.props.callSid, atMs, zoom));
  }

  /** The player began, stopped, or was told otherwise. */
  #played() {
    const { sound } = this.state;
    if (this.#isGone || sound === null) return;
    const { isWanted, positionMs, state } = sound.player;
    const wasWanted = this.#wasWanted;
    this.#wasWanted = isWanted;
    cancelAnimationFrame(this.#frame);
    if (state === "playing") this.#frame = requestAnimationFrame(() => this.#follow());
    // A paused player keeps an old position: the cursor may have been moved since.
    if (wasWanted && !isWanted) this.#seek(positionMs);
    else this.setState(isWanted ? { noSound: "" } : {});
  }

  /** With each picture of the screen, the cursor goes to what is heard then. */
  #follow() {
    const { sound, zoom, fromMs } = this.state;
    if (sound?.player.state !== "playing") return;
    const cursorMs = sound.player.positionMs;
    const next = following(this.#lengthMs, zoom, fromMs, cursorMs);
    if (next !== fromMs || Math.abs(cursorMs - this.#followedMs) > FOLLOW_MS) {
      this.#followedMs = cursorMs;
      this.setState({ cursorMs, fromMs: next });
    }
    this.#place(cursorMs);
    this.#frame = requestAnimationFrame(() => this.#follow());
  }

  /** Moves the cursor without drawing the page anew. @param {number} cursorMs */
  #place(cursorMs) {
    const playhead = this.#playhead.current;
    const { fromMs, spanMs } = this.#view;
    const share = (cursorMs - fromMs) / spanMs;
    if (playhead !== null) {
      playhead.style.left = `${share * 100}%`;
      playhead.hidden = share < 0 || share > 1;
      playhead.dataset["ms"] = String(cursorMs);
    }
    if (this.#slider.current !== null) this.#slider.current.value = String(Math.round(cursorMs));
    if (this.#clock.current !== null) this.#clock.current.textContent = exactTime(cursorMs);
  }

  // --- the picture -------------------------------------------------------------------------------

  #draw() {
    const { timeline, sound, selected, cursorMs } = this.state;
    const canvas = this.#canvas.current;
    if (this.#isGone || timeline === null || canvas === null) return;
    const view = this.#view;
    drawAxis(canvas, { timeline, ...this.#events, view, sound, selected });
    this.#place(sound?.player.state === "playing" ? sound.player.positionMs : cursorMs);
    if (sound === null || view.spanMs > SAMPLES_SPAN_MS) return;
    const { source, startMs } = sound;
    const missing = blocksOf(source, startMs, view).filter((number) => source.isMissing(number));
    if (missing.length > 0) void this.#load(source, missing);
  }

  /** @param {WavSource} source @param {readonly number[]} missing */
  async #load(source, missing) {
    try {
      await Promise.all(missing.map((number) => source.block(number)));
      if (!this.#isGone) this.#draw();
    } catch (error) {
      if (this.#isGone) return;
      const said = error instanceof Error ? error.message : String(error);
      this.setState({ noSound: `The sound cannot be read: ${said}` });
    }
  }

  /** @param {number} factor @param {number} [aroundMs] */
  #zoomBy(factor, aroundMs = this.state.cursorMs) {
    const zoom = this.#allowed(this.state.zoom * factor);
    const { fromMs } = zoomed(this.#lengthMs, this.#view, zoom, aroundMs);
    this.setState({ zoom, fromMs });
    this.#remember(this.state.cursorMs, zoom);
  }

  /** @param {MouseEvent} event */
  #pointed(event) {
    const canvas = this.#canvas.current;
    if (canvas === null) return { atMs: 0, lane: null };
    const { left, top, width } = canvas.getBoundingClientRect();
    const { fromMs, spanMs } = this.#view;
    const atMs = fromMs + ((event.clientX - left) / width) * spanMs;
    return { atMs, lane: laneAt(event.clientY - top) };
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const { atMs, lane } = this.#pointed(event);
    const turn = lane === null ? undefined : turnAt(this.state.record?.turns ?? [], lane, atMs);
    this.#seek(atMs);
    if (turn === undefined) return;
    this.setState({ selected: turn.itemId }, () =>
      document.querySelector(".inspect-turns .chosen")?.scrollIntoView({ block: "nearest" }),
    );
  }

  /** With Ctrl the wheel zooms; sideways it moves the axis. @param {WheelEvent} event */
  #onWheel(event) {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey) {
      event.preventDefault();
      this.#zoomBy(2 ** (-event.deltaY / 300), this.#pointed(event).atMs);
    } else if (sideways !== 0 && this.state.zoom > 1) {
      event.preventDefault();
      const { spanMs } = this.#view;
      const fromMs = this.state.fromMs + (sideways / 1_000) * spanMs;
      this.setState({ fromMs: viewOf(this.#lengthMs, this.state.zoom, fromMs).fromMs });
    }
  }

  /** @override */
  render() {
    const { callSid } = this.props;
    const { timeline, problem, noSound } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Inspect</h1>
        <a class="button" href=${callLink(callSid)}>The call</a></div>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      ${noSound === "" ? null : html`<p class="problem" role="alert">${noSound}</p>`}
      ${timeline === null ? html`<p class="empty" role="status">${problem === "" ? "Loading …" : ""}</p>` : this.#page(timeline)}
    `;
  }

  /** @param {TimelineData} timeline */
  #page(timeline) {
    const { callSid, store } = this.props;
    const { record, cursorMs, selected } = this.state;
    return html`
      ${this.#axis(timeline)}
      <div class="columns">
        <div class="aside">
          ${
            record === null
              ? null
              : html`<${Turns} record=${record} events=${this.#events} flight=${timeline.flight} selected=${selected}
            choose=${(/** @type {string} */ itemId, /** @type {number} */ atMs) => {
              this.setState({ selected: itemId });
              this.#seek(atMs);
            }} />`
          }
          ${timeline.flight && store.mayAct ? html`<${RawLines} callSid=${callSid} cursorMs=${cursorMs} />` : null}
        </div>
        <div class="aside">
          <${NearEvents} events=${this.#events} cursorMs=${cursorMs} />
          <${Files} timeline=${timeline} mayHear=${store.mayAct} />
        </div>
      </div>`;
  }

  /** @param {TimelineData} timeline */
  #axis(timeline) {
    const { zoom, cursorMs } = this.state;
    const lengthMs = this.#lengthMs;
    const most = maxZoom(lengthMs);
    const events = `${timeline.events.length} events in ${clockTime(lengthMs)}`;
    /** @param {Event & { currentTarget: HTMLInputElement }} event */
    const slide = ({ currentTarget }) => this.#seek(Number(currentTarget.value));
    return html`
      <section class="card axis-card" aria-label="Time axis">
        <div class="buttons">${this.#sound()}
          <output class="clock" ref=${this.#clock}>${exactTime(cursorMs)}</output> <span class="hint">of ${clockTime(lengthMs)}</span>
          <span class="grow"></span>
          <button type="button" disabled=${zoom === 1} onClick=${() => this.#zoomBy(1 / ZOOM_STEP)}>Zoom out</button>
          <button type="button" disabled=${zoom >= most} onClick=${() => this.#zoomBy(ZOOM_STEP)}>Zoom in</button>
          <button type="button" disabled=${zoom === 1} onClick=${() => this.#zoomBy(0)}>Whole call</button>
          <button type="button" onClick=${() => void this.#copy()}>Copy link</button></div>
        <div class="axis">
          <ol class="lanes" aria-hidden="true">
            <li key="ticks" style=${{ height: `${TICKS_PX}px` }}></li>
            ${LANES.map(([lane, height]) => html`<li key=${lane} style=${{ height: `${height}px` }}>${lane}</li>`)}</ol>
          <div class="picture">
            <canvas ref=${this.#canvas} class="inspect" style=${{ height: `${HEIGHT_PX}px` }} role="img"
              aria-label=${`${events}; those at the cursor are listed below`}
              onClick=${(/** @type {MouseEvent} */ event) => this.#clicked(event)}></canvas>
            <i class="playhead" ref=${this.#playhead}></i>
          </div>
        </div>
        <label class="cursor">Cursor <input ref=${this.#slider} type="range" min="0"
          max=${Math.ceil(lengthMs)} step="1" value=${Math.round(cursorMs)}
          aria-valuetext=${exactTime(cursorMs)} onInput=${slide} /></label>
        <p class="hint">${aboutText(timeline, this.props.store.mayAct)}</p>
      </section>`;
  }

  #sound() {
    const { sound, cursorMs } = this.state;
    if (sound === null) return null;
    const { player, source } = sound;
    const { isWanted } = player;
    const play = () => (isWanted ? player.pause() : void player.play(cursorMs));
    const mute = (/** @type {number} */ channel, /** @type {string} */ name) =>
      html`<label class="switch"><input type="checkbox" checked=${!player.isMuted(channel)}
        onChange=${() => player.mute(channel, !player.isMuted(channel))} />${name}</label>`;
    return html`<button type="button" class="primary play" onClick=${play}>${isWanted ? "Pause" : "Play"}</button>
      ${source.format.channels > 1 ? html`${mute(0, "Caller")} ${mute(1, "Agent")}` : null}
      ${player.problem === "" ? null : html`<span class="problem" role="alert">${player.problem}</span>`}`;
  }

  async #copy() {
    const { store, callSid } = this.props;
    const link = new URL(inspectLink(callSid, this.state.cursorMs, this.state.zoom), location.href);
    try {
      await navigator.clipboard.writeText(link.href);
      store.say("The link to this instant was copied.");
    } catch {
      // Without https the clipboard is closed to pages; the address has the instant too.
      store.say("The browser does not allow copying. The address of this page is the link.");
    }
  }
}

/** @param {number} ms */
const exactTime = (ms) => `${clockTime(ms)}.${String(Math.floor(ms) % 1_000).padStart(3, "0")}`;

/** The address, unless another page was opened. @param {string} link */
function replaceLink(link) {
  const [page] = link.split("?");
  if (location.hash.split("?")[0] === page) history.replaceState(null, "", link);
}
