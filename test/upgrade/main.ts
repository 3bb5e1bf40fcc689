/**
 * `npm run test:upgrade -- [--callers 100] [--from COMMIT]`: two nodes behind HAProxy on one
 * PostgreSQL are upgraded from the previous release to this tree, and brought back, while 100
 * callers call. Ends with 1 when a call was dropped or refused, or a record is missing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { speechLike } from "../../sim/audio/synth.js";
import { startModel } from "../../sim/model.js";
import { startTwilio } from "../../sim/twilio.js";
import { compile } from "../compiled-relay.js";
import { askHaproxy, missingHaproxy, startHaproxy } from "../fakes/haproxy.js";
import { findPostgres, startPostgres } from "../fakes/postgres.js";
import { freePorts, type RelayNode, startNode, useCompiled } from "../fakes/relay-node.js";
import { compileRelease, PREVIOUS_RELEASE } from "./old-release.js";
import { SteadyCallers } from "./steady-callers.js";

const PUBLIC_URL = "https://relay.test";
const MEDIA_URL = "wss://relay.test/media-stream/{node}/{worker}";
/** HAProxy has seen a node three times by then. */
const SEEN_MS = 4_000;
/** From the last call to the last record: writers batch. */
const RECORDS_MS = 10_000;

const { values: options } = parseArgs({
  options: {
    callers: { type: "string", default: "100" },
    from: { type: "string", default: PREVIOUS_RELEASE },
  },
});
const commit = options.from;
const callerCount = Number(options.callers);
const startedMs = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${text}`);

const postgres = findPostgres();
const missing = "missing" in postgres ? postgres.missing : missingHaproxy();
if ("missing" in postgres || missing !== null) {
  console.error(`the upgrade is not tested: ${missing}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "murelay-upgrade-"));
const old = compileRelease(commit);
const build = await compile();
useCompiled(build);
process.on("exit", () => {
  for (const path of [folder, old.folder, build]) rmSync(path, { recursive: true, force: true });
});
say(`compiled ${commit.slice(0, 7)} and this tree`);

const server = await startPostgres(postgres.bin);
const model = await startModel({
  script: { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
  keepAudio: false,
});
const twilio = await startTwilio({ publicUrl: PUBLIC_URL, keepAudio: false });
const peers = { model, twilio, publicUrl: PUBLIC_URL };
const common = {
  ...{ DATABASE_URL: server.url, MEDIA_URL, LOG_LEVEL: "info" },
  // How busy this machine is says nothing of the relay.
  ...{ OVERLOAD_PERCENT: "100", UPSTREAM_TIMEOUT_MS: "20000" },
  // The old release has no such setting.
  ...{ DRAIN_DELAY_SECONDS: "8", DRAIN_SECONDS: "60" },
};

/** One of the two places. A node in it is replaced by one of the other release. */
class Place {
  readonly name: string;
  readonly #env: Record<string, string>;
  readonly #gone: RelayNode[] = [];
  #node: RelayNode | null = null;
  #isOld = true;

  constructor(name: string, workers: number) {
    this.name = name;
    this.#env = { ...common, NODE_NAME: name, WORKERS: String(workers) };
  }

  get node(): RelayNode {
    if (this.#node === null) throw new Error(`${this.name} is not started`);
    return this.#node;
  }

  get nodes(): readonly RelayNode[] {
    return this.#node === null ? this.#gone : [...this.#gone, this.#node];
  }

  async start(isOld: boolean): Promise<void> {
    this.#isOld = isOld;
    this.#node = await startNode(peers, this.#env, [], isOld ? old : null);
    const { publicPort, adminPort } = this.node;
    this.#env["PORT"] = String(publicPort);
    this.#env["ADMIN_PORT"] = String(adminPort);
  }

  /** As docs/operations.md says. */
  async replace(config: string): Promise<void> {
    const fromMs = performance.now();
    const wasOld = this.#isOld;
    const server = `webhooks/${this.name}`;
    if (wasOld) await obey(config, `set server ${server} state drain`);
    else await murelayDrain(this.node);
    process.kill(this.node.pid, "SIGTERM");
    const status = await this.node.exited;
    if (status !== 0) throw new Error(`${this.name} ended with ${status}:\n${this.node.log()}`);
    this.#gone.push(this.node);
    await this.start(!wasOld);
    if (wasOld) await obey(config, `set server ${server} state ready`);
    await sleep(SEEN_MS);
    const seconds = ((performance.now() - fromMs) / 1000).toFixed(0);
    say(`${this.name}: ${wasOld ? "upgraded" : "brought back"} in ${seconds} s`);
  }
}

async function obey(config: string, command: string): Promise<void> {
  const answer = await askHaproxy(config, command);
  if (answer !== "") throw new Error(`HAProxy: ${command}: ${answer}`);
}

/** `murelay drain --wait`, of this tree. */
async function murelayDrain(node: RelayNode): Promise<void> {
  const child = spawn(process.execPath, [join(build, "cli.js"), "drain", "--wait"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ADMIN_PORT: String(node.adminPort) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`murelay drain --wait: ${status}: ${said}`);
}

/** SIDs of calls whose record is missing or not ended. */
async function lostRecords(callSids: readonly string[]): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ call_sid: string }>(
      "select call_sid from calls where state = 'ended' and ended_ms is not null",
    );
    const kept = new Set(rows.map((row) => row.call_sid));
    return callSids.filter((sid) => !kept.has(sid));
  } finally {
    await client.end();
  }
}

const places = [new Place("node1", 2), new Place("node2", 1)];
let balancer: ChildProcess | null = null;
let callers: SteadyCallers | null = null;
let problems: readonly string[] = [];
try {
  await Promise.all(places.map((place) => place.start(true)));
  const port = await freePorts(1);
  const config = join(folder, "haproxy.cfg");
  balancer = await startHaproxy(
    config,
    port,
    places.map(({ node }) => node),
  );
  twilio.route(PUBLIC_URL, `http://127.0.0.1:${port}`);
  callers = new SteadyCallers(twilio, callerCount);
  await callers.allTalk();
  say(`${callers.talking} callers talk with the old release`);
  for (const place of [...places, ...places]) await place.replace(config);
  say(`${callers.talking} callers talk with the old release again`);
  await callers.stop();
  await twilio.settled();
  await sleep(1_000);
  await Promise.all(places.map(({ node }) => node.stop()));
  const { callSids, faults } = callers;
  let lost = await lostRecords(callSids);
  for (const untilMs = performance.now() + RECORDS_MS; lost.length > 0; ) {
    if (performance.now() > untilMs) break;
    await sleep(500);
    lost = await lostRecords(callSids);
  }
  const count = (kind: string): number => faults.filter((fault) => fault.kind === kind).length;
  say(
    `calls ${callSids.length}, dropped ${count("dropped")}, refused ${count("refused")}, ` +
      `records lost ${lost.length}`,
  );
  problems = [
    ...faults.map(({ kind, callSid, events }) => `${kind} ${callSid}: ${events}`),
    ...lost.map((sid) => `no record of ${sid}: ${callers?.eventsOf(sid)}`),
    ...twilio.violations(),
    ...model.violations(),
  ];
} finally {
  await callers?.stop();
  const ended = balancer?.exitCode === null ? once(balancer, "exit") : null;
  balancer?.kill("SIGTERM");
  await ended;
  await twilio.close();
  for (const place of places) for (const node of place.nodes) await node.remove();
  await model.close();
  await server.remove();
}
for (const problem of problems.slice(0, 20)) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
