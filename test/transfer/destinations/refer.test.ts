import { describe, expect, it } from "vitest";
import { referOutcome, referTarget } from "../../../src/transfer/destinations/refer.js";
import { destinationNamed } from "../document-parts.js";

describe("refer", () => {
  it.each([
    ["desk", "tel:+12025550111"],
    ["sip", "sip:billing@pbx.example.com"],
    ["warm", "tel:+12025550122"],
    // Twilio's own network, which no carrier reaches.
    ["warm_too", null],
    ["queue", null],
    ["experts", null],
  ])("reaches %s as %s", (name, target) => {
    expect(referTarget(destinationNamed(name))).toBe(target);
  });

  it("reaches nothing without a destination", () => {
    expect(referTarget(undefined)).toBeNull();
  });

  it("is known to have worked by the end of the leg alone", () => {
    expect([referOutcome(true), referOutcome(false)]).toEqual(["answered", "failed"]);
  });
});
