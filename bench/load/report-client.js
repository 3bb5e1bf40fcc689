// Draws a load run, in the browser. It stands in the page as it is: no imports, no build.

const PAGE = JSON.parse(document.getElementById("data").textContent);
/** A difference that is smaller happens without any cause. */
const NOISE = 0.05;
const POLL_MS = 1_000;

const QUANTILES = ["p50", "p99", "p999", "max"];

/** Of these more is better or nothing; of all other figures less is better. */
const NEUTRAL =
  /^(?:calls|call_seconds|frames_|responses|faults|tool_calls|barge_ins|truncates|marks|sessions|scrapes|scrape_bytes|gap_|inserted|others_|harness_|truncation_error_(?:low|high))/;
/** Compared first; the others are in the list of every figure. */
const COMPARED = [
  "uplink_p50_ms",
  "uplink_p99_ms",
  "downlink_p99_ms",
  "clear_p99_ms",
  "barge_in_silence_p99_ms",
  "truncation_error_p99_ms",
  "lead_max_ms",
  "loss",
  "underruns",
  "calls_failed",
  "cpu_ms_per_call_s",
  "rss_kb_per_call",
];

/** How far a value is from its limit, in words. */
function margin({ limit, value, ok }) {
  if (!isKnown(value)) return "not measured";
  const by = Math.abs(value - limit);
  if (by === 0) return ok ? "exactly at the limit" : "at the limit, which is not within it";
  const share = limit === 0 ? "" : ` (${shown((by / Math.abs(limit)) * 100)} %)`;
  return `${shown(by)}${share} ${value < limit ? "below" : "above"}`;
}

function limitsSection({ verdicts = [], unmeasured = [], limitsGiven = true, steps = null }) {
  if (verdicts.length + unmeasured.length === 0) return "";
  const broken = verdicts.filter(({ ok }) => !ok).length;
  const all =
    verdicts.length === 0
      ? ""
      : broken === 0
        ? `<span class="tag good">${verdicts.length === 1 ? "the limit holds" : `all ${verdicts.length} limits hold`}</span>`
        : `<span class="tag bad">${broken} of ${verdicts.length} limits broken</span>`;
  const named = ({ metric, op, limit }) =>
    `<th scope="row">${escaped(metric)} ${escaped(op)} ${shown(limit)}</th>`;
  const result = (ok) => `<span class="tag ${ok ? "good" : "bad"}">${ok ? "pass" : "fail"}</span>`;
  const rows = [
    ...verdicts.map(
      (one) => `<tr>${named(one)}
    <td class="n">${shown(one.value)}</td><td>${result(one.ok)}</td><td>${margin(one)}</td></tr>`,
    ),
    ...unmeasured.map(
      (one) => `<tr>${named(one)}<td class="n">–</td><td>not measured</td><td></td></tr>`,
    ),
  ];
  const searched = (steps ?? []).map(
    ({ calls, ok }) =>
      `<tr><td class="n">${calls}</td><td><span class="tag ${ok ? "good" : "bad"}">${ok ? "within the limits" : "a limit broke"}</span></td></tr>`,
  );
  return `<section class="limits wide" tabindex="0" aria-label="Limits"><h2>Limits ${all}</h2>
    <table><thead><tr><th scope="col">limit</th><th scope="col" class="n">measured</th><th scope="col">result</th><th scope="col">by how much</th></tr></thead>
    <tbody>${rows.join("")}</tbody></table>
    ${limitsGiven ? "" : '<p class="hint">The usual limits: none were given with --slo, so these set no exit status.</p>'}
    ${searched.length === 0 ? "" : `<h2>Search</h2><table><thead><tr><th scope="col" class="n">calls</th><th scope="col">result</th></tr></thead><tbody>${searched.join("")}</tbody></table>`}
  </section>`;
}

function warnings({
  harnessLimit,
  relayExit,
  figures,
  othersLimitPercent,
  failures = {},
  modelErrors = {},
}) {
  const said = [];
  if (relayExit != null) said.push(`The relay ended: ${relayExit}.`);
  if (harnessLimit != null)
    said.push(
      `The harness itself was the bottleneck: ${harnessLimit}. What this run shows is not the relay's limit.`,
    );
  if (othersLimitPercent !== undefined && (figures.others_cpu_percent ?? 0) > othersLimitPercent)
    said.push(
      `Other programs used ${figures.others_cpu_percent} % of a core: every latency is worse than on a free machine.`,
    );
  for (const [reason, count] of Object.entries(failures))
    said.push(`Failed: ${count} × ${reason}.`);
  for (const [what, count] of Object.entries(modelErrors))
    said.push(`The model refused: ${count} × ${what}.`);
  return said.map((text) => `<p class="warning">${escaped(text)}</p>`).join("");
}

function latencySection({ figures, counts = {} }) {
  const rows = DURATIONS.map(([key, label]) => {
    const cells = QUANTILES.map((q) => `<td class="n">${shown(figures[`${key}_${q}_ms`])}</td>`);
    return `<tr><th scope="row">${label}</th>${cells.join("")}<td class="n">${(counts[key] ?? 0).toLocaleString("en")}</td></tr>`;
  });
  return `<section class="wide" tabindex="0" aria-label="Durations"><h2>Durations, ms</h2><table>
    <thead><tr><th scope="col"></th>${["p50", "p99", "p99.9", "max", "samples"].map((q) => `<th scope="col" class="n">${q}</th>`).join("")}</tr></thead>
    <tbody>${rows.join("")}</tbody></table></section>`.replace(
    '<th scope="col"></th>',
    "<td></td>",
  );
}

