import { afterEach, describe, expect, it } from "vitest";
import type { OperatorRoute } from "../../src/http/ops-route.js";
import { json } from "../../src/http/reply.js";
import { createOperatorServer, type HttpServer } from "../../src/http/server.js";
import { AuthCounter, FakeDesk, FakeLog, send } from "./harness.js";

const TOKEN = "correct-horse";
const JSON_TYPE = { "content-type": "application/json" };

describe("operator listener", () => {
  const servers: HttpServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function start(adminToken: string | null = TOKEN, routes: readonly OperatorRoute[] = []) {
    const desk = new FakeDesk();
    const metrics = new AuthCounter();
    const log = new FakeLog();
    const server = createOperatorServer({
      config: { adminHost: "127.0.0.1", adminToken },
      desk,
      scrape: async () => ({ type: "text/plain; version=0.0.4", body: "up 1\n" }),
      metrics,
      log,
      routes,
    });
    servers.push(server);
    const port = await server.listen("127.0.0.1", 0);
    return { desk, metrics, log, port };
  }
  const bearer = (token: string) => ({ ...JSON_TYPE, authorization: `Bearer ${token}` });

  it("is scraped without a token", async () => {
    const { port } = await start();
    const answer = await send(port, "GET", "/metrics");
    expect(answer).toMatchObject({ status: 200, body: "up 1\n" });
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4");
  });

  it.each([
    [{ ready: true, reason: "ok" }, 200],
    [{ ready: false, reason: "draining" }, 503],
  ])("tells readiness %o with %i", async (state, status) => {
    const { port, desk } = await start();
    desk.state = state;
    const answer = await send(port, "GET", "/ready");
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual(state);
  });

  it("transfers a live call", async () => {
    const { port, desk } = await start();
    const body = JSON.stringify({ destination: "billing", reason: "supervisor" });
    const answer = await send(port, "POST", "/api/calls/CA1/transfer", bearer(TOKEN), body);
    expect(answer.status).toBe(202);
    expect(desk.transfers).toEqual([
      { callSid: "CA1", destination: "billing", reason: "supervisor" },
    ]);
  });

  it("ends a live call, without a body too", async () => {
    const { port, desk } = await start();
    expect((await send(port, "POST", "/api/calls/CA2/end", bearer(TOKEN))).status).toBe(202);
    expect(desk.ended).toEqual(["CA2"]);
  });

  it.each([
    ["not_found", 404],
    ["not_live", 409],
    ["destination_unknown", 422],
    ["invalid", 400],
  ] as const)("answers the refusal %s with %i", async (refusal, status) => {
    const { port, desk } = await start();
    desk.refusal = refusal;
    const body = '{"destination":"x"}';
    const answer = await send(port, "POST", "/api/calls/CA1/transfer", bearer(TOKEN), body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ error: refusal });
  });

  it.each([
    ["no destination", JSON_TYPE, "{}", 400],
    ["bad JSON", JSON_TYPE, "{", 400],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "destination=x", 415],
    ["a large body", JSON_TYPE, `{"destination":"${"x".repeat(70_000)}"}`, 413],
  ])("refuses a transfer with %s", async (_name, type, body, status) => {
    const { port, desk } = await start();
    const answer = await send(
      port,
      "POST",
      "/api/calls/CA1/transfer",
      { ...bearer(TOKEN), ...type },
      body,
    );
    expect(answer.status).toBe(status);
    expect(desk.transfers).toEqual([]);
  });

  it.each([
    ["no token", {}, "api/missing"],
    ["a wrong token", { authorization: "Bearer wrong" }, "api/invalid"],
    ["another scheme", { authorization: `Basic ${TOKEN}` }, "api/missing"],
  ])("answers 401 to %s", async (_name, headers, counted) => {
    const { port, desk, metrics } = await start();
    const answer = await send(port, "POST", "/api/calls/CA1/end", headers);
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(desk.ended).toEqual([]);
    expect(metrics.failures).toEqual([counted]);
  });

  it("without a token serves this machine only, and no page of another site", async () => {
    const { port, desk } = await start(null);
    const end = (headers: Record<string, string>) =>
      send(port, "POST", "/api/calls/CA1/end", headers);
    expect((await end({})).status).toBe(202);
    expect(
      (await end({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).status,
    ).toBe(202);
    expect((await end({ host: "rebound.example" })).status).toBe(403);
    expect((await end({ origin: "https://evil.example" })).status).toBe(403);
    expect((await end({ origin: "null" })).status).toBe(403);
    expect(desk.ended).toHaveLength(2);
  });

  it.each([
    ["GET", "/api/calls/CA1/end", 405],
    ["POST", "/metrics", 405],
    ["GET", "/incoming-call", 404],
    ["POST", "/api/calls/CA1/other", 404],
    ["POST", "/api/calls//end", 404],
    ["POST", "/api/calls/%ff/end", 404],
    ["POST", "/api/calls/XX1/end", 404],
  ])("answers %s %s with %i", async (method, path, status) => {
    const { port } = await start();
    expect((await send(port, method, path, bearer(TOKEN))).status).toBe(status);
  });

  it("serves further routes, with parameters, query and the rest of a path", async () => {
    const { port } = await start(null, [
      {
        method: "GET",
        path: "/api/calls/:callSid",
        guarded: true,
        handle: ({ params, query }) => json(200, { ...params, state: query.get("state") }),
      },
      {
        method: "GET",
        path: "/console/*",
        guarded: false,
        handle: ({ params }) => json(200, params),
      },
    ]);
    expect(JSON.parse((await send(port, "GET", "/api/calls/CA%31?state=live")).body)).toEqual({
      callSid: "CA1",
      state: "live",
    });
    expect(JSON.parse((await send(port, "GET", "/console/a/b.js")).body)).toEqual({
      rest: "a/b.js",
    });
    expect((await send(port, "DELETE", "/api/calls/CA1")).status).toBe(405);
  });

  it("answers 500 when a route throws, and logs why", async () => {
    const { port, log } = await start(null, [
      {
        method: "GET",
        path: "/api/bug",
        guarded: true,
        handle: () => {
          throw new Error("bug");
        },
      },
    ]);
    expect(await send(port, "GET", "/api/bug")).toMatchObject({
      status: 500,
      body: '{"error":"internal"}',
    });
    expect(log.lines).toMatchObject([{ level: "error", error: new Error("bug") }]);
  });
});
