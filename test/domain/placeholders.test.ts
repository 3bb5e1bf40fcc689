import { describe, expect, it } from "vitest";
import {
  fillPlaceholders,
  needsCaller,
  placeholdersIn,
  readPlaceholder,
} from "../../src/domain/placeholders.js";

describe("placeholders", () => {
  it("are names between double braces, with or without spaces; single braces are text", () => {
    expect(placeholdersIn("{{date}} {{ time }} {{caller.first_name}} {{dat}} {time} {{}}")).toEqual(
      ["date", "time", "caller.first_name", "dat", ""],
    );
  });

  it.each([
    ["date", { kind: "date" }],
    ["caller_number", { kind: "caller_number" }],
    ["caller.name", { kind: "caller", field: "name" }],
    ["Date", null],
    ["caller", null],
    ["caller.", null],
    ["caller.a b", null],
    ["caller.a.b", null],
    ["__proto__", null],
    ["", null],
  ])("reads %j as %j", (name, placeholder) => {
    expect(readPlaceholder(name)).toEqual(placeholder);
  });

  it("say whether a text needs the caller look-up", () => {
    expect(needsCaller("Hello {{caller.name}}")).toBe(true);
    expect(needsCaller("Hello {{caller_number}}")).toBe(false);
  });

  it("are replaced by their values, which are not read again", () => {
    const filled = fillPlaceholders("a {{date}} b {{caller.x}}", (placeholder) =>
      placeholder.kind === "caller" ? `$& {{date}} ${placeholder.field}` : "D",
    );
    expect(filled).toBe("a D b $& {{date}} x");
  });

  it("leave no gap where the value is empty", () => {
    const empty = (text: string) => fillPlaceholders(text, () => "");
    expect(empty("Hello {{caller.name}}, how are you?")).toBe("Hello, how are you?");
    expect(empty("{{caller.name}}Hello")).toBe("Hello");
    expect(empty("a\n{{date}} b")).toBe("a\n b");
  });

  it("that are unknown are a bug of the checks", () => {
    expect(() => fillPlaceholders("{{dat}}", () => "")).toThrow(/dat/);
  });
});
