import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { systemClock } from "../../src/adapters/system/system-clock.js";
import { StandInServer } from "../../src/http/stand-in-server.js";
import { loadUws } from "../../src/http/uws.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { freePorts } from "../fakes/relay-node.js";
import { silentLog } from "../fakes/silent-log.js";

let clock: FakeClock;
let ports: number[];
let standIn: StandInServer;
let port: number;
let worker: Server;
let requests: {
  readonly url: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}[];
/** Requests that the worker drops instead of answering. */
let dropNext: number;

beforeEach(async () => {
  clock = new FakeClock();
  ports = [];
  requests = [];
  dropNext = 0;
  worker = createServer((request, response) => {
    if (dropNext > 0) {
      dropNext--;
      request.socket.destroy();
      return;
    }
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      requests.push({ url: request.url ?? "", body, headers: request.headers });
      response.writeHead(201, { "Content-Type": "text/xml" });
      response.end("<Response/>");
    });
  });
  worker.listen(0, "127.0.0.1");
  await once(worker, "listening");
  standIn = newStandIn("127.0.0.1");
  port = await freePorts(1);
});
afterEach(async () => {
  standIn.close();
  worker.closeAllConnections();
  await new Promise((resolve) => worker.close(resolve));
});

const newStandIn = (host: string, time = clock as FakeClock | typeof systemClock) =>
  new StandInServer({
    ports: () => ports,
    workerHost: "127.0.0.1",
    host,
    clock: time,
    log: silentLog,
  });
const startWorker = () => ports.push((worker.address() as AddressInfo).port);
const post = async (body = "CallSid=CA1") =>
  await fetch(`http://127.0.0.1:${port}/connect-ended?x=1`, {
    method: "POST",
    headers: { "x-twilio-signature": "sig", "content-type": "application/x-www-form-urlencoded" },
    body,
  });
/** Until requests have reached the stand-in. */
const arrived = async () => await expect.poll(() => clock.pending).toBe(1);

describe.skipIf(process.platform !== "linux")("StandInServer", () => {
  it("keeps a request until a worker is there, then forwards it and its answer", async () => {
    expect(await standIn.listen(port)).toBe(true);
    const answer = post();
    await arrived();
    clock.advance(5_000);
    startWorker();
    clock.advance(50);
    const response = await answer;
    expect([response.status, await response.text()]).toEqual([201, "<Response/>"]);
    expect(response.headers.get("content-type")).toBe("text/xml");
    // The client's next request must be able to reach a worker.
    expect(response.headers.get("connection")).toBe("close");
    expect(requests).toMatchObject([
      { url: "/connect-ended?x=1", body: "CallSid=CA1", headers: { "x-twilio-signature": "sig" } },
    ]);
  });

  it("sends a request again that a worker did not answer", async () => {
    await standIn.listen(port);
    dropNext = 2;
    startWorker();
    const answer = post();
    for (let i = 0; i < 2; i++) {
      await arrived();
      clock.advance(50);
    }
    expect((await answer).status).toBe(201);
  });

  it("answers 503 when no worker comes within 12 s", async () => {
    await standIn.listen(port);
    const answer = post();
    await arrived();
    clock.advance(12_050);
    expect((await answer).status).toBe(503);
    expect(clock.pending).toBe(0);
  });

  it("answers 503 at once to streams and health checks, and to everything at the end", async () => {
    await standIn.listen(port);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(503);
    const [error] = await once(new WebSocket(`ws://127.0.0.1:${port}/media-stream`), "error");
    expect(String(error)).toContain("503");
    const answer = post();
    await arrived();
    standIn.close();
    expect((await answer).status).toBe(503);
  });

  it("tries a worker that takes no connection with one request at a time; logs once a second", async () => {
    const log = new FakeLog();
    standIn.close();
    const parts = { ports: () => ports, workerHost: "127.0.0.1", host: "127.0.0.1" };
    standIn = new StandInServer({ ...parts, clock, log });
    await standIn.listen(port);
    const answers = Array.from({ length: 20 }, () => post());
    await arrived();
    ports.push(await freePorts(1));
    for (let i = 0; i < 10; i++) {
      clock.advance(50);
      await arrived();
    }
    expect(log.lines).toHaveLength(1);
    ports.splice(0);
    startWorker();
    let statuses: readonly number[] = [];
    void Promise.all(answers).then((all) => {
      statuses = all.map(({ status }) => status);
    });
    await expect
      .poll(() => {
        clock.advance(50);
        return statuses;
      })
      .toEqual(answers.map(() => 201));
  });

  it("accepts no connection while the process has hardly a descriptor left", async () => {
    let free = 100;
    standIn.close();
    standIn = new StandInServer({
      ...{ ports: () => ports, workerHost: "127.0.0.1", host: "127.0.0.1", clock, log: silentLog },
      descriptors: { limit: 1000, lowestFree: () => 1000 - free },
    });
    await standIn.listen(port);
    const asked = async () => {
      const headers = { connection: "close" };
      return await fetch(`http://127.0.0.1:${port}/health`, { headers }).then(
        ({ status }) => status,
        () => "refused",
      );
    };
    clock.advance(250);
    expect(await asked()).toBe("refused");
    free = 900;
    clock.advance(250);
    await expect.poll(asked).toBe(503);
  });

  it("refuses a body over 64 KiB", async () => {
    await standIn.listen(port);
    expect((await post("x".repeat(70_000))).status).toBe(413);
  });

  it.each(["::1", "localhost", "relay.example"])("does not listen for HOST %s", async (host) => {
    const other = newStandIn(host);
    expect(await other.listen(port)).toBe(false);
    other.close();
  });

  it("gets no connection while a worker listens, and all of them when it has gone", async () => {
    await standIn.listen(port);
    const { uws } = loadUws();
    const app = uws.App();
    app.any("/*", (response) => void response.end("worker"));
    const socket = await new Promise<Parameters<typeof uws.us_listen_socket_close>[0]>((resolve) =>
      app.listen("127.0.0.1", port, 0, (listening) => {
        if (listening !== false) resolve(listening);
      }),
    );
    const ask = async () => {
      const headers = { connection: "close" };
      const response = await fetch(`http://127.0.0.1:${port}/health`, { headers });
      return response.status === 503 ? "stand-in" : await response.text();
    };
    const answers: string[] = [];
    for (let i = 0; i < 50; i++) answers.push(await ask());
    expect(new Set(answers)).toEqual(new Set(["worker"]));
    uws.us_listen_socket_close(socket);
    for (let i = 0; i < 20; i++) expect(await ask()).toBe("stand-in");
  });
});
