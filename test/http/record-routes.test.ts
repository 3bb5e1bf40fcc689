import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../src/adapters/store/open-store.js";
import type { CallRecord } from "../../src/domain/call-record.js";
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import { recordRoutes } from "../../src/http/record-routes.js";
import type { RecordsWanted } from "../../src/ports/store.js";
import { applyEvent, emptyRecord } from "../../src/records/record.js";
import { send, startOperator } from "./harness.js";

const EPOCH = Date.parse("2026-11-21T08:00:00.000Z");
const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;

function call(n: number, from: string, ended = true): CallRecord {
  const record = applyEvent(emptyRecord(sid(n)), {
    type: "opened",
    epochMs: EPOCH + n * 60_000,
    agent: "support",
    direction: "inbound",
    from,
    to: "+15550002222",
    path: "media-stream",
    node: "n1",
  });
  if (!ended) return record;
  return applyEvent(record, {
    type: "ended",
    atMs: 30_000,
    outcome: "completed",
    reason: "caller_hung_up",
  });
}

describe("recordRoutes", () => {
  let store: OpenStore;
  let live: Map<CallSid, CallRecord>;

  beforeEach(async () => {
    store = await openStore("sqlite::memory:", () => {});
    live = new Map();
    const records = [1, 2, 3, 4].map((n) => call(n, n % 2 === 0 ? "+15550001111" : "+15550003333"));
    records.push(call(5, "+15550001111", false));
    await store.save(
      records.map((record) => ({
        callSid: record.callSid,
        record,
        applied: {},
        basedOn: 0,
        owner: "w",
      })),
    );
  });
  afterEach(async () => await store.close());

  async function ask(method: "GET" | "DELETE", target: string, accept = "") {
    const [path = "", query = ""] = target.split("?");
    const routes = recordRoutes({
      store,
      live: (callSid) => live.get(callSid) ?? null,
      remove: async (callSid) => await store.remove(callSid),
    });
    for (const route of routes) {
      const names = route.path.split("/");
      const parts = path.split("/");
      if (route.method !== method || names.length !== parts.length) continue;
      if (!names.every((name, i) => name.startsWith(":") || name === parts[i])) continue;
      const params = Object.fromEntries(
        names.flatMap((name, i) =>
          name.startsWith(":") ? [[name.slice(1), decodeURIComponent(parts[i]!)]] : [],
        ),
      );
      const head = {
        method,
        path,
        query,
        header: (name: string) => (name === "accept" ? accept : ""),
      };
      const reply = await route.handle({
        head: head as unknown as Parameters<typeof route.handle>[0]["head"],
        operator: { name: "ada", role: "admin" },
        hasEnded: async () => false,
        params,
        query: new URLSearchParams(query),
        body: null,
      });
      let text = String(reply.body ?? "");
      for await (const chunk of reply.chunks ?? []) text += String(chunk);
      return { ...reply, json: () => JSON.parse(text) };
    }
    throw new Error(`no route for ${method} ${target}`);
  }
  const sids = (reply: { json(): { calls: CallRecord[] } }) =>
    reply.json().calls.map((record) => record.callSid);

  it("lists calls newest first and pages through all of them", async () => {
    const seen: string[] = [];
    let target = "/api/calls?limit=2";
    for (let pages = 0; pages < 3; pages++) {
      const reply = await ask("GET", target);
      expect(reply.status).toBe(200);
      seen.push(...sids(reply));
      target = `/api/calls?limit=2&before=${reply.json().next}`;
      if (reply.json().next === null) break;
    }
    expect(seen).toEqual([5, 4, 3, 2, 1].map(sid));
  });

  it("filters", async () => {
    expect(sids(await ask("GET", "/api/calls?state=live"))).toEqual([sid(5)]);
    expect(sids(await ask("GET", "/api/calls?state=ended&from=+15550001111"))).toEqual([
      sid(4),
      sid(2),
    ]);
    expect(sids(await ask("GET", "/api/calls?from=%2B15550003333&outcome=completed"))).toEqual([
      sid(3),
      sid(1),
    ]);
    const window = "since=2026-11-21T08:02:00Z&until=2026-11-21T08:04:00Z";
    expect(sids(await ask("GET", `/api/calls?${window}`))).toEqual([sid(3), sid(2)]);
    expect(sids(await ask("GET", "/api/calls?agent=sales"))).toEqual([]);
  });

  it.each([
    "limit=0",
    "limit=x",
    "limit=501",
    "state=old",
    "outcome=good",
    "since=today",
    "before=xyz",
    "format=xml",
  ])("refuses ?%s with 400", async (query) => {
    expect((await ask("GET", `/api/calls?${query}`)).status).toBe(400);
  });

  it("gives one call, the live one as it is now", async () => {
    expect((await ask("GET", `/api/calls/${sid(1)}`)).json()).toMatchObject({
      callSid: sid(1),
      outcome: "completed",
    });
    const itemId = "i" as ItemId;
    live.set(
      sid(5),
      applyEvent(call(5, "x", false), { type: "caller_turn", itemId, startedMs: 1, endedMs: null }),
    );
    expect((await ask("GET", `/api/calls/${sid(5)}`)).json().turns).toHaveLength(1);
    expect((await ask("GET", `/api/calls/${sid(9)}`)).status).toBe(404);
    expect((await ask("GET", "/api/calls/..%2Fx")).status).toBe(404);
  });

  it("deletes a call once", async () => {
    expect((await ask("DELETE", `/api/calls/${sid(1)}`)).status).toBe(204);
    expect((await ask("DELETE", `/api/calls/${sid(1)}`)).status).toBe(404);
    expect((await ask("GET", `/api/calls/${sid(1)}`)).status).toBe(404);
  });

  it("exports and deletes all of one caller", async () => {
    const all = await ask("GET", "/api/callers/+15550001111");
    expect(all.json()).toMatchObject({ caller: "+15550001111", next: null });
    expect(sids(all)).toEqual([sid(5), sid(4), sid(2)]);
    expect((await ask("DELETE", "/api/callers/+15550001111")).json()).toEqual({ deleted: 3 });
    expect(sids(await ask("GET", "/api/calls"))).toEqual([sid(3), sid(1)]);
  });

  it("gives CSV by parameter or by Accept", async () => {
    const byParameter = await ask("GET", "/api/calls?format=csv&limit=1&state=ended");
    expect(byParameter.type).toContain("text/csv");
    expect(byParameter.headers?.["X-Next-Cursor"]).toBeTruthy();
    expect(String(byParameter.body)).toBe(
      [
        "callSid,state,agent,direction,from,to,path,startedAt,answeredAt,endedAt,durationS,outcome,endReason," +
          "transferDestination,transferOutcome,turns,interruptions,tools,costUsd,recordingSid",
        `${sid(4)},ended,support,inbound,+15550001111,+15550002222,media-stream,2026-11-21T08:04:00.000Z,,` +
          "2026-11-21T08:04:30.000Z,30,completed,caller_hung_up,,,0,0,0,,",
        "",
      ].join("\r\n"),
    );
    expect((await ask("GET", "/api/calls", "text/csv")).type).toContain("text/csv");
  });

  it("answers 503 while the database is away", async () => {
    await store.close();
    const away = await openStore("postgres://relay@127.0.0.1:9/x", () => {});
    store = away;
    expect(await ask("GET", "/api/calls")).toMatchObject({ status: 503 });
  });

  it("reads and writes long lists a few records at a time, so that calls go on meanwhile", async () => {
    const text = "word ".repeat(6_000);
    const many = Array.from({ length: 100 }, (_, n) => ({
      ...call(100 + n, "+15550009999"),
      endReason: text,
    }));
    await store.save(
      many.map((record) => ({
        callSid: record.callSid,
        record,
        applied: {},
        basedOn: 0,
        owner: "w",
      })),
    );
    const slices: number[] = [];
    const counted = {
      load: store.load.bind(store),
      find: store.find.bind(store),
      writeRecords: async (wanted: RecordsWanted) => {
        slices.push(wanted.callSids.length);
        return await store.writeRecords(wanted);
      },
    };
    const routes = recordRoutes({ store: counted, live: () => null, remove: async () => false });
    const side = await startOperator({ routes: () => routes });
    const answer = await send(side.port, "GET", "/api/calls?limit=100");
    side.server.close();
    const body = JSON.parse(answer.body) as { calls: CallRecord[]; next: string | null };
    expect(body.calls.map(({ callSid }) => callSid)).toEqual(
      many.map(({ callSid }) => callSid).reverse(),
    );
    expect(body.next).not.toBeNull();
    expect(Math.max(...slices)).toBeLessThanOrEqual(8);
    expect(slices.length).toBeGreaterThan(12);
  });
});
