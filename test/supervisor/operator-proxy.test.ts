import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Readiness } from "../../src/relay/calls/call-service.js";
import { OperatorProxy } from "../../src/supervisor/operator-proxy.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

let workers: Server[] = [];
let ports: number[] = [];
let asked: (string | null)[] = [];
let readiness: Readiness;
let log: FakeLog;
let clock: FakeClock;
let proxy: OperatorProxy;
let base: string;

/** A worker that says what it was asked. */
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
      response.end(
        JSON.stringify({ method: request.method, url: request.url, host, authorization, body }),
      );
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
  proxy = new OperatorProxy({
    readiness: () => readiness,
    metrics: async () => "a 1\n",
    workers: (callSid) => {
      asked.push(callSid);
      return ports;
    },
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

describe("the supervisor's operator listener", () => {
  it("answers metrics and readiness itself", async () => {
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

  it("passes everything else on as it came, to the call's worker where there is one", async () => {
    await addWorker();
    const answer = await fetch(`${base}/api/calls/CA12/transfer?x=1`, {
      method: "POST",
      headers: { authorization: "Bearer t", "content-type": "application/json" },
      body: '{"destination":"desk"}',
    });
    expect([answer.status, answer.headers.get("x-worker")]).toEqual([202, "0"]);
    expect(await answer.json()).toEqual({
      method: "POST",
      url: "/api/calls/CA12/transfer?x=1",
      host: base.slice("http://".length),
      authorization: "Bearer t",
      body: '{"destination":"desk"}',
    });
    expect((await fetch(`${base}/api/missing`)).status).toBe(404);
    expect((await fetch(`${base}/api/calls?limit=1`, { method: "DELETE" })).status).toBe(202);
    expect(asked).toEqual(["CA12", null, null]);
  });

  it("passes a stream on as it grows, and ends it at the worker when nobody listens any more", async () => {
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

  it("makes one stream of the events of all workers, whole events only, of those too that begin later", async () => {
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

  it("answers a request for events as the workers judge it", async () => {
    for (let n = 0; n < 2; n++)
      await addWorker((_request, response) => {
        response.writeHead(401, { "Content-Type": "application/json" });
        response.end('{"error":"unauthorized"}');
      });
    const answer = await fetch(`${base}/api/events`);
    expect([answer.status, await answer.json()]).toEqual([401, { error: "unauthorized" }]);
    await expect.poll(() => clock.pending).toBe(0);
  });

  it("says so when no worker is there, or none answers", async () => {
    const none = await fetch(`${base}/api/calls`);
    expect([none.status, await none.json()]).toEqual([503, { error: "no_worker" }]);
    await addWorker((request) => request.socket.destroy());
    const lost = await fetch(`${base}/api/calls`);
    expect([lost.status, await lost.json()]).toEqual([503, { error: "no_worker" }]);
    expect(log.lines.join()).toContain("a worker did not answer an operator");
  });

  it("refuses a port that is taken", async () => {
    const port = Number(new URL(base).port);
    const another = new OperatorProxy({
      readiness: () => readiness,
      metrics: async () => "",
      workers: () => [],
      clock,
      log,
    });
    await expect(another.listen("127.0.0.1", port)).rejects.toMatchObject({
      code: "config_invalid",
    });
    another.close();
  });
});
