/** The commands against a running relay with a call. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Leg } from "../../../sim/twilio/leg.js";
import {
  endCall,
  listCalls,
  showCall,
  tailCalls,
  toTime,
  transferCall,
} from "../../../src/cli/calls/calls-command.js";
import type { FakeIo } from "../../fakes/fake-io.js";
import { ioFor, OperatorApi } from "../../fakes/operator-api.js";
import { type Stage, startStage } from "../../fakes/stage.js";

let stage: Stage;
let io: FakeIo;
const calls: Leg[] = [];
beforeAll(async () => {
  stage = await startStage(() => ({ turns: [{ say: "Hello." }, { say: "Again." }] }));
});
afterAll(async () => {
  await stage.close();
});
afterEach(() => {
  for (const call of calls.splice(0)) call.hangUp();
});

/** A call that is with the agent, and an io for the next command. */
async function place(): Promise<Leg> {
  const call = stage.twilio.placeCall();
  calls.push(call);
  await call.events.until("first_media", {}, 10_000);
  io = ioFor(stage.adminPort);
  return call;
}

describe("calls list and show", () => {
  it("show a live call, as text and as JSON", async () => {
    const { sid: callSid } = await place();
    expect(await listCalls(io, { state: "live", limit: "5" })).toBe(0);
    expect(io.lines[0]).toMatch(/^CALL +STARTED/);
    expect(io.lines.find((line) => line.startsWith(callSid))).toMatch(/ live +support /);

    io = ioFor(stage.adminPort);
    await showCall(io, callSid, {});
    expect(io.lines[0]).toBe(`call       ${callSid}, live`);

    io = ioFor(stage.adminPort);
    await showCall(io, callSid, { json: true });
    expect(JSON.parse(io.text)).toMatchObject({ callSid, state: "live" });
  });

  it("say what is wrong with a query, and that there is no such call, or not any more", async () => {
    await place();
    expect(await listCalls(io, { state: "alive", limit: "5" })).toBe(2);
    expect(await listCalls(io, { limit: "none" })).toBe(2);
    expect(await listCalls(io, { limit: "5", since: "yesterday" })).toBe(2);
    expect(await showCall(io, "CA0", {})).toBe(1);
    expect(await endCall(io, "CA0", {})).toBe(1);
    expect(io.errors).toEqual([
      "state must be one of live, ended",
      "--limit must be a whole number, at least 1",
      "--since must be a time: 2026-11-21T08:00:00Z, or 30m, 2h, 7d ago",
      "there is no such call",
      "the call is over, or there is no such call",
    ]);
  });
});

describe("calls list", () => {
  it("asks for page after page until it has enough", async () => {
    const page = (next: string | null, count: number) =>
      JSON.stringify({ calls: Array.from({ length: count }, () => ({ callSid: "CA1" })), next });
    const api = await OperatorApi.start((request) =>
      request.includes("before=b") ? [200, page("c", 200)] : [200, page("b", 500)],
    );
    const io = api.io();
    expect(await listCalls(io, { limit: "700", agent: "a b", json: true })).toBe(0);
    api.close();
    expect(api.asked.map(({ request }) => request)).toEqual([
      "GET /api/calls?limit=500&agent=a+b",
      "GET /api/calls?limit=200&agent=a+b&before=b",
    ]);
    expect(JSON.parse(io.text)).toMatchObject({ calls: { length: 700 } });
  });
});

