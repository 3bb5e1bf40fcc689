import { describe, expect, it } from "vitest";
import {
  checkDestination,
  destinationSchema,
  KIND_KEYS,
  readDestination,
  targetsOf,
} from "../../../src/config/agents/destination-entry.js";

function read(entry: object) {
  return readDestination("desk", destinationSchema.parse(entry));
}

function problems(entry: Record<string, unknown>): string[] {
  const seen: string[] = [];
  checkDestination(entry, (field, problem) => void seen.push(`${field} ${problem}`));
  return seen;
}

describe("a destination's entry", () => {
  it("has one of the keys of the registered kinds", () => {
    expect(KIND_KEYS).toEqual(["dial", "enqueue", "workflow", "warm"]);
    expect(read({ enqueue: "support" }).kind).toBe("enqueue");
    expect(read({ warm: "client:anna" }).kind).toBe("warm");
  });

  it.each(["0", "12#", "ww1w2W3", "*".repeat(32)])("takes send_digits %s", (digits) => {
    expect(read({ dial: "+12025550111", send_digits: digits })).toMatchObject({
      sendDigits: digits,
    });
    expect(read({ warm: "+12025550111", send_digits: digits })).toMatchObject({
      sendDigits: digits,
    });
  });

  it.each(["", "a", "1 2", "1,2", "A", "+1", "1".repeat(33), 12])(
    "does not take send_digits %s",
    (digits) => {
      const parsed = destinationSchema.safeParse({ dial: "+12025550111", send_digits: digits });
      expect(parsed.success).toBe(false);
    },
  );

  it("limits agents to 1,000 transfers an hour to a phone, and to none of the others", () => {
    expect(read({ dial: "+12025550111" }).maxPerHour).toBe(1_000);
    expect(read({ warm: "+12025550111" }).maxPerHour).toBe(1_000);
    expect(read({ enqueue: "support" }).maxPerHour).toBeNull();
    expect(read({ dial: "+12025550111", max_per_hour: null }).maxPerHour).toBeNull();
    expect(read({ enqueue: "support", max_per_hour: 5 }).maxPerHour).toBe(5);
  });

  it("is told of fields of another kind, and of digits for an address that takes none", () => {
    expect(problems({ dial: "+12025550111", send_digits: "1" })).toEqual([]);
    expect(problems({ enqueue: "support", send_digits: "1" })).toEqual([
      "send_digits is only allowed with dial and warm",
    ]);
    expect(problems({ dial: "+12025550111", priority: {} })).toEqual([
      "priority is only allowed with workflow",
    ]);
    expect(problems({ warm: "sip:a@b.example", send_digits: "1" })).toEqual([
      "send_digits is for phone numbers only",
    ]);
    // It has always been allowed beside every kind.
    expect(problems({ enqueue: "support", timeout_s: 20 })).toEqual([]);
    expect(problems({})).toEqual([]);
  });

  it("knows which of its fields are called", () => {
    expect(targetsOf({ dial: "sip:a@b.example", description: "sip:x@y.example" })).toEqual([
      ["dial", "sip:a@b.example"],
    ]);
  });
});
