import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../console/api.js";
import { Polled } from "../../console/polled.js";

const EVERY_MS = 10_000;
const page = { hidden: false };

beforeEach(() => {
  vi.useFakeTimers();
  page.hidden = false;
  vi.stubGlobal("document", page);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function polled(read: () => Promise<{ n: number }>) {
  const took: object[] = [];
  const made = new Polled(read, EVERY_MS, (state) => took.push(state));
  return { made, took, pass: async (ms: number) => await vi.advanceTimersByTimeAsync(ms) };
}

it("reads at once and at intervals, and tells what went wrong", async () => {
  let n = 0;
  const { made, took, pass } = polled(async () => {
    if (++n === 2) throw new ApiError(0, "The relay cannot be reached.");
    // As the browser tells an answer that breaks off after its head.
    if (n === 3) throw new TypeError("network error");
    return { n };
  });
  made.start();
  made.start();
  await pass(3 * EVERY_MS);
  expect(took).toEqual([
    { n: 1, problem: "" },
    { problem: "The relay cannot be reached." },
    { problem: "The relay's answer cannot be read." },
    { n: 4, problem: "" },
  ]);
  made.stop();
  await pass(10 * EVERY_MS);
  expect(n).toBe(4);
});

it("does not read while the page is hidden, unless nothing was read yet", async () => {
  let n = 0;
  page.hidden = true;
  const { made, pass } = polled(async () => {
    if (++n === 1) throw new ApiError(0, "away");
    return { n };
  });
  made.start();
  await pass(5 * EVERY_MS);
  expect(n).toBe(2);
  page.hidden = false;
  await pass(EVERY_MS);
  expect(n).toBe(3);
});

it("takes nothing that arrives after it was stopped", async () => {
  let arrive = (_: { n: number }): void => {};
  const { made, took, pass } = polled(
    () =>
      new Promise((resolve) => {
        arrive = resolve;
      }),
  );
  made.start();
  made.stop();
  arrive({ n: 1 });
  await pass(5 * EVERY_MS);
  expect(took).toEqual([]);
});
