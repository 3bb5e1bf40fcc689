import { describe, expect, it } from "vitest";
import { GreetingProtection } from "../../../src/relay/media/greeting-protection.js";

describe("a protected greeting", () => {
  it("cannot be interrupted before it begins, nor for its first ms", () => {
    const one = new GreetingProtection(1_500);
    expect(one.protects(0)).toBe(true);
    one.greetingBegan(1_000);
    expect(one.protects(2_499)).toBe(true);
    expect(one.protects(2_500)).toBe(false);
  });

  it("ends once", () => {
    const one = new GreetingProtection(1_500);
    one.greetingBegan(0);
    expect(one.ends(1_499)).toBe(false);
    expect(one.ends(1_500)).toBe(true);
    expect(one.isOver).toBe(true);
    expect(one.ends(1_600)).toBe(false);
  });

  it("is not begun anew by the agent's later speech", () => {
    const one = new GreetingProtection(1_500);
    one.greetingBegan(0);
    one.greetingBegan(1_400);
    expect(one.protects(1_600)).toBe(false);
  });

  it("is none of 0 ms", () => {
    const one = new GreetingProtection(0);
    expect(one.isOver).toBe(true);
    expect(one.protects(0)).toBe(false);
    expect(one.ends(0)).toBe(false);
  });
});
