import { describe, expect, it } from "vitest";
import { slowText } from "../../../src/adapters/system/slow-pattern.js";

describe("slowText", () => {
  it.each([
    "^(a+)+$",
    "(\\w+\\s?)*$",
    "^([a-zA-Z0-9]+[._-]?)+@",
    "^(\\d+,?)*;$",
    "^(.+)+x$",
    "(x|xx)+y",
    "^order: (\\w+-?)+#",
    "^(?:[^@]+)*@$",
    // No group, but the sixth power of the length.
    "^.*a.*a.*a.*a.*a.*b$",
  ])("finds a text for %s", (pattern) => {
    expect(slowText(pattern, "u")).toMatch(/^.{48}/);
  });

  it.each([
    "^[0-9]{4,8}$",
    "\\b\\d{3}-\\d{2}-\\d{4}\\b",
    "secret \\w+",
    "[\\w.+-]+@[\\w-]+\\.[\\w.]+",
    // What zod gives for an e-mail address and for a time.
    "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
    "^(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d+)?)?$",
    "^(?:[A-Z]{2}\\d{2}-)*[A-Z]{2}$",
    "^\\p{L}+(?: \\p{L}+)*$",
    // Slow on all texts together, on none of them.
    "(?:\\p{L}+ ?){1,3}GmbH",
  ])("finds none for %s", (pattern) => {
    expect(slowText(pattern, "u")).toBeNull();
  });

  it("takes hardly any time for usual patterns: a file may have hundreds", () => {
    const before = process.cpuUsage();
    for (let n = 0; n < 200; n++)
      expect(slowText(`^[^@\\s]+@[^@\\s]+\\.[^@\\s]{${n},}$`, "u")).toBeNull();
    const { user, system } = process.cpuUsage(before);
    // It is 0.2 s. With a look at the clocks for each text it was 5 s.
    expect((user + system) / 1e6).toBeLessThan(2);
  });

  it("leaves what is no pattern to others", () => {
    expect(slowText("(a+)+(", "u")).toBeNull();
  });
});
