import { createHash } from "node:crypto";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpServer } from "../../src/http/listener.js";
import type { OperatorRoute } from "../../src/http/operator-router.js";
import { json } from "../../src/http/reply.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { send, startOperator } from "./harness.js";

const TOKEN = "correct-horse";
const NO_DOC = { summary: "", answers: {} };
const JSON_TYPE = { "content-type": "application/json" };

describe("operator listener", () => {
  const servers: HttpServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function start(token: string | null = TOKEN, routes: readonly OperatorRoute[] = []) {
    const side = await startOperator({ token, routes: () => routes });
    servers.push(side.server);
    return side;
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
    const { port, calls } = await start();
    calls.state = state;
    const answer = await send(port, "GET", "/ready");
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual(state);
  });

  it("transfers a live call", async () => {
    const { port, calls } = await start();
    const body = JSON.stringify({ destination: "billing", reason: "supervisor" });
    const answer = await send(port, "POST", "/api/calls/CA1/transfer", bearer(TOKEN), body);
    expect(answer.status).toBe(202);
    expect(calls.transfers).toEqual([
      { callSid: "CA1", destination: "billing", reason: "supervisor" },
    ]);
  });

  it("ends a live call, without a body too", async () => {
    const { port, calls } = await start();
    expect((await send(port, "POST", "/api/calls/CA2/end", bearer(TOKEN))).status).toBe(202);
    expect(calls.ended).toEqual(["CA2"]);
  });

  it.each([
    ["not_found", 404],
    ["not_live", 409],
    ["destination_unknown", 422],
    ["invalid", 400],
  ] as const)("answers the refusal %s with %i", async (refusal, status) => {
    const { port, calls } = await start();
    calls.refusal = refusal;
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
    const { port, calls } = await start();
    const answer = await send(
      port,
      "POST",
      "/api/calls/CA1/transfer",
      { ...bearer(TOKEN), ...type },
      body,
    );
    expect(answer.status).toBe(status);
    expect(calls.transfers).toEqual([]);
  });

  it.each([
    ["no token", {}, "api/missing"],
    ["a wrong token", { authorization: "Bearer wrong" }, "api/invalid"],
    ["another scheme", { authorization: `Basic ${TOKEN}` }, "api/missing"],
  ])("answers 401 to %s", async (_name, headers, counted) => {
    const { port, calls, metrics } = await start();
    const answer = await send(port, "POST", "/api/calls/CA1/end", headers);
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(calls.ended).toEqual([]);
    expect(metrics.failures).toEqual([counted]);
  });

  it("keeps little of what peers send who have not signed in", async () => {
    const route: OperatorRoute = {
      method: "POST",
      path: "/in",
      access: "same_site",
      doc: NO_DOC,
      handle: () => ({ status: 204 }),
    };
    const { port } = await start(TOKEN, [route]);
    const post = async (chars: number) =>
      (await send(port, "POST", "/in", JSON_TYPE, JSON.stringify("x".repeat(chars)))).status;
    expect([await post(3_000), await post(5_000)]).toEqual([204, 413]);
    const head = "POST /in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\n";
    const waiting = Array.from({ length: 513 }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write(head);
      return socket;
    });
    await expect.poll(async () => await post(10)).toBe(503);
    for (const socket of waiting) socket.destroy();
    await expect.poll(async () => await post(10)).toBe(204);
  });

  it("without a token serves this machine only, and no page of another site", async () => {
    const { port, calls } = await start(null);
    const end = (headers: Record<string, string>) =>
      send(port, "POST", "/api/calls/CA1/end", headers);
    expect((await end({})).status).toBe(202);
    expect(
      (await end({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).status,
    ).toBe(202);
    expect((await end({ host: "rebound.example" })).status).toBe(403);
    expect((await end({ origin: "https://evil.example" })).status).toBe(403);
    expect((await end({ origin: "null" })).status).toBe(403);
    expect(calls.ended).toHaveLength(2);
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
        access: "viewer",
        doc: NO_DOC,
        handle: ({ params, query }) => json(200, { ...params, state: query.get("state") }),
      },
      {
        method: "GET",
        path: "/console/*",
        access: "public_files",
        doc: NO_DOC,
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
        access: "viewer",
        doc: NO_DOC,
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

  it("answers /metrics and /ready only under a name that it is known by", async () => {
    const local = await startOperator({ token: TOKEN });
    const open = await startOperator({ token: TOKEN, adminHost: "0.0.0.0" });
    servers.push(local.server, open.server);
    const ask = async (port: number, host: string, headers = {}) =>
      (await send(port, "GET", "/metrics", { host, ...headers })).status;
    expect(await ask(local.port, "rebound.example.com")).toBe(403);
    expect(await ask(local.port, `localhost:${local.port}`)).toBe(200);
    expect(await ask(open.port, "rebound.example.com")).toBe(403);
    expect(await ask(open.port, "relay-1:9464")).toBe(200);
    expect(await ask(open.port, "ops.example.com", bearer(TOKEN))).toBe(200);
  });

  it("slows wrong tokens, says where they come from, and lets the right one in meanwhile", async () => {
    const clock = new FakeClock();
    const side = await startOperator({ token: TOKEN, clock });
    servers.push(side.server);
    const guess = (token: string) => send(side.port, "GET", "/api/none", bearer(token));
    const end = (token: string) =>
      send(side.port, "POST", "/api/calls/CA1/end", bearer(token)).then(({ status }) => status);
    for (let i = 0; i < 5; i++) expect(await end("wrong")).toBe(401);
    const slowed = end("wrong");
    expect((await guess("any")).status).toBe(404);
    expect(await end(TOKEN)).toBe(202);
    clock.advance(1000);
    expect(await slowed).toBe(401);
    expect(side.log.lines[0]).toMatchObject({
      level: "warn",
      text: "http: operator request refused",
      fields: { address: "127.0.0.1", path: "/api/calls/CA1/end", reason: "invalid" },
    });
    expect(side.log.lines).toHaveLength(5);
  });

  it("stops comparing tokens of an address that has eight guesses open", async () => {
    const clock = new FakeClock();
    const side = await startOperator({ token: TOKEN, clock });
    servers.push(side.server);
    const end = () => send(side.port, "POST", "/api/calls/CA1/end", bearer("wrong"));
    for (let i = 0; i < 5; i++) await end();
    const slowed = Array.from({ length: 8 }, end);
    await expect.poll(() => side.metrics.failures.length).toBe(13);
    expect((await end()).status).toBe(429);
    clock.advance(1000);
    expect((await Promise.all(slowed)).map(({ status }) => status)).toEqual(Array(8).fill(401));
  });

  describe("with named operators", () => {
    const token = (role: string) => `the-token-of-a-${role}`;
    const operators = (["viewer", "supervisor", "admin"] as const).map((role) => ({
      name: `a-${role}`,
      role,
      tokenSha256: createHash("sha256").update(token(role)).digest("hex"),
    }));

    it.each([
      ["POST", "/api/calls/CA1/end", [403, 202, 202]],
      ["POST", "/api/calls/CA1/note", [403, 202, 202]],
      ["GET", "/api/audit", [403, 403, 200]],
      ["GET", "/api/seen", [200, 200, 200]],
    ] as const)("%s %s is answered by role", async (method, path, statuses) => {
      const routes = (): OperatorRoute[] => [
        {
          method: "GET",
          path: "/api/seen",
          access: "viewer",
          doc: NO_DOC,
          handle: ({ operator }) => json(200, operator),
        },
      ];
      const side = await startOperator({ operators, routes });
      servers.push(side.server);
      const body = path.endsWith("note") ? '{"text":"A vip."}' : "";
      const ask = async (role: string) => {
        const headers = { ...bearer(token(role)), "content-type": "application/json" };
        return (await send(side.port, method, path, headers, body)).status;
      };
      const got = [await ask("viewer"), await ask("supervisor"), await ask("admin")];
      expect(got).toEqual(statuses);
      expect(await ask("nobody")).toBe(401);
    });

    it("writes each act down with the operator's name and what became of it", async () => {
      const side = await startOperator({ token: TOKEN, operators });
      servers.push(side.server);
      const end = (as: string) => send(side.port, "POST", "/api/calls/CA1/end", bearer(as));
      await end(token("supervisor"));
      side.calls.refusal = "not_live";
      await end(TOKEN);
      const entries = await side.audit.find({}, null, 10);
      expect(
        entries.map(({ operator, action, callSid, status }) => [operator, action, callSid, status]),
      ).toEqual(
        expect.arrayContaining([
          ["a-supervisor", "end", "CA1", 202],
          ["admin", "end", "CA1", 409],
        ]),
      );
    });
  });
});
