import { beforeEach, describe, expect, it } from "vitest";
import { AgentsFileError } from "../../src/config/agents/agents-file.js";
import type { AgentsPart } from "../../src/config/agents/agents-parts.js";
import { AgentsReload, type ReloadTarget } from "../../src/supervisor/agents-reload.js";
import type { ReloadFaults, ToWorker } from "../../src/supervisor/messages.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { settle } from "../fakes/sip-bench.js";

const FAULT = { path: "agents.a", line: 3, column: 5, problem: "is unknown" };
const PARTS: readonly AgentsPart[] = [
  { part: "begin", rest: { defaultAgent: "a" } },
  { part: "numbers", items: [["+15550001111", "a"]] },
  { part: "end" },
];

const FIRST: readonly AgentsPart[] = [
  { part: "begin", rest: { defaultAgent: "first", pricingFile: "prices.yaml" } },
  { part: "end" },
];

/** A worker that reports as a test says. */
class FakeTarget implements ReloadTarget {
  readonly id: number;
  readonly slot: number;
  ports: ReloadTarget["ports"] = { publicPort: 1, ownPort: 2, adminPort: 3 };
  /** The parts that it was sent, with their number where a file ends. */
  readonly got: string[] = [];
  report: ReloadFaults | "none" = null;

  constructor(id: number, slot = id) {
    this.id = id;
    this.slot = slot;
  }

  send(message: ToWorker): void {
    if (message.type === "take_back") this.got.push(`take_back ${message.reload}`);
    if (message.type !== "agents") return;
    const { part, reload: number } = message;
    if (part.part === brokenAt) throw new Error("channel closed");
    this.got.push(part.part === "begin" ? `begin ${part.rest.defaultAgent}` : part.part);
    const { report } = this;
    if (part.part === "end" && report !== "none")
      queueMicrotask(() => reload.reported(this, number, report));
  }
}

let clock: FakeClock;
let log: FakeLog;
let workers: FakeTarget[];
/** Files that are being read: each ends as a test says. */
let reading: { readonly end: (parts: readonly AgentsPart[]) => void; fail(e: Error): void }[];
let reload: AgentsReload;
let brokenAt: string | null;
beforeEach(() => {
  brokenAt = null;
  clock = new FakeClock();
  log = new FakeLog();
  workers = [new FakeTarget(0)];
  reading = [];
  reload = new AgentsReload({
    first: FIRST,
    read: () =>
      new Promise((end, fail) => {
        reading.push({ end, fail });
      }),
    workers: () => workers,
    clock,
    log,
  });
});

const WHOLE = ["begin a", "numbers", "end"];

/** Lets all parts be sent. */
async function sendAll(): Promise<void> {
  for (const _ of PARTS) {
    await settle();
    clock.advance(10);
  }
  await settle();
}

describe("a reload for all workers", () => {
  it("sends a file in parts, one in a turn", async () => {
    const asked = reload.request();
    reading[0]!.end(PARTS);
    await settle();
    expect(workers[0]!.got).toEqual(["begin a"]);
    await sendAll();
    expect(workers[0]!.got).toEqual(WHOLE);
    expect(await asked).toBeNull();
  });

  it("keeps what is in force for workers that start later, and of no file with faults", async () => {
    expect(reload.inForce).toBe(FIRST);
    void reload.request();
    reading[0]!.fail(new AgentsFileError("agents.yaml", [FAULT]));
    await sendAll();
    expect(reload.inForce).toBe(FIRST);
    void reload.request();
    reading[1]!.end(PARTS);
    await sendAll();
    // What is read at the start only stays as it was.
    const rest = { defaultAgent: "a", pricingFile: "prices.yaml" };
    expect(reload.inForce).toEqual([{ part: "begin", rest }, ...PARTS.slice(1)]);
  });

  it("says when a file did not reach every worker, and can be asked again", async () => {
    brokenAt = "numbers";
    void reload.request();
    reading[0]!.end(PARTS);
    await sendAll();
    expect(workers[0]!.got).toEqual(["begin a"]);
    expect(log.lines.join()).toContain("did not reach every worker");
    brokenAt = null;
    void reload.request();
    reading[1]!.end(PARTS);
    await sendAll();
    expect(workers[0]!.got).toEqual(["begin a", ...WHOLE]);
  });

  it("sends nothing of a file with faults, and says which they are", async () => {
    const asked = reload.request();
    reading[0]!.fail(new AgentsFileError("agents.yaml", [FAULT]));
    expect(await asked).toEqual([FAULT]);
    await sendAll();
    expect(workers[0]!.got).toEqual([]);
    expect(log.lines).toEqual([expect.stringMatching(/reload refused.*agents\.yaml:3:5/s)]);
  });

  it("names the first faults of a file with very many, and says how many more there are", async () => {
    const asked = reload.request();
    const faults = Array.from({ length: 2_000 }, (_, i) => ({ ...FAULT, line: i + 1 }));
    reading[0]!.fail(new AgentsFileError("agents.yaml", faults));
    const named = await asked;
    expect(named).toHaveLength(101);
    expect(named?.slice(0, 100)).toEqual(faults.slice(0, 100));
    expect(named?.at(-1)?.problem).toMatch(/^and 1900 more faults/);
  });

  it("fails where the file cannot be read at all, and the next one is read", async () => {
    const asked = reload.request();
    reading[0]!.fail(new Error("no thread"));
    await expect(asked).rejects.toThrow("no thread");
    expect(log.lines).toEqual([expect.stringContaining("reload refused")]);
    await settle();
    const again = reload.request();
    reading[1]!.end(PARTS);
    await sendAll();
    expect(await again).toBeNull();
  });

  it("reads one file at a time, and however often it is asked meanwhile, one more", async () => {
    const first = reload.request();
    const later = Array.from({ length: 10 }, () => reload.request());
    await settle();
    expect(reading).toHaveLength(1);
    reading[0]!.end(PARTS);
    await sendAll();
    expect(await first).toBeNull();
    const sent = workers[0]!.got;
    // The parts of two files must not mix.
    expect([sent.length, reading.length]).toEqual([PARTS.length, 2]);
    reading[1]!.end(PARTS);
    await sendAll();
    expect(await Promise.all(later)).toEqual(later.map(() => null));
    expect([sent.length, reading.length]).toEqual([2 * PARTS.length, 2]);
  });
});

