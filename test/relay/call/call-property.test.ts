import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HAPPENINGS, LineWorld, type RestFate } from "../../fakes/line-world.js";
import { failoverAgent } from "../../transfer/directory.js";

const happening = fc.constantFrom("agent_transfers", ...HAPPENINGS);

const fate: fc.Arbitrary<RestFate> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ code: null, done: true }) },
  {
    weight: 1,
    arbitrary: fc.record({
      code: fc.constantFrom("twilio_unavailable" as const, "twilio_timeout" as const),
      done: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ code: "twilio_busy" as const, done: false }) },
);

const script = fc.array(fc.tuple(fc.constantFrom(0, 20, 100, 400, 1_500, 6_000), happening), {
  minLength: 1,
  maxLength: 10,
});

describe("a call, whatever happens to it and in whatever order", () => {
  it("ends once, with one outcome for each transfer, and leaves nothing behind", {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.array(fate, { maxLength: 4 }), async (happenings, fates) => {
        const world = new LineWorld(failoverAgent("desk", "sip"), fates);
        const { bench } = world;
        await world.begin();
        for (const [waitMs, what] of happenings) {
          await world.pass(waitMs);
          await world.happen(what);
          // No dead line: a caller on a stream is in a call that is not over.
          if (world.where.in === "stream" && world.where.stream.closedWith === null)
            expect(bench.recorded("ended")).toHaveLength(0);
        }
        // A person who is dialled answers; a caller who is still there hangs up in the end.
        await world.pass(2_000);
        await world.happen("dial_answered");
        await world.pass(40_000);
        await world.happen("hang_up");
        await world.pass(40_000);
        await world.pass(1_000);

        expect(world.where.in).toBe("gone");
        expect(bench.recorded("ended")).toHaveLength(1);
        expect(bench.recorded("transfer_outcome")).toHaveLength(
          bench.recorded("transfer_requested").length,
        );
        expect(bench.registry.load).toBe(0);
        expect(bench.pool.lent).toBe(0);
        expect(bench.clock.pending).toBe(0);
        expect(bench.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
