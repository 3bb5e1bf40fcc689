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
  const route = timelineRoute({ find: async () => record, flight: async () => null, ...parts });
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
  expect(JSON.parse(odd.text)).toMatchObject({ flight: false, envelope: null });
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
