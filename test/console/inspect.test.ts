import { describe, expect, it } from "vitest";
import {
  barsAndPoints,
  eventsNear,
  firstFrom,
  following,
  latencyParts,
  lengthOf,
  maxZoom,
  ticksOf,
  turnAt,
  viewOf,
  zoomed,
} from "../../console/inspect-axis.js";
import { inspectLink, readRoute } from "../../console/route.js";

const event = (atMs: number, durationMs?: number) => ({
  ...{ atMs, lane: "agent" as const, name: "sent" },
  ...(durationMs === undefined ? {} : { durationMs }),
});
const events = [event(0), event(1_000, 2_000), event(2_500), event(9_000)];

it("the axis is as long as the last event, or the sound", () => {
  expect(lengthOf({ events, envelope: null })).toBe(9_000);
  expect(lengthOf({ events: [], envelope: null })).toBe(1_000);
  expect(lengthOf({ events: [event(5_000, 6_000)], envelope: null })).toBe(11_000);
  const envelope = { stepMs: 50, caller: [1], agent: Array.from({ length: 200 }, () => 0) };
  expect(lengthOf({ events, envelope })).toBe(10_000);
});

describe("the part of the axis that is shown", () => {
  it.each([
    [1, 4_000, { fromMs: 0, spanMs: 9_000 }],
    [3, 4_500, { fromMs: 4_500, spanMs: 3_000 }],
    [3, -10, { fromMs: 0, spanMs: 3_000 }],
    [3, 9_000, { fromMs: 6_000, spanMs: 3_000 }],
  ])("zoomed %i times from %i ms on is %j", (zoom, fromMs, shown) => {
    expect(viewOf(9_000, zoom, fromMs)).toEqual(shown);
  });

  it("keeps what the pointer is on where it is when it is zoomed", () => {
    const view = zoomed(10_000, { fromMs: 0, spanMs: 10_000 }, 4, 8_000);
    expect(view).toEqual({ fromMs: 6_000, spanMs: 2_500 });
    expect((8_000 - view.fromMs) / view.spanMs).toBe(0.8);
    expect(maxZoom(60_000)).toBe(120);
  });

  it("goes on to the next page when the cursor leaves it", () => {
    expect(following(10_000, 4, 2_000, 4_400)).toBe(2_000);
    expect(following(10_000, 4, 2_000, 4_600)).toBe(4_350);
    expect(following(10_000, 4, 2_000, 500)).toBe(250);
  });

  it("is labelled at round times, as many as there is room for", () => {
    expect(ticksOf({ fromMs: 0, spanMs: 9_000 }, 10)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => s * 1_000),
    );
    expect(ticksOf({ fromMs: 1_990, spanMs: 100 }, 6)).toEqual([2_000, 2_020, 2_040, 2_060, 2_080]);
    expect(ticksOf({ fromMs: 0, spanMs: 100 * 3_600_000 }, 2)).toHaveLength(101);
  });
});

it("the events at the cursor are those beside it and those that last until then", () => {
  const both = barsAndPoints(events);
  expect(eventsNear(both, 2_400).map(({ atMs }) => atMs)).toEqual([1_000, 2_500]);
  expect(eventsNear(both, 200).map(({ atMs }) => atMs)).toEqual([0]);
  expect(eventsNear(both, 6_000)).toEqual([]);
  expect([firstFrom(events, 1_000), firstFrom(events, 1_001), firstFrom(events, 9_999)]).toEqual([
    1, 2, 4,
  ]);
});

it("a point of the axis belongs to the turn that is said then", () => {
  const turn = (who: string, startedMs: number | null, endedMs: number | null) =>
    ({ who, startedMs, endedMs }) as never;
  const turns = [turn("caller", null, null), turn("caller", 100, 200), turn("agent", 150, null)];
  expect(turnAt(turns, "caller", 150)).toBe(turns[1]);
  expect(turnAt(turns, "agent", 150)).toBe(turns[2]);
  expect(turnAt(turns, "caller", 201)).toBeUndefined();
  expect(turnAt(turns, "model", 150)).toBeUndefined();
});

it("the time to an answer has parts, and a part whose end is not known is in the next one", () => {
  const at = (atMs: number, lane: string, name: string) => ({ atMs, lane, name }) as never;
  const points = [
    at(90, "agent", "sent"),
    at(600, "model", "input_audio_buffer.speech_stopped"),
    at(650, "model", "response.created"),
    at(900, "agent", "delta_received"),
    at(905, "agent", "sent"),
    at(950, "agent", "sent"),
  ];
  expect(latencyParts(points, 100, 2_000)).toEqual([
    { name: "end of speech noticed", ms: 500 },
    { name: "response began", ms: 50 },
    { name: "first audio received", ms: 250 },
    { name: "first audio sent", ms: 5 },
  ]);
  expect(latencyParts(points, 640, 2_000)[0]).toEqual({ name: "response began", ms: 10 });
  expect(latencyParts(points, 100, 500)).toEqual([]);
});

it("an instant of a call has an address", () => {
  expect(inspectLink("CA1", 1234.4, 8)).toBe("#/calls/CA1/inspect?at=1234&zoom=8");
  expect(inspectLink("CA1", 0, 1)).toBe("#/calls/CA1/inspect");
  expect(readRoute("#/calls/CA1/inspect?at=1234&zoom=8")).toEqual({
    ...{ page: "inspect", callSid: "CA1", atMs: 1_234, zoom: 8 },
  });
  expect(readRoute("#/calls/CA1/inspect?at=x&zoom=-1")).toMatchObject({ atMs: 0, zoom: 1 });
});
