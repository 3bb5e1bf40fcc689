import { expect, it } from "vitest";
import type { FlightLine } from "../../src/recorder/format.js";
import { readScript, readTimers } from "../../src/recorder/script.js";

const lines = (...all: readonly object[]) => all as unknown as readonly FlightLine[];

it("gives what came while a neighbour was being told when the replay tells it the same", () => {
  const within = { at: 20, in: "command", command: { type: "transfer_ended", next: "apology" } };
  const first = { at: 10, in: "command", command: { type: "prewarm" } };
  const last = { at: 30, in: "command", command: { type: "caller_gone" } };
  const script = readScript(
    lines(
      first,
      { at: 20, out: "host", event: "fall_back" },
      within,
      { at: 20, is: "returned", from: "fall_back" },
      last,
    ),
  );
  expect(script.inputs).toEqual([first, last]);
  expect(script.inputsDuring.fall_back).toEqual([[within]]);
  expect(script.inputsDuring.hand_over).toEqual([]);
  expect(script.endMs).toBe(30);
});

it("knows which timers ran, and when others were cancelled", () => {
  const timers = readTimers(
    lines(
      { at: 100, in: "clock", event: "timer", timer: "100 ms #1" },
      { at: 150, is: "cancelled", timer: "3000 ms #1" },
    ),
  );
  expect([...timers.ran]).toEqual(["100 ms #1"]);
  expect([...timers.cancelled]).toEqual([["3000 ms #1", 150]]);
});
