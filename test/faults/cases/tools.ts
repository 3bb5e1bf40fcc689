import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { speechLike } from "../../../sim/audio/synth.js";
import type { Turn } from "../../../sim/model/script.js";
import type { ModelSession } from "../../../sim/model/session.js";
import type { Leg } from "../../../sim/twilio/leg.js";
import type { RecordedTool } from "../../../src/domain/call-record.js";
import type { FaultCase } from "../fault-case.js";
import { until, type World } from "../world.js";

const OTHERS = 5;
const DEADLINE_MS = 3_000;
/** The relay's own answer to a tool that is silent at its deadline comes a moment later. */
const GRACE_MS = 1_000;
const UNRULY_NUMBER = "+12025550191";
const QUESTION = speechLike(700, 4);

/** Acts of which a part of the answer reaches the model. */
const CUT: readonly string[] = ["large-result", "deep-result"];
/** What the author of a tool module does wrong, as the module's code. */
const ACTS = {
  "buffers-4gb": [
    "allocates 4 GB of buffers",
    "const all = []; for (let i = 0; i < 64; i++) all.push(Buffer.alloc(64 << 20, 1)); return all.length",
  ],
  "objects-4gb": [
    "allocates 4 GB of objects",
    "const all = []; for (let i = 0; i < 4e7; i++) all.push({ i, text: String(i) }); return all.length",
  ],
  loops: ["loops for ever", "for (;;);"],
  exits: ["exits", "process.exit(1)"],
  throws: [
    "throws in a timer",
    'return new Promise(() => setTimeout(() => { throw new Error("in a timer"); }, 5))',
  ],
  rejects: [
    "leaves a rejection unhandled and never answers",
    'void Promise.reject(new Error("stray")); return new Promise(() => undefined)',
  ],
  silent: ["never answers", "return new Promise(() => undefined)"],
  prints: [
    "prints 20 MB and never answers",
    'for (let i = 0; i < 320; i++) console.log("x".repeat(64_000)); return new Promise(() => undefined)',
  ],
  forks: [
    "starts 20 processes that compute, and exits",
    'const { spawn } = await import("node:child_process"); for (let i = 0; i < 20; i++) ' +
      'spawn(process.execPath, ["-e", "setTimeout(process.exit, 8000); for (const t = Date.now(); Date.now() - t < 8000;);"]); ' +
      "process.exit(1)",
  ],
  "large-result": ["answers with 50 MB", 'return { text: "x".repeat(50 << 20) }'],
  "deep-result": [
    "answers with 100,000 nested arrays",
    "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; return { deep }",
  ],
  "kills-launcher": [
    "kills the process that starts tools, and computes for ever",
    'process.kill(process.ppid, "SIGKILL"); for (;;);',
  ],
  kills: [
    "kills its own process group",
    'process.kill(0, "SIGTERM"); return new Promise(() => undefined)',
  ],
} as const;

export const TOOL_CASES: readonly FaultCase[] = Object.entries(ACTS).map(
  ([name, [what, code]]): FaultCase => ({
    name: `tool-${name}`,
    group: "tools",
    what: `a tool module ${what}, while ${OTHERS} other calls use their tools`,
    holds: "that tool call is answered within its deadline; the other calls get their answers",
    run: (world) => unruly(world, code, CUT.includes(name)),
  }),
);

async function unruly(world: World, code: string, isCut: boolean): Promise<void> {
  const before = world.agents();
  const module = join(dirname(world.relay.agentsFile), "unruly.mjs");
  writeFileSync(
    module,
    `import { defineTool } from "murelay";
export default defineTool({
  description: "d", parameters: { type: "object", properties: {} }, timeoutMs: ${DEADLINE_MS},
  run: async () => { ${code} },
});`,
  );
  writeFileSync(world.relay.agentsFile, withUnruly(before, module));
  try {
    await world.reloadAgents("unruly", true);
    world.playing.turnOf = turnOf;
    const others = await Promise.all(Array.from({ length: OTHERS }, () => world.talk()));
    const call = await world.talk({ to: UNRULY_NUMBER });
    await call.say(QUESTION);
    // Their tools run while that one does what it does.
    await Promise.all(others.map((other) => other.say(QUESTION)));
    const toolOf = async ({ sid }: Leg) => await ended(world, sid);
    await until(() => answers(world, "unruly") >= 1, "the tool call is answered", 10_000);
    await until(() => answers(world, "lookup_order") >= OTHERS, "the others' calls", 10_000);
    assert(
      [call, ...others].every(({ over }) => !over),
      "a call has ended",
    );
    for (const leg of [call, ...others]) leg.hangUp();
    const tool = await toolOf(call);
    assert(tool.ms <= DEADLINE_MS + GRACE_MS, `answered after ${tool.ms} ms`);
    assert.equal(tool.outcome === "ok", isCut, tool.outcome);
    for (const other of others) assert.equal((await toolOf(other)).outcome, "ok");
  } finally {
    world.playing.turnOf = null;
    writeFileSync(world.relay.agentsFile, before);
    await world.reloadAgents("unruly", false);
  }
}

/** The first answer of each session is the greeting, the second one a tool call. */
function turnOf({ config }: ModelSession, index: number): Turn | null {
  if (index !== 1) return null;
  const isUnruly = JSON.stringify(config["instructions"]).includes("unruly");
  return {
    calls: [
      isUnruly
        ? { name: "unruly", arguments: {} }
        : { name: "lookup_order", arguments: { query: "4217" } },
    ],
  };
}

/** Tool calls of this name that the relay has answered, in sessions that are open. */
function answers(world: World, name: string): number {
  const marker = name === "unruly" ? "unruly" : "You answer the phone.";
  return world.model.sessions.filter(
    ({ closed, config, events }) =>
      closed === null &&
      JSON.stringify(config["instructions"]).includes(marker) &&
      JSON.stringify(events).includes("function_call_output"),
  ).length;
}

async function ended(world: World, callSid: string): Promise<RecordedTool> {
  const { tools } = (await world.record(callSid)) as { tools: readonly RecordedTool[] };
  const [tool] = tools;
  assert(tool !== undefined, "the record has no tool call");
  return tool;
}

function withUnruly(before: string, module: string): string {
  const agent = "  unruly: {instructions: You are unruly., greeting: Hello., tools: [unruly]}\n";
  return before
    .replace("\nnumbers: {", `\n${agent}numbers: {"${UNRULY_NUMBER}": unruly, `)
    .concat(`tools: {unruly: {module: ${JSON.stringify(module)}}}\n`);
}
