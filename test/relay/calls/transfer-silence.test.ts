import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../../src/domain/errors.js";
import { type Happening, LineWorld, type RestFate } from "../../fakes/line-world.js";
import { failoverAgent } from "../../transfer/directory.js";

/** A line on which nothing is heard for longer is taken for dead. */
const DEAD_MS = 2_000;

/** A call whose agent transfers it, up to the end of the farewell. */
async function transferring(
  destinations: readonly string[],
  fates: readonly RestFate[] = [],
): Promise<LineWorld> {
  const world = new LineWorld(failoverAgent(...destinations), fates);
  await world.begin();
  await world.pass(2_000);
  await world.happen("agent_speaks");
  await world.happen("agent_transfers");
  await world.pass(800);
  world.forgetSilence();
  return world;
}

describe("a caller whose transfer fails", () => {
  it.each<[string, readonly string[], Happening]>([
    ["busy, no other destination", ["desk"], "dial_busy"],
    ["busy, another destination", ["desk", "sip"], "dial_busy"],
  ])("hears something within two seconds: %s", async (_what, destinations, happens) => {
    const world = await transferring(destinations);
    await world.pass(1_000);
    expect(world.where.in).toBe("dial");
    await world.happen(happens);
    await world.pass(1_200);
    expect(world.longestSilenceMs).toBeLessThan(DEAD_MS);
    expect(world.where.in).toBe(destinations.length > 1 ? "dial" : "stream");
    if (destinations.length > 1) return;
    expect(world.bench.registry.load).toBe(1);
    expect(world.bench.recorded("transfer_outcome")).toMatchObject([{ outcome: "busy" }]);
  });

  it.each<[ErrorCode, boolean, number]>([
    ["twilio_busy", false, 100],
    ["twilio_unavailable", false, 300],
    ["twilio_timeout", false, 10_000],
    ["twilio_timeout", true, 10_000],
    ["twilio_rejected", false, 50],
  ])(
    "hears something within two seconds while Twilio's REST answers %s (done: %s, after %i ms)",
    async (code, done, ms) => {
      const world = await transferring(["desk"], [{ code, done, ms }]);
      await world.pass(14_000);
      expect(world.longestSilenceMs).toBeLessThan(DEAD_MS);
      // Where the redirect does not get through, our end of the stream does: Twilio asks, and is
      // told the same.
      expect(world.where.in).toBe("dial");
    },
  );

  it("is asked nothing more once gone: 21220 ends the call quietly", async () => {
    const world = await transferring(["desk"], [{ code: null, done: false, ms: 200 }]);
    await world.happen("hang_up");
    await world.pass(5_000);
    expect(world.bench.recorded("ended")).toMatchObject([{ outcome: "abandoned" }]);
    expect(world.bench.recorded("transfer_outcome")).toMatchObject([{ outcome: "caller_gone" }]);
    expect(world.bench.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });
});
