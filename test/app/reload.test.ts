/** A reload replaces tool modules, too; a drain lets running calls go on. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { ModelSession } from "../../sim/model/session.js";
import { loadAgentsFile } from "../../src/config/agents/agents-file.js";
import type { AgentsFile } from "../../src/domain/agent-profile.js";
import { type Stage, startStage } from "../fakes/stage.js";

let folder = "";
let stage: Stage | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-reload-"));
});
afterEach(async () => {
  await stage?.close();
  stage = null;
  rmSync(folder, { recursive: true });
});

function agentsWithTool(module: string): AgentsFile {
  const text = `agents: {support: {instructions: x, greeting: Hi, tools: [t]}}
tools: {t: {module: ${module}}}`;
  return loadAgentsFile(text, join(folder, "agents.yaml"), {
    env: {},
    defaults: { model: "gpt-realtime-2.1", humanAgentNumber: null, maxCallMinutes: 55 },
  });
}

function writeTool(answer: string): void {
  writeFileSync(
    join(folder, "t.mjs"),
    `import { defineTool } from "murelay";
export default defineTool({
  description: "d",
  parameters: { type: "object", properties: {} },
  // A new process for it takes seconds where other tests use the cores.
  timeoutMs: 20_000,
  run: () => "answers ${answer}",
});`,
  );
}

const USES = [{ calls: [{ name: "t", arguments: {} }] }, { say: "So." }];

async function start(): Promise<Stage> {
  writeTool("one");
  const script = { turns: [{ say: "Hi." }, ...USES, ...USES] };
  stage = await startStage(() => script, { agents: agentsWithTool("./t.mjs") });
  return stage;
}

async function begin({ twilio, model }: Stage) {
  const call = twilio.placeCall();
  await call.events.until("first_media", {}, 10_000);
  return { call, session: model.sessions.at(-1)! };
}

const outputs = (session: ModelSession): readonly string[] =>
  JSON.stringify(session.events).match(/answers \w+/g) ?? [];
const inTime = { timeout: 20_000 };

describe("reload", { timeout: 60_000 }, () => {
  it("loads a changed module anew, and leaves running calls the old one", async () => {
    const stage = await start();
    const first = await begin(stage);
    await first.call.say(speechLike(700, 4));
    await expect.poll(() => outputs(first.session), inTime).toEqual(["answers one"]);
    writeTool("two");
    await stage.app.reload(agentsWithTool("./t.mjs"));
    const second = await begin(stage);
    for (const { call } of [first, second]) await call.say(speechLike(700, 4));
    await expect.poll(() => outputs(first.session), inTime).toEqual(["answers one", "answers one"]);
    await expect.poll(() => outputs(second.session), inTime).toEqual(["answers two"]);
    for (const { call } of [first, second]) {
      call.hangUp();
      await call.ended;
    }
  });

  it("changes nothing when a module cannot be loaded", async () => {
    const stage = await start();
    for (const checks of [new Map(), null])
      await expect(stage.app.reload(agentsWithTool("./none.mjs"), checks)).rejects.toThrow(
        "none.mjs cannot be loaded",
      );
    const { call, session } = await begin(stage);
    await call.say(speechLike(700, 4));
    await expect.poll(() => outputs(session), inTime).toEqual(["answers one"]);
    call.hangUp();
    await call.ended;
  });
});

describe("POST /api/drain", () => {
  it("lets running calls go on, and accepts no new ones", async () => {
    const stage = await start();
    const url = `http://127.0.0.1:${stage.adminPort}`;
    const { call: running } = await begin(stage);
    expect((await fetch(`${url}/api/drain`, { method: "POST" })).status).toBe(202);
    const ready = await fetch(`${url}/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { reason: "draining" }]);
    const refused = stage.twilio.placeCall();
    await refused.ended;
    expect(refused.streams).toEqual([]);
    expect(running.events.find("ended")).toBeUndefined();
    running.hangUp();
    await running.ended;
  });
});
