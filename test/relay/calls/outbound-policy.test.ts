import { beforeEach, describe, expect, it } from "vitest";
import { numberPlans } from "../../../src/config/agents/number-plans.js";
import type { OutboundLimits } from "../../../src/domain/agent-profile.js";
import type { PolicyRefusal } from "../../../src/domain/refusal-reasons.js";
import { OutboundPolicy } from "../../../src/relay/calls/outbound-policy.js";
import { MemorySums } from "../../../src/relay/calls/shared-sums.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const OURS = "+12025550100";
const ANYTHING: OutboundLimits = {
  countries: null,
  maxPerNumberPerHour: null,
  maxPerMinute: null,
  maxUsdPerDay: null,
};
const LONDON = "+442079460123";
const WASHINGTON = "+12025550177";

let clock: FakeClock;
let spentUsd: number;
beforeEach(() => {
  clock = new FakeClock();
  spentUsd = 0;
});

function policyOf(limits: Partial<OutboundLimits>): OutboundPolicy {
  return new OutboundPolicy({
    agents: {
      numbers: new Map([
        [OURS, "support"],
        ["+1 (202) 555-0101", "support"],
      ]),
      outbound: { ...ANYTHING, ...limits },
    },
    plans: numberPlans,
    sums: new MemorySums(() => clock.epochMs()),
    spending: { todayUsd: (key) => (key === "outbound" ? spentUsd : 0) },
  });
}

describe("OutboundPolicy", () => {
  it.each<[string, Partial<OutboundLimits>, PolicyRefusal | null]>([
    [WASHINGTON, {}, null],
    [LONDON, {}, null],
    ["+19005551234", {}, "premium_number"],
    ["+979123456789", {}, "premium_number"],
    ["+881612345678", {}, "satellite_number"],
    ["+870773111632", {}, "satellite_number"],
    ["+882164123456", {}, "satellite_number"],
    [OURS, {}, "own_number"],
    ["+12025550101", {}, "own_number"],
    ["+12025550102", {}, "own_number"],
    [LONDON, { countries: ["US"] }, "country_not_allowed"],
    ["+15551112222", { countries: ["US"] }, null],
    // The same country code, another country: Jamaica, and the Dominican Republic.
    ["+18765550123", { countries: ["US"] }, "country_not_allowed"],
    ["+18095550123", { countries: ["US", "CA"] }, "country_not_allowed"],
    [LONDON, { countries: ["US", "GB"] }, null],
    ["+80012345678", { countries: ["US"] }, "country_not_allowed"],
  ])("judges the number %s, with %j: %s", async (to, limits, refusal) => {
    expect(await policyOf(limits).admit(to, "+12025550102")).toBe(refusal);
  });

  it("counts the calls to each number in an hour", async () => {
    const policy = policyOf({ maxPerNumberPerHour: 2 });
    const admitted = [1, 2, 3].map(() => policy.admit(WASHINGTON, OURS));
    expect(await Promise.all(admitted)).toEqual([null, null, "number_limit"]);
    expect(await policy.admit(LONDON, OURS)).toBeNull();
    clock.advance(3_600_000);
    expect(await policy.admit(WASHINGTON, OURS)).toBeNull();
  });

  it("counts all calls in a minute, and a refused one uses up no other limit", async () => {
    const policy = policyOf({ maxPerNumberPerHour: 1, maxPerMinute: 2 });
    expect(await policy.admit(WASHINGTON, OURS)).toBeNull();
    for (let i = 0; i < 5; i++) expect(await policy.admit(WASHINGTON, OURS)).toBe("number_limit");
    expect(await policy.admit(LONDON, OURS)).toBeNull();
    expect(await policy.admit("+12025550178", OURS)).toBe("minute_limit");
    clock.advance(60_000);
    expect(await policy.admit("+12025550178", OURS)).toBeNull();
  });

  it("places no more calls once today's have cost the budget", async () => {
    const policy = policyOf({ maxUsdPerDay: 5 });
    spentUsd = 4.99;
    expect(await policy.admit(WASHINGTON, OURS)).toBeNull();
    spentUsd = 5;
    expect(await policy.admit(WASHINGTON, OURS)).toBe("daily_budget");
  });
});
