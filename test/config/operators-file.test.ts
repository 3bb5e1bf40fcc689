import { describe, expect, it } from "vitest";
import { parseOperators, readOperators } from "../../src/config/operators-file.js";

const HASH = "a".repeat(64);
const OTHER = "b".repeat(64);

describe("the operators file", () => {
  it("names operators with their roles and the hashes of their tokens", () => {
    const text = `operators:\n  ada: {role: supervisor, token_sha256: ${HASH}}\n`;
    const ada = { name: "ada", role: "supervisor", tokenSha256: HASH };
    expect(parseOperators(text, "x.yaml")).toEqual([ada]);
    expect(parseOperators("operators:\n", "x.yaml")).toEqual([]);
    expect(readOperators(null)).toEqual([]);
  });

  it.each([
    [
      "a role that does not exist",
      `ada: {role: owner, token_sha256: ${HASH}}`,
      /operators\.ada\.role/,
    ],
    [
      "a token instead of its hash",
      "ada: {role: admin, token_sha256: secret}",
      /64 lower-case hex/,
    ],
    [
      "the name of ADMIN_TOKEN's operator",
      `admin: {role: admin, token_sha256: ${HASH}}`,
      /ADMIN_TOKEN/,
    ],
    ["a name with a space", `"a b": {role: admin, token_sha256: ${HASH}}`, /is no name/],
    ["an unknown key", `ada: {role: admin, token_sha256: ${HASH}, token: x}`, /ada/],
    [
      "one token for two",
      `ada: {role: admin, token_sha256: ${HASH}}\n  ben: {role: viewer, token_sha256: ${HASH}}`,
      /ada and ben/,
    ],
    ["YAML that is none", "ada: {role: [}", /line 2/],
  ])("is refused with %s, and never repeats a hash", (_, entry, problem) => {
    const parse = () => parseOperators(`operators:\n  ${entry}\n`, "x.yaml");
    expect(parse).toThrow(problem);
    expect(parse).not.toThrow(HASH);
    expect(parse).not.toThrow(OTHER);
  });

  it("is refused when it cannot be read", () => {
    expect(() => readOperators("/nowhere/x.yaml")).toThrow(/OPERATORS_FILE \/nowhere\/x\.yaml/);
  });
});
