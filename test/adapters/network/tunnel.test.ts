import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ProxyError, tunnel } from "../../../src/adapters/network/tunnel.js";
import { loopbackResolver } from "../../fakes/fake-resolver.js";

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

/** A proxy that answers each CONNECT with these bytes, piece by piece. */
async function proxyThat(answer: (socket: Socket, request: string) => void) {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    let request = "";
    socket.on("data", (chunk) => {
      if (request.endsWith("\r\n\r\n")) return;
      request += String(chunk);
      if (request.endsWith("\r\n\r\n")) answer(socket, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { host: "proxy.example", port, secure: false, authorization: "Basic abc" };
}

const options = { lookup: loopbackResolver.lookup };
const never = new AbortController().signal;

describe("a tunnel", () => {
  it("asks for the target with the proxy's credentials", async () => {
    const asked: string[] = [];
    const proxy = await proxyThat((socket, request) => {
      asked.push(request);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
    });
    await tunnel(proxy, { host: "fd00::1", port: 443 }, options, never);
    expect(asked).toEqual([
      "CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: [fd00::1]:443\r\nProxy-Authorization: Basic abc\r\n\r\n",
    ]);
  });

  it("loses nothing that comes with the proxy's answer, and carries bytes both ways", async () => {
    const proxy = await proxyThat((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nVia: x\r\n\r\nfirst ");
      setImmediate(() => socket.write("second"));
    });
    const socket = await tunnel(proxy, { host: "a.example", port: 1 }, options, never);
    let got = "";
    socket.on("data", (chunk) => {
      got += String(chunk);
    });
    socket.resume();
    await expect.poll(() => got).toBe("first second");
    socket.destroy();
  });

  it.each([
    ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answered 407"],
    ["SSH-2.0-x\r\n\r\n", "the proxy's answer is not HTTP"],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`, "the proxy's answer is too long"],
  ])("fails when the proxy answers %j", async (answer, message) => {
    const proxy = await proxyThat((socket) => socket.write(answer));
    const failed = tunnel(proxy, { host: "a.example", port: 1 }, options, never);
    await expect(failed).rejects.toBeInstanceOf(ProxyError);
    await expect(failed).rejects.toThrow(message);
  });

  it("fails when the proxy hangs up", async () => {
    const proxy = await proxyThat((socket) => socket.end());
    await expect(tunnel(proxy, { host: "a.example", port: 1 }, options, never)).rejects.toThrow(
      "the proxy closed the connection",
    );
  });

  it("is given up by its signal, with the signal's reason", async () => {
    const asked = new Promise<void>((resolve) => {
      void proxyThat(() => resolve()).then((proxy) => {
        const control = new AbortController();
        const failed = tunnel(proxy, { host: "a.example", port: 1 }, options, control.signal);
        failed.catch(() => undefined);
        asked.then(() => control.abort(new Error("enough")));
        outcome = failed;
      });
    });
    let outcome: Promise<Socket> | null = null;
    await asked;
    await expect(outcome).rejects.toThrow("enough");
  });
});
