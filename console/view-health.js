// The relay's readiness and a few of its figures.
import { readMetrics } from "./api.js";
import { Figures } from "./figures.js";
import { counted, dollars, spanOf } from "./format.js";
import { Component, html } from "./html.js";
import { Polled } from "./polled.js";
import { readinessText } from "./words.js";

/** @typedef {import("./store.js").Store} Store */

const READ_EVERY_MS = 10_000;

/** @extends {Component<{ store: Store }, { figures: Figures | null, problem: string }>} */
export class HealthView extends Component {
  /** @override */
  state = { figures: /** @type {Figures | null} */ (null), problem: "" };
  #polled = new Polled(
    async () => ({ figures: new Figures(await readMetrics()) }),
    READ_EVERY_MS,
    (state) => this.setState(state),
  );

  /** @override */
  componentDidMount() {
    this.#polled.start();
  }

  /** @override */
  componentWillUnmount() {
    this.#polled.stop();
  }

  /** @override */
  render() {
    const { readiness, directory } = this.props.store;
    const { figures, problem } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Health</h1>
        <span class="hint">murelay ${directory.version}; updated every 10 s</span></div>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem}</p>`}
      <div class="tiles">
        <${Tile} name="Readiness" value=${readiness === null ? "no answer" : readinessText(readiness.reason)}
          severity=${readiness === null ? "bad" : readiness.ready ? "good" : "warn"} />
        ${figures === null ? null : tiles(figures).map((tile) => html`<${Tile} key=${tile.name} ...${tile} />`)}
      </div>
      <p class="hint">All metrics: <a href="metrics">/metrics</a>, in Prometheus format.</p>
    `;
  }
}

/** @typedef {{ name: string, value: string, about?: string, severity?: "good" | "warn" | "bad" | "" }} TileProps */

/** @param {TileProps} props */
function Tile({ name, value, about, severity }) {
  return html`<dl class=${`tile ${severity ?? ""}`}><dt>${name}</dt><dd>${value}</dd>${
    about === undefined ? null : html`<dd class="hint">${about}</dd>`
  }</dl>`;
}

/** @param {Figures} figures @returns {TileProps[]} */
function tiles(figures) {
  const count = (/** @type {string} */ name, label = "") =>
    figures.sum(`murelay_${name}`, label) ?? 0;
  const span = (/** @type {string} */ name, /** @type {number} */ share) =>
    figures.quantileMs(`murelay_${name}`, share);
  const lagMs = span("event_loop_lag_seconds", 0.99);
  const failed = count("calls_total", 'outcome="failed"');
  const underruns = count("playout_underruns_total");
  const down = (figures.sum("murelay_worker_up") ?? 1) === 0;
  return [
    { name: "Active calls", value: counted(count("calls_active")), severity: down ? "bad" : "" },
    {
      name: "Calls since start",
      value: counted(count("calls_total")),
      about: `${counted(failed)} failed, ${counted(count("calls_rejected_total"))} rejected`,
      severity: failed > 0 ? "warn" : "",
    },
    {
      name: "Voice to voice",
      value: spanOf(span("voice_to_voice_seconds", 0.5)),
      about: `median; 95th percentile ${spanOf(span("voice_to_voice_seconds", 0.95))}`,
    },
    {
      name: "Event loop lag",
      value: spanOf(lagMs),
      about: "99th percentile; above 20 ms frames are late",
      severity: (lagMs ?? 0) > 20 ? "warn" : "",
    },
    {
      name: "Playout underruns",
      value: counted(underruns),
      about: "gaps that callers heard",
      severity: underruns > 0 ? "warn" : "",
    },
    { name: "Interruptions", value: counted(count("barge_ins_total")) },
    { name: "Transfers", value: counted(count("transfers_total")) },
    {
      name: "Records waiting",
      value: counted(count("records_pending")),
      about: "not in the database yet",
    },
    { name: "Cost", value: dollars(count("cost_usd_total")), about: "since start, estimated" },
  ];
}
