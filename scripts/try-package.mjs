// Uses the packed package as a new user does: in an empty folder, init, check, test and dev, an agent that is talked to,
// the examples. Ends with 1 and the output of the step that failed.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tryDev } from "./try-dev.mjs";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const STARTED_MS = performance.now();
const folder = mkdtempSync(join(tmpdir(), "murelay-package-"));
const project = join(folder, "project");

function step(name) {
  console.log(`— ${name} (${((performance.now() - STARTED_MS) / 1000).toFixed(0)} s)`);
}

/** Ends the script unless the command exits as it should. @returns what it printed. */
function run(command, args, { cwd = project, status = 0, shows = "" } = {}) {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" });
  const text = `${result.stdout}${result.stderr}`;
  if (result.status === status && text.includes(shows)) return text;
  const expected = `status ${status}${shows === "" ? "" : ` and the text ${shows}`}`;
  throw new Error(`${command} ${args.join(" ")}: ${result.status}, expected ${expected}\n${text}`);
}

const npx = (args, options) => run("npx", ["--no-install", "murelay", ...args], options);

function install() {
  step("npm pack, and npm install in an empty folder");
  run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: ROOT });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  run("mkdir", ["project"], { cwd: folder });
  run("npm", ["install", "--silent", "--no-audit", "--no-fund", join(folder, tarball)]);
}

function useCommands() {
  step("init, config check, test");
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  npx(["--version"], { shows: version });
  npx(["init", "--human", "+15551112222"]);
  npx(["config", "check"], { shows: "no faults" });
  npx(["test", "--junit", "junit.xml"], { shows: "3 conversations passed" });
  run("node", ["--test"], { shows: "fail 0" });
  for (const name of ["demo", "bench", "serve", "doctor"])
    npx([name, "--help"], { shows: "Usage" });
}

const TOOL = (name, text) => `({
  description: "Says the word ${name}",
  parameters: { type: "object", properties: {}, additionalProperties: false },
  run: () => "${text}",
})`;

function useTools() {
  step("tool modules in any folder and module system");
  run("mkdir", ["-p", "other/deep", "other/common"]);
  const files = {
    "other/deep/typescript.ts": `import { defineTool } from "murelay";
const answer: string = "from TypeScript";
export default defineTool({
  description: "Says the word typescript",
  parameters: { type: "object", properties: { word: { type: "string" } } },
  run: ({ word }) => answer + (word?.length ?? ""),
});`,
    "other/deep/required.cjs": `module.exports = require("murelay").defineTool(${TOOL("required", "from require")});`,
    "other/common/package.json": '{"type": "commonjs"}',
    "other/common/common.js": `exports.default = require("murelay").defineTool(${TOOL("common", "from CommonJS")});`,
    "agents-tools.yaml": `agents: {support: {instructions: x, greeting: Hi, tools: [typescript, required, common]}}
tools:
  typescript: {module: ./other/deep/typescript.ts}
  required: {module: ./other/deep/required.cjs}
  common: {module: ./other/common/common.js}
`,
    "tools.yaml": `agents_file: agents-tools.yaml
conversations:
  - name: every module system
    turns:
      - {caller: typescript, expect: {tool: typescript, says: from TypeScript}}
      - {caller: required, expect: {tool: required, says: from require}}
      - {caller: common, expect: {tool: common, says: from CommonJS}}
`,
    "uses.ts": `import { createRelay, defineTool, type CallRecord } from "murelay";
import { ruleScript, simulatedSettings, startModel, startTwilio } from "murelay/testing";
export const all = [createRelay, defineTool, ruleScript, simulatedSettings, startModel, startTwilio];
export const text = (record: CallRecord): string => record.callSid;
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  npx(["config", "check", "agents-tools.yaml"], { shows: "no faults" });
  npx(["test", "tools.yaml"], { shows: "1 conversation passed" });
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"];
  const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules/@types")];
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const typed = ["uses.ts", "other/deep/typescript.ts"];
  run("node", [tsc, ...options, ...types, ...typed], {});
  writeFileSync(
    join(project, "wrong.ts"),
    `import { defineTool } from "murelay";\ndefineTool({});\n`,
  );
  run("node", [tsc, ...options, ...types, "wrong.ts"], { status: 1, shows: "description" });
}

function breakOneAssertion() {
  step("one assertion broken on purpose");
  const text = readFileSync(join(project, "conversations/support.yaml"), "utf8");
  writeFileSync(
    join(project, "broken.yaml"),
    text.replace("../agents.yaml", "agents.yaml").replace("on its way", "lost"),
  );
  npx(["test", "broken.yaml"], { status: 1, shows: "expected  says: lost" });
}

function useExamples() {
  const examples = join(project, "node_modules/murelay/examples");
  if (!existsSync(examples)) return;
  cpSync(examples, join(project, "examples"), { recursive: true });
  const names = readdirSync(examples, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  for (const { name } of names) {
    step(`example ${name}`);
    run("npm", ["test", "--silent"], { cwd: join(project, "examples", name) });
  }
}

try {
  install();
  useCommands();
  useTools();
  breakOneAssertion();
  step("dev: a tool is written while it runs");
  step(`dev: the agent was ${await tryDev(project)}`);
  useExamples();
  step("the packed package works");
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
