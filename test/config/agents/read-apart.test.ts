/** The process that reads agents files (`agents-process.ts`), as it is started while calls run. */
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkFromCode } from "../../../src/adapters/tools/json-schema.js";
import {
  AgentsFileError,
  parseConfiguredAgentsFile,
} from "../../../src/config/agents/agents-file.js";
import { partsOf, placesOf } from "../../../src/config/agents/agents-parts.js";
import {
  compileApart,
  readAgentsApart,
  readAgentsParts,
} from "../../../src/config/agents/read-apart.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-apart-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const PARAMETERS = {
  type: "object",
  properties: { number: { type: "string", minLength: 3 } },
  required: ["number"],
};
const FILE = {
  agents: { support: { instructions: "Be brief.", tools: ["t", "end_call"] } },
  tools: {
    t: {
      description: "d",
      parameters: PARAMETERS,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: so are variables of the environment named
      http: { url: "https://x.example/t", method: "GET", headers: { key: "${KEY}" } },
    },
  },
};

function written(file: unknown) {
  const agentsFile = join(folder, "agents.yaml");
  writeFileSync(agentsFile, JSON.stringify(file));
  return { agentsFile, openaiRealtimeModel: "m", humanAgentNumber: null, maxCallMinutes: 55 };
}

/** The compiler numbers its names, as long as its process lives. */
function unnumbered(value: unknown): unknown {
  const text = JSON.stringify(value);
  return JSON.parse(text.replaceAll(/\b(validate|schema|func|pattern)\d+/g, "$1"));
}

describe("reading an agents file apart", { timeout: 60_000 }, () => {
  it("gives what reading it here gives, and the checks of its schemas", async () => {
    const config = written(FILE);
    const env = { KEY: "secret" };
    const here = parseConfiguredAgentsFile(config, env);
    const { file, places, checks } = await readAgentsApart(config, env);
    expect(file).toEqual(here.agents);
    expect(places).toEqual(placesOf(here));
    const check = checkFromCode(checks.get(JSON.stringify(PARAMETERS)) ?? "");
    expect([check({ number: "4217" }), check({ number: "4" })]).toEqual([
      null,
      "number must NOT have fewer than 3 characters.",
    ]);
    const parts = await readAgentsParts(config, env);
    expect(unnumbered(parts)).toEqual(unnumbered(partsOf({ file, checks })));
  });

  it.each([
    ["a value", { agents: { support: { instructions: 7 } } }, "agents.support.instructions"],
    [
      "a schema",
      { ...FILE, tools: { t: { ...FILE.tools.t, parameters: { type: "object", required: 7 } } } },
      "tools.t.parameters",
    ],
  ])("tells the faults of %s, with their places", async (_, file, path) => {
    const refused = await readAgentsApart(written(file), { KEY: "k" }).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(AgentsFileError);
    const { faults } = refused as AgentsFileError;
    expect(faults).toContainEqual(expect.objectContaining({ path, line: 1 }));
  });

  it("tells of a file that is not there", async () => {
    const config = { ...written(FILE), agentsFile: join(folder, "none.yaml") };
    await expect(readAgentsParts(config, {})).rejects.toThrow("cannot be read");
  });
});

describe("the process for it", { timeout: 60_000 }, () => {
  const started: ChildProcess[] = [];
  const note = (message: unknown): void => {
    started.push((message as { process: ChildProcess }).process);
  };
  beforeAll(() => subscribe("child_process", note));
  afterAll(() => unsubscribe("child_process", note));

  it("does the next job as well, also after a file with faults", async () => {
    const config = written(FILE);
    await readAgentsParts(config, { KEY: "k" });
    started.length = 0;
    await expect(readAgentsParts(written({ agents: {} }), {})).rejects.toThrow(AgentsFileError);
    await readAgentsParts(written(FILE), { KEY: "k" });
    await compileApart([PARAMETERS]);
    expect(started).toEqual([]);
  });

  it("is another one for a job beside it, and after one that was killed", async () => {
    started.length = 0;
    await Promise.all([compileApart([PARAMETERS]), compileApart([PARAMETERS])]);
    expect(started).toHaveLength(1);
    const lost = compileApart([PARAMETERS, { type: "object" }]);
    const beside = compileApart([PARAMETERS]);
    const last = started.at(-1);
    last?.kill("SIGKILL");
    const ends = await Promise.allSettled([lost, beside]);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await compileApart([PARAMETERS])).size).toBe(1);
  });
});

describe("compiling schemas apart", { timeout: 60_000 }, () => {
  it("gives the source of each check", async () => {
    const checks = await compileApart([PARAMETERS, { type: "object" }]);
    expect([...checks.keys()]).toEqual([JSON.stringify(PARAMETERS), '{"type":"object"}']);
  });

  it("refuses what is no schema", async () => {
    await expect(compileApart([{ type: "nonsense" }])).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("not a JSON Schema"),
    });
  });
});
