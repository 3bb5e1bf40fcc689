import { describe, expect, it } from "vitest";
import {
  answerTimeS,
  consultTimeoutS,
  DESTINATION_KINDS,
  kindOf,
} from "../../../src/transfer/destinations/kinds.js";
import { destinationNamed, document, parts } from "../document-parts.js";

const NAMES = ["desk", "sip", "queue", "experts", "warm"];

describe("the register of destination kinds", () => {
  it("knows each kind by the key of its entry", () => {
    expect(DESTINATION_KINDS.map(({ key }) => key)).toEqual([
      "dial",
      "enqueue",
      "workflow",
      "warm",
    ]);
    for (const { key, fields } of DESTINATION_KINDS) expect(fields).toHaveProperty([key]);
  });

  it.each(NAMES)("finds the kind of %s, whose document keeps the caller", (name) => {
    const destination = destinationNamed(name);
    expect(kindOf(destination).kind).toBe(destination.kind);
    expect(["dial", "enqueue"]).toContain(document(parts(name)).at(-1)?.verb);
  });

  it("calls a consult leg for warm destinations only", () => {
    expect(NAMES.map((name) => consultTimeoutS(destinationNamed(name)))).toEqual([
      null,
      null,
      null,
      null,
      20,
    ]);
  });

  it("waits as long as the caller may ring or queue", () => {
    expect(answerTimeS(destinationNamed("desk"))).toBe(20);
    expect(answerTimeS(destinationNamed("queue"))).toBeGreaterThan(1_800);
  });

  it("counts by what is reached, not by its name", () => {
    const reaches = (name: string) =>
      kindOf(destinationNamed(name)).reaches(destinationNamed(name));
    expect(reaches("desk")).toBe("+12025550111");
    expect(reaches("sip")).toBe("sip:billing@pbx.example.com");
    expect(reaches("warm_too")).toBe("client:anna");
    expect(new Set(NAMES.map(reaches)).size).toBe(NAMES.length);
  });
});
