import { afterEach, describe, expect, it } from "vitest";
import { drain } from "../../src/cli/drain-command.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { OperatorApi } from "../fakes/operator-api.js";

let api: OperatorApi | null = null;
afterEach(() => {
  api?.close();
  api = null;
});

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** An operator listener whose /metrics gives these texts in turn, the last one again and again. */
async function start(...metrics: string[]) {
  return await startWith('{"draining":true,"delaySeconds":0}', ...metrics);
}

async function startWith(drained: string, ...metrics: string[]) {
  api = await OperatorApi.start((request) => {
    if (request === "POST /api/drain") return [202, drained];
    return [200, (metrics.length > 1 ? metrics.shift() : metrics[0]) ?? ""];
  });
  const clock = new FakeClock();
  const io = api.io();
  return { api, clock, io };
}

/** Runs the clock until the command has ended. */
async function ended(status: Promise<number>, clock: FakeClock): Promise<number> {
  let over = false;
  void status.finally(() => {
    over = true;
  });
  while (!over) {
    clock.advance(500);
    await settled();
  }
  return status;
}

const active = (...calls: number[]): string =>
  calls.map((count, i) => `murelay_calls_active{worker="${i}"} ${count}`).join("\n");

describe("drain", () => {
  it("has new calls refused, and says how many run in all workers", async () => {
    const { io, api, clock } = await start(`# HELP murelay_calls_active x\n${active(2, 1)}\n`);
    expect(await drain(io, {}, clock)).toBe(0);
    expect(api.asked[0]?.request).toBe("POST /api/drain");
    expect(io.text).toBe("no new calls are accepted; running: 3");
  });

  it("--wait returns when no call is left in two reports", async () => {
    const { io, api, clock } = await start(
      active(1, 1),
      active(1),
      active(0),
      active(1),
      active(0),
    );
    expect(await ended(drain(io, { wait: true }, clock), clock)).toBe(0);
    expect([io.text, io.errors]).toEqual([
      "no calls are left",
      ["waiting for running calls: 2", "waiting for running calls: 1"],
    ]);
    expect(api.asked.filter(({ request }) => request === "GET /metrics")).toHaveLength(6);
  });

  it("says when callers who still come are taken for a while", async () => {
    const drained = '{"draining":true,"delaySeconds":8}';
    const { io, clock } = await startWith(drained, active(2));
    expect(await drain(io, {}, clock)).toBe(0);
    expect(io.text).toBe(
      "the relay is not ready any more, and accepts no new calls in 8 s; running: 2",
    );
  });

  it("--wait does not return while new callers are still taken", async () => {
    const { io, clock } = await startWith('{"draining":true,"delaySeconds":8}', active(0));
    const startedMs = clock.nowMs();
    expect(await ended(drain(io, { wait: true }, clock), clock)).toBe(0);
    expect(clock.nowMs() - startedMs).toBeGreaterThan(8_000);
    expect(io.text).toBe("no calls are left");
  });

  it("takes an older relay, which names no delay, as one without", async () => {
    const { io, clock } = await startWith('{"draining":true}', active(0));
    expect(await ended(drain(io, { wait: true }, clock), clock)).toBe(0);
    expect(clock.nowMs()).toBeLessThan(8_000);
  });

  it("--wait returns when the relay has ended", async () => {
    const { io, api, clock } = await start(active(1));
    const status = drain(io, { wait: true, json: true }, clock);
    await expect.poll(() => api.asked.length).toBe(2);
    api.close();
    expect(await ended(status, clock)).toBe(0);
    expect(JSON.parse(io.text)).toEqual({ draining: true, delaySeconds: 0, calls: 0 });
  });

  it("--wait does not take a missing number for zero", async () => {
    const { io, clock } = await start("# nothing\n");
    expect(await ended(drain(io, { wait: true }, clock), clock)).toBe(1);
    expect(io.errors.join()).toContain("does not contain calls_active");
  });

  it("Ctrl-C ends the waiting only", async () => {
    const { io, api, clock } = await start(active(1));
    const status = drain(io, { wait: true }, clock);
    await expect.poll(() => api.asked.length).toBe(2);
    io.interrupt();
    expect(await ended(status, clock)).toBe(1);
    expect(io.errors.join()).toContain("still accepts no new calls");
  });

  it("fails when the relay refuses", async () => {
    api = await OperatorApi.start(() => [401, "{}"]);
    const io = api.io();
    expect(await drain(io, { wait: true })).toBe(1);
    expect(io.errors.join()).toContain("ADMIN_TOKEN");
  });
});
