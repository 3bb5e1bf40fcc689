import { describe, expect, it } from "vitest";
import {
  conferenceName,
  consultLabel,
  isConsultLabel,
} from "../../src/transfer/conference-names.js";
import { sid } from "../fakes/call-bench.js";

describe("names in a conference", () => {
  it("are one conference for each caller", () => {
    expect(conferenceName({ callSid: sid(1) })).toBe(`murelay-${sid(1)}`);
    expect(conferenceName({ callSid: sid(2) })).not.toBe(conferenceName({ callSid: sid(1) }));
  });

  it("tell consult legs from others, and from each other", () => {
    expect(isConsultLabel(consultLabel(3))).toBe(true);
    expect(consultLabel(3)).not.toBe(consultLabel(4));
    for (const label of ["", "caller", "consult-", "consult-x", "virtual agent"])
      expect(isConsultLabel(label)).toBe(false);
  });
});
