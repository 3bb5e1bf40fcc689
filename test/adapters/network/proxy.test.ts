/** Every kind of outgoing connection takes the road through a real CONNECT proxy. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { guardedRequest } from "../../../src/adapters/http-client/guarded-request.js";
import { probe } from "../../../src/adapters/http-client/http-probe.js";
import { Network } from "../../../src/adapters/network/network.js";
import { createModelSocketDialer } from "../../../src/adapters/openai/model-socket.js";
import { createOpenAiCalls } from "../../../src/adapters/openai/sip-calls.js";
import { OpenAiTranscriptions } from "../../../src/adapters/openai/transcriptions.js";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import { TwilioRecordings } from "../../../src/adapters/twilio/recordings.js";
import { createTwilioRest } from "../../../src/adapters/twilio/rest.js";
import type { UpstreamClose } from "../../../src/ports/sockets.js";
import { sid } from "../../fakes/call-bench.js";
import { type Certificate, makeCertificate } from "../../fakes/certificate.js";
import { type ConnectProxy, startConnectProxy } from "../../fakes/connect-proxy.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { fakeResolver } from "../../fakes/fake-resolver.js";
import { makeWav } from "../../fakes/make-wav.js";

const NAMES = ["api.openai.com", "api.twilio.com", "crm.example.com", "res.openai.azure.com"];

let directory: string;
let certificate: Certificate;
let server: Server;
let sockets: WebSocketServer;
let seen: { line: string; headers: IncomingMessage["headers"] }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let hosts: Record<string, number>;
const proxies: ConnectProxy[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "murelay-proxy-"));
  certificate = makeCertificate(directory, NAMES);
  server = createHttpsServer(
    { cert: certificate.cert, key: certificate.key },
    (request, response) => {
      seen.push({ line: `${request.method} ${request.url}`, headers: request.headers });
      request.resume().on("end", () => answer(request, response));
    },
  );
  sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    seen.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peer.on("message", (data) => peer.send(String(data)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  hosts = Object.fromEntries(NAMES.map((name) => [`${name}:443`, port]));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  seen = [];
  answer = (_, response) => response.end("{}");
});
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

/** This machine knows no public name: only the proxy does. */
const blind = fakeResolver(async (host) => {
  if (host === "127.0.0.1") return [{ address: host, family: 4 }];
  throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
});

async function behind(
  options: Partial<Parameters<typeof startConnectProxy>[0]> = {},
  noProxy: string | null = null,
  credentials = "",
) {
  const proxy = await startConnectProxy({ hosts, ...options });
  proxies.push(proxy);
  const network = new Network({
    httpsProxy: proxy.url.replace("://", `://${credentials}`),
    noProxy,
    trustedCertificates: certificate.cert.toString(),
    resolver: blind,
  });
  return { proxy, network };
}

/** Dials the model, sends a text once it is open, and tells what came back or how it ended. */
function dial(network: Network, text = "hello", url = "wss://api.openai.com/v1/realtime?model=m") {
  const dialer = createModelSocketDialer({
    apiKey: "sk-key",
    clock: systemClock,
    log: new FakeLog(),
    handshakeTimeoutMs: 2_000,
    network,
  });
  return new Promise<string | UpstreamClose>((resolve) => {
    const socket = dialer.dial(url, {
      opened: () => socket.send(Buffer.from(text)),
      message: (message) => {
        resolve(Buffer.from(message).toString());
        socket.close(1000, "");
      },
      closed: resolve,
    });
  });
}

describe("the model's socket behind a proxy", () => {
  it("is tunnelled, TLS end to end, however large a message", async () => {
    const { proxy, network } = await behind();
    const large = "mu-law ".repeat(100_000);
    expect(await dial(network, large)).toBe(large);
    expect(await dial(network)).toBe("hello");
    expect(proxy.asked).toEqual(Array(2).fill("api.openai.com:443"));
    expect(seen[0]).toMatchObject({
      line: "GET /v1/realtime?model=m",
      headers: { host: "api.openai.com", authorization: "Bearer sk-key" },
    });
  });

  it("sends the proxy's credentials to the proxy alone", async () => {
    const { proxy, network } = await behind({}, null, "user:pass@");
    await dial(network);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from("user:pass").toString("base64")}`]);
    expect(seen[0]?.headers["proxy-authorization"]).toBeUndefined();
  });

  it("works with a proxy that itself speaks TLS", async () => {
    const { cert, key } = certificate;
    const { proxy, network } = await behind({ tls: { cert, key } });
    expect(await dial(network)).toBe("hello");
    expect(proxy.asked).toEqual(["api.openai.com:443"]);
  });

  it.each([
    [{ status: 407 }, "the proxy answered 407"],
    [{ hosts: {} }, "the proxy answered 502"],
    [{ garbage: "not http\r\n\r\n" }, "the proxy's answer is not HTTP"],
  ])("ends with the proxy's refusal: %j", async (options, reason) => {
    const { network } = await behind(options);
    expect(await dial(network)).toEqual({ code: 0, reason, httpStatus: null });
  });

  it("ends at the handshake's time-out when the proxy does not answer", async () => {
    const { network } = await behind({ status: 0 });
    expect(await dial(network)).toEqual({
      code: 0,
      reason: "handshake timed out",
      httpStatus: null,
    });
  });

  it("does not take the proxy for a host that NO_PROXY names", async () => {
    const { proxy, network } = await behind({}, "openai.com");
    expect(await dial(network)).toMatchObject({ code: 0, reason: "ENOTFOUND" });
    expect(proxy.asked).toEqual([]);
  });

  it("is tunnelled without TLS too: ws: to this machine", async () => {
    const plain = createServer();
    plain.on("upgrade", (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (peer) => {
        peer.on("message", (data) => peer.send(String(data)));
      });
    });
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    const { port } = plain.address() as AddressInfo;
    const { proxy, network } = await behind({ hosts: { [`127.0.0.1:${port}`]: port } });
    expect(await dial(network, "hello", `ws://127.0.0.1:${port}/`)).toBe("hello");
    expect(proxy.asked).toEqual([`127.0.0.1:${port}`]);
    plain.closeAllConnections();
    plain.close();
  });

  it("reaches Azure with its own header for the key", async () => {
    const { network } = await behind();
    const url = "wss://res.openai.azure.com/openai/v1/realtime?model=deployment";
    expect(await dial(network, "hello", url)).toBe("hello");
    expect(seen[0]?.headers["api-key"]).toBe("sk-key");
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });
});

