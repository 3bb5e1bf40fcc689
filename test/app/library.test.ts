/** The relay as a part of a program of one's own, between the simulators that users have too. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ruleScript, simulatedSettings, startModel, startTwilio } from "../../sim/testing.js";
import { type CallRecord, createRelay, defineTool } from "../../src/app/library.js";

let folder = "";
const closers: (() => Promise<void>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-library-"));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

const AGENTS = "agents: {support: {instructions: Be brief., greeting: Hello.}}\n";

async function start(settings: Readonly<Record<string, string>>) {
  const model = await startModel({ script: (session) => ruleScript(session, { speechMs: 200 }) });
  closers.push(() => model.close());
  const twilio = await startTwilio({ publicUrl: "https://relay.test" });
  closers.push(() => twilio.close());
  writeFileSync(join(folder, "agents.yaml"), AGENTS);
  let stored: (record: CallRecord) => void = () => undefined;
  const record = new Promise<CallRecord>((resolve) => {
    stored = resolve;
  });
  const relay = await createRelay({
    settings: {
      ...simulatedSettings(model, twilio),
      AGENTS_FILE: join(folder, "agents.yaml"),
      DATABASE_URL: `sqlite:${join(folder, "calls.db")}`,
      RECORDINGS_DIR: join(folder, "recordings"),
      ...settings,
    },
    onCallCompleted: async (one) => stored(one),
  });
  closers.push(() => relay.stop());
  const { publicPort } = await relay.start();
  twilio.route("https://relay.test", `http://127.0.0.1:${publicPort}`);
  return { relay, twilio, record };
}

describe("createRelay", () => {
  it("answers a call, and gives its record to the program's own storage", async () => {
    const { twilio, record } = await start({});
    const call = twilio.placeCall();
    await call.events.until("first_media", {}, 10_000);
    call.hangUp();
    expect(await record).toMatchObject({ callSid: call.sid, agent: "support", state: "ended" });
    expect(twilio.violations()).toEqual([]);
  });

  it("reads the agents file again, and keeps the one before over a fault", async () => {
    const { relay } = await start({});
    writeFileSync(join(folder, "agents.yaml"), AGENTS.replace("greeting", "greting"));
    await expect(relay.reload()).rejects.toThrow("did you mean greeting?");
    writeFileSync(join(folder, "agents.yaml"), AGENTS);
    await relay.reload();
  });

  it("names every fault of the settings", async () => {
    await expect(createRelay({ settings: { PORT: "x" } })).rejects.toThrow(/PORT[\s\S]*OPENAI/);
  });
});

describe("defineTool", () => {
  it("is the same as in a tool module", async () => {
    const tool = defineTool({
      description: "adds",
      parameters: { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
      run: ({ a }) => a + 1,
    });
    expect(await tool.run({ a: 1 }, {} as never)).toEqual({ output: 2 });
  });
});
