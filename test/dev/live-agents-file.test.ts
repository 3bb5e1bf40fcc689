import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { faultsOf, LiveAgentsFile } from "../../dev/live-agents-file.js";
import {
  AgentsFileError,
  parseAgentsFile,
  readAgentsText,
} from "../../src/config/agents/agents-file.js";
import { placesOf } from "../../src/config/agents/agents-parts.js";
import type { ReadAgents } from "../../src/config/agents/read-apart.js";
import { RelayError } from "../../src/domain/errors.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-live-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const GOOD = "agents: {support: {instructions: Be brief., tools: [order_status]}}\n";
const TOOL = "tools:\n  order_status: {module: ./tool.mjs}\n";

function live(refused: RelayError | null = null) {
  const path = join(folder, "agents.yaml");
  const write = (text: string) => writeFileSync(path, text);
  write(GOOD + TOOL);
  const parse = (): ReadAgents => {
    const parsed = parseAgentsFile(readAgentsText(path), path, {
      env: {},
      defaults: { model: "m", humanAgentNumber: null, maxCallMinutes: 55 },
    });
    return { file: parsed.agents, places: placesOf(parsed), checks: new Map() };
  };
  const used: ReadAgents[] = [];
  const read = async () => parse();
  const use = async (file: ReadAgents) => {
    if (refused !== null) throw refused;
    used.push(file);
  };
  const file = new LiveAgentsFile(
    { path, model: "simulated", read, use, print: () => undefined },
    parse(),
  );
  return { file, write, used };
}

describe("an agents file that is read again", () => {
  it("is in force once it has no faults, and listeners are told", async () => {
    const { file, write, used } = live();
    let told = 0;
    const stop = file.watch(() => told++);
    write(`${GOOD.replace("support", "sales")}${TOOL}`);
    await file.reload();
    stop();
    await file.reload();
    file.stop();
    expect(told).toBe(1);
    expect(used).toHaveLength(2);
    expect(file.current).toMatchObject({ version: 3, agents: ["sales"], faults: [] });
  });

  it("changes nothing while it has faults", async () => {
    const { file, write, used } = live();
    write(GOOD.replace("instructions", "instruction") + TOOL);
    await file.reload();
    expect(used).toEqual([]);
    expect(file.current).toMatchObject({
      version: 1,
      agents: ["support"],
      faults: [{ line: 1 }, { line: 1 }],
    });
  });

  it("names the line of a tool that cannot be built", async () => {
    const problem = "tool order_status: ./tool.mjs cannot be loaded";
    const { file } = live(new RelayError("config_invalid", problem));
    await file.reload();
    expect(file.current.faults).toEqual([{ line: 3, path: "tools.order_status.module", problem }]);
  });
});

describe("the faults of an error", () => {
  it.each([
    [new Error("a bug"), null],
    [new RelayError("internal", "a bug"), null],
    [
      new RelayError("config_invalid", "no such folder"),
      [{ line: null, path: "", problem: "no such folder" }],
    ],
    [
      new AgentsFileError("a.yaml", [
        { path: "agents", line: 2, column: 1, problem: "is missing" },
      ]),
      [{ line: 2, path: "agents", problem: "is missing" }],
    ],
  ])("%s", (error, faults) => expect(faultsOf(error, null)).toEqual(faults));
});
