import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConfig } from "../../src/cli/config-check.js";
import { type InitOptions, init } from "../../src/cli/init-command.js";
import type { CliIo } from "../../src/cli/io.js";
import { parseEnvFile } from "../../src/config/env-file.js";
import { loadConfig } from "../../src/config/load.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-init-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(options: InitOptions, answers?: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const questions: string[] = [];
  const waiting = [...(answers ?? [])];
  const io: CliIo = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    env: {},
    onSignal: () => {},
    ...(answers === undefined
      ? {}
      : {
          ask: async (question: string) => {
            questions.push(question);
            return waiting.shift() ?? "";
          },
        }),
  };
  const status = await init(io, join(folder, "project"), options);
  return { status, out: out.join("\n"), err: err.join("\n"), questions };
}
const file = (name: string) => readFileSync(join(folder, "project", name), "utf8");

describe("init", () => {
  it.each<[string, InitOptions]>([
    ["without answers", {}],
    [
      "with all answers",
      {
        business: 'Bob\'s "Best" Shop: #1',
        language: "es",
        timeZone: "Europe/Madrid",
        human: "+15551112222",
        publicUrl: "https://voice.example.com",
      },
    ],
  ])("writes a project that passes its own check and tests, %s", async (_name, options) => {
    expect(await run(options)).toMatchObject({ status: 0, err: "" });
    const out: string[] = [];
    const project = join(folder, "project");
    const io: CliIo = {
      out: (line) => void out.push(line),
      err: () => {},
      env: {},
      onSignal: () => {},
    };
    const status = await checkConfig(io, join(project, "agents.yaml"), { json: true });
    expect([status, JSON.parse(out.join("\n"))]).toMatchObject([0, { faults: [], warnings: [] }]);

    // As npm install would.
    mkdirSync(join(project, "node_modules"));
    symlinkSync(process.cwd(), join(project, "node_modules", "murelay"));
    const tests = spawnSync(process.execPath, ["--test"], { cwd: project });
    expect([tests.status, String(tests.stdout)]).toEqual([0, expect.stringContaining("pass 2")]);
  });

  it("writes settings that lack only what is the user's", async () => {
    await run({ publicUrl: "https://voice.example.com", human: "+15551112222" });
    const { values, notices } = parseEnvFile(".env", Buffer.from(file(".env")));
    expect(notices).toEqual([]);
    const secrets = { OPENAI_API_KEY: "k", TWILIO_ACCOUNT_SID: "AC1", TWILIO_AUTH_TOKEN: "t" };
    expect(loadConfig({ ...values, ...secrets })).toMatchObject({
      publicUrl: "https://voice.example.com",
      humanAgentNumber: "+15551112222",
    });
    expect(statSync(join(folder, "project", ".env")).mode & 0o077).toBe(0);
    expect(file(".gitignore")).toContain(".env");
  });

  it.each([
    ["node_modules/\n", true],
    [".env\n", false],
    ["/.env*\r\ndist\r\n", false],
    ["# .env\n", true],
  ])(
    "warns where a .gitignore that was there does not name the secrets: %j",
    async (text, warns) => {
      mkdirSync(join(folder, "project"));
      writeFileSync(join(folder, "project", ".gitignore"), text);
      const { status, err } = await run({});
      expect([status, err.includes("does not name .env")]).toEqual([0, warns]);
    },
  );

  it("never overwrites", async () => {
    mkdirSync(join(folder, "project"));
    writeFileSync(join(folder, "project", "agents.yaml"), "mine");
    writeFileSync(join(folder, "project", ".env"), "SECRET=1");
    const { status, out } = await run({ json: true });
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      kept: ["agents.yaml", ".env"],
      written: expect.arrayContaining(["README.md", "tools/order-status.mjs"]),
    });
    expect([file("agents.yaml"), file(".env")]).toEqual(["mine", "SECRET=1"]);
  });

  it("asks on a terminal what no flag answers, and again when an answer is wrong", async () => {
    const answers = ["Ada's Books", "Nowhere/City", "Europe/Rome", "", "ftp://x", ""];
    const { status, questions, err } = await run({ language: "it" }, answers);
    expect(status).toBe(0);
    expect(questions.map((text) => text.split(" ").slice(0, 3).join(" "))).toEqual([
      "Which business does",
      "In which time",
      "In which time",
      "To which number",
      "Under which address",
      "Under which address",
    ]);
    expect(err).toContain("is no time zone");
    expect(file("agents.yaml")).toContain("Ada's Books");
  });

  it.each<[InitOptions, RegExp]>([
    [{ human: "555" }, /--human is not an E\.164 number/],
    [{ language: "english please" }, /--language is not a language tag/],
    [{ timeZone: "+05:00" }, /--time-zone is no time zone/],
    [{ publicUrl: "https://x.example/path" }, /--public-url contains a path/],
    [{ business: "{{evil}}" }, /--business contains \{\{/],
  ])("refuses %j with 2, and writes nothing", async (options, message) => {
    const { status, err } = await run(options);
    expect(status).toBe(2);
    expect(err).toMatch(message);
    expect(existsSync(join(folder, "project"))).toBe(false);
  });

  it("says when a file cannot be written", async () => {
    writeFileSync(join(folder, "project"), "a file in the way");
    const { status, err } = await run({});
    expect(status).toBe(1);
    expect(err).toContain("cannot be written");
    expect(readdirSync(folder)).toEqual(["project"]);
  });
});
