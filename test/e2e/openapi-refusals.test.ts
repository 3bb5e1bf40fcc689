/**
 * Every route of the operator listener, asked wrongly in every way: what it refuses is documented,
 * and what is documented as a refusal happens.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/system/system-clock.js";
import { AgentsFileError } from "../../src/config/agents/agents-file.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import { flightRoute } from "../../src/http/flight-route.js";
import { nodeRoutes } from "../../src/http/nodes-route.js";
import { outboundRoutes } from "../../src/http/outbound-route.js";
import { recordingRoutes } from "../../src/http/recording-route.js";
import { emptyRecord } from "../../src/records/record.js";
import type { CallCommand } from "../../src/relay/call/call-command.js";
import type { ListenRefusal } from "../../src/relay/calls/listen-service.js";
import type { OutboundRefusal } from "../../src/relay/calls/outbound.js";
import { OperatorProxy } from "../../src/supervisor/operator-proxy.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { OpenApiClient } from "../fakes/openapi-client.js";
import { type Stage, startStage } from "../fakes/stage.js";
import { type OperatorSide, startOperator } from "../http/harness.js";

const TOKEN = "the-token-of-an-operator";
const VIEWER = "the-token-of-a-viewer";
const SOUND = Buffer.alloc(64);

let folder = "";
let stage: Stage;
let api: OpenApiClient;
let supervisor: OperatorProxy;
let alone: OpenApiClient;
/** What the routes that are added here find. */
let storeIsAway = false;
let faults: AgentsFileError | null = null;

const away = (): void => {
  if (storeIsAway) throw new RelayError("store_unavailable", "away");
};

async function findCall(callSid: CallSid) {
  away();
  const recording = { sid: "RE1", file: "RE1.wav", transcript: null, words: null };
  const startedAt = "2026-11-21T08:00:00.000Z";
  return callSid === "CA1"
    ? { ...emptyRecord(callSid), state: "ended" as const, startedAt, recording }
    : null;
}
async function part(...how: readonly (string | number)[]) {
  const [from, most] = how.slice(-2).map(Number) as [number, number];
  return { bytes: SOUND.subarray(from, from + most), sizeBytes: SOUND.length };
}
async function* flightLines() {
  yield '{"at":0,"is":"writer","writer":"a"}';
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "murelay-openapi-"));
  const digest = createHash("sha256").update(VIEWER).digest("hex");
  const file = join(folder, "operators.yaml");
  writeFileSync(file, `operators: {ben: {role: viewer, token_sha256: "${digest}"}}\n`);
  stage = await startStage(
    { turns: [{ say: "Hello." }] },
    {
      env: { ADMIN_TOKEN: TOKEN, OPERATORS_FILE: file },
      routes: [
        ...recordingRoutes({ find: findCall, read: part, rebuilt: part }),
        flightRoute({ find: findCall, flight: async () => flightLines() }),
      ],
      overrides: {
        requestReload: async () => {
          if (faults !== null) throw faults;
        },
      },
    },
  );
  api = await OpenApiClient.open(stage.adminPort, TOKEN);
  // In front of no worker.
  supervisor = new OperatorProxy({
    begun: () => null,
    readiness: async () => ({ ready: false, reason: "no_worker" }),
    metrics: async () => "",
    workers: () => [],
    mayReadHealth: (host) => host.startsWith("127.0.0.1"),
    clock: systemClock,
    log: new FakeLog(),
  });
  alone = api.at(await supervisor.listen("127.0.0.1", 0));
}, 30_000);
afterAll(async () => {
  supervisor.close();
  await stage.close();
  rmSync(folder, { recursive: true });
});

/** A path of the document with something in the place of its parameters. */
function targetOf(path: string): string {
  return path
    .replace("{callSid}", "CA9")
    .replace("{caller}", "%2B15550100001")
    .replace("{rest}", "main.js");
}

