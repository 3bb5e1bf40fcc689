/**
 * The raw upstream against servers that are not a WebSocket library's: hand-written bytes, TLS, and
 * a peer that does not read.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { Network } from "../../../src/adapters/network/network.js";
import {
  createModelSocketDialer,
  type ModelSocketOptions,
} from "../../../src/adapters/openai/model-socket.js";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import type {
  UpstreamClose,
  UpstreamDialer,
  UpstreamSocketEvents,
} from "../../../src/ports/sockets.js";
import { FakeLog } from "../../http/harness.js";

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");
const [cert, key] = [fixture("cert.pem"), fixture("key.pem")];

class Dialed implements UpstreamSocketEvents {
  readonly heard: string[] = [];
  opened: () => void = () => {};
  closed: (failure: UpstreamClose) => void = () => {};
  readonly opening = new Promise<void>((resolve) => {
    this.opened = resolve;
  });
  readonly closing = new Promise<UpstreamClose>((resolve) => {
    this.closed = resolve;
  });
  onMessage: (message: Uint8Array) => void = (message) =>
    this.heard.push(Buffer.from(message).toString());

  message(message: Uint8Array): void {
    this.onMessage(message);
  }
}

const servers: { close(): unknown }[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  vi.restoreAllMocks();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server, host = "127.0.0.1"): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Trusts the server of this file. */
const network = new Network({ trustedCertificates: cert });

function dialerWith(options: Partial<ModelSocketOptions>): UpstreamDialer {
  const log = new FakeLog();
  return createModelSocketDialer({
    apiKey: "sk-key",
    clock: systemClock,
    log,
    handshakeTimeoutMs: 5000,
    ...options,
  });
}

function dial(url: string, options: Partial<ModelSocketOptions> = {}) {
  const ear = new Dialed();
  return { ear, socket: dialerWith(options).dial(url, ear) };
}

