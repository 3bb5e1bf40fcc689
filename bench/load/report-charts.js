// The charts of a load run, in the browser; report-client.js follows in the page.

const WIDTH = 480;
const HEIGHT = 190;
const LEFT = 46;
const TOP = 8;
const RIGHT = 12;
const BOTTOM = 22;
const COLORS = ["var(--a)", "var(--b)", "var(--c)"];
/** Durations, by the name of their figures. */
export const DURATIONS = [
  ["uplink", "uplink, caller talks"],
  ["uplink_idle", "uplink, caller silent"],
  ["downlink", "downlink, first byte"],
  ["clear", "speech_started → clear"],
  ["barge_in_silence", "speech_started → phone silent"],
  ["hold", "caller speaks up → last audio"],
  ["truncation_error", "|truncation error|"],
  ["lead", "un-played audio at the phone"],
  ["silence", "silence while a reply is owed"],
  ["setup", "webhook → stream accepted"],
  ["greeting", "stream → first sound"],
];
export const escaped = (text) =>
  String(text).replace(
    /[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c],
  );
export const isKnown = (value) => typeof value === "number" && Number.isFinite(value);
export const shown = (value) => (isKnown(value) ? String(Number(value.toPrecision(4))) : "–");
const nameOf = (key) => DURATIONS.find(([name]) => name === key)?.[1] ?? key;

/** Over the seconds of the run: title, unit, series with the field of a sample and of its count. */
export const LINES = [
  [
    "Uplink transit while the caller talks",
    "ms",
    ["p50", "uplinkP50Ms", "uplinkCount"],
    ["p99", "uplinkP99Ms", "uplinkCount"],
  ],
  ["Downlink, first byte", "ms", ["p99", "downlinkP99Ms", "downlinkCount"]],
  ["CPU of one core", "%", ["relay", "relayCpuPercent"], ["harness", "harnessCpuPercent"]],
  ["Relay's memory", "MB", ["RSS", "relayRssMb"]],
  ["Live calls", "calls", ["calls", "live"]],
  ["Harness lateness", "ms", ["p99", "lateP99Ms", "lateCount"]],
];
export const DISTRIBUTIONS = [
  ["Transit, share of frames", ["uplink", "uplink_idle", "downlink"]],
  ["Barge-in, share of interruptions", ["clear", "barge_in_silence", "truncation_error"]],
  ["Un-played audio at the phone", ["lead"]],
  ["Silence while a reply is owed", ["silence"]],
];

