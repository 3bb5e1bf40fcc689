import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startLauncher, startToolProcess } from "../../../src/adapters/tools/child-processes.js";
import type { FromLauncher } from "../../../src/adapters/tools/tool-messages.js";

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolves) => {
    resolve = resolves;
  });
  return { promise, resolve };
}

const folder = mkdtempSync(join(tmpdir(), "murelay-child-"));
afterAll(() => rmSync(folder, { recursive: true }));
const module = join(folder, "tool.mjs");
writeFileSync(
  module,
  `import { readFileSync } from "node:fs";
import { defineTool } from "murelay";
export default defineTool({ description: "d", parameters: { type: "object" }, run: () => process.send === undefined });
export const score = defineTool({ description: "d", parameters: { type: "object" },
  run: () => Number(readFileSync("/proc/self/oom_score_adj", "utf8")) });`,
);

describe("a tool process", { timeout: 60_000 }, () => {
  it("tells of its module, runs calls, is watched, and is killed", async () => {
    const messages: unknown[] = [];
    let more: () => void = () => undefined;
    const ended = deferred<string>();
    const child = startToolProcess(module, {
      message: (value) => {
        messages.push(value);
        more();
      },
      ended: ended.resolve,
    });
    const next = async (): Promise<unknown> => {
      if (messages.length === 0) await new Promise<void>((resolve) => (more = resolve));
      return messages.shift();
    };
    expect(await next()).toMatchObject({
      type: "ready",
      tools: [{ key: "default" }, { key: "score" }],
    });
    child.send({ type: "ping", id: 1 });
    expect(await next()).toEqual({ type: "pong", id: 1 });
    child.send({ type: "call", id: 2, key: "default", args: {}, context: {} as never });
    expect(await next()).toEqual({ type: "started", id: 2 });
    // The module itself has no channel to the relay.
    expect(await next()).toEqual({ type: "result", id: 2, output: "true" });
    const bytes = await child.memoryBytes();
    if (process.platform === "linux") {
      expect(bytes).toBeGreaterThan(10_000_000);
      // The kernel ends it before the relay.
      child.send({ type: "call", id: 3, key: "score", args: {}, context: {} as never });
      expect(await next()).toEqual({ type: "started", id: 3 });
      expect(await next()).toEqual({ type: "result", id: 3, output: "1000" });
    }
    child.kill();
    expect(await ended.promise).toBe("SIGKILL");
    expect(await child.memoryBytes()).toBeNull();
  });
});

describe("a tool process that exits", { timeout: 60_000 }, () => {
  const leaving = join(folder, "leaving.mjs");
  writeFileSync(
    leaving,
    `import { spawn } from "node:child_process";
import { defineTool } from "murelay";
export default defineTool({ description: "d", parameters: { type: "object" }, run: () => {
  spawn("sleep", ["20"], { detached: true, stdio: "ignore" }).unref();
  process.exit(3);
} });`,
  );

  it("has ended once its last message is read, whatever it leaves behind", async () => {
    const seen: unknown[] = [];
    const ended = deferred<string>();
    const child = startToolProcess(leaving, {
      message: (value) => {
        seen.push(value);
        if (seen.length > 1) return;
        child.send({ type: "call", id: 1, key: "default", args: {}, context: {} as never });
      },
      ended: ended.resolve,
    });
    expect(await ended.promise).toBe("exit status 3");
    expect(seen).toMatchObject([{ type: "ready" }, { type: "started", id: 1 }]);
  });
});

describe("the launcher's process", { timeout: 60_000 }, () => {
  it("answers, and ends with its tool processes when the relay lets go of it", async () => {
    const described = deferred<FromLauncher>();
    const ended = deferred<string>();
    const news: string[] = [];
    const launcher = startLauncher({
      message: (value) => {
        const message = value as FromLauncher;
        if (message.type === "described") described.resolve(message);
        else news.push(message.type);
      },
      ended: ended.resolve,
    });
    launcher.send({ type: "describe", id: 1, path: module, version: 1 });
    expect(await described.promise).toMatchObject({ type: "described", id: 1 });
    if (process.platform === "linux") expect(news).toEqual(["process_started"]);
    launcher.end();
    expect(await ended.promise).toBe("exit status 0");
  });
});
