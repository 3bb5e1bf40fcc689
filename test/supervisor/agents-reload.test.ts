import { beforeEach, describe, expect, it } from "vitest";
import { AgentsFileError } from "../../src/config/agents/agents-file.js";
import type { AgentsPart } from "../../src/config/agents/agents-parts.js";
import { AgentsReload } from "../../src/supervisor/agents-reload.js";
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

let clock: FakeClock;
let log: FakeLog;
let sent: string[];
/** Files that are being read: each ends as a test says. */
let reading: { readonly end: (parts: readonly AgentsPart[]) => void; fail(e: Error): void }[];
let reload: AgentsReload;
let brokenAt: string | null;
beforeEach(() => {
  brokenAt = null;
  clock = new FakeClock();
  log = new FakeLog();
  sent = [];
  reading = [];
  reload = new AgentsReload({
    first: FIRST,
    read: () =>
      new Promise((end, fail) => {
        reading.push({ end, fail });
      }),
    send: ({ part }) => {
      if (part === brokenAt) throw new Error("channel closed");
      sent.push(part);
    },
    clock,
    log,
  });
});

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
    expect(await asked).toBeNull();
    await settle();
    expect(sent).toEqual(["begin"]);
    await sendAll();
    expect(sent).toEqual(["begin", "numbers", "end"]);
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
    expect(sent).toEqual(["begin"]);
    expect(log.lines.join()).toContain("did not reach every worker");
    brokenAt = null;
    void reload.request();
    reading[1]!.end(PARTS);
    await sendAll();
    expect(sent).toEqual(["begin", "begin", "numbers", "end"]);
  });

  it("sends nothing of a file with faults, and says which they are", async () => {
    const asked = reload.request();
    reading[0]!.fail(new AgentsFileError("agents.yaml", [FAULT]));
    expect(await asked).toEqual([FAULT]);
    await sendAll();
    expect(sent).toEqual([]);
    expect(log.lines).toEqual([expect.stringMatching(/reload refused.*agents\.yaml:3:5/s)]);
  });

  it("fails where the file cannot be read at all, and the next one is read", async () => {
    const asked = reload.request();
    reading[0]!.fail(new Error("no thread"));
    await expect(asked).rejects.toThrow("no thread");
    expect(log.lines).toEqual([expect.stringContaining("reload refused")]);
    await settle();
    const again = reload.request();
    reading[1]!.end(PARTS);
    expect(await again).toBeNull();
  });

  it("reads one file at a time, and however often it is asked meanwhile, one more", async () => {
    const first = reload.request();
    const later = Array.from({ length: 10 }, () => reload.request());
    await settle();
    expect(reading).toHaveLength(1);
    reading[0]!.end(PARTS);
    expect(await first).toBeNull();
    await sendAll();
    // The parts of two files must not mix.
    expect([sent.length, reading.length]).toEqual([PARTS.length, 2]);
    reading[1]!.end(PARTS);
    expect(await Promise.all(later)).toEqual(later.map(() => null));
    await sendAll();
    expect([sent.length, reading.length]).toEqual([2 * PARTS.length, 2]);
  });
});
