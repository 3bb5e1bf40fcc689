import { describe, expect, it } from "vitest";
import { required } from "../../../src/transfer/destinations/destination-kind.js";
import {
  SEND_DIGITS,
  sendDigitsProblems,
} from "../../../src/transfer/destinations/entry-fields.js";

const NUMBER = { type: "number", e164: "+12025550111" } as const;
const SIP = { type: "sip", uri: "sip:a@b.example" } as const;
const CLIENT = { type: "client", identity: "anna" } as const;

describe("the digits of an extension", () => {
  it.each(["0", "1234567890*#wW", "w".repeat(32)])("may be %s", (digits) => {
    expect(digits).toMatch(SEND_DIGITS.pattern);
    expect(digits.length).toBeLessThanOrEqual(SEND_DIGITS.maxLength);
  });

  it.each(["", "a", "A", "1 2", "+1", "1,2", "1\n", "w".repeat(33)])("may not be %j", (digits) => {
    expect(digits).not.toMatch(SEND_DIGITS.pattern);
  });

  it("are for phone numbers", () => {
    expect(sendDigitsProblems(NUMBER, "1")).toEqual([]);
    expect(sendDigitsProblems(SIP, "1")).toHaveLength(1);
    expect(sendDigitsProblems(CLIENT, "1")).toHaveLength(1);
    expect(sendDigitsProblems(SIP, undefined)).toEqual([]);
    // The target's own fault is reported by the schema.
    expect(sendDigitsProblems(undefined, "1")).toEqual([]);
  });
});

describe("a field that names the kind", () => {
  it("is there, since the schema demands it", () => {
    expect(required("support", "enqueue")).toBe("support");
    expect(() => required(undefined, "enqueue")).toThrow(/without enqueue/);
  });
});
