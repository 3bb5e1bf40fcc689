import { expect, it } from "vitest";
import { eventsNear, lengthOf, windowOf } from "../../console/inspect-axis.js";

const event = (atMs: number, durationMs?: number) => ({
  ...{ atMs, lane: "agent" as const, name: "sent" },
  ...(durationMs === undefined ? {} : { durationMs }),
});
const timeline = {
  ...{ callSid: "CA1", startedAt: null, flight: true, envelope: null, leftOut: 0 },
  events: [event(0), event(1_000, 2_000), event(2_500), event(9_000)],
};

it("the axis is as long as the last event", () => {
  expect(lengthOf(timeline)).toBe(9_000);
  expect(lengthOf({ ...timeline, events: [] })).toBe(1_000);
  expect(lengthOf({ ...timeline, events: [event(5_000, 6_000)] })).toBe(11_000);
});

it.each([
  [1, 4_000, { fromMs: 0, spanMs: 9_000 }],
  [3, 4_500, { fromMs: 3_000, spanMs: 3_000 }],
  [3, 0, { fromMs: 0, spanMs: 3_000 }],
  [3, 9_000, { fromMs: 6_000, spanMs: 3_000 }],
])("zoomed %i times with the cursor at %i ms, the axis shows %j", (zoom, cursorMs, shown) => {
  expect(windowOf(9_000, zoom, cursorMs)).toEqual(shown);
});

it("the events at the cursor are those beside it and those that last until then", () => {
  expect(eventsNear(timeline, 2_400).map(({ atMs }) => atMs)).toEqual([1_000, 2_500]);
  expect(eventsNear(timeline, 200).map(({ atMs }) => atMs)).toEqual([0]);
  expect(eventsNear(timeline, 6_000)).toEqual([]);
});