function isPathOf(path: string, target: string): boolean {
  const pattern = path.replace("{rest}", ".*").replace(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(target);
}

const operations = () => api.operations();
const guarded = () => operations().filter(([, , { "x-least-role": role }]) => role !== undefined);
const withBody = () => operations().filter(([method]) => method === "POST");

describe("every route", { timeout: 60_000 }, () => {
  it("is documented: the relay has no other", () => {
    const paths = new Set(operations().map(([, path]) => path));
    for (const path of [
      "/api/calls/{callSid}/note",
      "/api/calls/{callSid}/say",
      "/api/calls/{callSid}/listen",
      "/api/calls/{callSid}/take-over",
      "/api/calls/{callSid}/hand-back",
      "/api/calls/{callSid}/timeline",
      "/api/calls/{callSid}/recording",
      "/api/audit",
      "/api/nodes",
      "/api/agents/reload",
      "/openapi.json",
    ])
      expect([path, paths.has(path)]).toEqual([path, true]);
  });

  it("answers 405 to other methods, and names those that are documented", async () => {
    for (const path of Object.keys(api.document.paths)) {
      const target = targetOf(path);
      const answer = await fetch(`http://127.0.0.1:${stage.adminPort}${target}`, {
        method: "PATCH",
      });
      const allowed = (answer.headers.get("allow") ?? "").split(", ").toSorted();
      // A path may also be that of another route: "counts" where a call's id stands.
      const documented = operations().flatMap(([method, one]) =>
        isPathOf(one, target) ? [method] : [],
      );
      expect([path, answer.status, allowed]).toEqual([
        path,
        405,
        [...new Set(documented)].toSorted(),
      ]);
    }
  });

  it("with a role answers 401 without a token and with a wrong one", async () => {
    for (const [method, path] of guarded())
      expect([path, await api.ask(method, path, targetOf(path), { token: null })]).toEqual([
        path,
        401,
      ]);
    expect(await api.ask("GET", "/api/agents", "/api/agents", { token: "wrong" })).toBe(401);
  });

  it("with a role answers 403 to a page of another site, and to a lower role", async () => {
    for (const [method, path, { "x-least-role": role }] of guarded()) {
      const strange = { headers: { origin: "https://elsewhere.example" } };
      expect([path, await api.ask(method, path, targetOf(path), strange)]).toEqual([path, 403]);
      if (role === "viewer") continue;
      expect([path, await api.ask(method, path, targetOf(path), { token: VIEWER })]).toEqual([
        path,
        403,
      ]);
    }
    const strange = { token: null, headers: { origin: "https://elsewhere.example" } };
    for (const method of ["POST", "DELETE"])
      expect(await api.ask(method, "/console/session", "/console/session", strange)).toBe(403);
  });

  it("answers 429 to an address that has eight wrong tokens open", async () => {
    for (const [method, path] of [guarded()[0]!, guarded().at(-1)!]) {
      const statuses = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          api.ask(method, path, targetOf(path), { token: `wrong-${i}` }),
        ),
      );
      expect(statuses).toContain(429);
    }
  });

  it("with a body answers 400, 413 and 415 to what is none", async () => {
    expect(withBody().length).toBeGreaterThan(5);
    for (const [method, path] of withBody()) {
      const send = (body: unknown, type = "application/json") =>
        api.ask(method, path, targetOf(path), { body, headers: { "content-type": type } });
      expect([path, await send("{")]).toEqual([path, 400]);
      expect([path, await send("a=1", "application/x-www-form-urlencoded")]).toEqual([path, 415]);
      expect([path, await send(Buffer.alloc(70_000, "x"))]).toEqual([path, 413]);
    }
  });

  it("answers 503 while no worker of the machine does", async () => {
    for (const [method, path, { responses }] of operations()) {
      if (path === "/metrics") continue;
      expect([path, "503" in responses]).toEqual([path, true]);
      expect([path, await alone.ask(method, path, targetOf(path))]).toEqual([path, 503]);
    }
    expect(await alone.ask("GET", "/metrics", "/metrics")).toBe(200);
  });
});

describe("single routes", () => {
  it("nodes", async () => {
    // A relay on its own answers from memory; with a database, it may be away.
    const nodes = async () => {
      away();
      return [{ node: "a", worker: 0, calls: 1, maxCalls: 9, draining: false, silentMs: 5 }];
    };
    const side = await startOperator({ token: TOKEN, routes: () => nodeRoutes({ nodes }) });
    const ask = (query = "") => api.at(side.port).ask("GET", "/api/nodes", `/api/nodes${query}`);
    expect(await ask()).toBe(200);
    expect(await ask("?silent=x")).toBe(400);
    storeIsAway = true;
    expect(await ask()).toBe(503);
    storeIsAway = false;
    side.server.close();
  });

  it.each(["recording", "audio"])("the sound of a call: %s", async (what) => {
    const path = `/api/calls/{callSid}/${what}`;
    const get = (sid: string, range?: string) =>
      api.ask("GET", path, `/api/calls/${sid}/${what}`, {
        headers: range === undefined ? {} : { range },
      });
    expect(await get("CA9")).toBe(404);
    expect(await get("CA1")).toBe(200);
    expect(await get("CA1", "bytes=0-9")).toBe(206);
    expect(await get("CA1", "bytes=64-")).toBe(416);
    storeIsAway = true;
    expect(await get("CA1")).toBe(503);
    storeIsAway = false;
  });

  it("the flight recording of a call", async () => {
    const get = (target: string) => api.ask("GET", "/api/calls/{callSid}/flight", target);
    expect(await get("/api/calls/CA9/flight")).toBe(404);
    expect(await get("/api/calls/CA1/flight")).toBe(200);
    expect(await get("/api/calls/CA1/flight?fromMs=x")).toBe(400);
    storeIsAway = true;
    expect(await get("/api/calls/CA1/flight")).toBe(503);
    storeIsAway = false;
  });

  it("the reload of the agents file", async () => {
    const reload = () => api.ask("POST", "/api/agents/reload", "/api/agents/reload");
    expect(await reload()).toBe(202);
    faults = new AgentsFileError("a.yaml", [{ path: "agents", line: 1, column: 1, problem: "x" }]);
    expect(await reload()).toBe(422);
  });
});

