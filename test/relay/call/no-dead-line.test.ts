import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { ReplyWatch } from "../../../src/relay/call/reply-watch.js";
import type { RestFate } from "../../fakes/line-world.js";
import { RESPONSE_FATES, type ResponseFate } from "../../fakes/response-fates.js";
import { UNRULY_HAPPENINGS, type UnrulyHappening, UnrulyWorld } from "../../fakes/unruly-world.js";
import { failoverAgent } from "../../transfer/directory.js";

/** `npm run test:property` sets more. */
const RUNS = Number(process.env["MURELAY_PROPERTY_RUNS"] ?? 600);

const responses = fc.array(fc.constantFrom(...RESPONSE_FATES), { maxLength: 12 });
type Happenings = readonly (readonly [waitMs: number, what: UnrulyHappening])[];

/**
 * A stream that breaks takes what the relay's own voice detection knew with it, so that it cannot
 * contradict a model that misses the end of the caller's speech at the same time.
 */
function withoutBreak(what: Happenings): Happenings {
  return hasStuckSpeech(what) ? what.filter(([, one]) => one !== "stream_breaks") : what;
}

function hasStuckSpeech(what: Happenings): boolean {
  return what.some(([, one]) => one === "speech_without_end");
}

const happenings = fc
  .array(
    fc.tuple(fc.constantFrom(0, 100, 900, 2_500, 6_000), fc.constantFrom(...UNRULY_HAPPENINGS)),
    {
      maxLength: 8,
    },
  )
  .map(withoutBreak);
const restFates: fc.Arbitrary<RestFate[]> = fc.array(
  fc.record({
    code: fc.constantFrom(null, null, "twilio_unavailable" as const, "twilio_timeout" as const),
    done: fc.boolean(),
  }),
  { maxLength: 3 },
);

async function faultsOf(
  what: Happenings,
  fates: readonly ResponseFate[],
  rest: readonly RestFate[],
): Promise<readonly string[]> {
  const world = new UnrulyWorld(failoverAgent("desk", "sip"), rest, fates);
  world.sendsFrames = hasStuckSpeech(what);
  await world.begin();
  for (const [waitMs, happening] of what) {
    await world.pass(waitMs);
    await world.unruly(happening);
  }
  await world.pass(12_000);
  return world.judge();
}

describe("a caller", () => {
  it("never waits in silence for a reply, whatever model, tools, keys and Twilio do in whatever order", {
    timeout: 1_200_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(happenings, responses, restFates, async (what, fates, rest) => {
        expect(await faultsOf(what, fates, rest)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it("does wait without the watch: the property can fail", async () => {
    const tick = vi.spyOn(ReplyWatch.prototype, "tick").mockImplementation(() => {});
    const failed = await fc.check(
      fc.asyncProperty(happenings, responses, restFates, async (what, fates, rest) => {
        expect(await faultsOf(what, fates, rest)).toEqual([]);
      }),
      { numRuns: 200, endOnFailure: true },
    );
    tick.mockRestore();
    expect(failed.failed).toBe(true);
  });
});
