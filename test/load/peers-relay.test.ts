import { afterEach, describe, expect, it } from "vitest";
import { LoadRun } from "../../bench/load/load-run.js";
import { makeCertificate } from "../../bench/load/relay-process.js";
import { DEFAULT_SCENARIO } from "../../bench/load/scenario.js";
import { Child } from "../../bench/peers/child.js";
import { startRelay } from "../../bench/peers/relay-under-test.js";

const ACCOUNT = { accountSid: "ACtest", authToken: "token" };

const closing: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

// Their packages are the project's own; those of other peers have to be installed first.
describe.each(["tutorial", "floor"] as const)("the relay %s", (name) => {
  it("carries whole calls over TLS, and is gone when it was stopped", async () => {
    const tls = makeCertificate();
    closing.push(() => tls.remove());
    const run = new LoadRun({
      calls: 2,
      durationS: 1,
      rampPerSecond: 20,
      scenario: DEFAULT_SCENARIO,
      account: ACCOUNT,
      modelPort: 0,
      restPort: 0,
      tls,
    });
    closing.push(() => run.close());
    const ports = await run.listen();
    const relay = await startRelay(name, {
      ...ACCOUNT,
      ...ports,
      maxCalls: 2,
      tls,
      cores: null,
    });
    closing.push(async () => await relay.stop());
    const webhookUrl = `${relay.origin}/incoming-call`;
    const target = { webhookUrl, pid: relay.pid, exited: () => relay.exited() };
    const { figures, meters } = await run.run(target, () => {});
    expect([...meters.failures]).toEqual([]);
    expect([...meters.modelErrors]).toEqual([]);
    expect(figures).toMatchObject({
      // The floor drops what comes before the model's socket is open.
      ...(name === "floor" ? {} : { loss_up: 0 }),
      loss_down: 0,
      altered: 0,
      sessions: 2,
      sessions_leaked: 0,
    });
    expect(figures["frames_up"]).toBeGreaterThan(50);
    expect(figures["frames_down"]).toBeGreaterThan(0);
    await relay.stop();
    expect(relay.exited()).not.toBeNull();
    expect(() => process.kill(relay.pid, 0)).toThrow("ESRCH");
  });
});

describe("a child process", () => {
  it("keeps the end of what it wrote", async () => {
    const child = new Child({
      args: ["-e", "console.error('no such thing'); process.exit(3)"],
      cwd: process.cwd(),
      env: process.env,
      cores: null,
      signal: "SIGTERM",
      patienceMs: 1000,
    });
    expect(await child.finished(20_000)).toBe(true);
    expect(child.exit).toBe("status 3");
    expect(child.logEnd).toBe("no such thing");
  });

  it("is killed when it will not end", async () => {
    const child = new Child({
      args: [
        "-e",
        "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)",
      ],
      cwd: process.cwd(),
      env: process.env,
      cores: null,
      signal: "SIGTERM",
      patienceMs: 100,
    });
    await expect.poll(() => child.logEnd, { timeout: 20_000 }).toBe("up");
    expect(await child.finished(1)).toBe(false);
    expect(child.exit).toBe("SIGKILL");
  });

  it("that cannot be started ends by itself", async () => {
    const child = new Child({
      args: [],
      cwd: "/nowhere/at/all",
      env: process.env,
      cores: null,
      signal: "SIGTERM",
      patienceMs: 1000,
    });
    expect(await child.finished(20_000)).toBe(true);
    expect(child.exit).toContain("ENOENT");
    await child.stop();
  });
});
