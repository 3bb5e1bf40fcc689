// Writes the pictures of the pages under docs/images/, from fixed data: `npm run screenshots [NAME …]`.
// Needs Chromium (Debian: apt-get install chromium; elsewhere: CHROMIUM=/its/path). Look at what has
// changed before you commit it.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { register } from "tsx/esm/api";
import { indexed } from "./indexed-png.mjs";
import { writeCalls } from "./screenshot-data.mjs";

register();
const ROOT = new URL("../", import.meta.url);
const load = async (path) => await import(new URL(path, ROOT).href);
const TOKEN = "screenshots";
const PATIENCE_MS = 30_000;
const METRICS = `murelay_calls_active 7
murelay_calls_total{outcome="completed"} 1482
murelay_calls_total{outcome="failed"} 3
murelay_calls_rejected_total 0
murelay_voice_to_voice_seconds_bucket{le="0.5"} 300
murelay_voice_to_voice_seconds_bucket{le="0.75"} 1400
murelay_voice_to_voice_seconds_bucket{le="1"} 2600
murelay_voice_to_voice_seconds_bucket{le="1.5"} 2950
murelay_voice_to_voice_seconds_bucket{le="+Inf"} 3000
murelay_event_loop_lag_seconds_bucket{le="0.005"} 990
murelay_event_loop_lag_seconds_bucket{le="0.01"} 1000
murelay_playout_underruns_total 0
murelay_barge_ins_total 412
murelay_transfers_total 231
murelay_records_pending 0
murelay_cost_usd_total 148.36
murelay_worker_up 1
`;

/**
 * Name of the file, address after the console, what to wait for; `before` runs on the page that is
 * there. A page that is not in this version is left out.
 */
const pagesOf = ({ demo, live }) => [
  ["live", "#/live?sort=trouble", "table.live tbody tr"],
  ["ended", "#/ended", "table.calls tbody tr"],
  ["console", `#/calls/${demo}`, ".turn.agent"],
  ["inspector", `#/calls/${demo}/inspect?at=11840&zoom=2`, "button.play", { height: 900 }],
  ["listening", `#/calls/${live}`, ".turn.agent"],
  ["wall", "#/wall", "main h1"],
  ["review", "#/review", "table.calls tbody tr"],
  ["place", "#/place", "form"],
  ["health", "#/health", ".tile"],
  ["audit", "#/audit", "table.audit tbody tr"],
];

