/** Failures of production, provoked on a real relay, each with the alert that it must raise. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { speechLike } from "../../sim/audio/synth.js";
import { startModel } from "../../sim/model.js";
import { sign } from "../../sim/twilio/signature.js";
import { startTwilio } from "../../sim/twilio.js";
import type { AgentProfile, ToolDefinition } from "../../src/domain/agent-profile.js";
import { agent } from "./call-bench.js";
import { findPostgres, startPostgres } from "./postgres.js";
import { startNode } from "./relay-node.js";
import { removeFolder } from "./remove-folder.js";
import { DESK, PUBLIC_URL, type Stage, startStage } from "./stage.js";

const HELLO = { text: "Hello.", audio: speechLike(300, 1) };

/** A relay in which something has gone wrong. */
export interface Failing {
  readonly adminPort: number;
  /** Its log so far. */
  log(): string;
}

/** What a test does for a failure that is being provoked. */
export interface Watch {
  /** Has Prometheus look at this relay, before anything fails. */
  relay(adminPort: number): Promise<void>;
  /** Called at the end of the test, however it ends; what was opened last is closed first. */
  closes(close: () => unknown): void;
}

export interface Failure {
  readonly name: string;
  readonly alert: string;
  /** Labels of the alert that say what failed. */
  readonly labels: Readonly<Record<string, string>>;
  /** What the runbook's section of the alert tells the operator to look for, and what it shows. */
  readonly look: { readonly runbook: string; readonly log?: RegExp; readonly query?: string };
  /** Null: it can be provoked here; otherwise the reason. */
  readonly skipped?: string | null;
  start(watch: Watch): Promise<Failing>;
}

async function watched(stage: Stage, watch: Watch): Promise<Failing> {
  watch.closes(() => stage.close());
  await watch.relay(stage.adminPort);
  return { adminPort: stage.adminPort, log: () => stage.log.lines.join("\n") };
}

const times = async (count: number, run: (n: number) => Promise<unknown>): Promise<void> => {
  await Promise.all(Array.from({ length: count }, (_, n) => run(n)));
};

function agentsWith(changes: Partial<AgentProfile>) {
  const profile = agent(changes);
  return {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
  };
}

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** So often that it is no accident: 0.2 a second over five minutes. */
const REFUSED = 90;

async function post(stage: Stage, signature: string, form: Readonly<Record<string, string>>) {
  const url = `http://127.0.0.1:${stage.publicPort}/incoming-call`;
  for (let n = 0; n < REFUSED; n++) {
    const { status } = await fetch(url, {
      method: "POST",
      headers: { "x-twilio-signature": signature },
      body: new URLSearchParams(form),
    });
    if (status !== 403) throw new Error(`answered with ${status}`);
  }
}

const script = { turns: () => ({ say: HELLO }) };
const quick = { callees: () => ({ talkMs: 100 }) };

async function placeAndHangUp(stage: Stage, count: number): Promise<void> {
  await times(count, async () => {
    const leg = stage.twilio.placeCall();
    await Promise.race([leg.events.until("stream_started"), leg.ended]);
    leg.hangUp();
    await leg.ended;
  });
}

async function modelDown(watch: Watch): Promise<Failing> {
  const stage = await startStage(script, { twilio: quick, model: { faults: { handshake: 503 } } });
  const relay = await watched(stage, watch);
  await times(12, async () => await stage.twilio.placeCall().ended);
  return relay;
}

async function wrongKey(watch: Watch): Promise<Failing> {
  const stage = await startStage(script, {
    twilio: quick,
    env: { OPENAI_API_KEY: "sk-of-another-project" },
  });
  const relay = await watched(stage, watch);
  await times(2, async () => await stage.twilio.placeCall().ended);
  return relay;
}

async function twilioDown(watch: Watch): Promise<Failing> {
  const rest = await serve((_request, response) => {
    response.writeHead(503, { "content-type": "application/json" });
    response.end('{"status":503,"message":"Service unavailable","code":20503}');
  });
  watch.closes(rest.close);
  const stage = await startStage(script, {
    twilio: quick,
    env: { TWILIO_API_BASE_URL: rest.url },
  });
  const relay = await watched(stage, watch);
  await times(8, async () => {
    const leg = stage.twilio.placeCall({ to: DESK });
    await leg.events.until("first_media");
    await leg.press("0");
    await leg.ended;
  });
  return relay;
}

