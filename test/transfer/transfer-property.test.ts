import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failoverAgent } from "./directory.js";
import { type HumanPlan, isLive, PhoneWorld, type Plan, type Rest } from "./phone-world.js";

const rest: fc.Arbitrary<Rest> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ fate: fc.constant("ok" as const), ms: fc.constantFrom(10, 400, 3_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      fate: fc.constant("fault" as const),
      code: fc.constantFrom("twilio_unavailable" as const, "twilio_timeout" as const),
      done: fc.boolean(),
      ms: fc.constantFrom(50, 900, 10_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fate: fc.constant("ignored" as const), ms: fc.constantFrom(10, 900) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      fate: fc.constant("fault" as const),
      code: fc.constantFrom("twilio_busy" as const, "twilio_rejected" as const),
      done: fc.constant(false),
      ms: fc.constantFrom(20, 300),
    }),
  },
);

const human: fc.Arbitrary<HumanPlan> = fc.constantFrom(
  "talks",
  "busy",
  "no_answer",
  "failed",
  "declines",
  "silent",
  "hangs_up",
  "takes",
);

const plan: fc.Arbitrary<Plan> = fc.record({
  rest: fc.array(rest, { maxLength: 6 }),
  humans: fc.array(human, { maxLength: 4 }),
  hangUpMs: fc.option(fc.integer({ min: 0, max: 30_000 }), { freq: 2 }),
  delaysMs: fc.array(fc.constantFrom(0, 20, 150, 900, 2_500), { minLength: 1, maxLength: 5 }),
  repeatEvery: fc.integer({ min: 0, max: 3 }),
  moveMs: fc.option(fc.integer({ min: 0, max: 15_000 }), { freq: 4 }),
});

const directory = fc.shuffledSubarray(["desk", "sip", "queue", "experts", "warm", "warm_too"], {
  minLength: 1,
  maxLength: 3,
});

describe("a transfer, whatever happens to it", () => {
  it("has one outcome, leaves no caller on a dead line and nothing behind", {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(directory, plan, fc.boolean(), async (names, happens, late) => {
        const world = new PhoneWorld(failoverAgent(...names), happens, late ? { by: "limit" } : {});
        await world.pass(100);
        world.transfer.farewellHeard();
        await world.pass(60_000);
        await world.pass(600_000, 2_000);

        expect(world.complaints).toEqual([]);
        expect(world.endings).toHaveLength(1);
        expect(world.outcomes).toHaveLength(1);
        const [outcome, next] = world.endings[0] ?? [];
        expect(world.outcomes[0]).toMatchObject({ outcome });
        // The outcome is what happened, and the caller is where it says.
        if (outcome === "answered") expect(world.talked).toBe(true);
        if (world.alive) {
          expect(world.where.in).toBe("agent");
          expect(next).toBe("back_to_agent");
        }
        if (outcome === "caller_gone") expect(world.alive).toBe(false);
        expect(world.legs.filter((leg) => isLive(leg.status))).toEqual([]);
        expect(world.clock.pending).toBe(0);
        // A call that is over is what a transfer expects at times, never a fault.
        expect(world.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