describe("calls list, searching", () => {
  it("passes every search on to the API, which understands each", async () => {
    await place();
    const searches = {
      ...{ outcome: "completed", agent: "support", from: "+15550100001", search: "no such words" },
      ...{ endReason: "caller_hung_up", destination: "front_desk", sort: "cost" },
      ...{ minLatency: "800", minDuration: "60", minCost: "0.5" },
      ...{ interrupted: true, toolFailed: true, since: "2h", until: "30m", state: "ended" },
    };
    expect([await listCalls(io, { ...searches, limit: "5" }), io.errors]).toEqual([0, []]);
    const api = await OperatorApi.start(() => [200, JSON.stringify({ calls: [], next: null })]);
    expect(await listCalls(api.io(), { ...searches, limit: "5" })).toBe(0);
    api.close();
    const asked = new URL(api.asked[0]?.request.split(" ")[1] ?? "", "http://relay");
    const { since, until, ...named } = Object.fromEntries(asked.searchParams);
    expect([since, until]).toEqual([expect.stringMatching(/^2/), expect.stringMatching(/^2/)]);
    expect(named).toEqual({
      ...{ limit: "5", state: "ended", outcome: "completed", agent: "support" },
      ...{ from: "+15550100001", q: "no such words", end_reason: "caller_hung_up" },
      ...{ destination: "front_desk", sort: "cost", min_latency_ms: "800" },
      ...{ min_duration_s: "60", min_cost_usd: "0.5", interrupted: "true", tool_failed: "true" },
    });
  });
});

describe("toTime", () => {
  it.each([
    ["90m", "2026-11-21T06:30:00.000Z"],
    ["2h", "2026-11-21T06:00:00.000Z"],
    ["7d", "2026-11-14T08:00:00.000Z"],
    ["2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"],
    ["yesterday", null],
    ["", null],
  ])("reads %s", (text, time) => {
    expect(toTime(text, Date.parse("2026-11-21T08:00:00Z"))).toBe(time);
  });
});

describe("calls tail and end", () => {
  it("follow one call to its end", async () => {
    const { sid: callSid, ended } = await place();
    const tailed = tailCalls(io, callSid, {});
    // The stream is open once it shows something: ask for an end until it does.
    await expect
      .poll(async () => {
        const asked = ioFor(stage.adminPort);
        await endCall(asked, callSid, {});
        return io.text;
      })
      .toContain("ended");
    expect(await tailed).toBe(0);
    expect(io.lines.every((line) => line.includes(callSid))).toBe(true);
    await ended;
  });

  it("print events of all calls as lines of JSON until Ctrl-C", async () => {
    const shown = ioFor(stage.adminPort);
    const tailed = tailCalls(shown, null, { json: true });
    await expect
      .poll(async () => {
        (await place()).hangUp();
        return shown.lines.length;
      })
      .toBeGreaterThan(0);
    shown.interrupt();
    expect(await tailed).toBe(0);
    for (const line of shown.lines) expect(JSON.parse(line)).toHaveProperty("callSid");
  });

  it("fail when no relay answers, or it refuses", async () => {
    const api = await OperatorApi.start(() => [401, "{}"]);
    const io = api.io();
    expect(await tailCalls(io, null, {})).toBe(1);
    api.close();
    expect(await tailCalls(io, null, {})).toBe(1);
    expect(io.errors.map((line) => line.slice(0, 20))).toEqual([
      "the relay on 127.0.0",
      "no relay answers on ",
    ]);
  });
});

describe("calls transfer", () => {
  it("names a destination that the agent does not have", async () => {
    const { sid: callSid } = await place();
    expect(await transferCall(io, callSid, "nowhere", {})).toBe(1);
    expect(io.errors).toEqual(["the call's agent has no destination of this name"]);
  });

  it("sends the destination and the reason", async () => {
    const api = await OperatorApi.start(() => [202, '{"callSid":"CA1"}']);
    const io = api.io();
    expect(await transferCall(io, "CA1", "sales", { reason: "asked" })).toBe(0);
    expect(await endCall(io, "CA1", { json: true })).toBe(0);
    api.close();
    expect(api.asked).toMatchObject([
      { request: "POST /api/calls/CA1/transfer", body: '{"destination":"sales","reason":"asked"}' },
      { request: "POST /api/calls/CA1/end" },
    ]);
    expect(io.lines).toEqual(["CA1 is being transferred to sales", '{"callSid":"CA1"}']);
  });
});
