import { describe, expect, it } from "vitest";
import { isLoopbackHost } from "../../src/config/hosts.js";

describe("isLoopbackHost", () => {
  it.each([
    ["127.0.0.1", true],
    ["127.9.8.7", true],
    ["localhost", true],
    ["LOCALHOST", true],
    ["::1", true],
    ["[::1]", true],
    ["0.0.0.0", false],
    ["127.0.0.1.evil.example", false],
    ["localhost.evil.example", false],
    ["::2", false],
    ["", false],
  ])("of %j is %s", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});
