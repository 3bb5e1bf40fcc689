import { expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { OperatorRole } from "../../src/domain/operator.js";
import { type TimelineRouteParts, timelineRoute } from "../../src/http/timeline-route.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";

const SID = "CA1" as CallSid;
const record: CallRecord = applyEvents(emptyRecord(SID), [
  {
    type: "opened",
    epochMs: 0,
    agent: "a",
    direction: "inbound",
    from: "+15550100001",
    to: "",
    path: "media-stream",
    node: "n",
  },
  { type: "note", atMs: 5, name: "told", fields: { text: "Call +15550100001." } },
]);

async function ask(parts: Partial<TimelineRouteParts>, role: OperatorRole, callSid = "CA1") {
  const route = timelineRoute({
    find: async () => record,
    flight: async () => null,
    recorded: async () => null,
    ...parts,
  });
  const reply = await route.handle({
    head: { method: "GET", path: "", query: "", address: "", header: () => "" },
    operator: { name: "ada", role },
    hasEnded: async () => false,
    params: { callSid },
    query: new URLSearchParams(),
    body: null,
  });
  const written: string[] = [];
  for await (const part of reply.chunks ?? []) written.push(String(part));
  return { status: reply.status, text: reply.chunks ? written.join("") : "", written };
}

async function* lines(...texts: readonly string[]) {
  yield* texts;
}

it("GET …/timeline masks numbers for a viewer, and knows only calls that exist", async () => {
  expect((await ask({}, "supervisor")).text).toContain("+15550100001");
  expect((await ask({}, "viewer")).text).toContain("+1••••••••01");
  expect((await ask({}, "viewer", "x")).status).toBe(404);
  expect((await ask({ find: async () => null }, "viewer")).status).toBe(404);
  const away = async (): Promise<never> => {
    throw new RelayError("store_unavailable", "away", { retryable: true });
  };
  expect((await ask({ find: away }, "viewer")).status).toBe(503);
});

it("GET …/timeline reads a flight recording, and does without one that it cannot read", async () => {
  const header = JSON.stringify({
    ...{ at: 0, is: "call", format: 1, epochMs: 10, parties: {}, agent: {}, settings: {} },
  });
  const tick = JSON.stringify({ at: 3, in: "clock", event: "tick" });
  const whole = await ask({ flight: async () => lines(header, tick) }, "viewer");
  expect(JSON.parse(whole.text)).toMatchObject({
    flight: true,
    leftOut: 0,
    events: [{ name: "told" }, { atMs: 13, lane: "relay", name: "tick" }],
  });
  const odd = await ask({ flight: async () => lines(tick) }, "viewer");
  expect(JSON.parse(odd.text)).toMatchObject({ flight: false, envelope: null, audio: null });
  const half = await ask({ flight: async () => lines(header, tick, "{", tick) }, "viewer");
  expect(JSON.parse(half.text)).toMatchObject({ flight: true, events: [{}, { name: "tick" }] });
  expect(JSON.parse(half.text).incomplete).toContain("line 3 is not JSON");
});

it("GET …/timeline has the loudness of Twilio's recording where there is no other", async () => {
  const recording = { sid: "RE1", file: "RE1.wav", transcript: null, words: null };
  const started = { atMs: 90, name: "recording_started", fields: {} };
  const ended: CallRecord = { ...record, state: "ended", recording, events: [started] };
  const asked: unknown[] = [];
  const recorded = async (...how: unknown[]) => {
    asked.push(how);
    return { stepMs: 50, caller: [1, 2], agent: [3] };
  };
  const { text } = await ask({ find: async () => ended, recorded }, "viewer");
  expect(JSON.parse(text)).toMatchObject({
    audio: { source: "recording", startMs: 90 },
    envelope: { caller: [1, 2], agent: [3] },
  });
  expect(asked).toEqual([["RE1.wav", 90]]);
  const live = await ask({ find: async () => ({ ...ended, state: "live" }), recorded }, "viewer");
  expect(JSON.parse(live.text).audio).toBeNull();
});

it("GET …/timeline reads a flight recording no faster than its reader takes it", async () => {
  let read = 0;
  async function* endless() {
    yield JSON.stringify({
      ...{ at: 0, is: "call", format: 1, epochMs: 0, parties: {}, agent: {}, settings: {} },
    });
    try {
      for (; ; read++) yield JSON.stringify({ at: read, in: "clock", event: "tick" });
    } finally {
      read = -1;
    }
  }
  const route = timelineRoute({
    ...{ find: async () => record, flight: async () => endless(), recorded: async () => null },
  });
  const reply = await route.handle({
    head: { method: "GET", path: "", query: "", address: "", header: () => "" },
    operator: { name: "ada", role: "viewer" },
    hasEnded: async () => false,
    params: { callSid: "CA1" },
    query: new URLSearchParams(),
    body: null,
  });
  const parts = (reply.chunks ?? [])[Symbol.asyncIterator as never] as () => AsyncIterator<string>;
  const reader = parts.call(reply.chunks);
  for (let part = 0; part < 4; part++) await reader.next();
  expect(read).toBeGreaterThan(2_000);
  expect(read).toBeLessThan(10_000);
  await reader.return?.();
  expect(read).toBe(-1);
});

it("GET …/timeline of a long call is written in parts, none of which takes long", async () => {
  const header = JSON.stringify({
    ...{ at: 0, is: "call", format: 1, epochMs: 0, parties: {}, agent: {}, settings: {} },
  });
  const ticks = Array.from({ length: 5_000 }, (_, at) =>
    JSON.stringify({ at, in: "clock", event: "tick" }),
  );
  const { text, written } = await ask({ flight: async () => lines(header, ...ticks) }, "viewer");
  const { events } = JSON.parse(text) as { events: { atMs: number }[] };
  expect(events).toHaveLength(5_001);
  expect(events.every(({ atMs }, i) => i === 0 || atMs >= events[i - 1]!.atMs)).toBe(true);
  expect(Math.max(...written.map((part) => part.length))).toBeLessThan(50_000);
});
