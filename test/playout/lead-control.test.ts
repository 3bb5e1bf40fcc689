import { describe, expect, it } from "vitest";
import { LeadControl } from "../../src/playout/lead-control.js";

const LEAD_MS = 160;

function controlAfter(...echoesMs: readonly number[]): LeadControl {
  const control = new LeadControl(LEAD_MS);
  for (const ms of echoesMs) control.late(ms);
  return control;
}

const many = (n: number, ms: number): number[] => Array.from({ length: n }, () => ms);

describe("LeadControl", () => {
  it("wants the configured lead over a network without jitter", () => {
    const control = controlAfter(...many(50, 1));
    expect(control.targetBytes(true)).toBe(8 * LEAD_MS);
    expect(control.covers(false)).toBe(true);
  });

  it("keeps the lead full until eight echoes have come", () => {
    expect(controlAfter(...many(7, 0)).covers(true)).toBe(false);
    expect(controlAfter(...many(8, 0)).covers(true)).toBe(true);
    expect(controlAfter(...many(7, 40)).jitterMs).toBe(0);
    expect(controlAfter(...many(8, 40)).jitterMs).toBe(40);
  });

  it("adds the jitter that one echo in ten shows", () => {
    const control = controlAfter(...Array.from({ length: 100 }, (_, i) => (i % 10 === 9 ? 30 : 0)));
    expect(control.jitterMs).toBe(30);
    expect(control.targetBytes(true)).toBe(8 * (LEAD_MS + 30));
  });

  it("leaves one late echo in fifty alone", () => {
    expect(controlAfter(...many(48, 0), 60, ...many(10, 0)).jitterMs).toBe(0);
  });

  it("adds nothing while it is not known where the phone is, and keeps the lead full then", () => {
    const control = controlAfter(...many(20, 40));
    expect(control.targetBytes(false)).toBe(8 * LEAD_MS);
    expect(control.covers(false)).toBe(false);
    expect(control.covers(true)).toBe(true);
  });

  it("provides for 60 ms of jitter at most", () => {
    expect(controlAfter(...many(20, 900)).targetBytes(true)).toBe(8 * (LEAD_MS + 60));
  });

  it("forgets the jitter of a network that has become still", () => {
    expect(controlAfter(...many(50, 50), ...many(150, 0)).jitterMs).toBe(0);
  });
});
