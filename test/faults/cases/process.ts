import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultCase } from "../fault-case.js";
import { openSocket } from "../raw-peers.js";
import { until, type World } from "../world.js";

const CALLS = 10;
/** Not SIGPROF: it ends every Node process whose inspector is open, as the measured relay's is. */
const OTHER_SIGNALS = [
  "SIGUSR1",
  "SIGUSR2",
  "SIGPIPE",
  "SIGHUP",
  "SIGALRM",
  "SIGVTALRM",
  "SIGTSTP",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGIO",
] as const;

/** How many of these callers Twilio has connected with the human. */
async function allReachPerson(world: World, stop: () => void | Promise<void>): Promise<void> {
  const calls = await Promise.all(Array.from({ length: CALLS }, () => world.talk()));
  await stop();
  const bridged = await Promise.allSettled(
    calls.map((call) => call.events.until("dial_bridged", {}, 20_000)),
  );
  assert.equal(bridged.filter(({ status }) => status === "fulfilled").length, CALLS);
}

export const PROCESS_CASES: readonly FaultCase[] = [
  {
    name: "reload-faulty-file",
    group: "process",
    quick: true,
    what: "SIGHUP with an agents file that has faults, ten times, while calls run",
    holds: "the log names the faults; new callers get the agents as before",
    run: async (world) => {
      const call = await world.talk();
      const before = world.agents();
      writeFileSync(world.relay.agentsFile, "agents: {a: {instructions: x, tools: [no_such]}}\n");
      for (let i = 0; i < 10; i++) {
        process.kill(world.relay.pid, "SIGHUP");
        await sleep(20);
      }
      await until(() => world.relay.log().includes("no_such"), "the log names the fault");
      writeFileSync(world.relay.agentsFile, before);
      assert.equal(call.over, false);
      await world.answersNewCaller();
    },
  },
  {
    name: "large-agents-file",
    group: "process",
    what: "SIGHUP with an agents file of 400 agents and 800 tools, three times, and once by the API",
    holds: "new callers get the new agents; the calls that are running notice nothing",
    run: async (world) => {
      const call = await world.talk();
      const before = world.agents();
      try {
        for (let version = 1; version <= 3; version++) {
          const from = world.relay.log().length;
          writeFileSync(world.relay.agentsFile, largeAgentsFile(before, version));
          process.kill(world.relay.pid, "SIGHUP");
          await reloaded(world, version, from);
        }
        const answer = await world.operator("/api/agents/reload", { method: "POST" });
        assert.equal(answer.status, 202);
        assert.equal(call.over, false);
        const { agents } = (await (await world.operator("/api/agents")).json()) as Agents;
        assert(agents.length > 400, `${agents.length} agents are in force`);
        await world.answersNewCaller();
      } finally {
        writeFileSync(world.relay.agentsFile, before);
        assert.equal((await world.operator("/api/agents/reload", { method: "POST" })).status, 202);
      }
    },
  },
  {
    name: "other-signals",
    group: "process",
    quick: true,
    what: `${OTHER_SIGNALS.join(", ")} to the supervisor and to the worker`,
    holds: "nothing ends",
    run: async (world) => {
      const call = await world.talk();
      for (const signal of OTHER_SIGNALS)
        for (const pid of new Set([world.relay.pid, world.workerPid])) process.kill(pid, signal);
      await sleep(500);
      assert.equal(call.over, false);
      await world.answersNewCaller();
    },
  },
  {
    name: "log-not-read",
    group: "process",
    what: "the standard output is not read, while the log grows by 4 MB",
    holds: "the calls go on; callers are answered; the log goes on once it is read",
    run: async (world) => {
      const call = await world.talk();
      const before = world.agents();
      const faults = Array.from({ length: 2000 }, (_, i) => `  no_such_key_${i}: 1\n`).join("");
      world.relay.readLog(false);
      try {
        writeFileSync(
          world.relay.agentsFile,
          `agents:\n  a: {instructions: x}\n${faults.replaceAll(/^ {2}/gm, "")}`,
        );
        for (let i = 0; i < 20; i++) {
          const answer = await world.operator("/api/agents/reload", { method: "POST" });
          assert.equal(answer.status, 422);
          await answer.arrayBuffer();
        }
        assert.equal(call.over, false);
        await world.answersNewCaller();
      } finally {
        writeFileSync(world.relay.agentsFile, before);
        world.relay.readLog(true);
      }
      const from = world.relay.log().length;
      await world.reloadAgents("support", true);
      await until(() => world.relay.log().slice(from).includes("file reloaded"), "the log goes on");
    },
  },
  {
    name: "stall",
    group: "process",
    alone: true,
    what: "the worker does not run for 2 s (SIGSTOP, SIGCONT), as when a machine is moved",
    holds: "its calls go on",
    run: async (world) => {
      const calls = await Promise.all([world.talk(), world.talk()]);
      process.kill(world.workerPid, "SIGSTOP");
      await sleep(2000);
      process.kill(world.workerPid, "SIGCONT");
      await sleep(1500);
      assert(calls.every(({ over }) => !over));
      await world.answersNewCaller();
    },
  },
  {
    name: "worker-killed",
    group: "process",
    alone: true,
    what: "SIGKILL to the worker with 10 calls",
    holds: "10 of 10 callers reach a person, and new callers are answered",
    run: async (world) => {
      await allReachPerson(world, () => process.kill(world.workerPid, "SIGKILL") && undefined);
      await world.answersNewCaller();
    },
  },
  {
    name: "supervisor-killed",
    group: "process",
    alone: true,
    what: "SIGKILL to the supervisor with 10 calls",
    holds: "the calls go on; a caller who presses 0 then reaches a person",
    run: async (world) => {
      const calls = await Promise.all(Array.from({ length: CALLS }, () => world.talk()));
      process.kill(world.relay.pid, "SIGKILL");
      await sleep(2000);
      assert(
        calls.every(({ over }) => !over),
        "a call has ended",
      );
      calls[0]?.press("0");
      await calls[0]?.events.until("dial_bridged", {}, 20_000);
    },
  },
  {
    name: "drain-runs-out",
    group: "process",
    alone: true,
    what: "SIGTERM with 10 calls, and a second one before they have ended",
    holds: "10 of 10 callers reach a person",
    run: async (world) => {
      await allReachPerson(world, async () => {
        process.kill(world.relay.pid, "SIGTERM");
        await sleep(600);
        process.kill(world.relay.pid, "SIGTERM");
      });
      assert.equal(await world.relay.exited, 0);
    },
  },
  {
    name: "descriptor-limit",
    group: "process",
    alone: true,
    what: "400 idle connections where the process may open 200 descriptors",
    holds: "the listener pauses; once they are gone, callers are answered",
    run: async (world) => {
      const limit = spawnSync("prlimit", [`--pid=${world.workerPid}`, "--nofile=200:200"]);
      assert.equal(limit.status, 0, "prlimit is missing");
      const sockets = await Promise.all(
        Array.from({ length: 400 }, () => openSocket(world.relay.publicPort)),
      );
      await sleep(1000);
      const cpuBefore = cpuMs(world.workerPid);
      await sleep(1000);
      assert(cpuMs(world.workerPid) - cpuBefore < 500, "the worker spins at its limit");
      for (const socket of sockets) socket.destroy();
      await sleep(500);
      await world.answersNewCaller();
    },
  },
];

