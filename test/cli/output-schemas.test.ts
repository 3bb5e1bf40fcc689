/** Every command with `--json`, run: what it prints is one document, as output.schema.json says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OUTPUTS, outputJsonSchema, outputName } from "../../src/cli/output-schemas.js";
import { createProgram, runProgram } from "../../src/cli/program.js";
import { FakeIo } from "../fakes/fake-io.js";
import { readOutput } from "../fakes/shipped-schemas.js";
import { DESK, type Stage, startStage } from "../fakes/stage.js";

const RECORDING = "test/fixtures/recordings/demo-call-0.1.0.flight.jsonl.gz";
const AGENTS = `agents: {support: {instructions: x, greeting: Hi.}}\n`;

let folder = "";
let stage: Stage;
let env: Record<string, string>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "murelay-output-"));
  writeFileSync(join(folder, "agents.yaml"), AGENTS);
  writeFileSync(
    join(folder, "talk.yaml"),
    `agents_file: agents.yaml
conversations:
  - {name: greets, turns: [{expect: {says: Hi}}]}
  - {name: fails, turns: [{caller: Hello, expect: {tool: none_such}}]}
`,
  );
  writeFileSync(join(folder, "call.jsonl"), gunzipSync(readFileSync(RECORDING)));
  stage = await startStage(() => ({ turns: [{ say: "Hello." }, { say: "Again." }] }));
  env = {
    ...stage.settings,
    ADMIN_PORT: String(stage.adminPort),
    AGENTS_FILE: join(folder, "agents.yaml"),
    OPENAI_BASE_URL: "http://127.0.0.1:1/v1",
    OPENAI_WEBHOOK_SECRET: "whsec_AAAA",
    OPENAI_PROJECT_ID: "proj_mine",
    PUBLIC_URL: "https://relay.invalid",
    DATABASE_URL: "sqlite::memory:",
    RECORDINGS_DIR: join(folder, "recordings"),
    OPERATORS_FILE: join(folder, "operators.yaml"),
  };
});
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true });
});

/** Runs one, and reads its only document. */
async function run(args: readonly string[], over: Record<string, string> = {}, name?: string) {
  const io = new FakeIo({ ...env, ...over });
  const status = await runProgram([...args, "--json"], io);
  const command = name ?? args.filter((arg) => /^[a-z]+$/.test(arg)).slice(0, 2);
  const known = typeof command === "string" ? command : nameOf(command);
  return { status, value: readOutput(known, io.text), errors: io.errors.join("\n") };
}

function nameOf([first = "", second = ""]: readonly string[]): string {
  return `${first} ${second}` in OUTPUTS ? `${first} ${second}` : first;
}

async function placed(): Promise<string> {
  const call = stage.twilio.placeCall();
  await call.events.until("first_media", {}, 10_000);
  return call.sid;
}

/** The commands that print JSON. */
function jsonCommands(): string[] {
  const ignore = () => undefined;
  const io = { out: ignore, err: ignore, env: {}, onSignal: ignore };
  const walk = (command: Command, path: readonly string[]): string[] => [
    ...(command.options.some(({ long }) => long === "--json") ? [path.join(" ")] : []),
    ...command.commands.flatMap((child) => walk(child, [...path, child.name()])),
  ];
  return walk(createProgram(io, [], ignore), []);
}

describe("output.schema.json", () => {
  it("describes every command with --json, and no other", () => {
    expect(jsonCommands().sort()).toEqual(Object.keys(OUTPUTS).sort());
  });

  it("names each of them by a reference", () => {
    const { anyOf } = outputJsonSchema() as { anyOf: { $ref: string }[] };
    expect(anyOf.map(({ $ref }) => $ref)).toEqual(
      [...Object.keys(OUTPUTS).map(outputName), "failure"].map((name) => `#/$defs/${name}`),
    );
  });

  it.each([
    ["an unknown field", '{"draining": true, "calls": 1, "more": 1}'],
    ["a missing one", '{"draining": true}'],
    ["another type", '{"draining": "yes", "calls": 1}'],
  ])("refuses %s", (_, text) => expect(() => readOutput("drain", text)).toThrow());
});

describe("--json", () => {
  it.each<[string, readonly string[], number]>([
    ["init", ["init", "FOLDER/new"], 0],
    ["test", ["test", "FOLDER/talk.yaml"], 1],
    ["replay", ["replay", "FOLDER/call.jsonl"], 0],
    ["doctor", ["doctor"], 1],
    ["config check", ["config", "check"], 0],
    ["config check", ["config", "check", "FOLDER/none.yaml"], 1],
    ["config print", ["config", "print"], 0],
    ["trunk check", ["trunk", "check"], 1],
    ["number set", ["number", "set", "+15550001111", "--dry-run"], 0],
    ["operator add", ["operator", "add", "ana", "--role", "viewer"], 0],
    ["capacity", ["capacity", "--calls", "200"], 0],
    ["capacity", ["capacity", "--calls", "200", "--model", "unpriced"], 0],
  ])("%s: %j", { timeout: 30_000 }, async (name, args, expected) => {
    const given = args.map((arg) => arg.replace("FOLDER", folder));
    const { status } = await run(given, {}, name);
    expect(status).toBe(expected);
  });

  it("calls: list, show, tail, transfer, end; a call that is placed; a drain", async () => {
    const callSid = await placed();
    expect((await run(["calls", "list"])).value["calls"]).toHaveLength(1);
    expect((await run(["calls", "show", callSid])).value).toMatchObject({ callSid });

    const tail = new FakeIo(env);
    const tailing = runProgram(["calls", "tail", callSid, "--json"], tail);
    const moved = await run(["calls", "transfer", callSid, "front_desk"], {}, "failure");
    expect([moved.status, moved.errors]).toEqual([1, expect.stringContaining("no destination")]);
    await expect.poll(async () => (await run(["calls", "end", callSid])).status).toBe(0);
    expect(await tailing).toBe(0);
    expect(tail.lines.length).toBeGreaterThan(0);
    for (const line of tail.lines) readOutput("calls tail", line);

    const order = ["call", DESK, "--agent", "support", "--from", "+15550001111"];
    expect((await run(order)).status).toBe(0);
    expect((await run(["drain"])).value).toMatchObject({ draining: true });
  });

  it.each<[string, readonly string[], Record<string, string>, number, string]>([
    ["no relay", ["calls", "list"], { ADMIN_PORT: "1" }, 1, "no relay answers"],
    ["a setting with a fault", ["drain"], { ADMIN_PORT: "x" }, 2, "ADMIN_PORT"],
    ["no settings", ["number", "set", "+15550001111"], { OPENAI_API_KEY: "" }, 2, "is missing"],
    [
      "wrong usage",
      ["capacity", "--cals", "4"],
      {},
      2,
      "unknown option --cals (did you mean --calls?)",
    ],
    ["a missing argument", ["calls", "show"], {}, 2, "missing required argument"],
    ["a file that is not there", ["test", "none.yaml"], {}, 2, "none.yaml"],
    ["no recording", ["replay", "none.jsonl"], {}, 2, "none.jsonl"],
  ])("says as JSON that it failed: %s", async (_, args, over, expected, text) => {
    const { status, value, errors } = await run(args, over, "failure");
    expect(status).toBe(expected);
    expect(value["error"]).toContain(text);
    expect(errors).toContain(text);
  });
});