function acceptance(request: string): string {
  const asked = /^sec-websocket-key: (.*)$/im.exec(request)?.[1]?.trim() ?? "";
  const accept = createHash("sha1")
    .update(`${asked}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** A server that answers the handshake by `answer` and then only listens. */
async function handmade(answer: (socket: Socket, accepted: string) => void) {
  const got: Buffer[] = [];
  const server = createServer((socket) => {
    let request = "";
    const head = (chunk: Buffer) => {
      request += chunk.toString("latin1");
      if (!request.endsWith("\r\n\r\n")) return;
      socket.off("data", head);
      socket.on("data", (more: Buffer) => got.push(more));
      answer(socket, acceptance(request));
    };
    socket.on("data", head);
  });
  const port = await listen(server);
  return { url: `ws://127.0.0.1:${port}/v1/realtime`, got: () => Buffer.concat(got) };
}

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** The payload of a masked frame with a short length, as hex. */
function unmasked(frame: Buffer): string {
  expect(frame[1]! & 0x80).toBe(0x80);
  const mask = frame.subarray(2, 6);
  return Buffer.from(
    frame.subarray(6, 6 + (frame[1]! & 0x7f)).map((byte, i) => byte ^ mask[i % 4]!),
  ).toString("hex");
}

describe("the model's socket, on the wire", () => {
  it("hears what comes in one packet with the answer", async () => {
    const { url } = await handmade((socket, accepted) => {
      socket.write(Buffer.concat([Buffer.from(accepted), bytes("81 05 48656c6c6f 88 02 03e8")]));
    });
    const { ear } = dial(url);
    expect(await ear.closing).toEqual({ code: 1000, reason: "", httpStatus: null });
    expect(ear.heard).toEqual(["Hello"]);
  });

  it("hands messages out as bytes whose slice is a copy", async () => {
    const whole = bytes("81 03 6f6e65");
    const cut = Buffer.concat([bytes("81 7e 2710"), Buffer.alloc(10_000, "x")]);
    const { url } = await handmade((socket, accepted) => {
      socket.setNoDelay(true);
      socket.write(Buffer.concat([Buffer.from(accepted), whole, cut.subarray(0, 5000)]));
      setImmediate(() => socket.end(cut.subarray(5000)));
    });
    const { ear } = dial(url);
    const kept: Uint8Array[] = [];
    ear.onMessage = (message) => kept.push(message.slice());
    await ear.closing;
    expect(kept.map((each) => each.constructor)).toEqual([Uint8Array, Uint8Array]);
    expect(kept.map((each) => Buffer.from(each).toString())).toEqual(["one", "x".repeat(10_000)]);
  });

  it("understands an answer and a message that come byte by byte", async () => {
    const { url } = await handmade(async (socket, accepted) => {
      socket.setNoDelay(true);
      for (const byte of Buffer.concat([
        Buffer.from(accepted),
        bytes("81 7e 0080"),
        Buffer.alloc(128, "x"),
      ])) {
        await new Promise<void>((resolve) => socket.write(Buffer.of(byte), () => resolve()));
      }
      socket.end();
    });
    const { ear } = dial(url);
    expect(await ear.closing).toMatchObject({ code: 1006, httpStatus: null });
    expect(ear.heard).toEqual(["x".repeat(128)]);
  });

  it("answers a ping with its own payload, and a close with its own code", async () => {
    const { url, got } = await handmade((socket, accepted) => {
      socket.write(Buffer.concat([Buffer.from(accepted), bytes("89 02 6869 88 05 0fa0 627965")]));
    });
    const { ear } = dial(url);
    expect(await ear.closing).toEqual({ code: 4000, reason: "bye", httpStatus: null });
    const all = got();
    expect(all.length).toBe(8 + 8);
    expect(all[0]).toBe(0x8a);
    expect(unmasked(all)).toBe("6869");
    expect(all[8]).toBe(0x88);
    expect(unmasked(all.subarray(8))).toBe("0fa0");
  });

  it("answers a close without a code without one", async () => {
    const { url, got } = await handmade((socket, accepted) => {
      socket.write(Buffer.concat([Buffer.from(accepted), bytes("88 00")]));
    });
    const { ear } = dial(url);
    expect(await ear.closing).toEqual({ code: 1005, reason: "", httpStatus: null });
    expect(got().subarray(0, 2).toString("hex")).toBe("8880");
  });

  it.each([
    ["a masked frame", "81 85 37fa213d 7f9f4d5158", "masked", "03ea"],
    ["a compressed frame", "c1 00", "reserved_bits", "03ea"],
    ["a message of 16 MiB and a byte", "81 7f 0000000001000001", "message_too_long", "03f1"],
  ])("tells the peer why it will not read %s", async (_, hex, reason, code) => {
    const { url, got } = await handmade((socket, accepted) => {
      socket.write(Buffer.concat([Buffer.from(accepted), bytes(hex), bytes("81 01 61")]));
    });
    const { ear } = dial(url);
    expect(await ear.closing).toEqual({ code: 1006, reason, httpStatus: null });
    expect(ear.heard).toEqual([]);
    expect(unmasked(got())).toBe(code);
  });

  it("says that the connection ended inside a message", async () => {
    const { url } = await handmade((socket, accepted) => {
      socket.end(Buffer.concat([Buffer.from(accepted), bytes("81 05 4865")]));
    });
    const { ear } = dial(url);
    expect(await ear.closing).toEqual({ code: 1006, reason: "", httpStatus: null });
    expect(ear.heard).toEqual([]);
  });

  it.each([
    ["hangs up", "", { code: 0, reason: "ECONNRESET", httpStatus: null }],
    [
      "hangs up in mid-answer",
      "HTTP/1.1 101 Swi",
      { code: 0, reason: "ECONNRESET", httpStatus: null },
    ],
    [
      "speaks something else",
      "220 smtp.example.com\r\n\r\n",
      { code: 0, reason: "handshake: status line", httpStatus: null },
    ],
    [
      "hangs up in mid-refusal",
      'HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\n{"code": "invalid_api_key",',
      { code: 0, reason: "invalid_api_key", httpStatus: 401 },
    ],
    [
      "answers for another key",
      acceptance("Sec-WebSocket-Key: x\r\n\r\n"),
      { code: 0, reason: "handshake: sec-websocket-accept", httpStatus: null },
    ],
  ])("tells of a server that %s", async (_, text, failure) => {
    const { url } = await handmade((socket) => socket.end(text));
    const { ear } = dial(url);
    expect(await ear.closing).toEqual(failure);
  });

  it("gives its memory back and stays silent when the server sends more after a fault", async () => {
    const { url, got } = await handmade((socket, accepted) => {
      socket.write(Buffer.concat([Buffer.from(accepted), bytes("83 00")]));
      for (let i = 0; i < 50; i++)
        socket.write(Buffer.concat([bytes("89 01 61"), bytes("81 7d"), Buffer.alloc(125)]));
    });
    const { ear } = dial(url);
    expect(await ear.closing).toEqual({ code: 1006, reason: "opcode_unknown", httpStatus: null });
    expect(got().length).toBe(8);
  });

  it.each([
    ["sk-key\r\nX-Evil: 1", {}],
    ["sk-key", { "OpenAI-Project": "a\nb" }],
  ])("refuses at once a key or header that would break the request", (apiKey, headers) => {
    const make = () =>
      createModelSocketDialer({
        apiKey,
        headers,
        clock: systemClock,
        log: new FakeLog(),
        handshakeTimeoutMs: 1000,
      });
    expect(make).toThrow(/cannot be sent/);
    expect(make).not.toThrow(/sk-key|a\nb/);
  });

  it.each(["http://127.0.0.1/", "ftp://127.0.0.1/", "nowhere"])("refuses to dial %s", (url) => {
    expect(() => dial(url)).toThrow(TypeError);
  });

  it("switches Nagle's algorithm off, plain and over TLS", async () => {
    const set = vi.spyOn(Socket.prototype, "setNoDelay");
    const free = createServer();
    const port = await listen(free);
    for (const scheme of ["ws", "wss"]) {
      set.mockClear();
      const { ear, socket } = dial(`${scheme}://127.0.0.1:${port}/`);
      expect(set.mock.calls).toContainEqual([true]);
      socket.close(1000, "");
      await ear.closing;
    }
  });
});

/** WebSocket servers by the library: plain, and over TLS with the certificate of the fixtures. */
async function library(secure: boolean) {
  const https = createHttpsServer({ cert, key });
  const server = secure ? https : createHttpServer();
  const peers = new WebSocketServer({ server });
  const reused: boolean[] = [];
  server.on("secureConnection", (socket: TLSSocket) => reused.push(socket.isSessionReused()));
  const port = await listen(server);
  return {
    url: `${secure ? "wss" : "ws"}://127.0.0.1:${port}/v1/realtime?model=m`,
    port,
    reused,
    forgetSessions: () => https.setTicketKeys(randomBytes(48)),
    refuseNext: () => server.once("connection", (socket: Socket) => socket.destroy()),
    peer: async (): Promise<WebSocket> => (await once(peers, "connection"))[0],
  };
}

describe.each([
  ["plain", false],
  ["TLS", true],
] as const)("raw upstream, %s", (_, secure) => {
  it("carries every byte both ways, in order, while neither side keeps up", async () => {
    const server = await library(secure);
    const connected = server.peer();
    const { ear, socket } = dial(server.url, { network });
    const peer = await connected;
    await ear.opening;
    const lengths = Array.from(
      { length: 300 },
      (_, i) => [5, 270, 1068, 125, 126, 65_535, 65_536, 200_000][i % 8]!,
    );
    const text = (i: number) => String.fromCharCode(97 + (i % 26)).repeat(lengths[i]!);
    const [up, down]: [string[], string[]] = [[], []];
    const all = Promise.all([
      new Promise<void>((resolve) =>
        peer.on("message", (data) => {
          if (up.push(String(data)) === lengths.length) resolve();
        }),
      ),
      new Promise<void>((resolve) => {
        ear.onMessage = (message) => {
          if (down.push(Buffer.from(message).toString()) === lengths.length) resolve();
        };
      }),
    ]);
    peer.pause();
    const reused = Buffer.alloc(200_000);
    for (let i = 0; i < lengths.length; i++) {
      reused.write(text(i), "latin1");
      socket.send(reused.subarray(0, lengths[i]));
      peer.send(text(i));
    }
    reused.fill("!");
    expect(socket.bufferedBytes()).toBeGreaterThan(1_000_000);
    peer.resume();
    await all;
    expect(up.every((message, i) => message === text(i))).toBe(true);
    expect(down.every((message, i) => message === text(i))).toBe(true);
    // What was sent while the kernel had no room left in few writes, and nothing waits any more.
    socket.send(Buffer.from("last"));
    expect(String((await once(peer, "message"))[0])).toBe("last");
    await expect.poll(() => socket.bufferedBytes()).toBe(0);
    socket.close(1000, "done");
    expect(await ear.closing).toEqual({ code: 1000, reason: "done", httpStatus: null });
  });

  it("keeps many sockets apart that share their memory", async () => {
    const server = await library(secure);
    const dials = 20;
    const messages = 30;
    const dialer = dialerWith({ network });
    const ears: { echoed: string[]; done: Promise<void>; send: (text: string) => void }[] = [];
    for (let i = 0; i < dials; i++) {
      const connected = server.peer();
      const ear = new Dialed();
      const socket = dialer.dial(server.url, ear);
      const peer = await connected;
      peer.on("message", (data) => peer.send(String(data)));
      await ear.opening;
      const echoed: string[] = [];
      const done = new Promise<void>((resolve) => {
        ear.onMessage = (message) => {
          if (echoed.push(Buffer.from(message).toString()) === messages) resolve();
        };
      });
      ears.push({ echoed, done, send: (text) => socket.send(Buffer.from(text)) });
    }
    const text = (i: number, n: number) => `${i}/${n} `.repeat(1 + ((i * 7 + n * 131) % 4000));
    for (let n = 0; n < messages; n++) {
      for (const [i, { send }] of ears.entries()) send(text(i, n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(ears.map(({ done }) => done));
    for (const [i, { echoed }] of ears.entries()) {
      expect(echoed.every((message, n) => message === text(i, n))).toBe(true);
    }
  });
});

describe("the model's socket, TLS", () => {
  it("refuses a server whose certificate is not trusted", async () => {
    const server = await library(true);
    const { ear } = dial(server.url);
    expect(await ear.closing).toEqual({
      code: 0,
      reason: "DEPTH_ZERO_SELF_SIGNED_CERT",
      httpStatus: null,
    });
  });

  it("refuses a server whose certificate has another name", async () => {
    const server = createTlsServer({ cert, key });
    const port = await listen(server, "127.0.0.2");
    const { ear } = dial(`wss://127.0.0.2:${port}/`, { network });
    expect(await ear.closing).toMatchObject({ code: 0, reason: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  /** A dial that got as far as a message: what the server gives for later comes before it. */
  async function dialAndHear(dialer: UpstreamDialer, server: Awaited<ReturnType<typeof library>>) {
    const connected = server.peer();
    const ear = new Dialed();
    dialer.dial(server.url, ear);
    const heard = new Promise<void>((resolve) => {
      ear.onMessage = () => resolve();
    });
    (await connected).send("hello");
    await heard;
  }

  it("resumes the session of an earlier dial, and makes a new one where the server forgot it", async () => {
    const server = await library(true);
    const dialer = dialerWith({ network });
    await dialAndHear(dialer, server);
    await dialAndHear(dialer, server);
    server.forgetSessions();
    await dialAndHear(dialer, server);
    await dialAndHear(dialer, server);
    expect(server.reused).toEqual([false, true, false, true]);
  });

  it("does without the session after a dial that failed", async () => {
    const server = await library(true);
    const dialer = dialerWith({ network });
    await dialAndHear(dialer, server);
    server.refuseNext();
    const ear = new Dialed();
    dialer.dial(server.url, ear);
    expect(await ear.closing).toMatchObject({ code: 0, reason: "ECONNRESET" });
    await dialAndHear(dialer, server);
    expect(server.reused).toEqual([false, false]);
  });
});
