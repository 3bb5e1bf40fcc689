import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Readiness } from "../../src/relay/calls/call-service.js";
import { answerMs, OperatorProxy } from "../../src/supervisor/operator-proxy.js";
import { RELOAD_MS } from "../../src/supervisor/worker-link.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

let workers: Server[] = [];
let ports: number[] = [];
let asked: (string | null)[] = [];
let begun: Promise<void> | null;
let waits = 0;
let readiness: Readiness;
let log: FakeLog;
let clock: FakeClock;
let proxy: OperatorProxy;
let base: string;

/** A worker whose answers describe the request. */
async function addWorker(handle?: Parameters<typeof createServer>[1]): Promise<void> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      response.setHeader("X-Worker", String(workers.indexOf(server)));
      response.writeHead(request.url === "/api/missing" ? 404 : 202, {
        "Content-Type": "application/json",
      });
      const { host, authorization } = request.headers;
      const address = request.headers["x-murelay-peer-address"];
      const { method, url } = request;
      response.end(JSON.stringify({ method, url, host, authorization, address, body }));
    });
  });
  if (handle !== undefined) {
    server.removeAllListeners("request");
    server.on("request", handle);
  }
  workers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ports.push((server.address() as AddressInfo).port);
}

beforeEach(async () => {
  workers = [];
  ports = [];
  asked = [];
  readiness = { ready: true, reason: "ok" };
  log = new FakeLog();
  clock = new FakeClock();
  begun = null;
  waits = 0;
  proxy = new OperatorProxy({
    begun: () => {
      waits++;
      return begun;
    },
    readiness: async () => readiness,
    metrics: async () => "a 1\n",
    workers: (callSid) => {
      asked.push(callSid);
      return ports;
    },
    mayReadHealth: (host, authorization) => host !== "evil.example" || authorization !== "",
    clock,
    log,
  });
  base = `http://127.0.0.1:${await proxy.listen("127.0.0.1", 0)}`;
});
afterEach(async () => {
  proxy.close();
  for (const worker of workers) {
    worker.closeAllConnections();
    await new Promise((resolve) => worker.close(resolve));
  }
});

