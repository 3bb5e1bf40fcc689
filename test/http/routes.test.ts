/** Routes whose handlers are asked directly. */
import { describe, expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import { callRoutes } from "../../src/http/call-routes.js";
import { callSidOf } from "../../src/http/call-sid.js";
import { healthRoutes } from "../../src/http/health-routes.js";
import { nodeRoutes } from "../../src/http/nodes-route.js";
import type { OperatorRoute } from "../../src/http/operator-router.js";
import { outboundRoutes } from "../../src/http/outbound-route.js";
import type { OutboundOrder } from "../../src/relay/calls/outbound.js";
import { FakeCalls } from "./harness.js";

async function ask(
  route: OperatorRoute | undefined,
  params = {},
  body: unknown = null,
  query = "",
) {
  const reply = await route!.handle({
    head: { method: "GET", path: "/", query: "", address: "127.0.0.1", header: () => "" },
    operator: { name: "ada", role: "admin" },
    hasEnded: async () => false,
    params,
    query: new URLSearchParams(query),
    body,
  });
  return {
    status: reply.status,
    body: reply.body === undefined ? null : JSON.parse(String(reply.body)),
  };
}

describe("GET /ready", () => {
  it.each([
    [{ ready: true, reason: "ok" }, 200],
    [{ ready: false, reason: "upstream_account" }, 503],
  ])("answers %j with %i", async (state, status) => {
    const calls = new FakeCalls();
    calls.state = state;
    const [, ready] = healthRoutes({ calls, scrape: async () => ({ type: "", body: "" }) });
    expect(await ask(ready)).toEqual({ status, body: state });
  });
});

describe("GET /api/nodes", () => {
  it("lists the nodes, and says so when the database is away", async () => {
    const [route] = nodeRoutes({ nodes: async () => [{ node: "n1" }] });
    expect(await ask(route)).toEqual({ status: 200, body: { nodes: [{ node: "n1" }] } });
    const asked: boolean[] = [];
    const [all] = nodeRoutes({
      nodes: async (withSilent) => {
        asked.push(withSilent);
        return [];
      },
    });
    const statuses = [];
    for (const query of ["", "silent=true", "silent=x"])
      statuses.push((await ask(all, {}, null, query)).status);
    expect(statuses).toEqual([200, 200, 400]);
    expect(asked).toEqual([false, true]);
    const [away] = nodeRoutes({
      nodes: () => Promise.reject(new RelayError("store_unavailable", "away")),
    });
    expect(await ask(away)).toEqual({ status: 503, body: { error: "store_unavailable" } });
  });
});

describe("the ids of calls", () => {
  it.each([
    [`CA${"1".repeat(32)}`, true],
    ["rtc_u1_9c6574da8b8a41a18da9308f4ad974ce", true],
    ["CA", false],
    ["XX1", false],
    ["CA1/../x", false],
    [undefined, false],
  ])("%s is one: %s", (text, isOne) => {
    expect(callSidOf(text) !== null).toBe(isOne);
  });
});

describe("a supervisor's transfer", () => {
  it.each([
    ["not_found", 404],
    ["not_live", 409],
    ["destination_unknown", 422],
    ["invalid", 400],
  ] as const)("that is refused as %s is answered %i", async (refusal, status) => {
    const calls = new FakeCalls();
    calls.refusal = refusal;
    const [transfer] = callRoutes(calls);
    expect(await ask(transfer, { callSid: "CA1" }, { destination: "desk" })).toEqual({
      status,
      body: { error: refusal },
    });
  });
});

describe("POST /api/calls", () => {
  const order = { to: "+12025550100", agent: "support" };
  const place = (result: () => Promise<unknown>) => {
    const orders: OutboundOrder[] = [];
    const [route] = outboundRoutes({
      place: async (one) => {
        orders.push(one);
        return (await result()) as never;
      },
    });
    return { route, orders };
  };

  it("places what it is asked for", async () => {
    const { route, orders } = place(async () => ({ callSid: "CA1" }));
    expect(await ask(route, {}, { ...order, context: { a: 1 } })).toEqual({
      status: 202,
      body: { callSid: "CA1" },
    });
    expect(orders).toEqual([{ ...order, from: null, context: { a: 1 } }]);
  });

  it.each([
    [null, "not a JSON object"],
    [{ agent: "support" }, "to is missing"],
    [{ to: "12", agent: "support" }, "to "],
    [{ ...order, from: 7 }, "from "],
    [{ to: order.to }, "agent is missing"],
    [{ ...order, context: [] }, "context"],
    [{ ...order, context: { text: "x".repeat(16_001) } }, "context is longer"],
    [{ ...order, too: 1 }, "too is not a field"],
  ])("refuses %j and says why", async (body, message) => {
    const { route, orders } = place(async () => ({ callSid: "CA1" }));
    const answer = await ask(route, {}, body);
    expect([answer.status, answer.body.error]).toEqual([400, "invalid"]);
    expect(answer.body.message).toContain(message);
    expect(orders).toEqual([]);
  });

  it.each([
    ["agent_unknown", 422],
    ["from_missing", 422],
    ["full", 503],
    ["draining", 503],
  ])("answers the refusal %s with %i", async (refusal, status) => {
    const { route } = place(async () => ({ refusal }));
    expect(await ask(route, {}, order)).toMatchObject({ status, body: { error: refusal } });
  });

  it.each([
    ["twilio_rejected", 422],
    ["twilio_busy", 503],
    ["store_unavailable", 503],
    ["twilio_timeout", 504],
    ["twilio_unavailable", 504],
    ["twilio_unauthorized", 502],
  ] as const)("answers %s of Twilio's with %i", async (code, status) => {
    const { route } = place(() => Promise.reject(new RelayError(code, "calls.create: HTTP 4xx")));
    expect(await ask(route, {}, order)).toMatchObject({ status, body: { error: code } });
  });
});
