import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CrmSpool, type Delivery } from "../../../src/adapters/journal/crm-spool.js";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const away = () => new RelayError("tool_failed", "HTTP 503", { retryable: true });
const refused = () => new RelayError("tool_failed", "HTTP 422");
const timeout = () => new RelayError("tool_timeout", "no answer");

let directory: string;
let clock: FakeClock;
let log: FakeLog;
/** One outcome per attempt; none left: accepted. */
let failures: (() => Error)[];
let delivered: string[];
let attempts: number;

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "murelay-crm-spool-")), "crm");
  clock = new FakeClock();
  log = new FakeLog();
  failures = [];
  delivered = [];
  attempts = 0;
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true, force: true }));

const newSpool = () =>
  new CrmSpool(
    directory,
    async ({ call }) => {
      attempts++;
      const failure = failures.shift();
      if (failure !== undefined) throw failure();
      delivered.push(call.callSid);
    },
    clock,
    log,
  );
const record = (n: number): Delivery => ({
  call: { callSid: `CA${n}` as CallSid, from: "+12025550100", to: "+12025550199" },
  record: `{"n":${n}}`,
});
const files = () => readdirSync(directory).filter((name) => name !== "refused");
const idle = async (spool: CrmSpool) => await vi.waitFor(() => expect(spool.pending).toBe(0));
const pausedAfter = async (count: number) =>
  await vi.waitFor(() => expect([attempts, clock.pending]).toEqual([count, 1]));

describe("CrmSpool", () => {
  it("has a record on disk, for its owner only, when add resolves", async () => {
    failures.push(away);
    const spool = newSpool();
    await spool.add(record(1));
    const [name = ""] = files();
    expect(name).toMatch(/-CA1\.json$/);
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    await pausedAfter(1);
    spool.stop();
  });

  it("delivers the oldest first, one at a time, and deletes what was accepted", async () => {
    const spool = newSpool();
    for (const n of [1, 2, 3]) await spool.add(record(n));
    await idle(spool);
    expect(delivered).toEqual(["CA1", "CA2", "CA3"]);
    expect(files()).toEqual([]);
  });

  it.each([
    ["a server error", away],
    ["a time-out", timeout],
    ["an error of this program", () => new Error("bug")],
  ])("doubles its pause after each failure up to five minutes: %s", async (_, failure) => {
    failures = Array.from({ length: 11 }, () => failure);
    const spool = newSpool();
    await spool.add(record(1));
    for (let n = 1; n <= 11; n++) {
      await pausedAfter(n);
      const pauseMs = Math.min(1_000 * 2 ** (n - 1), 300_000);
      clock.advance(pauseMs - 1);
      expect(clock.pending).toBe(1);
      clock.advance(1);
    }
    await idle(spool);
    expect(delivered).toEqual(["CA1"]);
  });

  it("begins with the first pause again after a success", async () => {
    failures = [away, away];
    const spool = newSpool();
    await spool.add(record(1));
    await pausedAfter(1);
    clock.advance(1_000);
    await pausedAfter(2);
    clock.advance(2_000);
    await idle(spool);
    failures = [away];
    await spool.add(record(2));
    await pausedAfter(4);
    clock.advance(1_000);
    await idle(spool);
  });

  it("sets aside what is refused for good and what it cannot read, and goes on", async () => {
    failures = [refused];
    const spool = newSpool();
    await spool.add(record(1));
    await idle(spool);
    writeFileSync(join(directory, "zzz.json"), '{"call":{}}');
    const next = newSpool();
    await next.start();
    await next.add(record(2));
    await idle(next);
    expect(delivered).toEqual(["CA2"]);
    expect(readdirSync(join(directory, "refused"))).toHaveLength(2);
    expect(log.lines.join("\n")).not.toContain("+1202");
  });

  it("delivers after a restart what an earlier process left", async () => {
    failures = [away];
    const first = newSpool();
    await first.add(record(1));
    await pausedAfter(1);
    first.stop();
    expect(clock.pending).toBe(0);
    clock.advance(10);
    const second = newSpool();
    await second.start();
    await second.add(record(2));
    await idle(second);
    expect(delivered).toEqual(["CA1", "CA2"]);
  });

  it("delivers nothing after stop", async () => {
    const spool = newSpool();
    spool.stop();
    await spool.add(record(1));
    expect([attempts, existsSync(directory), files().length]).toEqual([0, true, 1]);
  });
});