const niceMax = (value) => {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5, 10].find((factor) => value <= factor * power) ?? 10) * power;
};
const text = (x, y, anchor, what) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(what)}</text>`;

/** A line that is broken where nothing was measured; a second alone is a dot. */
export function path(points, x, y) {
  let drawn = "";
  let isOn = false;
  for (const [i, [px, py]] of points.entries()) {
    if (!isKnown(py)) {
      isOn = false;
      continue;
    }
    const [at, up] = [x(px).toFixed(1), y(py).toFixed(1)];
    const isAlone = !isOn && !isKnown(points[i + 1]?.[1]);
    drawn += `${isOn ? "L" : "M"}${at} ${up}${isAlone ? "h1" : ""}`;
    isOn = true;
  }
  return drawn;
}

/**
 * @typedef {{ label: string, points: [number, number | null][], counts: (number | null)[], isEarlier: boolean, color: string }} Series
 * @typedef {{ title: string, unit: string, series: Series[], maxX: number, maxY: number, x: (v: number) => number, y: (v: number) => number,
 *   xTicks: [number, string][], yTicks: [number, string][], values: (x: number) => string, steps: number[] }} Chart
 */

/** One place for each second of the run, also where no sample was taken. */
function bySecond(samples, field) {
  const points = new Map(samples.map((sample) => [sample.second, sample[field] ?? null]));
  const last = Math.max(0, ...points.keys());
  return Array.from({ length: last + 1 }, (_, second) => [second, points.get(second) ?? null]);
}

/** @returns {Chart | null} */
export function lineChart([title, unit, ...fields], samples, baseline) {
  const of = (from, isEarlier) =>
    fields.map(([label, field, count], i) => ({
      label: isEarlier ? `${label}, earlier` : label,
      points: bySecond(from, field),
      counts: count === undefined ? [] : bySecond(from, count).map(([, n]) => n),
      color: COLORS[i],
      isEarlier,
    }));
  const series = [
    ...of(samples, false),
    ...(baseline === null ? [] : of(baseline.samples, true)),
  ].filter(({ points }) => points.some(([, y]) => isKnown(y)));
  if (!series.some(({ isEarlier }) => !isEarlier)) return null;
  const all = series.flatMap(({ points }) => points);
  const maxX = Math.max(1, ...all.map(([x]) => x));
  const maxY = niceMax(Math.max(...all.flatMap(([, y]) => (isKnown(y) ? [y] : []))));
  const x = (value) => LEFT + (value / maxX) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / maxY) * (HEIGHT - TOP - BOTTOM);
  const step = niceMax(maxX / 5);
  const xTicks = Array.from({ length: Math.floor(maxX / step) + 1 }, (_, i) => [
    i * step,
    `${shown(i * step)} s`,
  ]);
  return {
    ...{ title: `${title}, ${unit}`, unit, series, maxX, maxY, x, y, xTicks },
    yTicks: [0, 0.5, 1].map((share) => [share * maxY, shown(share * maxY)]),
    steps: Array.from({ length: maxX + 1 }, (_, second) => second),
    values: (second) =>
      `${second} s: ${series
        .map(({ label, points, counts }) => {
          const value = points[second]?.[1];
          if (!isKnown(value)) return `${label} not measured`;
          const n = counts[second];
          return `${label} ${shown(value)} ${unit}${isKnown(n) ? ` (${n} samples)` : ""}`;
        })
        .join(", ")}`,
  };
}

/** Cumulative shares over a logarithmic axis. @returns {Chart | null} */
export function distribution([title, keys], histograms) {
  const series = keys.flatMap((key, i) => {
    const buckets = histograms?.[key] ?? [];
    const total = buckets.reduce((sum, [, count]) => sum + count, 0);
    if (total === 0) return [];
    let seen = 0;
    const points = buckets.map(([ms, count]) => {
      seen += count;
      return [ms, seen / total];
    });
    return [{ label: nameOf(key), points, counts: [total], color: COLORS[i], isEarlier: false }];
  });
  if (series.length === 0) return null;
  const low = -2;
  const high = Math.max(
    1,
    Math.ceil(Math.log10(Math.max(...series.map(({ points }) => points.at(-1)[0])))),
  );
  const log = (ms) => Math.max(low, Math.log10(Math.max(ms, 1e-9)));
  const x = (ms) => LEFT + ((log(ms) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const y = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const xTicks = Array.from({ length: high - low + 1 }, (_, i) => [
    10 ** (low + i),
    `${10 ** (low + i)} ms`,
  ]);
  const steps = Array.from({ length: (high - low) * 20 + 1 }, (_, i) => 10 ** (low + i / 20));
  return {
    ...{ title, unit: "ms", maxX: 10 ** high, maxY: 1, x, y, xTicks, steps },
    series: series.map((one) => ({ ...one, points: [[10 ** low, 0], ...one.points] })),
    yTicks: [0, 0.5, 1].map((share) => [share, `${share * 100} %`]),
    values: (ms) =>
      `≤ ${shown(ms)} ms: ${series
        .map(({ label, points, counts }) => {
          const share = points.findLast(([at]) => at <= ms)?.[1] ?? 0;
          return `${label} ${shown(share * 100)} % of ${counts[0].toLocaleString("en")}`;
        })
        .join(", ")}`,
  };
}

export function figureOf(chart, number) {
  const { x, y } = chart;
  const room = (i) =>
    i === 0
      ? "start"
      : i === chart.xTicks.length - 1 && x(chart.xTicks[i][0]) > WIDTH - 40
        ? "end"
        : "middle";
  const grid = chart.yTicks.map(
    ([value, label]) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/>${text(LEFT - 6, y(value) + 4, "end", label)}`,
  );
  const ticks = chart.xTicks.map(([value, label], i) => text(x(value), HEIGHT - 6, room(i), label));
  const lines = chart.series.map(
    ({ points, color, isEarlier }) =>
      `<path d="${path(points, x, y)}" stroke="${color}"${isEarlier ? ' class="earlier"' : ""}/>`,
  );
  const legend = chart.series.map(
    ({ label, color, isEarlier }) =>
      `<li><i${isEarlier ? ' class="earlier"' : ""} data-color="${color}"></i>${escaped(label)}</li>`,
  );
  return `<figure data-chart="${number}"><figcaption id="chart-${number}">${escaped(chart.title)}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" tabindex="0" aria-labelledby="chart-${number}">${grid.join("")}${ticks.join("")}${lines.join("")}<line class="at" y1="${TOP}" y2="${HEIGHT - BOTTOM}" visibility="hidden"/></svg>
    <ul class="legend">${legend.join("")}</ul><output class="values">Point at the chart, or use the arrow keys, for values.</output></figure>`;
}

/** Of each chart: where the reader is, also when newer data is drawn. */
const READ_AT = new Map();

/** Values under the pointer, or where the arrow keys have led. */
export function bind(figure, chart) {
  const svg = figure.querySelector("svg");
  const mark = figure.querySelector(".at");
  const values = figure.querySelector(".values");
  let at = -1;
  const show = (index) => {
    at = Math.min(chart.steps.length - 1, Math.max(0, index));
    const place = chart.x(chart.steps[at]).toFixed(1);
    mark.setAttribute("x1", place);
    mark.setAttribute("x2", place);
    mark.setAttribute("visibility", "visible");
    values.textContent = chart.values(chart.steps[at]);
    READ_AT.set(chart.title, at);
  };
  if (READ_AT.has(chart.title)) show(READ_AT.get(chart.title));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    const away = chart.steps.map((step) => Math.abs(chart.x(step) - place));
    show(away.indexOf(Math.min(...away)));
  });
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    show(at + by);
  });
  for (const one of figure.querySelectorAll("[data-color]"))
    one.style.borderColor = one.dataset.color;
}
