import { once } from "node:events";
import { existsSync } from "node:fs";
import { getPriority } from "node:os";
import { describe, expect, it } from "vitest";
import { startThread } from "../../../src/adapters/system/threads.js";

describe("a thread", () => {
  it("has its data, and alone a lower priority", async () => {
    const before = getPriority();
    const thread = startThread(new URL("./low-thread", import.meta.url), { name: "low" });
    const [message] = await once(thread, "message");
    await thread.terminate();
    const priority = existsSync("/proc/thread-self") ? 10 : before;
    expect(message).toEqual({ name: "low", priority });
    expect(getPriority()).toBe(before);
  });
});