describe("the reports of the workers", () => {
  const REFUSED = { path: "", line: 1, column: 1, problem: "tool t: cannot be loaded" };

  async function reloaded(): Promise<ReloadFaults> {
    const asked = reload.request();
    reading.at(-1)!.end(PARTS);
    await sendAll();
    // The file in force, to those that need it.
    await sendAll();
    return asked;
  }

  it("are awaited", async () => {
    workers = [new FakeTarget(0), new FakeTarget(1)];
    workers[1]!.report = "none";
    let answer: ReloadFaults | undefined;
    void reload.request().then((faults) => {
      answer = faults;
    });
    reading[0]!.end(PARTS);
    await sendAll();
    expect([answer, reload.inForce]).toEqual([undefined, FIRST]);
    reload.reported(workers[1]!, 1, null);
    await settle();
    expect(answer).toBeNull();
    expect(reload.inForce).not.toBe(FIRST);
    expect([log.lines, clock.pending]).toEqual([[], 0]);
  });

  it("that name faults are the answer, once each, and the former agents stay in force", async () => {
    workers = [0, 1, 2, 3].map((id) => new FakeTarget(id));
    workers[0]!.report = [REFUSED];
    workers[2]!.report = [REFUSED];
    workers[3]!.report = "none";
    workers[3]!.ports = null;
    expect(await reloaded()).toEqual([REFUSED]);
    expect(reload.inForce).toBe(FIRST);
    // One that took it, and one that starts yet, agree with the others again.
    // It kept the former file: nothing is sent and built anew.
    const back = [...WHOLE, "take_back 1"];
    expect(workers.map(({ got }) => got)).toEqual([WHOLE, back, WHOLE, back]);
    expect(log.lines).toEqual([
      expect.stringMatching(/^error.*reload refused by workers.*"took":"1","refused":"0, 2"/),
    ]);
  });

  it("that name faults leave the operators of the refused file in force, also for later workers", async () => {
    const ada = { name: "ada", role: "viewer", tokenSha256: "0".repeat(64) } as const;
    const operators: AgentsPart = { part: "operators", items: [ada] };
    const parts = [...PARTS.slice(0, -1), operators, ...PARTS.slice(-1)];
    workers = [new FakeTarget(0), new FakeTarget(1)];
    workers[0]!.report = [REFUSED];
    workers[1]!.report = "none";
    const asked = reload.request();
    reading[0]!.end(parts);
    await sendAll();
    // It took the place of the other before the reload was refused.
    workers = [workers[0]!, new FakeTarget(2)];
    reload.workerGone(1);
    await sendAll();
    await sendAll();
    expect(await asked).toEqual([REFUSED]);
    expect(reload.inForce).toEqual([FIRST[0], operators, FIRST[1]]);
    expect(workers[1]!.got).toEqual(["begin first", "operators", "end"]);
  });

  it("that are missing when a tool module would have been given up are in the log", async () => {
    workers = [new FakeTarget(0), new FakeTarget(1)];
    workers[1]!.report = "none";
    const asked = reload.request();
    reading[0]!.end(PARTS);
    await sendAll();
    clock.advance(25_000);
    expect(await asked).toBeNull();
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn.*not every worker.*"took":"0".*"silent":"1"/),
    ]);
    // It says so later.
    reload.reported(workers[1]!, 1, [REFUSED]);
    expect(log.lines[1]).toMatch(/^error.*a worker refused the file.*"worker":1/);
  });

  it("are not awaited of a worker that ends, or that starts yet", async () => {
    workers = [new FakeTarget(0), new FakeTarget(1)];
    workers[0]!.report = "none";
    workers[1]!.report = "none";
    workers[1]!.ports = null;
    const asked = reload.request();
    reading[0]!.end(PARTS);
    await sendAll();
    reload.workerGone(0);
    expect(await asked).toBeNull();
    expect(workers[1]!.got).toEqual(WHOLE);
  });

  it("decide what a worker gets that started meanwhile", async () => {
    const [first] = workers;
    first!.report = "none";
    const asked = reload.request();
    reading[0]!.end(PARTS);
    await sendAll();
    workers = [first!, new FakeTarget(1)];
    reload.reported(first!, 1, null);
    await sendAll();
    expect(await asked).toBeNull();
    expect(workers.map(({ got }) => got)).toEqual([WHOLE, WHOLE]);
  });
});
