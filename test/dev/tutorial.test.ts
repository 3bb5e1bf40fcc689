/** docs/tutorial.md, followed to the letter: its files, its edits, its conversations. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { main } from "../../dev/test-main.js";
import { checkConfig } from "../../src/cli/config-check.js";
import { init } from "../../src/cli/init-command.js";
import { FakeIo } from "../fakes/fake-io.js";

const TUTORIAL = readFileSync("docs/tutorial.md", "utf8");
let project = "";
/** The project's files as init wrote them: a test that is repeated begins with them. */
let written = { agents: "", conversations: "" };
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "murelay-tutorial-"));
  await init(new FakeIo(), project, { business: "Acme Store" });
  written = {
    agents: readFileSync(join(project, "agents.yaml"), "utf8"),
    conversations: readFileSync(join(project, "conversations/support.yaml"), "utf8"),
  };
  mkdirSync(join(project, "node_modules"));
  symlinkSync(process.cwd(), join(project, "node_modules", "murelay"));
});
afterAll(() => rmSync(project, { recursive: true }));

/** The code block of a language that contains a text. */
function block(language: string, text: string): string {
  const blocks = [...TUTORIAL.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)];
  const found = blocks.filter(([, of, code = ""]) => of === language && code.includes(text));
  expect([text, found.length]).toEqual([text, 1]);
  return found[0]?.[2] ?? "";
}

/** Writes the agents file of `init` with a change. */
function edit(change: (text: string) => string): void {
  const after = change(written.agents);
  expect(after).not.toBe(written.agents);
  writeFileSync(join(project, "agents.yaml"), after);
}

async function check(): Promise<string> {
  const io = new FakeIo();
  await checkConfig(io, join(project, "agents.yaml"));
  return io.text.replaceAll(`${project}/`, "");
}

describe("the tutorial", () => {
  it.each(["docs/tutorial.md", "README.md"])(
    "names the package that npm pack writes: %s",
    (page) => {
      const { name, version } = JSON.parse(readFileSync("package.json", "utf8"));
      const named = readFileSync(page, "utf8").match(/[\w-]+-\d+\.\d+\.\d+\.tgz/g) ?? [];
      expect(new Set(named)).toEqual(new Set([`${name}-${version}.tgz`]));
    },
  );

  it("begins with a project without faults, as it says", async () => {
    expect(`${await check()}\n`).toBe(block("", "no faults"));
    expect(TUTORIAL).toContain("“status: on its way, expected:\ntomorrow.”");
  });

  it("shows the fault that it describes", async () => {
    edit((text) => text.replace("    greeting:", "    greting:"));
    expect(await check()).toContain("is unknown (did you mean greeting?)");
  });

  it("leads to an agent that passes all its conversations", async () => {
    writeFileSync(join(project, "tools/opening-hours.mjs"), block("js", "Opening hours"));
    edit((text) =>
      text
        .replace(/^ {4}greeting: .*\n/m, block("yaml", "greeting:"))
        .replace(/^ {4}tools: .*\n/m, block("yaml", "transfer:\n"))
        .replace(/^tools:\n[\s\S]*$/m, block("yaml", "module: ./tools/opening-hours.mjs")),
    );
    const conversations = join(project, "conversations/support.yaml");
    writeFileSync(conversations, written.conversations + block("yaml", "closed on Sundays"));
    expect(await check()).toContain("no faults");
    const io = new FakeIo();
    const status = await main(io, [conversations], {});
    const untimed = (text: string) => text.replace(/\d+\.\d s/g, "…").trim();
    expect([status, untimed(io.text)]).toEqual([0, untimed(block("", "conversations passed"))]);
  });
});