describe("what becomes of a call", () => {
  let side: OperatorSide;
  let calls: OpenApiClient;
  let listening: ListenRefusal = { reason: "not_live" };
  let placing: () => Promise<{ callSid: CallSid } | { refusal: OutboundRefusal }>;
  beforeAll(async () => {
    side = await startOperator({
      token: TOKEN,
      listening: {
        refusal: async () => listening,
        open: async () => listening,
        openHere: () => listening,
        redeem: () => null,
      },
      routes: () => outboundRoutes({ place: async () => await placing() }),
    });
    calls = api.at(side.port);
  });
  afterAll(() => side.server.close());

  const BODIES: Readonly<Record<string, object | undefined>> = {
    transfer: { destination: "desk" },
    end: undefined,
    note: { text: "A vip." },
    say: { text: "Hello." },
    "take-over": { listener: 1 },
    "hand-back": {},
  };

  it.each(Object.entries(BODIES))("is told by its status: %s", async (act, body) => {
    const path = `/api/calls/{callSid}/${act}`;
    const ask = () => calls.ask("POST", path, `/api/calls/CA1/${act}`, { body });
    side.calls.refusal = null;
    expect(await ask()).toBe(202);
    side.calls.refusal = "not_live";
    expect(await ask()).toBe(409);
    side.calls.refusal = "not_found";
    expect(await ask()).toBe(404);
    const execute = side.calls.execute;
    side.calls.execute = async (_callSid: CallSid, _command: CallCommand) => {
      throw new RelayError("store_unavailable", "away");
    };
    expect(await ask()).toBe(503);
    side.calls.execute = execute;
    side.calls.refusal = null;
  });

  it("is told by its status: audio that is not here", async () => {
    side.calls.refusal = "path";
    const takeOver = "/api/calls/{callSid}/take-over";
    const body = { listener: 1 };
    expect(await calls.ask("POST", takeOver, "/api/calls/CA1/take-over", { body })).toBe(501);
    side.calls.refusal = null;
    const listen = () => calls.ask("GET", "/api/calls/{callSid}/listen", "/api/calls/CA1/listen");
    for (const [reason, status] of [
      ["not_live", 409],
      ["too_many_listeners", 409],
      ["path", 501],
      ["not_found", 404],
    ] as const) {
      listening = { reason };
      expect([reason, await listen()]).toEqual([reason, status]);
    }
    listening = { reason: "elsewhere", node: "b" };
    expect(await listen()).toBe(409);
  });

  it("is told by its status: a call that is placed", async () => {
    const body = { to: "+12025550123", agent: "support" };
    const place = () => calls.ask("POST", "/api/calls", "/api/calls", { body });
    placing = async () => ({ callSid: "CA1" as CallSid });
    expect(await place()).toBe(202);
    for (const [refusal, status] of [
      ["agent_unknown", 422],
      ["from_missing", 422],
      ["premium_number", 422],
      ["number_limit", 429],
      ["daily_budget", 429],
      ["draining", 503],
    ] as const) {
      placing = async () => ({ refusal });
      expect([refusal, await place()]).toEqual([refusal, status]);
    }
    for (const [code, status] of [
      ["twilio_rejected", 422],
      ["twilio_busy", 503],
      ["store_unavailable", 503],
      ["twilio_timeout", 504],
      ["twilio_unavailable", 504],
      ["twilio_unauthorized", 502],
    ] as const) {
      placing = async () => {
        throw new RelayError(code, "no");
      };
      expect([code, await place()]).toEqual([code, status]);
    }
  });
});
