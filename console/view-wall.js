// The wall: how the service is doing, to be read from across a room.
import { readCalls, readMetrics } from "./api.js";
import { Figures } from "./figures.js";
import { counted, dollars, spanOf, when } from "./format.js";
import { readNodes, readSums } from "./history-api.js";
import { Component, html } from "./html.js";
import { Polled } from "./polled.js";
import { callLink } from "./route.js";
import { marksOf } from "./trouble.js";
import { Phase } from "./view-live.js";
import { allProcesses, hourOf, isSilent, loadOf, quantile, wallNodes } from "./wall.js";
import { plain, readinessText } from "./words.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ processes: import("./history-api.js").NodeState[], sums: import("./history-api.js").NodeSum[],
 *   failed: CallRecord[] }} WallData
 */

const READ_EVERY_MS = 10_000;
const MAX_FAILED = 6;
const MAX_TROUBLED = 6;
/** Of the capacity; more is worth a look. */
const NEARLY_FULL = 0.85;
const OUTDATED = "The figures of the last hour may be outdated.";
/** A caller notices a pause of this length. */
const SLOW_MS = 2_000;

/** @extends {Component<{ store: Store }, { data: WallData | null, problem: string }>} */
export class WallView extends Component {
  /** @override */
  state = { data: /** @type {WallData | null} */ (null), problem: "" };
  #polled = new Polled(readWall, READ_EVERY_MS, (state) => this.setState(state));

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
    const { store } = this.props;
    const { data, problem } = this.state;
    return html`
      <div class="heading"><h1 tabindex="-1">Wall</h1>
        <span class="hint">${when(new Date(store.nowMs).toISOString())}</span></div>
      ${problem === "" ? null : html`<p class="problem" role="alert">${problem} ${OUTDATED}</p>`}
      <div class="tiles wall">${tiles(store, data).map(
        ({ name, value, about, severity }) =>
          html`<dl key=${name} class=${`tile ${severity}`}><dt>${name}</dt>
            <dd>${value}</dd><dd class="hint">${about}</dd></dl>`,
      )}</div>
      <${Nodes} data=${data} />
      <div class="halves"><${Troubled} store=${store} /><${Failed} data=${data} /></div>
    `;
  }
}

/** @returns {Promise<{ data: WallData }>} */
async function readWall() {
  const since = new Date(Date.now() - 24 * 3_600_000).toISOString();
  const [told, metrics, sums, { calls: failed }] = await Promise.all([
    readNodes(),
    readMetrics(),
    readSums(),
    readCalls({ state: "ended", outcome: "failed", since, limit: String(MAX_FAILED) }),
  ]);
  return { data: { processes: allProcesses(told, new Figures(metrics)), sums, failed } };
}

/** @param {Store} store @param {WallData | null} data */
function tiles(store, data) {
  const { live, readiness, connection } = store;
  const { rows } = live.find("", Number.POSITIVE_INFINITY);
  const calls = rows.filter(({ endedMs }) => endedMs === null);
  const latencies = calls.map(({ voiceToVoiceMs }) => voiceToVoiceMs);
  const slowest = quantile(latencies, 0.95);
  const waiting = calls.filter(({ phase }) => phase === "transfer" || phase === "ringing");
  const known = connection === "live";
  const { calls: used, maxCalls: capacity } = loadOf(data?.processes ?? []);
  const hour = data === null ? null : hourOf(data.sums);
  return [
    {
      name: "Service",
      value:
        connection === "lost" || readiness === null ? "no answer" : readinessText(readiness.reason),
      about: connection === "lost" ? "the relay cannot be reached" : "readiness of this node",
      severity:
        connection === "lost" || readiness === null ? "bad" : readiness.ready ? "good" : "warn",
    },
    {
      name: "Live calls",
      value: known ? counted(calls.length) : "unknown",
      about: known ? `${counted(waiting.length)} ringing or being transferred` : "not connected",
      severity: "",
    },
    {
      name: "Capacity",
      value: capacity === 0 ? "–" : `${Math.round((used / capacity) * 100)} %`,
      about:
        capacity === 0 ? "no nodes are known" : `${counted(used)} of ${counted(capacity)} calls`,
      severity: capacity > 0 && used / capacity > NEARLY_FULL ? "warn" : "",
    },
    {
      name: "Latency now",
      value: spanOf(quantile(latencies, 0.5)),
      about: `median of live calls; 95th percentile ${spanOf(slowest)}`,
      severity: (slowest ?? 0) >= SLOW_MS ? "warn" : "",
    },
    {
      name: "Ended in the last hour",
      value: hour === null ? "–" : counted(hour.calls),
      about: hour === null ? "not read yet" : `${counted(hour.failed)} failed or rejected`,
      severity: (hour?.failed ?? 0) > 0 ? "warn" : "",
    },
    {
      name: "Cost in the last hour",
      value: hour === null ? "–" : dollars(hour.costUsd),
      about: "of calls that began in it and have ended",
      severity: "",
    },
  ];
}

