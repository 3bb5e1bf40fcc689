import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Network } from "../../../src/adapters/network/network.js";
import { twilioSignatureValid } from "../../../src/adapters/twilio/rest.js";
import { signedPost, signedUpgrade } from "../../../src/adapters/twilio/signed-probe.js";

describe("a signed probe", () => {
  let server: Server;
  let seen: { headers: IncomingHttpHeaders; body: string }[];
  let base: string;
  beforeEach(async () => {
    seen = [];
    server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      seen.push({ headers: request.headers, body });
      response.writeHead(request.url === "/media" ? 403 : 204).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    base = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const signature = () => String(seen[0]?.headers["x-twilio-signature"]);

  it("posts a form that the relay's own check accepts", async () => {
    const url = `http://${base}/call-status`;
    expect(await signedPost(url, "token", { B: "2", A: "1 é" }, new Network())).toMatchObject({
      status: 204,
    });
    const form = Object.fromEntries(new URLSearchParams(seen[0]!.body));
    expect(twilioSignatureValid(["token"], signature(), url, form)).toBe(true);
    expect(twilioSignatureValid(["other"], signature(), url, form)).toBe(false);
  });

  it("opens a WebSocket with a signature over the wss URL, or says how it was refused", async () => {
    expect(await signedUpgrade(`ws://${base}/media`, "token", new Network())).toEqual({
      status: 403,
      reason: "",
    });
    expect(twilioSignatureValid(["token"], signature(), `ws://${base}/media`, {})).toBe(true);
    server.on("upgrade", (_request, socket) =>
      socket.end(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
      ),
    );
    expect(await signedUpgrade(`ws://${base}/media`, "token", new Network())).toEqual({
      status: 101,
      reason: "",
    });
    expect(await signedUpgrade("ws://127.0.0.1:1/", "token", new Network())).toEqual({
      status: 0,
      reason: "ECONNREFUSED",
    });
  });
});
