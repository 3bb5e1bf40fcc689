import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import { PROCESS_STALL_MS } from "../../../src/domain/stall.js";

/** Holds this thread, as a frozen machine would. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

it("runs a timer that a standstill made late behind what came in meanwhile", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [peer] = (await once(server, "connection")) as [Socket];
  try {
    const order: string[] = [];
    client.on("data", () => order.push("read"));
    const late = new Promise<void>((resolve) => {
      systemClock.after(1, () => {
        order.push("timer");
        resolve();
      });
    });
    // The kernel has it before the write returns.
    peer.write("answer");
    standStill(PROCESS_STALL_MS + 50);
    await late;
    expect(order).toEqual(["read", "timer"]);
  } finally {
    client.destroy();
    peer.destroy();
    server.close();
  }
});

it("does not run a late timer that was cancelled before its turn came", async () => {
  let ran = false;
  const first = systemClock.after(1, () => {
    ran = true;
  });
  // Due before the other, and so run before it; its own turn comes behind what is read.
  setTimeout(() => first.cancel(), 1);
  standStill(PROCESS_STALL_MS + 50);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setImmediate(resolve));
  expect(ran).toBe(false);
});