/** @param {{ data: WallData | null }} props */
function Nodes({ data }) {
  if (data === null) return html`<p class="empty" role="status">Loading …</p>`;
  const nodes = wallNodes(data.processes, data.sums);
  if (nodes.length === 0)
    return html`<p class="empty">No node has carried a call in the last hour.</p>`;
  return html`<section class="card scroll" aria-label="Nodes" tabindex="0"><h2>Nodes</h2><table class="plain">
    <caption class="hidden">Nodes and their workers; sums of the last hour</caption>
    <thead><tr><th scope="col">Node</th><th scope="col">Workers</th><th scope="col" class="number">Calls now</th>
      <th scope="col" class="number">Ended, 1 h</th><th scope="col" class="number">Failed, 1 h</th>
      <th scope="col" class="number"><abbr title="Mean of the calls' longest voice-to-voice times">Slowest answer</abbr></th>
      <th scope="col" class="number">Cost, 1 h</th></tr></thead>
    <tbody>${nodes.map(
      ({ node, workers, calls, maxCalls, silent, sum }) => html`<tr key=${node}>
      <th scope="row">${node}${silent ? html` <span class="tag bad">no heartbeat</span>` : null}</th>
      <td>${
        workers.length === 0
          ? "–"
          : workers.map((one) => html`<${Worker} key=${one.worker} worker=${one} /> `)
      }</td>
      <td class="number">${maxCalls === 0 ? "–" : `${counted(calls)} of ${counted(maxCalls)}`}</td>
      <td class="number">${counted(sum?.calls ?? 0)}</td><td class="number">${counted(sum?.failed ?? 0)}</td>
      <td class="number">${spanOf(sum?.latencyMs)}</td><td class="number">${dollars(sum?.costUsd ?? 0)}</td></tr>`,
    )}</tbody></table></section>`;
}

/** @param {{ worker: import("./history-api.js").NodeState }} props */
function Worker({ worker: process }) {
  const { worker, calls, maxCalls, draining, silentMs } = process;
  if (isSilent(process))
    return html`<span class="tag bad"
      title=${`Worker ${worker}: last heartbeat ${spanOf(silentMs)} ago`}>worker ${worker}: silent</span>`;
  const about = `Worker ${worker}: ${calls} of ${maxCalls} calls`;
  const text = `worker ${worker}: ${counted(calls)}${draining ? " draining" : ""}`;
  return html`<span class=${`tag ${draining ? "warn" : ""}`} title=${about}>${text}</span>`;
}

/** @param {{ store: Store }} props */
function Troubled({ store }) {
  const { rows } = store.live.find("", Number.POSITIVE_INFINITY, "trouble");
  const troubled = rows
    .filter((row) => row.endedMs === null && marksOf(row).length > 0)
    .slice(0, MAX_TROUBLED);
  const none =
    store.connection === "live"
      ? "No live call is in trouble."
      : "Not known: the relay cannot be reached.";
  return html`<section class="card"><h2>Live calls in trouble</h2>${
    troubled.length === 0
      ? html`<p class="hint">${none}</p>`
      : html`<ul class="rows">${troubled.map(
          (
            row,
          ) => html`<li key=${row.callSid}><a href=${callLink(row.callSid)}>${row.agent}</a> <${Phase} phase=${row.phase} detail=${row.detail} />
          <span class="marks">${marksOf(row).map((mark) => html`<span key=${mark} class="tag bad">${mark}</span>`)}</span></li>`,
        )}</ul>`
  }</section>`;
}

/** @param {{ data: WallData | null }} props */
function Failed({ data }) {
  return html`<section class="card"><h2>Last failed calls</h2>${
    data === null || data.failed.length === 0
      ? html`<p class="hint">${data === null ? "Not read yet." : "No call has failed in the last 24 hours."}</p>`
      : html`<ul class="rows">${data.failed.map(
          (
            call,
          ) => html`<li key=${call.callSid}><a href=${callLink(call.callSid)}>${plain(call.endReason ?? "failed")}</a>
          <span class="hint">${call.agent}, ${call.node}, ${when(call.endedAt)}</span></li>`,
        )}</ul>`
  }</section>`;
}
