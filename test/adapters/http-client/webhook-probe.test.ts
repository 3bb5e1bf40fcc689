import type { IncomingHttpHeaders } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { probeWebhook } from "../../../src/adapters/http-client/webhook-probe.js";
import { deliveryFault, verifyDelivery } from "../../../src/adapters/openai/webhook.js";
import { type Peer, peer } from "../../fakes/media-peers.js";

const SECRET = `whsec_${Buffer.from("a secret of the test").toString("base64")}`;
const NOW_MS = Date.UTC(2026, 10, 21, 8);
let server: Peer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

/** What a relay with this secret receives. */
async function delivered(): Promise<{
  headers: IncomingHttpHeaders;
  body: string;
  status: number;
}> {
  let headers: IncomingHttpHeaders = {};
  let body = "";
  server = await peer((request, response) => {
    headers = request.headers;
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => response.writeHead(204).end());
  });
  const { status } = await probeWebhook(server.url, SECRET, NOW_MS);
  return { headers, body, status };
}

describe("probeWebhook", () => {
  it("is accepted by the check that real deliveries pass, and only with the same secret", async () => {
    const { headers, body, status } = await delivered();
    const header = (name: string) => String(headers[name] ?? "");
    expect(status).toBe(204);
    expect(deliveryFault(header, NOW_MS + 5_000)).toBeNull();
    const bytes = new TextEncoder().encode(body);
    expect(verifyDelivery(SECRET, bytes, header).id).toMatch(/^check_/);
    expect(() => verifyDelivery("whsec_b3RoZXI=", bytes, header)).toThrow("no signature fits");
  });

  it("is of a type that a relay ignores, with an id of its own each time", async () => {
    const first = JSON.parse((await delivered()).body);
    await server?.close();
    const second = JSON.parse((await delivered()).body);
    expect(first).toMatchObject({ object: "event", type: "murelay.check", data: {} });
    expect(first.created_at).toBe(NOW_MS / 1000);
    expect(first.id).not.toBe(second.id);
  });
});
