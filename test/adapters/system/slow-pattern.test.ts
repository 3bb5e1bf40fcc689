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

  it("leaves what is no pattern to others", () => {
    expect(slowText("(a+)+(", "u")).toBeNull();
  });
});
