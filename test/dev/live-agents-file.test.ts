import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { faultsOf, LiveAgentsFile } from "../../dev/live-agents-file.js";
import type { LocalAgents } from "../../dev/local-relay.js";
import {
  AgentsFileError,
  parseAgentsFile,
  readAgentsText,
} from "../../src/config/agents/agents-file.js";
import { placesOf } from "../../src/config/agents/agents-parts.js";
import { RelayError } from "../../src/domain/errors.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-live-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const GOOD = "agents: {support: {instructions: Be brief., tools: [order_status]}}\n";
const TOOL = "tools:\n  order_status: {module: ./tool.mjs}\n";

function live(
  refused: RelayError | null = null,
  check: ((file: LocalAgents["file"]) => Promise<readonly string[]>) | null = null,
) {
  const printed: string[] = [];
  const path = join(folder, "agents.yaml");
  const write = (text: string) => writeFileSync(path, text);
  write(GOOD + TOOL);
  const read = (): LocalAgents => {
    const parsed = parseAgentsFile(readAgentsText(path), path, {
      env: {},
      defaults: { model: "m", humanAgentNumber: null, maxCallMinutes: 55 },
    });
    return { file: parsed.agents, places: placesOf(parsed) };
  };
  const used: LocalAgents[] = [];
  const use = async (file: LocalAgents) => {
    if (refused !== null) throw refused;
    used.push(file);
  };
  const file = new LiveAgentsFile(
    { path, model: "simulated", read, use, check, print: (line) => printed.push(line) },
    read(),
  );
  return { file, write, used, printed };
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

describe("the model", () => {
  it("is asked about the agents at the start and after each change, and its refusals are shown", async () => {
    const asked: string[] = [];
    const { file, write, printed } = live(null, async ({ agents }) => {
      const [name = ""] = agents.keys();
      asked.push(name);
      return name === "support" ? ["the key is refused: check OPENAI_API_KEY"] : [];
    });
    file.start();
    const notices = () => file.current.notices;
    await expect.poll(notices).toEqual(["the key is refused: check OPENAI_API_KEY"]);
    expect(printed).toEqual(["model: the key is refused: check OPENAI_API_KEY"]);
    write(`${GOOD.replace("support", "sales")}${TOOL}`);
    await file.reload();
    await expect.poll(notices).toEqual([]);
    file.stop();
    expect(asked.slice(0, 2)).toEqual(["support", "sales"]);
  });

  it("that cannot be asked is no end of the command", async () => {
    const { file } = live(null, () => Promise.reject(new Error("no network")));
    file.start();
    await expect.poll(() => file.current.notices).toEqual(["could not be asked: no network"]);
    file.stop();
  });
});

describe("a change on disk", { timeout: 30_000 }, () => {
  const settled = { timeout: 20_000 };

  /** A project that is watched, with a module that imports another one. */
  function project() {
    mkdirSync(join(folder, "lib"));
    writeFileSync(join(folder, "tool.mjs"), `import "./lib/words.mjs";`);
    writeFileSync(join(folder, "lib", "words.mjs"), "");
    const all = live();
    all.file.start();
    watched.push(all.file);
    return { ...all, version: () => all.file.current.version, path: join(folder, "agents.yaml") };
  }
  const watched: LiveAgentsFile[] = [];
  afterEach(() => {
    for (const file of watched.splice(0)) file.stop();
  });

  it.each<[string, (path: string) => void]>([
    ["written in place", (path) => writeFileSync(path, `${GOOD}${TOOL}# 2\n`)],
    [
      "written beside and renamed, as many editors save",
      (path) => {
        writeFileSync(`${path}.tmp`, `${GOOD}${TOOL}# 2\n`);
        renameSync(`${path}.tmp`, path);
      },
    ],
    [
      "deleted and written anew",
      (path) => {
        rmSync(path);
        writeFileSync(path, `${GOOD}${TOOL}# 2\n`);
      },
    ],
    [
      "moved away as a backup, and written anew",
      (path) => {
        renameSync(path, `${path}~`);
        writeFileSync(path, `${GOOD}${TOOL}# 2\n`);
      },
    ],
    [
      "written in two halves",
      (path) => {
        writeFileSync(path, GOOD.slice(0, 20));
        appendFileSync(path, `${GOOD.slice(20)}${TOOL}`);
        appendFileSync(path, "# 2\n");
      },
    ],
    [
      "replaced by a link to another file",
      (path) => {
        mkdirSync(join(path, "..", "releases"));
        const target = join(path, "..", "releases", "next.yaml");
        writeFileSync(target, `${GOOD}${TOOL}# 2\n`);
        symlinkSync(target, `${path}.link`);
        renameSync(`${path}.link`, path);
      },
    ],
    [
      "of a module that the tool module imports",
      (path) => writeFileSync(join(path, "..", "lib", "words.mjs"), "export default 2;"),
    ],
    [
      "of a folder that is replaced as a whole",
      (path) => {
        rmSync(join(path, "..", "lib"), { recursive: true });
        mkdirSync(join(path, "..", "lib"));
        writeFileSync(join(path, "..", "lib", "words.mjs"), "export default 2;");
      },
    ],
  ])("is in force: %s", async (_, change) => {
    const { file, path, version } = project();
    const shown: boolean[] = [];
    file.watch(() => shown.push(file.current.reading));
    change(path);
    await expect.poll(version, settled).toBeGreaterThan(1);
    expect(file.current.faults).toEqual([]);
    // The page says at once that a change was noticed, and at last that it is in force.
    expect([shown[0], shown.at(-1)]).toEqual([true, false]);
  });

  it("is followed through a link, and again after the link has changed", async () => {
    const { path, version } = project();
    const target = (name: string) => join(folder, "releases", name);
    mkdirSync(join(folder, "releases"));
    writeFileSync(target("1.yaml"), `${GOOD}${TOOL}# 1\n`);
    rmSync(path);
    symlinkSync(target("1.yaml"), path);
    await expect.poll(version, settled).toBeGreaterThan(1);
    const before = version();
    writeFileSync(target("1.yaml"), `${GOOD}${TOOL}# 2\n`);
    await expect.poll(version, settled).toBeGreaterThan(before);
  });

  it("is noticed also while the one before is being put in force", async () => {
    const { file, version, used, write } = project();
    write(`${GOOD}${TOOL}# 2\n`);
    const reloading = file.reload();
    write(`${GOOD.replace("support", "sales")}${TOOL}`);
    await reloading;
    await expect.poll(() => file.current.agents, settled).toEqual(["sales"]);
    expect(used).toHaveLength(version() - 1);
  });

  it("to nothing is a fault, and to the same again is none", async () => {
    const { file, path } = project();
    const text = readFileSync(path, "utf8");
    const faults = () => file.current.faults.map(({ problem }) => problem);
    rmSync(path);
    await expect.poll(faults, settled).toEqual(["cannot be read: there is no such file"]);
    writeFileSync(path, text);
    await expect.poll(faults, settled).toEqual([]);
  });

  it("to a module in a folder that is not there is a fault, and the folder's coming is noticed", async () => {
    const { file, write, version } = project();
    write(GOOD + TOOL.replace("./tool.mjs", "./later/tool.mjs"));
    await expect.poll(version, settled).toBe(2);
    mkdirSync(join(folder, "later"));
    writeFileSync(join(folder, "later", "tool.mjs"), "");
    await expect.poll(version, settled).toBe(3);
    expect(file.current.faults).toEqual([]);
  });
});

describe("the faults of an error", () => {
  it.each([
    [new Error("a bug"), [{ line: null, path: "", problem: "could not be put in force: a bug" }]],
    [
      new RelayError("internal", "a bug"),
      [{ line: null, path: "", problem: "could not be put in force: a bug" }],
    ],
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
