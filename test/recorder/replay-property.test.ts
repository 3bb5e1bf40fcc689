import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sid } from "../fakes/call-bench.js";
import { HAPPENINGS, LineWorld, type RestFate } from "../fakes/line-world.js";
import { replayed } from "../fakes/replayed.js";
import { failoverAgent } from "../transfer/directory.js";

const happening = fc.constantFrom(...HAPPENINGS);

const fate: fc.Arbitrary<RestFate> = fc.constantFrom(
  { code: null, done: true },
  { code: "twilio_unavailable", done: false },
  { code: "twilio_timeout", done: true },
);

const script = fc.array(fc.tuple(fc.constantFrom(0, 20, 100, 400, 1_500, 6_000), happening), {
  minLength: 1,
  maxLength: 10,
});

describe("a recorded call, whatever happened to it", () => {
  it("is the same when it is played again", { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.array(fate, { maxLength: 4 }), async (happenings, fates) => {
        const world = new LineWorld(failoverAgent("desk", "sip"), fates);
        const { bench } = world;
        bench.flights = new Map();
        await world.begin();
        for (const [waitMs, what] of happenings) {
          await world.pass(waitMs);
          await world.happen(what);
        }
        await world.pass(2_000);
        await world.happen("hang_up");
        await world.pass(40_000);

        const lines = bench.flights.get(sid(1)) ?? [];
        expect(lines.length).toBeGreaterThan(5);
        const { differences, unused, log } = await replayed(lines);
        expect([differences, unused, log]).toEqual([[], [], []]);
      }),
      { numRuns: 300 },
    );
  });
});
