import { expect, it } from "vitest";
import { callLimitsOf } from "../../../src/relay/calls/machine-limits.js";
import { agent } from "../../fakes/call-bench.js";

const { limits } = agent();

it.each([
  [{}, null],
  [{ maxUsdPerDay: 5 }, null],
  [{ maxCallsPerLine: 3 }, { maxCallsPerCaller: null, maxWithheldCalls: null, maxCallsPerLine: 3 }],
  [
    { maxCallsPerCaller: 1, maxWithheldCalls: 0 },
    { maxCallsPerCaller: 1, maxWithheldCalls: 0, maxCallsPerLine: null },
  ],
])("the limits that count calls, of %j: %j", (given, counted) => {
  expect(callLimitsOf({ ...limits, ...given })).toEqual(counted);
});