describe("OperatorProxy", () => {
  it("answers metrics and readiness for all workers", async () => {
    const metrics = await fetch(`${base}/metrics`);
    expect([metrics.status, await metrics.text()]).toEqual([200, "a 1\n"]);
    expect(metrics.headers.get("content-type")).toContain("version=0.0.4");
    expect(await (await fetch(`${base}/ready`)).json()).toEqual({ ready: true, reason: "ok" });
    readiness = { ready: false, reason: "no_worker" };
    const ready = await fetch(`${base}/ready?verbose`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { ready: false, reason: "no_worker" },
    ]);
    expect((await fetch(`${base}/ready`, { method: "HEAD" })).status).toBe(503);
    const posted = await fetch(`${base}/metrics`, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
    expect(asked).toEqual([]);
  });

  it.each(["/ready", "/metrics", "/api/calls"])(
    "waits for the first worker before it answers %s",
    async (path) => {
      let goOn = (): void => undefined;
      begun = new Promise((resolve) => {
        goOn = resolve;
      });
      readiness = { ready: false, reason: "no_worker" };
      const answered = fetch(base + path);
      await expect.poll(() => waits).toBe(1);
      await addWorker((_, response) => void response.end("[]"));
      readiness = { ready: true, reason: "ok" };
      goOn();
      expect((await answered).status).toBe(200);
    },
  );

  it("refuses metrics and readiness to a page that uses a name of its own", async () => {
    const status = async (authorization?: string) => {
      const headers = { host: "evil.example", ...(authorization ? { authorization } : {}) };
      return await new Promise((resolve) => {
        request(`${base}/metrics`, { headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).end();
      });
    };
    expect([await status(), await status("Bearer t")]).toEqual([403, 200]);
  });

  it("forwards a WebSocket in both directions until one side closes it", async () => {
    await addWorker();
    const worker = new WebSocketServer({ server: workers[0]! });
    worker.on("connection", (socket, { url }) => {
      socket.send(`at ${url}`);
      socket.on("message", (data) => socket.send(data));
    });
    const client = new WebSocket(`${base.replace("http", "ws")}/api/calls/CA12/listen?x=1`);
    const received: string[] = [];
    client.on("message", (data) => received.push(String(data)));
    await once(client, "open");
    client.send("hello");
    await expect.poll(() => received).toEqual(["at /api/calls/CA12/listen?x=1", "hello"]);
    expect(asked).toEqual(["CA12"]);
    client.close();
    await once(client, "close");
    await expect.poll(() => worker.clients.size).toBe(0);
  });

  it("passes on the refusal of a WebSocket, and closes one without a worker", async () => {
    const refused = async () => {
      const client = new WebSocket(`${base.replace("http", "ws")}/api/calls/CA12/listen`);
      const [error] = await once(client, "error");
      return (error as Error).message;
    };
    expect(await refused()).toContain("503");
    await addWorker();
    workers[0]!.on("upgrade", (_, socket) => {
      socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await refused()).toContain("401");
  });

  it("forwards every other request unchanged, to the owner of the call if it has one", async () => {
    await addWorker();
    const answer = await fetch(`${base}/api/calls/CA12/transfer?x=1`, {
      method: "POST",
      headers: {
        authorization: "Bearer t",
        "content-type": "application/json",
        "x-murelay-peer-address": "203.0.113.9",
      },
      body: '{"destination":"desk"}',
    });
    expect([answer.status, answer.headers.get("x-worker")]).toEqual([202, "0"]);
    expect(await answer.json()).toEqual({
      method: "POST",
      url: "/api/calls/CA12/transfer?x=1",
      host: base.slice("http://".length),
      authorization: "Bearer t",
      // The client cannot choose it.
      address: "127.0.0.1",
      body: '{"destination":"desk"}',
    });
    expect((await fetch(`${base}/api/missing`)).status).toBe(404);
    expect((await fetch(`${base}/api/calls?limit=1`, { method: "DELETE" })).status).toBe(202);
    expect(asked).toEqual(["CA12", null, null]);
  });

  /** Sends bytes and is there until the worker has seen the request; then it resets. */
  async function breaksOff(bytes: string, seen: Promise<unknown>): Promise<void> {
    const client = connect(Number(new URL(base).port), "127.0.0.1");
    client.on("error", () => undefined);
    client.write(bytes);
    await seen;
    client.resetAndDestroy();
  }

  it("takes a client that breaks off for neither an exception nor a fault of the worker", async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtExceptionMonitor", note);
    try {
      let arrived: (upgraded: Socket | null) => void = () => undefined;
      await addWorker(() => arrived(null));
      workers[0]!.on("upgrade", (_, socket: Socket) => {
        socket.on("error", () => undefined);
        arrived(socket);
      });
      for (const upgrade of ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"]) {
        const seen = new Promise<Socket | null>((resolve) => {
          arrived = resolve;
        });
        await breaksOff(
          `GET /api/calls/CA12/listen HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgrade}\r\n`,
          seen,
        );
        await new Promise((resolve) => setTimeout(resolve, 50));
        (await seen)?.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } finally {
      process.off("uncaughtExceptionMonitor", note);
    }
    expect([uncaught, log.lines]).toEqual([[], []]);
  });

  it.each(["GET", "DELETE", "POST"])("forwards a %s with chunks as one request", async (method) => {
    const seen: string[] = [];
    await addWorker((request, response) => {
      seen.push(request.url ?? "");
      request.resume().on("end", () => response.end("{}"));
    });
    const hidden = "GET /api/hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const client = connect(Number(new URL(base).port), "127.0.0.1");
    client.write(
      `${method} /api/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
    );
    await once(client.resume(), "close");
    expect(seen).toEqual(["/api/calls"]);
  });

  it("answers 503 when no worker is up, or the worker does not answer", async () => {
    const none = await fetch(`${base}/api/calls`);
    expect([none.status, await none.json()]).toEqual([503, { error: "no_worker" }]);
    await addWorker((request) => request.socket.destroy());
    const lost = await fetch(`${base}/api/calls`);
    expect([lost.status, await lost.json()]).toEqual([503, { error: "no_worker" }]);
    expect(log.lines.join()).toContain("supervisor: worker did not answer an operator");
  });

  it("fills no log with requests that no worker takes", async () => {
    await addWorker((request) => request.socket.destroy());
    for (let i = 0; i < 30; i++) await fetch(`${base}/api/calls`);
    expect(log.lines).toHaveLength(5);
  });

  it("waits for a reload until the worker itself says that it takes too long", () => {
    expect(answerMs("/api/agents/reload")).toBeGreaterThan(RELOAD_MS);
    expect(answerMs("/api/agents")).toBeLessThan(RELOAD_MS);
  });

  it("refuses a port that is in use", async () => {
    const port = Number(new URL(base).port);
    const another = new OperatorProxy({
      begun: () => null,
      readiness: async () => readiness,
      metrics: async () => "",
      workers: () => [],
      mayReadHealth: () => true,
      clock,
      log,
    });
    await expect(another.listen("127.0.0.1", port)).rejects.toMatchObject({
      code: "config_invalid",
    });
    another.close();
  });
});
