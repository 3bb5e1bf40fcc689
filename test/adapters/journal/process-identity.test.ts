import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
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

  it("calls a process dead that has ended and is still a zombie", async () => {
    // The parent becomes a program that never asks how its child ended.
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
    const [line] = await once(parent.stdout, "data");
    const pid = Number(String(line));
    const statNow = () => readFileSync(`/proc/${pid}/stat`, "latin1").split(" ");
    const identity = { host: hostname(), pid, startTicks: statNow()[21] ?? "" };
    expect(statusOf(identity)).toBe("alive");
    // Until the parent is the other program; a shell would ask.
    await expect
      .poll(() => readFileSync(`/proc/${parent.pid}/comm`, "latin1").trim())
      .toBe("sleep");
    process.kill(pid, "SIGKILL");
    await expect.poll(() => statNow()[2]).toBe("Z");
    expect(statusOf(identity)).toBe("dead");
    parent.kill();
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
