import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Network } from "../../../src/adapters/network/network.js";
import { StreamDialer, type StreamEvents } from "../../../src/adapters/openai/stream-dialer.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(connected: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    closers.push(() => socket.destroy());
    socket.on("error", () => undefined);
    connected(socket);
  });
  closers.push(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function recorder() {
  const happened: string[] = [];
  const timed: string[] = [];
  const events: StreamEvents = {
    connected: () => happened.push("connected"),
    read: (bytes, length) => happened.push(`read ${Buffer.from(bytes.slice(0, length))}`),
    failed: (error) => happened.push(`failed ${Reflect.get(error, "code")}`),
    closed: () => happened.push("closed"),
  };
  const timer = { start: () => 7, end: (work: string, at: number) => timed.push(`${work} ${at}`) };
  return { happened, timed, events, dialer: new StreamDialer(new Network(), timer) };
}

describe("a connection to the model", () => {
  it("reports what happens in order, and times every read", async () => {
    const port = await listen((socket) => socket.end("hello"));
    const { happened, timed, events, dialer } = recorder();
    dialer.open(new URL(`ws://127.0.0.1:${port}/path`), events);
    await expect.poll(() => happened).toEqual(["connected", "read hello", "closed"]);
    expect(timed).toEqual(["model_message 7"]);
  });

  it("reports a failure and then its end", async () => {
    const port = await listen(() => undefined);
    for (const close of closers.splice(0)) close();
    const { happened, events, dialer } = recorder();
    dialer.open(new URL(`ws://127.0.0.1:${port}`), events);
    await expect.poll(() => happened).toEqual(["failed ECONNREFUSED", "closed"]);
  });

  it("ends at once when it is destroyed, also before it is there", async () => {
    const port = await listen(() => undefined);
    const { happened, events, dialer } = recorder();
    dialer.open(new URL(`ws://127.0.0.1:${port}`), events).destroy();
    await expect.poll(() => happened).toEqual(["closed"]);
  });
});