/** @returns {["good" | "bad" | "", string]} */
function difference(name, before, now) {
  if (!isKnown(before) || !isKnown(now)) return ["", "–"];
  const by = now - before;
  if (by === 0) return ["", "the same"];
  const text = `${by > 0 ? "+" : "−"}${shown(Math.abs(by))}${before === 0 ? "" : ` (${by > 0 ? "+" : "−"}${Math.abs((by / before) * 100).toFixed(0)} %)`}`;
  const isNoise = before !== 0 && Math.abs(by / before) < NOISE;
  return [NEUTRAL.test(name) || isNoise ? "" : by < 0 ? "good" : "bad", text];
}

function baselineSection({ figures, commit, scenario, durationS, machine }, baseline) {
  if (baseline === null) return "";
  const others = [
    ["calls", figures.calls, baseline.calls],
    ["duration, s", durationS, baseline.durationS],
    ["scenario", scenario?.name, baseline.scenario],
    ["machine", machine, baseline.machine],
  ].filter(([, now, before]) => now !== undefined && now !== before);
  const rows = COMPARED.map((name) => {
    const [kind, text] = difference(name, baseline.figures[name], figures[name]);
    return `<tr><th scope="row">${name}</th><td class="n">${shown(baseline.figures[name])}</td><td class="n">${shown(figures[name])}</td><td class="${kind}">${text}${kind === "" ? "" : kind === "good" ? ", better" : ", worse"}</td></tr>`;
  });
  return `<section class="baseline wide" tabindex="0" aria-label="Comparison"><h2>Compared with an earlier run</h2>
    <p class="hint">${escaped(baseline.name)}: commit ${escaped(baseline.commit)}, ${escaped(baseline.date)}. Dashed lines in the charts. Differences under 5 % happen without a cause.</p>
    ${others.map(([what, now, before]) => `<p class="warning">Another ${what}: ${escaped(before)}, now ${escaped(now)}.</p>`).join("")}
    <table><thead><tr><th scope="col">figure</th><th scope="col" class="n">earlier</th><th scope="col" class="n">now${commit === undefined ? "" : ` (${escaped(commit)})`}</th><th scope="col">difference</th></tr></thead>
    <tbody>${rows.join("")}</tbody></table></section>`;
}

function factsSection(data) {
  const rows = [
    ["command", data.command],
    ["relay", data.relay],
    ["commit", data.commit],
    ["date", data.date],
    ["Node", data.node],
    ["machine", data.machine],
    ["cores", data.cores],
    ["scenario", data.scenario?.name],
  ].filter(([, value]) => value !== undefined);
  return `<section><h2>Run</h2><table class="facts"><tbody>${rows.map(([name, value]) => `<tr><th scope="row">${name}</th><td>${escaped(value)}</td></tr>`).join("")}</tbody></table></section>`;
}

function everyFigure({ figures }, baseline) {
  const rows = Object.entries(figures).map(
    ([name, value]) =>
      `<tr><th scope="row">${name}</th><td class="n">${value ?? "–"}</td>${baseline === null ? "" : `<td class="n">${baseline.figures[name] ?? "–"}</td>`}</tr>`,
  );
  return `<section><details><summary>Every figure</summary><table><thead><tr><th scope="col">figure</th><th scope="col" class="n">now</th>${baseline === null ? "" : '<th scope="col" class="n">earlier</th>'}</tr></thead><tbody>${rows.join("")}</tbody></table></details></section>`;
}

function draw({ data, baseline, live }) {
  const report = document.getElementById("report");
  const open = [...report.querySelectorAll("details")].map((details) => details.open);
  const charts = [
    ...LINES.map((line) => lineChart(line, data.samples, baseline)),
    ...DISTRIBUTIONS.map((one) => distribution(one, data.histogramsMs)),
  ].filter((chart) => chart !== null);
  const last = data.samples.at(-1);
  report.innerHTML = `<h1>Load run: ${escaped(data.figures.calls ?? "?")} calls</h1>
    ${live ? `<p class="hint live" role="status">Running: ${last === undefined ? "starting" : `${last.second} s, ${last.live} calls`}.</p>` : ""}
    ${warnings(data)}${limitsSection(data)}${baselineSection(data, baseline)}${latencySection(data)}
    <div class="charts">${charts.map(figureOf).join("")}</div>${factsSection(data)}
    ${data.text === undefined ? "" : `<section><details><summary>As it was printed</summary><pre tabindex="0" aria-label="As it was printed">${escaped(data.text)}</pre></details></section>`}
    ${everyFigure(data, baseline)}`;
  for (const [i, details] of [...report.querySelectorAll("details")].entries())
    details.open = open[i] ?? false;
  for (const figure of report.querySelectorAll("figure"))
    bind(figure, charts[Number(figure.dataset.chart)]);
}

/** Asks for newer data, until the run is over or the address no longer answers. */
async function follow() {
  try {
    const { run, samples } = PAGE.data;
    const from = samples.at(-1)?.second ?? 0;
    const data = await (await fetch(`data.json?run=${run}&from=${from}`)).json();
    const known = data.run === run ? samples.filter(({ second }) => second < from) : [];
    data.samples = [...known, ...data.samples];
    PAGE.data = data;
    const focused = document.activeElement?.closest("figure")?.dataset.chart;
    const isOver = data.text !== undefined;
    draw({ ...PAGE, data, live: !isOver });
    if (focused !== undefined) document.querySelector(`[data-chart="${focused}"] svg`)?.focus();
    if (!isOver) setTimeout(follow, POLL_MS);
  } catch {
    const status = document.querySelector(".live");
    if (status !== null)
      status.textContent = "The harness has ended. These are the last values that it gave.";
  }
}

draw(PAGE);
if (PAGE.live) setTimeout(follow, POLL_MS);
