import { afterEach, describe, expect, it } from "vitest";
import type { HttpServer } from "../../src/http/listener.js";
import { json } from "../../src/http/reply.js";
import { post, send, sign, startOperator, startPublic } from "./harness.js";

const servers: HttpServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(settings: Parameters<typeof startPublic>[0] = {}) {
  const side = await startPublic(settings);
  servers.push(side.server);
  return side;
}

describe("the public listener", () => {
  it.each([
    ["GET", "/health", 200],
    ["HEAD", "/health", 200],
    ["POST", "/health", 405],
    ["GET", "/incoming-call", 405],
    ["PUT", "/connect-ended", 405],
    ["GET", "/nothing", 404],
    ["POST", "/", 404],
    ["POST", "/openai/webhook", 404],
    ["POST", "/sip/incoming-call", 404],
  ])("answers %s %s with %i while the SIP path is off", async (method, path, status) => {
    const { port } = await listen();
    expect((await send(port, method, path)).status).toBe(status);
  });

  it.each(["/", "/openai/webhook"])("takes OpenAI's webhook at %s where it is on", async (path) => {
    const { port } = await listen({ webhookSecret: "whsec_c2VjcmV0" });
    expect((await send(port, "POST", path, {}, "{}")).status).toBe(400);
  });

  it("works behind a proxy that keeps PUBLIC_URL's path, and behind one that removes it", async () => {
    const side = await listen({ publicUrl: "https://relay.example.com/voice" });
    const form = { CallSid: "CA1" };
    const signature = sign("https://relay.example.com/voice/incoming-call", form);
    for (const path of ["/voice/incoming-call", "/incoming-call"])
      expect((await post(side, path, form, signature)).status).toBe(200);
    expect((await post(side, "/other/incoming-call", form, signature)).status).toBe(404);
  });

  it("measures each request by its route, and all unknown paths as one", async () => {
    const { port, metrics } = await listen();
    for (const path of ["/health", "/a", "/b"]) await send(port, "GET", path);
    expect(metrics.requests).toEqual(["/health 200", "other 404", "other 404"]);
  });

  it("logs a webhook that comes with the wrong method, with the fix", async () => {
    const { port, log } = await listen();
    await send(port, "GET", "/incoming-call");
    expect(log.lines).toMatchObject([
      { fields: { method: "GET", fix: expect.stringContaining("number set") } },
    ]);
  });
});

describe("the operator listener", () => {
  it("has the routes that it is given beside its own, and describes all of them", async () => {
    const route = {
      method: "GET",
      path: "/api/more",
      access: "viewer",
      doc: { summary: "More", answers: {} },
      handle: () => json(200, { more: true }),
    } as const;
    const { port, server } = await startOperator({ routes: () => [route] });
    servers.push(server);
    expect((await send(port, "GET", "/api/more")).body).toContain("true");
    const { paths } = JSON.parse((await send(port, "GET", "/openapi.json")).body);
    for (const path of ["/metrics", "/ready", "/api/calls/{callSid}/end", "/api/more"])
      expect(Object.keys(paths)).toContain(path);
  });

  it("answers 404 to what it does not know, and 405 to another method", async () => {
    const { port, server } = await startOperator();
    servers.push(server);
    expect((await send(port, "GET", "/nothing")).status).toBe(404);
    expect((await send(port, "DELETE", "/metrics")).status).toBe(405);
  });
});
