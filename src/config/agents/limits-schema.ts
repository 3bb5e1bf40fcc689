/** The parts of the agents file's schema that limit calls. */
import { z } from "zod";
import { isCountryCode } from "./number-plans.js";

const atOnce = z.int().min(1).max(100_000).nullable().default(null);

export const limits = z.strictObject({
  max_call_minutes: z.number().min(0.05).max(240).optional(),
  idle_hangup_s: z.int().min(1).max(3600).nullable().default(60),
  max_tool_calls: z.int().min(0).max(1000).default(40),
  max_cost_usd: z.number().positive().nullable().default(null),
  max_calls_per_caller: atOnce.describe("Calls at once of one caller; withheld numbers are apart"),
  max_withheld_calls: atOnce.describe("Calls at once of callers who hide their number"),
  max_calls_per_line: atOnce.describe("Calls at once to one of the agent's numbers"),
  max_usd_per_day: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("What the model may cost in a day (UTC); then callers overflow"),
});

export const outbound = z.strictObject({
  countries: z
    .array(z.string().superRefine(isCountry))
    .min(1)
    .nullable()
    .default(null)
    .describe("The only countries that are called, as ISO codes (US, GB); null: any"),
  max_per_number_per_hour: z
    .int()
    .min(1)
    .nullable()
    .default(10)
    .describe("Calls to one number in an hour; null: any number"),
  max_per_minute: z
    .int()
    .min(1)
    .nullable()
    .default(60)
    .describe("Calls in a minute, in all; null: any number"),
  max_usd_per_day: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("What the model may cost in a day (UTC) for placed calls; null: anything"),
});

function isCountry(code: string, context: z.RefinementCtx): void {
  if (!isCountryCode(code))
    context.addIssue({
      code: "custom",
      message: "is not the code of a country in capital letters, such as US or GB",
    });
}
