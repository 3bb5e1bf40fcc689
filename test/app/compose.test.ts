/** What is constructed from settings, part by part; nothing of it listens or dials. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../src/adapters/store/open-store.js";
import type { ToolLauncher } from "../../src/adapters/tools/launcher-client.js";
import { AgentKits } from "../../src/app/agent-kits.js";
import { composeBase } from "../../src/app/compose-base.js";
import { composeCalls, composeRegistry } from "../../src/app/compose-calls.js";
import { composeCluster } from "../../src/app/compose-cluster.js";
import { openRecordKeeping, type RecordKeeping } from "../../src/app/compose-records.js";
import { Toolbox } from "../../src/app/compose-tools.js";
import { loadConfig } from "../../src/config/load.js";
import type {
  AgentProfile,
  AgentsFile,
  CrmEndpoint,
  ToolDefinition,
} from "../../src/domain/agent-profile.js";
import type { ToolHost } from "../../src/relay/call/call-tools.js";
import { Calls } from "../../src/relay/calls/calls.js";
import { type Cluster, TieredCluster } from "../../src/relay/calls/cluster.js";
import { ClusterRouter } from "../../src/relay/calls/cluster-router.js";
import { MemoryOrderBook } from "../../src/tools/memory-orders.js";
import { agent, sid } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { ended, opened } from "../fakes/record-events.js";

let folder = "";
const launchers: { stop(): void }[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-compose-"));
});
afterAll(() => {
  for (const launcher of launchers) launcher.stop();
  rmSync(folder, { recursive: true });
});

const config = (env: Readonly<Record<string, string>> = {}) =>
  loadConfig({
    OPENAI_API_KEY: "sk-x",
    TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
    TWILIO_AUTH_TOKEN: "token",
    PUBLIC_URL: "https://relay.example.com",
    MAX_CALLS: "7",
    RECORDINGS_DIR: join(folder, "recordings"),
    ...env,
  });
const file = (profile: AgentProfile = agent(), more: Partial<AgentsFile> = {}): AgentsFile => ({
  agents: new Map([[profile.name, profile]]),
  numbers: new Map(),
  defaultAgent: profile.name,
  ...more,
});
function base(env: Readonly<Record<string, string>> = {}, agents = file()) {
  const clock = new FakeClock();
  const parts = composeBase(config(env), agents, 2, { clock, log: new FakeLog() });
  launchers.push(parts.launcher);
  return { ...parts, clock };
}
const siblings = (claimOnce: boolean | null = true): Cluster => ({
  join: () => {},
  claim: () => {},
  release: () => {},
  ask: async () => null,
  claimOnce: async () => claimOnce,
});

describe("the base", () => {
  it("has the number of its worker and the limit of calls in its metrics", async () => {
    const { body } = await base().registry.scrape();
    expect(body).toMatch(/calls_limit\{.*worker="2".*\} 7|calls_limit\{worker="2"\} 7/);
  });

  it("asks a CRM only where the agents file has one", () => {
    expect(base().crm).toBeNull();
    const endpoint = { method: "GET", url: "https://crm.example/", headers: {}, timeoutMs: 1_000 };
    const callerLookup = { ...endpoint, allowPrivateHosts: [] } as CrmEndpoint;
    const crm = { callerLookup, escalation: null, callCompleted: null };
    expect(base({}, file(agent(), { crm })).crm).not.toBeNull();
  });

  it("keeps the names of tools' hosts apart from those of the model", () => {
    const { network, toolNetwork } = base();
    expect(network.resolver).not.toBe(toolNetwork.resolver);
  });
});

describe("the registry of calls", () => {
  it("has room for MAX_CALLS, and is not ready while records are in danger", () => {
    expect(composeRegistry(base(), null, null).registry.readiness()).toEqual({
      ready: true,
      reason: "ok",
    });
    const keeping = { trouble: () => "disk" } as unknown as RecordKeeping;
    expect(composeRegistry(base(), keeping, null).registry.readiness()).toEqual({
      ready: false,
      reason: "disk",
    });
    expect(composeRegistry(base({ MAX_CALLS: "1" }), null, null).registry.isFull).toBe(false);
  });
});

describe("the cluster", () => {
  const POSTGRES = { DATABASE_URL: "postgres://relay@127.0.0.1:1/x" };
  const cluster = (near: Cluster | null, env: Readonly<Record<string, string>>, shares = true) => {
    const one = base(env);
    return composeCluster(one, composeRegistry(one, null, null).registry, near, shares);
  };

  it.each([
    ["one process", null, {}, true, null],
    ["workers", siblings(), {}, true, Object],
    ["workers that keep no records", siblings(), POSTGRES, false, Object],
    ["workers of several nodes", siblings(), POSTGRES, true, TieredCluster],
  ])("of %s is what it must be", (_, near, env, shares, kind) => {
    const { cluster: made, nodes } = cluster(near, env, shares);
    if (kind === null) expect(made).toBeNull();
    else expect(made).toBeInstanceOf(kind);
    expect(nodes !== null).toBe(kind === TieredCluster);
  });

  it.each([
    [null, true],
    [siblings(true), true],
    [siblings(null), true],
    [siblings(false), false],
  ])(
    "lets a key be claimed once here, and only if no other process has it",
    async (near, first) => {
      const { claimOnce } = cluster(near, {});
      expect([await claimOnce("k", 1_000), await claimOnce("k", 1_000)]).toEqual([first, false]);
    },
  );
});

describe("the calls", () => {
  const compose = async (near: Cluster | null, env: Readonly<Record<string, string>> = {}) => {
    const one = base(env);
    const admitted = composeRegistry(one, null, null);
    const parts = composeCluster(one, admitted.registry, near, false);
    const journal = { write: () => undefined };
    return await composeCalls(one, admitted, parts, null, journal, {});
  };

  it("are asked through the router where there are other processes", async () => {
    expect((await compose(null)).service).toBeInstanceOf(Calls);
    expect((await compose(siblings())).service).toBeInstanceOf(ClusterRouter);
  });

  it("come by SIP only where that is configured", async () => {
    const form = { CallSid: sid(1), From: "+15550001111", To: "+15550002222" };
    const verbs = async (env: Readonly<Record<string, string>>) => {
      const { service } = await compose(null, env);
      return (await service.incomingSip(form)).map(({ verb }) => verb);
    };
    expect(await verbs({})).toEqual(["say", "hangup"]);
    const sip = { OPENAI_WEBHOOK_SECRET: "whsec_c2VjcmV0", OPENAI_PROJECT_ID: "proj_1" };
    expect(await verbs(sip)).not.toContain("hangup");
  });

  it("refuse an agents file whose tools cannot be built", async () => {
    const { loadAgents } = await compose(null);
    const tools = [{ ...TOOL, source: { kind: "module", path: "/nowhere/none.mjs" } }];
    const broken = file(agent({ tools: tools as unknown as AgentProfile["tools"] }));
    await expect(loadAgents(broken, new Map())).rejects.toMatchObject({ code: "config_invalid" });
  });
});

const TOOL: Omit<ToolDefinition, "source"> = {
  name: "t",
  description: "d",
  parameters: { type: "object" },
  timeoutMs: 1_000,
  sayWhileWaiting: null,
};

describe("the tools of an agent", () => {
  const toolbox = () => {
    const { clock, log, toolNetwork: network, launcher } = base();
    const orders = new MemoryOrderBook();
    return { clock, log, network, launcher, tracing: null, orders, warmTools: false };
  };
  const kit = async (...tools: readonly ToolDefinition[]) => {
    const profile = agent({ tools });
    return (await AgentKits.load(file(profile), toolbox(), null)).kitOf(profile);
  };
  const builtin = (name: string): ToolDefinition => ({
    ...TOOL,
    name,
    source: { kind: "builtin" },
  });

  it("are described to the model, those of MCP servers by their server", async () => {
    const server = { server_url: "https://x.example" };
    const { specs } = await kit(builtin("end_call"), builtin("lookup_order"), {
      ...TOOL,
      name: "shop",
      source: { kind: "mcp", server },
    });
    const names = specs.map((spec) => (spec.type === "mcp" ? spec.label : spec.name));
    expect(names).toEqual(["end_call", "lookup_order", "shop"]);
    expect(specs.at(-1)).toEqual({ type: "mcp", label: "shop", server });
  });

  it("are refused when there is nothing behind a name", async () => {
    await expect(kit(builtin("levitate"))).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("lookup_order"),
    });
  });

  it("are refused when two have one name", async () => {
    await expect(kit(builtin("end_call"), builtin("end_call"))).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("end_call"),
    });
  });

  const http = (parameters: ToolDefinition["parameters"]): ToolDefinition => ({
    ...TOOL,
    parameters,
    source: { kind: "http", http: {} as never },
  });

  it.each([null, new Map<string, string>()])(
    "are refused when the file is read, not when they are called: a schema, %s",
    async (checks) => {
      const broken = http({ type: "object", required: 7 });
      const loading = AgentKits.load(file(agent({ tools: [broken] })), toolbox(), checks);
      await expect(loading).rejects.toMatchObject({ code: "config_invalid" });
    },
  );

  it("are refused when the file is read: arguments that are no object", async () => {
    const loading = AgentKits.load(
      file(agent({ tools: [http({ type: "string" })] })),
      toolbox(),
      null,
    );
    await expect(loading).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("type object"),
    });
  });

  it("are made when the agent has its first call, and once", async () => {
    let made = 0;
    const parameters = { type: "object", properties: { order: { type: "string" } } };
    const definition = http(parameters);
    const profile = agent({
      tools: [
        {
          ...definition,
          get source() {
            made++;
            return definition.source;
          },
        },
      ],
    });
    const kits = await AgentKits.load(file(profile), toolbox(), null);
    const before = made;
    const first = kits.kitOf(profile);
    expect(made).toBeGreaterThan(before);
    const then = made;
    expect(kits.kitOf(profile)).toBe(first);
    expect(made).toBe(then);
    for (const text of ['{"order":1}', '{"order":2}'])
      expect(first.registry.check("t", text)).toMatchObject({ ok: false });
    expect(first.registry.check("t", '{"order":"1"}')).toMatchObject({ ok: true });
  });

  it("are there for calls of an agent that was loaded, also after a reload", async () => {
    const box = new Toolbox(toolbox());
    const [first, second] = [file(agent()), file(agent())];
    const host = (agents: AgentsFile) =>
      ({ agent: agents.agents.get("support"), log: new FakeLog() }) as unknown as ToolHost;
    await box.load(first, null);
    await box.load(second, new Map());
    for (const agents of [first, second]) expect(box.toolsFor(host(agents)).specs).toEqual([]);
    expect(() => box.toolsFor(host(file(agent())))).toThrow("without a kit");
  });
});

describe("the tool modules of an agents file", () => {
  const declared = { key: "default", name: "t", description: "", timeoutMs: null };

  it.each([
    [true, ["version", "ready", "describe"]],
    [false, ["version", "describe"]],
  ])("run before the first call only when they are to: %s", async (warmTools, expected) => {
    const asked: string[] = [];
    const launcher = {
      beginVersion: () => void asked.push("version"),
      moduleAt: (at: string) => ({ path: at, version: 1 }),
      keepReady: () => void asked.push("ready"),
      describe: async () => {
        asked.push("describe");
        return [{ ...declared, parameters: { type: "object" }, sayWhileWaiting: null }];
      },
    } as unknown as ToolLauncher;
    const module = fileURLToPath(new URL("../adapters/tools/modules/two.mjs", import.meta.url));
    const source = { kind: "module", path: module } as ToolDefinition["source"];
    const { clock, log, toolNetwork: network } = base();
    const orders = new MemoryOrderBook();
    const box = new Toolbox({ clock, log, network, launcher, tracing: null, orders, warmTools });
    await box.load(file(agent({ tools: [{ ...TOOL, source }] })), null);
    expect(asked).toEqual(expected);
  });
});

describe("the keeping of records", () => {
  it("brings a call from the journal into the database", async () => {
    const url = `sqlite:${join(folder, "records.db")}`;
    const { clock, log, metrics, network, control, prices } = base();
    const deps = { clock, log, metrics, network, control, prices, completed: null };
    const keeping = await openRecordKeeping(config({ DATABASE_URL: url }), file(), deps);
    keeping.start();
    keeping.journal.write(sid(1), opened());
    keeping.journal.write(sid(1), ended(5_000));
    expect(keeping.trouble()).toBeNull();
    await keeping.stop();
    const store = await openStore(url, () => undefined);
    expect((await store.load(sid(1)))?.record).toMatchObject({ state: "ended", agent: "support" });
    await store.close();
  });

  it("does not begin with a database that cannot be opened", async () => {
    const { clock, log, metrics, network, control, prices } = base();
    const deps = { clock, log, metrics, network, control, prices, completed: null };
    const wrong = config({ DATABASE_URL: "sqlite:/dev/null/records.db" });
    await expect(openRecordKeeping(wrong, file(), deps)).rejects.toThrow();
  });
});
