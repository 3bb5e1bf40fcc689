import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mergeEvents } from "../../src/supervisor/event-merge.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { silentLog } from "../fakes/silent-log.js";

let servers: Server[];
let ports: number[];
let clock: FakeClock;
let base: string;

async function listen(handle: RequestListener): Promise<number> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function addWorker(handle: RequestListener): Promise<void> {
  ports.push(await listen(handle));
}

beforeEach(async () => {
  servers = [];
  ports = [];
  clock = new FakeClock();
  const port = await listen((incoming, outgoing) =>
    mergeEvents(incoming, outgoing, { workers: () => ports, clock, log: silentLog, headers: {} }),
  );
  base = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe("mergeEvents", () => {
  it("passes events on as they come, and ends the request to the worker with the client's", async () => {
    let gone: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      gone = resolve;
    });
    await addWorker((_request, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: 1\n\n");
      response.on("close", gone);
    });
    const listening = new AbortController();
    const answer = await fetch(`${base}/api/events`, { signal: listening.signal });
    const { value } = await answer.body!.getReader().read();
    expect(Buffer.from(value!).toString()).toBe("data: 1\n\n");
    listening.abort();
    await ended;
  });

  it("merges whole events of all workers, also of those that start later", async () => {
    const streams: ServerResponse[] = [];
    const addStream = async () => {
      const there = new Promise<void>((resolve) => {
        void addWorker((_request, response) => {
          response.writeHead(200, { "Content-Type": "text/event-stream" });
          response.write(":\n\n");
          streams.push(response);
          resolve();
        });
      });
      return { there };
    };
    const first = [await addStream(), await addStream()];
    await expect.poll(() => ports.length).toBe(2);
    const answer = await fetch(`${base}/api/events`);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    await Promise.all(first.map(({ there }) => there));
    const reader = answer.body!.getReader();
    let text = "";
    const until = async (wanted: string) => {
      while (!text.includes(wanted)) text += Buffer.from((await reader.read()).value!).toString();
    };
    streams[0]!.write("data: a1");
    streams[1]!.write("data: b\n\n");
    await until("data: b\n\n");
    expect(text).not.toContain("a1");
    streams[0]!.write("\ndata: a2\n\n");
    await until("data: a1\ndata: a2\n\n");
    streams[1]!.end();
    const late = await addStream();
    await expect.poll(() => ports.length).toBe(3);
    clock.advance(2_000);
    await late.there;
    streams.at(-1)!.write("data: c\n\n");
    await until("data: c\n\n");
    await reader.cancel();
    await expect.poll(() => clock.pending).toBe(0);
  });

  it("disconnects a client that is more than 1 MiB behind", async () => {
    const event = `data: ${"x".repeat(64 * 1024)}\n\n`;
    let taken = 0;
    const end = new Promise<string>((resolve) => {
      void addWorker((_request, response) => {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.on("close", () => resolve("closed"));
        const more = (): void => {
          taken += event.length;
          // Far more than what the sockets between them hold.
          if (taken > 64 * 1024 * 1024) resolve("all is taken");
          else if (response.write(event)) setImmediate(more);
          else response.once("drain", more);
        };
        more();
      });
    });
    await expect.poll(() => ports.length).toBe(1);
    const client = connect(Number(new URL(base).port), "127.0.0.1");
    client.on("error", () => undefined);
    client.pause();
    client.write("GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await end).toBe("closed");
    client.destroy();
    await expect.poll(() => clock.pending).toBe(0);
  });

  it("answers with the refusal of the first worker", async () => {
    for (let n = 0; n < 2; n++)
      await addWorker((_request, response) => {
        response.writeHead(401, { "Content-Type": "application/json" });
        response.end('{"error":"unauthorized"}');
      });
    const answer = await fetch(`${base}/api/events`);
    expect([answer.status, await answer.json()]).toEqual([401, { error: "unauthorized" }]);
    await expect.poll(() => clock.pending).toBe(0);
  });

  it("passes a refusal on to its end, whatever the other workers answer meanwhile", async () => {
    let finish: () => void = () => undefined;
    await addWorker((_request, response) => {
      response.writeHead(401, { "Content-Type": "application/json" });
      response.write('{"error":');
      finish = () => response.end('"unauthorized"}');
    });
    const answer = await fetch(`${base}/api/events`);
    for (const status of [401, 200])
      await addWorker((_request, response) => {
        response.writeHead(status, { "Content-Type": "text/event-stream" });
        response.write("data: 1\n\n");
      });
    clock.advance(2_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    finish();
    expect([answer.status, await answer.text()]).toEqual([401, '{"error":"unauthorized"}']);
  });
});