async function slowTool(watch: Watch): Promise<Failing> {
  // Answers nothing.
  const crm = await serve(() => undefined);
  watch.closes(crm.close);
  const tool: ToolDefinition = {
    name: "lookup_order",
    description: "",
    parameters: { type: "object" },
    source: {
      kind: "http",
      http: {
        method: "POST",
        url: crm.url,
        headers: {},
        timeoutMs: 200,
        maxResponseBytes: 1_000,
        allowPrivateHosts: ["127.0.0.1"],
        idempotent: false,
      },
    },
    timeoutMs: 300,
    sayWhileWaiting: null,
  };
  const call = { name: "lookup_order", arguments: { query: "4217" } };
  const stage = await startStage(
    () => ({ turns: [{ say: HELLO, calls: [call] }, { say: HELLO }] }),
    { twilio: quick, agents: agentsWith({ tools: [tool] }) },
  );
  const relay = await watched(stage, watch);
  // One round after the other, as an increase is seen in a series that was scraped before.
  for (let round = 0; round < 3; round++)
    await times(4, async () => {
      const leg = stage.twilio.placeCall();
      await stage.until(leg.sid, "tool");
      leg.hangUp();
      await leg.ended;
    });
  return relay;
}

async function overload(watch: Watch): Promise<Failing> {
  const stage = await startStage(script, { twilio: quick, env: { MAX_CALLS: "1" } });
  const relay = await watched(stage, watch);
  const first = stage.twilio.placeCall();
  await first.events.until("first_media");
  await times(3, async () => await stage.twilio.placeCall().ended);
  return relay;
}

async function wrongToken(watch: Watch): Promise<Failing> {
  const stage = await startStage(script, {
    twilio: quick,
    env: { TWILIO_AUTH_TOKEN: "fedcba9876543210fedcba9876543210" },
  });
  const relay = await watched(stage, watch);
  // Twilio signs with its own token, for us and for our account.
  const form = { AccountSid: stage.twilio.accountSid, CallSid: `CA${"1".repeat(32)}` };
  const url = `${PUBLIC_URL}/incoming-call`;
  await post(stage, sign(stage.twilio.authToken, url, form), form);
  return relay;
}

async function refusedSignatures(watch: Watch): Promise<Failing> {
  const stage = await startStage(script, { twilio: quick });
  const relay = await watched(stage, watch);
  const form = { AccountSid: `AC${"f".repeat(32)}`, CallSid: `CA${"1".repeat(32)}` };
  await post(stage, sign("a stranger's token", `${PUBLIC_URL}/incoming-call`, form), form);
  return relay;
}

async function noCalls(watch: Watch): Promise<Failing> {
  const stage = await startStage(script, { twilio: quick });
  const relay = await watched(stage, watch);
  for (let batch = 0; batch < 6; batch++) await placeAndHangUp(stage, 12);
  return relay;
}

async function databaseDown(watch: Watch): Promise<Failing> {
  const found = findPostgres();
  if ("missing" in found) throw new Error(found.missing);
  const postgres = await startPostgres(found.bin);
  watch.closes(() => postgres.remove());
  const home = mkdtempSync(join(tmpdir(), "murelay-provoked-"));
  watch.closes(() => removeFolder(home));
  const stage = await startStage(script, {
    twilio: quick,
    database: true,
    env: { DATABASE_URL: postgres.url, RECORDINGS_DIR: join(home, "recordings") },
  });
  const relay = await watched(stage, watch);
  await placeAndHangUp(stage, 1);
  await postgres.stop();
  await placeAndHangUp(stage, 1);
  return relay;
}

const mayMount = process.getuid?.() === 0;

