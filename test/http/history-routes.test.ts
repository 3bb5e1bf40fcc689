/** Reviews, counts and files of the operator API, over calls in memory and by role. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import { NO_REVIEW } from "../../src/domain/call-review.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { OperatorRole } from "../../src/domain/operator.js";
import { EXPORT_FORMATS, exportCalls } from "../../src/http/call-export.js";
import { type HistoryRouteParts, historyRoutes } from "../../src/http/history-routes.js";
import type { HttpServer } from "../../src/http/listener.js";
import { readMany, reviewRoutes } from "../../src/http/review-routes.js";
import { searchRoutes } from "../../src/http/search-routes.js";
import type { AuditLog } from "../../src/records/audit-log.js";
import { memoryCalls } from "../../src/records/memory-calls.js";
import { BEGAN_MS, ended, testSid, transferRequested } from "../fakes/record-events.js";
import { call, SEARCHED_CALLS } from "../fakes/searched-calls.js";
import { send, startOperator } from "./harness.js";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const OPERATORS = (["viewer", "supervisor", "admin"] as const).map((role) => ({
  name: `a-${role}`,
  role,
  tokenSha256: sha256(`token-of-${role}`),
}));
const NOW_MS = BEGAN_MS + 60_000;

describe("the routes of stored calls", () => {
  let server: HttpServer;
  let port: number;
  let audit: AuditLog;
  let records: Map<CallSid, CallRecord>;

  beforeEach(async () => {
    records = new Map(SEARCHED_CALLS.map((record) => [record.callSid, record]));
    let ids = 0;
    const parts: HistoryRouteParts = {
      store: memoryCalls({
        record: (callSid) => records.get(callSid) ?? null,
        records: () => [...records.values()],
      }),
      live: () => null,
      remove: async () => false,
      epochMs: () => NOW_MS,
      newId: () => String(ids++),
    };
    const side = await startOperator({ operators: OPERATORS, routes: () => historyRoutes(parts) });
    ({ server, port, audit } = side);
  });
  afterEach(() => server.close());

  async function ask(role: OperatorRole, path: string, body?: unknown) {
    const headers = {
      authorization: `Bearer token-of-${role}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const method = body === undefined ? "GET" : "POST";
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await send(port, method, path, headers, text);
    const isJson = String(answer.headers["content-type"]).startsWith("application/json");
    return { ...answer, json: isJson ? JSON.parse(answer.body) : null };
  }
  const one = (n: number, act: string) => `/api/calls/${testSid(n)}/${act}`;

  it("let a supervisor rate, tag, note and review a call, each act audited", async () => {
    expect((await ask("viewer", one(1, "review"))).json).toEqual(NO_REVIEW);
    await ask("supervisor", one(1, "rating"), { rating: 2 });
    await ask("supervisor", one(1, "tags"), { add: ["late", "vip"] });
    await ask("supervisor", one(1, "tags"), { remove: ["vip"] });
    await ask("supervisor", one(1, "review-notes"), { text: " Call +15550001111 back. " });
    const last = await ask("supervisor", one(1, "reviewed"), { reviewed: true });
    const at = new Date(NOW_MS).toISOString();
    const review = {
      rating: 2,
      ratedBy: "a-supervisor",
      tags: ["late"],
      notes: [{ at, operator: "a-supervisor", text: "Call +15550001111 back." }],
      flags: [],
      reviewedAt: at,
      reviewedBy: "a-supervisor",
    };
    expect([last.status, last.json]).toEqual([200, review]);
    const acts = await audit.find({ callSid: testSid(1) }, null, 9);
    expect(acts.map(({ action, status }) => `${action} ${status}`).reverse()).toEqual([
      "rate_call 200",
      "tag_call 200",
      "tag_call 200",
      "review_note 200",
      "review_call 200",
    ]);
    const many = await ask("viewer", `/api/reviews?calls=${testSid(1)},${testSid(3)}`);
    expect(many.json).toEqual({
      reviews: {
        [testSid(1)]: {
          ...review,
          notes: [{ ...review.notes[0], text: "Call +1••••••••11 back." }],
        },
      },
    });
  });

  it("let a viewer change nothing", async () => {
    for (const [act, body] of [
      ["rating", { rating: 1 }],
      ["tags", { add: ["x"] }],
      ["review-notes", { text: "x" }],
      ["reviewed", { reviewed: true }],
    ] as const)
      expect((await ask("viewer", one(1, act), body)).status).toBe(403);
    expect((await ask("supervisor", one(1, "review"))).json).toEqual(NO_REVIEW);
  });

  it.each([
    ["rating", { rating: 6 }],
    ["rating", {}],
    ["tags", { add: ["Two Words"] }],
    ["tags", { add: "x" }],
    ["tags", {}],
    ["review-notes", { text: " " }],
    ["review-notes", { text: "x".repeat(4_001) }],
    ["reviewed", { reviewed: "yes" }],
  ])("refuse %s with %j, and say what is wanted", async (act, body) => {
    const answer = await ask("supervisor", one(1, act), body);
    expect([answer.status, answer.json.error]).toEqual([400, "invalid"]);
    expect(answer.json.message.length).toBeGreaterThan(20);
  });

  it("know no call that is not stored, and no list that is too long", async () => {
    expect((await ask("admin", one(99, "rating"), { rating: 1 })).status).toBe(404);
    expect((await ask("admin", one(99, "review"))).status).toBe(404);
    expect((await ask("admin", "/api/calls/x/review")).status).toBe(404);
    const many = Array.from({ length: 101 }, (_, n) => testSid(n)).join(",");
    expect((await ask("admin", `/api/reviews?calls=${many}`)).status).toBe(400);
    expect((await ask("admin", "/api/reviews?calls=x")).status).toBe(400);
  });

  it("take no more tags than a call may have", async () => {
    const add = Array.from({ length: 20 }, (_, n) => `tag-${n}`);
    await ask("admin", one(1, "tags"), { add });
    expect((await ask("admin", one(1, "tags"), { add: ["one-more"] })).status).toBe(409);
  });

  it("take no more notes of a call than 64 KiB in all, counted in bytes", async () => {
    const add = async (text: string) => await ask("supervisor", one(1, "review-notes"), { text });
    for (let n = 0; n < 5; n++) expect((await add("東".repeat(4_000))).status).toBe(200);
    const full = await add("東".repeat(2_000));
    expect([full.status, full.json.error]).toEqual([409, "full"]);
    expect(full.json.message).toContain("65536 bytes");
    expect((await add("x".repeat(4_000))).status).toBe(200);
    expect((await ask("supervisor", one(2, "review-notes"), { text: "x" })).status).toBe(200);
  });

  it("write long reviews in slices, whatever the answer", async () => {
    const notes = Array.from({ length: 16 }, () => ({
      at: new Date(NOW_MS).toISOString(),
      operator: "ada",
      text: `${"x".repeat(3_900)} +15550001111`,
    }));
    const sids = Array.from({ length: 100 }, (_, n) => testSid(n));
    const asked: number[] = [];
    const reviews = {
      changeReview: async () => "changed" as const,
      reviewsOf: async (callSids: readonly CallSid[]) => {
        asked.push(callSids.length);
        return new Map(callSids.map((callSid) => [callSid, { ...NO_REVIEW, notes }]));
      },
    };
    const store = memoryCalls({
      record: (callSid) => records.get(callSid) ?? null,
      records: () => [...records.values()],
    });
    const parts = { reviews, store, live: () => null, epochMs: () => NOW_MS, newId: () => "" };
    const replies = await Promise.all([
      readMany(parts, OPERATORS[0]!, new URLSearchParams({ calls: sids.join(",") })),
      ...EXPORT_FORMATS.map((format) => exportCalls(parts, {}, format, OPERATORS[0]!)),
    ]);
    for (const reply of replies) {
      const chunks: string[] = [];
      for await (const chunk of reply.chunks ?? []) chunks.push(Buffer.from(chunk).toString());
      expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(200_000);
      expect(chunks.join("")).not.toContain("+15550001111");
    }
    expect(Math.max(...asked)).toBeLessThanOrEqual(20);
    const first = await readMany(parts, OPERATORS[0]!, new URLSearchParams({ calls: "" }));
    let text = "";
    for await (const chunk of first.chunks ?? []) text += Buffer.from(chunk).toString();
    expect(text).toBe('{"reviews":{}}');
  });

  it("count what a search finds by every filter", async () => {
    await ask("admin", one(1, "tags"), { add: ["late"] });
    const { json } = await ask("viewer", "/api/calls/counts?outcome=failed");
    expect(json.total).toBe(1);
    expect(json.counts.outcome).toEqual([
      { value: "completed", calls: 4 },
      { value: "failed", calls: 1 },
    ]);
    expect(json.counts.agent).toEqual([{ value: "support", calls: 1 }]);
    expect(json.counts.tag).toEqual([]);
    expect((await ask("viewer", "/api/calls/counts")).json.counts.tag).toEqual([
      { value: "late", calls: 1 },
    ]);
    expect((await ask("viewer", "/api/calls/counts?rating=7")).status).toBe(400);
    expect((await ask("viewer", "/api/calls/counts?q=5550001")).status).toBe(403);
  });

  it.each([
    ["q=5550001", 403],
    ["q=55 50 00", 403],
    ["q=(5)-5.5", 403],
    ["q=５５５", 403],
    ['q="5́5́5"', 403],
    ["q=order 555", 403],
    ["from=+15550001001", 403],
    ["destination=%2B15550002222", 403],
    ["destination=+15550002222", 403],
    ["q=CA555000", 200],
    ["q=CA555000 1", 403],
    ["q=55", 200],
    ["q=order 55 50", 200],
    ["destination=billing", 200],
    ["destination=desk-100", 200],
  ])("let a viewer not find out numbers by searching: %s is answered %i", async (query, status) => {
    for (const path of ["/api/calls", "/api/calls/counts", "/api/calls/export"]) {
      const asked = `${path}?${encodeURI(query).replaceAll("%25", "%")}`;
      expect((await ask("viewer", asked)).status).toBe(status);
      expect((await ask("supervisor", asked)).status).toBe(200);
    }
  });

  it("count by masked values for who may not see numbers", async () => {
    const record = call(5, [transferRequested(1, "+15550002222"), ended(30_000)]);
    records.set(record.callSid, record);
    const values = async (role: OperatorRole) =>
      (await ask(role, "/api/calls/counts")).json.counts.destination;
    expect(await values("viewer")).toEqual([{ value: "+1••••••••22", calls: 1 }]);
    expect(await values("supervisor")).toEqual([{ value: "+15550002222", calls: 1 }]);
  });

  it("sum the last hour by node", async () => {
    const { json } = await ask("viewer", "/api/nodes/sums");
    expect(json).toEqual({
      since: new Date(NOW_MS - 3_600_000).toISOString(),
      nodes: [{ node: "n1", calls: 5, failed: 1, costUsd: 0.25000015, latencyMs: 1_700 }],
    });
    expect((await ask("viewer", "/api/nodes/sums?since=x")).status).toBe(400);
  });

  it.each(EXPORT_FORMATS)("write everything that a search finds as %s", async (format) => {
    await ask("admin", one(1, "review-notes"), { text: "Ask +15550001111, please" });
    const answer = await ask("admin", `/api/calls/export?format=${format}`);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-disposition"]).toBe(`attachment; filename="calls.${format}"`);
    const sids = answer.body.match(/CA0+\d(?=["',])/g);
    expect(sids).toEqual([5, 4, 3, 2, 1].map(testSid));
    expect(answer.body).toContain("+15550001111");
    const masked = await ask("viewer", `/api/calls/export?format=${format}`);
    expect(masked.body).not.toMatch(/\+1555\d+/);
    expect(masked.body.split("\n").length).toBe(answer.body.split("\n").length);
    const none = await ask("admin", `/api/calls/export?format=${format}&tag=none`);
    expect(none.body.match(/CA0+\d/g)).toBeNull();
    const acts = await audit.find({ action: "export_calls" }, null, 9);
    expect(acts).toHaveLength(3);
  });

  it("write valid JSON, with a review for each call, and one JSON value on each line of JSONL", async () => {
    const whole = (await ask("admin", "/api/calls/export?format=json")).json;
    expect(whole.calls).toHaveLength(5);
    expect(whole.calls[0].review).toEqual(NO_REVIEW);
    expect((await ask("admin", "/api/calls/export?format=json&tag=none")).json).toEqual({
      calls: [],
    });
    const { body } = await ask("admin", "/api/calls/export?format=jsonl&outcome=completed");
    const cases = body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(cases.map(({ outcome }) => outcome)).toEqual(Array(4).fill("completed"));
    expect(cases[3].messages[0]).toMatchObject({
      role: "user",
      content: "Where is my order? It's late.",
    });
    expect((await ask("admin", "/api/calls/export?format=xml")).status).toBe(400);
    expect((await ask("viewer", "/api/calls/export?from=%2B15550001001")).status).toBe(403);
  });

  it("are what their modules make", () => {
    expect([searchRoutes, reviewRoutes].every((make) => typeof make === "function")).toBe(true);
  });
});
