import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { ProcessGroups, startedProcess } from "../../../src/adapters/tools/process-groups.js";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function sleeper() {
  const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  children.push(child);
  const process = startedProcess(child.pid);
  if (process === null) throw new Error("no start time");
  return { child, process, exit: once(child, "exit") };
}

describe.runIf(process.platform === "linux")("process groups", () => {
  it("are killed, but for those that have ended and those whose pid is another process's", async () => {
    const groups = new ProcessGroups();
    const [lives, ended, other] = [sleeper(), sleeper(), sleeper()];
    groups.started(lives.process);
    groups.started(ended.process);
    groups.ended(ended.process.pid);
    groups.started({ pid: other.process.pid, startTicks: "1" });
    groups.kill();
    expect(await lives.exit).toEqual([null, "SIGKILL"]);
    expect([ended.child.signalCode, other.child.signalCode]).toEqual([null, null]);
    // Both can still be signalled.
    expect([ended.child.kill(), other.child.kill()]).toEqual([true, true]);
    expect(await Promise.all([ended.exit, other.exit])).toEqual([
      [null, "SIGTERM"],
      [null, "SIGTERM"],
    ]);
  });

  it("cannot be told of a process that there is not", () => {
    expect(startedProcess(undefined)).toBeNull();
    expect(startedProcess(0x7f_ff_ff_ff)).toBeNull();
  });
});
