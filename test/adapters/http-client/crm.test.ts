import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type SimulatedCrm, startCrm } from "../../../sim/crm.js";
import { createHttpCrm, type HttpCrm } from "../../../src/adapters/http-client/crm.js";
import type { CrmEndpoint } from "../../../src/domain/agent-profile.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const CALL = { callSid: sid(1), from: "+12025550100", to: "+12025550199" };

let sim: SimulatedCrm;
let directory: string;
let clock: FakeClock;
let log: FakeLog;
const crms: HttpCrm[] = [];

beforeEach(async () => {
  sim = await startCrm();
  directory = mkdtempSync(join(tmpdir(), "murelay-crm-"));
  clock = new FakeClock();
  log = new FakeLog();
});
afterEach(async () => {
  for (const crm of crms.splice(0)) crm.stop();
  await sim.close();
  rmSync(directory, { recursive: true, force: true });
});

function crm(timeoutMs = 2_000): HttpCrm {
  const endpoint = (method: "GET" | "POST", path: string): CrmEndpoint => ({
    method,
    url: `${sim.url}${path}`,
    headers: { authorization: "Bearer s3cret" },
    timeoutMs,
    allowPrivateHosts: ["127.0.0.1"],
  });
  const made = createHttpCrm(
    {
      callerLookup: endpoint("GET", "/callers/{from}"),
      escalation: endpoint("POST", "/interactions"),
      callCompleted: endpoint("POST", "/calls"),
    },
    { clock, log, spoolDirectory: directory },
  );
  crms.push(made);
  return made;
}

const files = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".json"));

describe("caller_lookup", () => {
  it("knows a caller's name, language and open cases", async () => {
    sim.callers.set(CALL.from, {
      name: "Ada",
      language: "es",
      open_cases: [{ id: "C-1", subject: "lost parcel" }],
    });
    expect(await crm().lookUp(CALL)).toEqual({
      name: "Ada",
      language: "es",
      notes: null,
      openCases: [{ id: "C-1", subject: "lost parcel" }],
      fields: { name: "Ada", language: "es" },
    });
    expect(sim.requests[0]!.path).toBe("/callers/%2B12025550100");
  });

  it("keeps texts, numbers and truth values for placeholders, each on one line and bounded", async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, i]));
    sim.callers.set(CALL.from, {
      plan: " gold\n\tplus ",
      vip: true,
      visits: 3,
      address: { city: "x" },
      empty: " ",
      long: "y".repeat(600),
      ...many,
    } as never);
    const fields = (await crm().lookUp(CALL))?.fields ?? {};
    expect(fields).toMatchObject({ plan: "gold plus", vip: "true", visits: "3", f0: "0" });
    expect(fields["long"]).toHaveLength(500);
    expect(fields).not.toHaveProperty("address");
    expect(fields).not.toHaveProperty("empty");
    expect(Object.keys(fields)).toHaveLength(50);
  });

  it.each<[string, () => void]>([
    ["an unknown caller", () => undefined],
    ["a server's fault", () => sim.faults.statuses.push(500)],
    ["a cut connection", () => sim.faults.statuses.push(0)],
    [
      "no answer in time",
      () => {
        sim.faults.delayMs = 60_000;
      },
    ],
  ])("makes nothing of %s", async (_, fault) => {
    fault();
    expect(await crm(100).lookUp({ ...CALL, from: "" })).toBeNull();
    expect(log.lines.join()).not.toContain("s3cret");
  });
});

describe("escalation", () => {
  it("tells the case, text intact, and returns its reference", async () => {
    const details = {
      ...CALL,
      agent: "support",
      destination: "desk",
      reason: '</Task> & "quotes" 🐒\nline',
      summary: null,
      urgency: "high",
    };
    expect(await crm().escalate(details)).toBe("CASE-1");
    expect(sim.cases).toEqual([details]);
  });

  it("rejects when it was refused", async () => {
    sim.faults.statuses.push(422);
    const details = {
      ...CALL,
      agent: "a",
      destination: "d",
      reason: null,
      summary: null,
      urgency: null,
    };
    await expect(crm().escalate(details)).rejects.toMatchObject({ code: "tool_failed" });
  });
});

describe("call_completed", () => {
  it("is delivered once, and leaves nothing behind", async () => {
    const made = crm();
    await made.start();
    await made.completed(CALL, '{"outcome":"completed"}');
    await vi.waitFor(() => expect(made.pending).toBe(0));
    expect([...sim.calls]).toEqual([[CALL.callSid, { outcome: "completed" }]]);
    expect(files()).toEqual([]);
  });

  it("is tried again with growing pauses until it is accepted, the oldest first", async () => {
    sim.faults.statuses.push(503, 0, 401);
    const made = crm();
    await made.start();
    await made.completed(CALL, "1");
    await made.completed({ ...CALL, callSid: sid(2) }, "2");
    for (const [tries, pauseMs] of [
      [1, 1_000],
      [2, 2_000],
      [3, 4_000],
    ] as const) {
      await vi.waitFor(() => expect(clock.pending).toBe(1));
      expect(sim.requests).toHaveLength(tries);
      clock.advance(pauseMs - 1);
      expect(clock.pending).toBe(1);
      clock.advance(1);
    }
    await vi.waitFor(() => expect(made.pending).toBe(0));
    expect([...sim.calls.keys()]).toEqual([sid(1), sid(2)]);
  });

  it("survives a restart", async () => {
    sim.faults.statuses.push(503);
    const first = crm();
    await first.start();
    await first.completed(CALL, "1");
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    first.stop();
    expect(files()).toHaveLength(1);
    expect(clock.pending).toBe(0);
    // Half a file of a process that died while writing, and a file that is none of ours.
    writeFileSync(join(directory, "zz.json.part"), "{");
    writeFileSync(join(directory, "zz.json"), "{");
    const second = crm();
    await second.start();
    await vi.waitFor(() => expect(second.pending).toBe(0));
    expect([...sim.calls.keys()]).toEqual([sid(1)]);
    expect(readdirSync(join(directory, "refused"))).toEqual(["zz.json"]);
  });

  it("is not missed when a worker that shares the directory was quicker", async () => {
    sim.faults.statuses.push(503);
    const made = crm();
    await made.start();
    await made.completed(CALL, "1");
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    const other = crm();
    await other.start();
    await vi.waitFor(() => expect(other.pending).toBe(0));
    clock.advance(1_000);
    await vi.waitFor(() => expect(made.pending).toBe(0));
    expect(sim.calls.size).toBe(1);
    expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  it("sets aside what will never be accepted, and goes on", async () => {
    sim.faults.statuses.push(422);
    const made = crm();
    await made.start();
    await made.completed(CALL, "1");
    await made.completed({ ...CALL, callSid: sid(2) }, "2");
    await vi.waitFor(() => expect(made.pending).toBe(0));
    expect([...sim.calls.keys()]).toEqual([sid(2)]);
    expect(readdirSync(join(directory, "refused"))).toHaveLength(1);
  });
});