describe("other connections behind a proxy", () => {
  it("Twilio's REST", async () => {
    const { proxy, network } = await behind();
    answer = (_, response) =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ sid: sid(1), status: "in-progress" }));
    const rest = createTwilioRest({
      accountSid: `AC${"1".repeat(32)}`,
      authToken: "token",
      apiKey: null,
      apiSecret: null,
      baseUrl: "https://api.twilio.com",
      network,
      nowMs: () => 0,
      observe: () => undefined,
    });
    expect(await rest.status(sid(1))).toBe("in-progress");
    expect(proxy.asked).toEqual(["api.twilio.com:443"]);
  });

  it("Twilio's recordings", async () => {
    const { proxy, network } = await behind();
    const audio = Buffer.alloc(300_000, 7);
    answer = (_, response) => response.writeHead(200).end(audio);
    const source = new TwilioRecordings({
      baseUrl: "https://api.twilio.com",
      accountSid: "AC1",
      user: "AC1",
      password: "token",
      directory,
      network,
    });
    const file = await source.download("RE1", "dual");
    const part = await source.read(file, 0, 1_000_000);
    expect(Buffer.from(part?.bytes ?? []).equals(audio)).toBe(true);
    answer = (_, response) => response.writeHead(204).end();
    await source.removeRemote("RE1");
    expect(proxy.asked).toEqual(Array(2).fill("api.twilio.com:443"));
  });

  it("calls and transcriptions at OpenAI, and Azure's key for both", async () => {
    const { proxy, network } = await behind();
    answer = (_, response) => response.end('{"text":"Hello."}');
    writeFileSync(
      join(directory, "RE2.wav"),
      makeWav(1, 800, () => 0),
    );
    for (const baseUrl of ["https://api.openai.com/v1", "https://res.openai.azure.com/openai/v1"]) {
      await createOpenAiCalls({ baseUrl, apiKey: "sk-key", network }).hangUp("rtc_1");
      await new OpenAiTranscriptions({ baseUrl, apiKey: "sk-key", directory, network }).transcribe(
        "RE2.wav",
        { model: "m", words: false, dual: false },
      );
    }
    expect(proxy.asked).toEqual([
      ...Array(2).fill("api.openai.com:443"),
      ...Array(2).fill("res.openai.azure.com:443"),
    ]);
    const keys = seen.map(
      ({ headers }) => headers.authorization ?? `api-key ${headers["api-key"]}`,
    );
    expect(keys).toEqual([...Array(2).fill("Bearer sk-key"), ...Array(2).fill("api-key sk-key")]);
  });

  it("tools that are asked without TLS", async () => {
    const plain = createServer((request, response) => {
      request.resume().on("end", () => response.end("plain"));
    });
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    const { port } = plain.address() as AddressInfo;
    const { proxy, network } = await behind({ hosts: { "crm.example.com:80": port } });
    const wanted = {
      method: "POST" as const,
      url: "http://crm.example.com/orders",
      headers: {},
      body: "{}",
      timeoutMs: 2_000,
      maxResponseBytes: 1_000,
      allowPrivateHosts: [],
    };
    expect(await guardedRequest(wanted, network)).toMatchObject({ status: 200, body: "plain" });
    expect(proxy.asked).toEqual(["crm.example.com:80"]);
    plain.closeAllConnections();
    plain.close();
  });

  it("tools and the CRM, whose names the proxy resolves", async () => {
    const { proxy, network } = await behind();
    const wanted = {
      method: "POST" as const,
      url: "https://crm.example.com/orders",
      headers: {},
      body: "{}",
      timeoutMs: 2_000,
      maxResponseBytes: 1_000,
      allowPrivateHosts: [],
    };
    expect(await guardedRequest(wanted, network)).toMatchObject({ status: 200, body: "{}" });
    expect(proxy.asked).toEqual(["crm.example.com:443"]);
    // A proxy is no way around the rule against private addresses.
    const inside = { ...wanted, url: "https://10.0.0.7/orders" };
    const address = fakeResolver(async (host) => [{ address: host, family: 4 }]);
    const strict = new Network({ httpsProxy: proxy.url, resolver: address });
    await expect(guardedRequest(inside, strict)).rejects.toMatchObject({ code: "tool_blocked" });
    expect(proxy.asked).toHaveLength(1);
  });

  it("the probes of `doctor`, which report a refusal of the proxy", async () => {
    const { network } = await behind();
    answer = (_, response) => response.end("fine");
    expect(await probe("https://api.openai.com/v1/models", {}, network)).toMatchObject({
      status: 200,
      body: "fine",
    });
    const refusing = await behind({ status: 403 });
    expect(await probe("https://api.openai.com/", {}, refusing.network)).toMatchObject({
      status: 0,
      body: "the proxy answered 403",
    });
  });
});