const executablePath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
].find((path) => path !== undefined && existsSync(path));
if (executablePath === undefined) {
  console.error("No Chromium is installed: apt-get install chromium, or CHROMIUM=/its/path");
  process.exit(2);
}
const wanted = new Set(process.argv.slice(2));
const isWanted = (name) => wanted.size === 0 || wanted.has(name);
const folder = mkdtempSync(join(tmpdir(), "murelay-screenshots-"));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const relay = await startRelay();
try {
  await consolePages();
  if (isWanted("load-report")) await loadReport();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
// The relay and its peers are of this process alone and keep nothing: they end with it.
process.exit(0);

/** The relay of the demo, with the records of `screenshot-data.mjs` in it. */
async function startRelay() {
  const { loadConfig } = await load("src/config/load.ts");
  const { demoAgents, demoSettings, runRelay } = await load("demo/relay.ts");
  const { startModel } = await load("sim/model.ts");
  const { startTwilio } = await load("sim/twilio.ts");
  const model = await startModel({ script: { turns: [] } });
  const twilio = await startTwilio({ publicUrl: "https://relay.example" });
  const config = loadConfig({
    ...demoSettings(twilio),
    ADMIN_TOKEN: TOKEN,
    OPENAI_API_KEY: model.apiKey,
    OPENAI_REALTIME_URL: model.url,
    RECORDINGS_DIR: folder,
    NODE_NAME: "relay-1",
  });
  const agents = demoAgents("./agents.yaml", config);
  const { journal, adminPort } = await runRelay(config, agents, twilio, {}, { phone: false });
  const calls = await writeCalls(journal, folder);
  return { adminPort, calls };
}

async function newPage(nowMs, viewport = {}) {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 760, ...viewport },
    ...{ colorScheme: "light", locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" },
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  await page.clock.setFixedTime(nowMs);
  return page;
}

async function write(page, name) {
  await page.evaluate(() => document.fonts.ready);
  const png = indexed(await page.screenshot({ animations: "disabled", caret: "hide" }));
  writeFileSync(new URL(`docs/images/${name}.png`, ROOT), png);
  console.log(`written: docs/images/${name}.png (${(png.length / 1024).toFixed(0)} KB)`);
}

async function consolePages() {
  const { adminPort, calls } = relay;
  const page = await newPage(calls.nowMs);
  await page.route("**/metrics", (route) => route.fulfill({ body: METRICS }));
  await page.route("**/api/audit*", (route) => route.fulfill({ json: auditPage(calls) }));
  await page.goto(`http://127.0.0.1:${adminPort}/console`);
  await page.locator("form").waitFor();
  if (isWanted("sign-in")) await write(page, "sign-in");
  await page.locator("input[type=password]").fill(TOKEN);
  await page.locator("form button").click();
  await page.locator("table.live").waitFor();
  for (const [name, hash, ready, viewport = {}] of pagesOf(calls)) {
    if (!isWanted(name)) continue;
    await page.setViewportSize({ width: 1200, height: 760, ...viewport });
    await page.goto(`http://127.0.0.1:${adminPort}/console${hash}`);
    await page.reload();
    await page.locator(ready).first().waitFor();
    await page.locator(".badge.good").waitFor();
    if (page.url().endsWith(hash) || hash.startsWith("#/calls")) await settled(page, name);
    if ((await page.evaluate(() => document.title)).startsWith("Live calls") && name !== "live") {
      console.log(`left out: ${name}: this version has no such page`);
      continue;
    }
    await write(page, name);
  }
  await page.context().close();
}

/** What comes a moment after the page: who is signed in, the sound, the agents. */
async function settled(page, name) {
  await page.locator(".top .who").waitFor();
  if (name === "inspector")
    await page.waitForFunction(() => document.querySelectorAll(".near li").length > 3);
  await page.waitForTimeout(500);
}

function auditPage({ nowMs, live, demo }) {
  const acts = [
    ["ada", "supervisor", "note", live],
    ["ada", "supervisor", "listen", live],
    ["ada", "supervisor", "sign_in", null],
    ["grace", "admin", "flight_recording", demo],
    ["joan", "viewer", "sign_in", null],
    ["grace", "admin", "end", "CA0104".padEnd(34, "0")],
  ];
  return {
    entries: acts.map(([operator, role, action, callSid], i) => ({
      ...{
        at: new Date(nowMs - (i * 7 + 1) * 60_000).toISOString(),
        operator,
        role,
        action,
        callSid,
      },
      status: action === "end" ? 409 : 202,
    })),
    next: null,
  };
}

/** From a result that is the same each time: it shows the page, not a measurement. */
async function loadReport() {
  const { loadFacts, loadResult } = await load("test/fakes/load-result.ts");
  const { readBaseline } = await load("bench/load/baseline.ts");
  const { reportJson } = await load("bench/load/report-data.ts");
  const { reportHtml } = await load("bench/load/report-file.ts");
  const [earlier, now] = [loadResult(1.15), loadResult()];
  const file = join(folder, "before.json");
  writeFileSync(file, JSON.stringify(reportJson(earlier, loadFacts(earlier))));
  const baseline = { ...readBaseline(file), name: "before.json" };
  const html = join(folder, "run.html");
  writeFileSync(html, reportHtml(reportJson(now, loadFacts(now)), baseline));
  const page = await newPage(0, { height: 900 });
  await page.goto(`file://${html}`);
  await page.locator("figure").first().waitFor();
  await write(page, "load-report");
  await page.context().close();
}
