import { spawn, spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { currentProcess, statusOf } from "../../../src/adapters/journal/process-identity.js";

describe("statusOf", () => {
  it("calls this process alive", () => {
    const own = currentProcess();
    expect(own).toMatchObject({ host: hostname(), pid: process.pid });
    expect(own.startTicks).toMatch(/^\d+$/);
    expect(statusOf(own)).toBe("alive");
  });

  it("calls another process alive until it ends", async () => {
    const child = spawn("sleep", ["60"]);
    const { pid = 0 } = child;
    const stat = spawnSync("cut", ["-d", " ", "-f", "22", `/proc/${pid}/stat`], {
      encoding: "utf8",
    });
    const identity = { host: hostname(), pid, startTicks: stat.stdout.trim() };
    expect(statusOf(identity)).toBe("alive");
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await exited;
    expect(statusOf(identity)).toBe("dead");
  });

  it("calls a process dead whose pid another process has now", () => {
    expect(statusOf({ ...currentProcess(), startTicks: "1" })).toBe("dead");
  });

  it("calls a process dead that has exited", () => {
    const { pid } = spawnSync("true");
    expect(statusOf({ host: hostname(), pid, startTicks: "1" })).toBe("dead");
  });

  it("cannot tell about a process of another machine", () => {
    expect(statusOf({ ...currentProcess(), host: "another-machine" })).toBe("unknown");
  });
});
