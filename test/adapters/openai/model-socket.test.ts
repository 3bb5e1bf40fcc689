import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createModelSocketDialer } from "../../../src/adapters/openai/model-socket.js";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import type { Clock } from "../../../src/ports/clock.js";
import type { UpstreamClose, UpstreamSocketEvents } from "../../../src/ports/sockets.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../http/harness.js";

/** What a dial hears, in order. */
class Dialed implements UpstreamSocketEvents {
  readonly heard: string[] = [];
  readonly opening: Promise<void>;
  readonly closing: Promise<UpstreamClose>;
  onMessage: (message: Uint8Array) => void = (message) =>
    this.heard.push(Buffer.from(message).toString());
  #open = () => {};
  #close: (failure: UpstreamClose) => void = () => {};

  constructor() {
    this.opening = new Promise((resolve) => {
      this.#open = resolve;
    });
    this.closing = new Promise((resolve) => {
      this.#close = resolve;
    });
  }
  opened(): void {
    this.heard.push("<opened>");
    this.#open();
  }
  message(message: Uint8Array): void {
    this.onMessage(message);
  }
  closed(failure: UpstreamClose): void {
    this.heard.push("<closed>");
    this.#close(failure);
  }
}

describe("the model's socket", () => {
  let http: Server;
  let peers: WebSocketServer;
  let url: string;
  let requests: IncomingMessage[];
  let log: FakeLog;
  const peer = async (): Promise<WebSocket> => (await once(peers, "connection"))[0];

  beforeEach(async () => {
    requests = [];
    log = new FakeLog();
    http = createServer((_, response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(
        '{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-abc***"}}',
      );
    });
    peers = new WebSocketServer({ noServer: true, perMessageDeflate: true });
    http.on("upgrade", (request, socket, head) => {
      requests.push(request);
      if (request.url === "/refuse") {
        socket.end("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      if (request.url === "/unauthorized") {
        const body = '{"error":{"code":"invalid_api_key"}}';
        socket.end(`HTTP/1.1 401 Unauthorized\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        return;
      }
      peers.handleUpgrade(request, socket, head, (ws) => peers.emit("connection", ws, request));
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    for (const client of peers.clients) client.terminate();
    peers.close();
    http.closeAllConnections();
    http.close();
  });

  function dial(
    path = "/v1/realtime?model=m",
    options: { clock?: Clock; handshakeTimeoutMs?: number } = {},
  ) {
    const ear = new Dialed();
    const dialer = createModelSocketDialer({
      apiKey: "sk-key",
      clock: options.clock ?? systemClock,
      log,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 5000,
      headers: { "OpenAI-Project": "proj_1" },
    });
    return { ear, socket: dialer.dial(path.includes("://") ? path : url + path, ear) };
  }

  it("dials with the key, without compression", async () => {
    const { ear, socket } = dial();
    await ear.opening;
    expect(requests[0]).toMatchObject({
      url: "/v1/realtime?model=m",
      headers: { authorization: "Bearer sk-key", "openai-project": "proj_1" },
    });
    expect(requests[0]?.headers["sec-websocket-extensions"]).toBeUndefined();
    expect(requests[0]?.headers["openai-beta"]).toBeUndefined();
    socket.close(1000, "done");
    expect(await ear.closing).toMatchObject({ code: 1000, httpStatus: null });
    expect(ear.heard).toEqual(["<opened>", "<closed>"]);
  });

  it("copies what it sends before it returns, and sends text", async () => {
    const connected = peer();
    const { ear, socket } = dial();
    const other = await connected;
    await ear.opening;
    const got: [string, boolean][] = [];
    const all = new Promise<void>((resolve) => {
      other.on("message", (data, isBinary) => {
        if (got.push([String(data), isBinary]) === 3) resolve();
      });
    });
    const reused = Buffer.alloc(200_000);
    for (const [fill, length] of [
      ["a", 10],
      ["b", 70_000],
      ["c", 200_000],
    ] as const) {
      reused.fill(fill);
      socket.send(reused.subarray(0, length));
    }
    reused.fill("z");
    await all;
    expect(got).toEqual([
      ["a".repeat(10), false],
      ["b".repeat(70_000), false],
      ["c".repeat(200_000), false],
    ]);
    expect(socket.bufferedBytes()).toBe(0);
  });

  it("hears messages whole and in order, however they are cut", async () => {
    const connected = peer();
    const { ear } = dial();
    const other = await connected;
    await ear.opening;
    other.send("one");
    other.send("tw", { fin: false });
    other.send("o é😀", { fin: true });
    other.send("x".repeat(1_000_000));
    other.close(4000, "bye");
    expect(await ear.closing).toEqual({ code: 4000, reason: "bye", httpStatus: null });
    expect(ear.heard.slice(0, 3)).toEqual(["<opened>", "one", "two é😀"]);
    expect(ear.heard[3]).toHaveLength(1_000_000);
    expect(ear.heard[4]).toBe("<closed>");
  });

  it.each([
    ["/refuse", 429, "HTTP 429"],
    ["/unauthorized", 401, "invalid_api_key"],
  ])("tells the status of a refused handshake: %s", async (path, httpStatus, reason) => {
    const { ear } = dial(path);
    expect(await ear.closing).toEqual({ code: 0, reason, httpStatus });
    expect(ear.heard).toEqual(["<closed>"]);
  });

  it("reports that nothing listens", async () => {
    const free = createTcpServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, "close");
    const { ear } = dial(`ws://127.0.0.1:${port}/`);
    expect(await ear.closing).toEqual({ code: 0, reason: "ECONNREFUSED", httpStatus: null });
  });

  it("gives a handshake up that never ends", async () => {
    const mute = createTcpServer(() => {}).listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { ear } = dial(`ws://127.0.0.1:${(mute.address() as AddressInfo).port}/`, {
      handshakeTimeoutMs: 50,
    });
    expect(await ear.closing).toMatchObject({ code: 0, httpStatus: null });
    mute.close();
  });

  it("can be closed while it dials", async () => {
    const { ear, socket } = dial();
    socket.close(1000, "caller gone");
    expect(await ear.closing).toEqual({ code: 1000, reason: "caller gone", httpStatus: null });
    expect(ear.heard).toEqual(["<closed>"]);
  });

  it("says that a peer died without a close frame", async () => {
    const connected = peer();
    const { ear } = dial();
    const other = await connected;
    await ear.opening;
    other.terminate();
    expect(await ear.closing).toMatchObject({ code: 1006, httpStatus: null });
  });

  it("delivers nothing after its own close, and sends nothing", async () => {
    const connected = peer();
    const { ear, socket } = dial();
    const other = await connected;
    await ear.opening;
    const got: string[] = [];
    other.on("message", (data) => got.push(String(data)));
    socket.close(1000, "x".repeat(200));
    socket.close(1001, "again");
    socket.send(Buffer.from("late"));
    other.send("late");
    const [code, reason] = await once(other, "close");
    expect([code, String(reason)]).toEqual([1000, "x".repeat(123)]);
    await ear.closing;
    expect(ear.heard).toEqual(["<opened>", "<closed>"]);
    expect(got).toEqual([]);
  });

  it("cuts off a peer that does not answer the close", async () => {
    const clock = new FakeClock();
    const connected = peer();
    const { ear, socket } = dial("/v1", { clock });
    const other = await connected;
    await ear.opening;
    other.pause();
    socket.close(1000, "done");
    clock.advance(2000);
    await ear.closing;
    expect(clock.pending).toBe(0);
  });

  it("pings every 10 s and takes silence for death", async () => {
    const clock = new FakeClock();
    const connected = peer();
    const { ear } = dial("/v1", { clock });
    const other = await connected;
    await ear.opening;
    const pinged = once(other, "ping");
    clock.advance(10_000);
    await pinged;
    // The pong was sent when the ping was read; this arrives after it.
    const heard = new Promise<void>((resolve) => {
      ear.onMessage = () => resolve();
    });
    other.send("alive");
    await heard;
    const again = once(other, "ping");
    clock.advance(10_000);
    await again;
    expect(ear.heard).toEqual(["<opened>"]);
    other.pause();
    const second = dial("/v1", { clock });
    const deaf = await peer();
    await second.ear.opening;
    deaf.pause();
    clock.advance(10_000);
    clock.advance(10_000);
    expect(await second.ear.closing).toEqual({ code: 1006, reason: "no pong", httpStatus: null });
  });

  it("hands binary messages on, and lives on", async () => {
    const connected = peer();
    const { ear } = dial();
    const other = await connected;
    await ear.opening;
    const read = new Promise<number[]>((resolve) => {
      const bytes: number[] = [];
      ear.onMessage = (message) => {
        bytes.push(message[0]!);
        if (bytes.length === 2) resolve(bytes);
      };
    });
    other.send(Buffer.from([1]), { binary: true });
    other.send("A");
    expect(await read).toEqual([1, 0x41]);
  });

  it("ends only the call whose handler throws", async () => {
    const connected = peer();
    const { ear } = dial();
    const other = await connected;
    await ear.opening;
    ear.onMessage = () => {
      throw new Error("bug");
    };
    other.send("x");
    other.send("y");
    expect(await ear.closing).toMatchObject({ code: 1011 });
    expect(log.lines).toMatchObject([{ level: "error", error: new Error("bug") }]);
  });
});