async function diskFull(watch: Watch): Promise<Failing> {
  const home = mkdtempSync(join(tmpdir(), "murelay-provoked-"));
  watch.closes(() => removeFolder(home));
  const disk = join(home, "disk");
  mkdirSync(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
  if (mounted.status !== 0) throw new Error(String(mounted.stderr));
  watch.closes(() => spawnSync("umount", ["--lazy", disk]));
  const stage = await startStage(script, {
    twilio: quick,
    database: true,
    env: {
      DATABASE_URL: `sqlite:${join(disk, "murelay.db")}`,
      RECORDINGS_DIR: join(disk, "recordings"),
    },
  });
  const relay = await watched(stage, watch);
  spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "ballast")}`, "bs=1k"]);
  for (let batch = 0; batch < 2; batch++) await placeAndHangUp(stage, 8);
  return relay;
}

async function stuckWorker(watch: Watch): Promise<Failing> {
  const model = await startModel({ script });
  watch.closes(() => model.close());
  const twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
  watch.closes(() => twilio.close());
  const node = await startNode({ model, twilio, publicUrl: PUBLIC_URL }, { WORKERS: "2" });
  watch.closes(() => node.remove());
  await watch.relay(node.adminPort);
  const pid = node.workers()[1] ?? 0;
  process.kill(pid, "SIGSTOP");
  // What takes its place does not live either: a worker that is back within seconds is no alarm.
  const lost = new Set([pid]);
  const again = setInterval(() => {
    const next = node.workers()[1] ?? pid;
    if (lost.has(next)) return;
    lost.add(next);
    process.kill(next, "SIGKILL");
  }, 20);
  watch.closes(() => clearInterval(again));
  return { adminPort: node.adminPort, log: () => node.log() };
}

const postgres = findPostgres();

/** Those that take longest begin first. */
export const FAILURES: readonly Failure[] = [
  {
    name: "a stuck worker",
    alert: "MurelayWorkerDown",
    labels: { worker: "1" },
    look: {
      runbook: "supervisor: worker stalled, killed",
      log: /"supervisor: worker stalled, killed"/,
    },
    start: stuckWorker,
  },
  {
    name: "no calls",
    alert: "MurelayNoCalls",
    labels: {},
    look: { runbook: "murelay_auth_failures_total", query: "sum(murelay_calls_total) > 50" },
    start: noCalls,
  },
  {
    name: "disk full",
    alert: "MurelayDiskFailing",
    labels: {},
    look: {
      runbook: "records: disk failed, events kept in memory",
      log: /records: disk failed, events kept in memory/,
    },
    skipped: mayMount ? null : "only root may mount a small disk",
    start: diskFull,
  },
  {
    name: "model down",
    alert: "MurelayModelFailing",
    labels: {},
    look: {
      runbook: "the label `code`",
      log: /model: no session .*"code":"upstream_refused"/,
      query:
        'sum by (code) (increase(murelay_upstream_errors_total{code="upstream_refused"}[5m])) > 5',
    },
    start: modelDown,
  },
  {
    name: "database down",
    alert: "MurelayDatabaseAway",
    labels: {},
    look: {
      runbook: "records: database is away, events kept in the journal",
      log: /records: database is away, events kept in the journal/,
    },
    skipped: "missing" in postgres ? postgres.missing : null,
    start: databaseDown,
  },
  {
    name: "Twilio answers 503",
    alert: "MurelayTwilioRequestsFailing",
    labels: {},
    look: {
      runbook: "the label `outcome`",
      query: 'sum by (outcome) (murelay_twilio_requests_seconds_count{outcome!="ok"}) > 5',
    },
    start: twilioDown,
  },
  {
    name: "a slow tool",
    alert: "MurelayToolFailing",
    labels: { tool: "lookup_order" },
    look: {
      runbook: "`timeout`",
      query: 'murelay_tool_seconds_count{tool="lookup_order",outcome="timeout"} > 5',
    },
    start: slowTool,
  },
  {
    name: "overload",
    alert: "MurelayCallersTurnedAway",
    labels: { reason: "full" },
    look: { runbook: "`full`: `MAX_CALLS`", log: /call: turned away .*"reason":"full"/ },
    start: overload,
  },
  {
    name: "the model's key is wrong",
    alert: "MurelayModelAccountRefused",
    labels: {},
    look: { runbook: "invalid_api_key", log: /model: no session .*"code":"upstream_account"/ },
    start: wrongKey,
  },
  {
    name: "wrong token of Twilio",
    alert: "MurelayAuthFailures",
    labels: { surface: "webhook", reason: "invalid" },
    look: {
      runbook: "`ourAccount`",
      log: /without a valid X-Twilio-Signature refused .*"ourAccount":true/,
    },
    start: wrongToken,
  },
  {
    name: "a burst of refused signatures",
    alert: "MurelayAuthFailures",
    labels: { surface: "webhook", reason: "invalid" },
    look: {
      runbook: "`ourAccount`",
      log: /without a valid X-Twilio-Signature refused .*"ourAccount":false/,
    },
    start: refusedSignatures,
  },
];