interface Agents {
  readonly agents: readonly { readonly name: string }[];
}

/** The agents of the run, and 400 others. */
function largeAgentsFile(before: string, version: number): string {
  const schema =
    "{type: object, properties: {order: {type: string, minLength: 3}, why: {enum: [a, b]}, " +
    "times: {type: array, uniqueItems: true, items: {type: integer}}}, required: [order]}";
  const names = Array.from({ length: 400 }, (_, i) => `v${version}_agent_${i}`);
  const tool = (name: string): string =>
    `  ${name}: {description: d of ${name}, parameters: ${schema}, ` +
    `http: {url: "https://tools.example/${name}", method: POST}}\n`;
  const agent = (name: string): string =>
    `  ${name}: {instructions: "${"You answer the phone. ".repeat(20)}", ` +
    `tools: [${name}_x, ${name}_y, transfer_call, end_call]}\n`;
  return (
    before.replace("\nnumbers:", `\n${names.map(agent).join("")}numbers:`) +
    `tools:\n${names.flatMap((name) => [tool(`${name}_x`), tool(`${name}_y`)]).join("")}`
  );
}

/** The log tells: to ask for all agents again and again is another attack. */
async function reloaded(world: World, version: number, from: number): Promise<void> {
  await until(
    () => world.relay.log().slice(from).includes('"agents: file reloaded"'),
    "the new file is in force",
    60_000,
  );
  const agents = await (await world.operator("/api/agents")).text();
  assert(agents.includes(`v${version}_agent`), `version ${version} is in force`);
}

function cpuMs(pid: number): number {
  const { stdout } = spawnSync("cat", [`/proc/${pid}/schedstat`], { encoding: "utf8" });
  return Number(stdout.split(" ")[0]) / 1e6;
}
