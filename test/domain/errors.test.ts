import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES, portRefused } from "../../src/domain/errors.js";

describe("a port that cannot be opened", () => {
  it("is a fault of the settings, and the message names it and says what to do", () => {
    const error = portRefused("127.0.0.1", 8080);
    expect(error.code).toBe("config_invalid");
    expect(error.message).toMatch(/^127\.0\.0\.1:8080 cannot be listened on: .* another PORT/);
    expect(error.cause).toBeUndefined();
  });
});

describe("docs/errors.md", () => {
  it("has a section for each code, in their order, and none besides", () => {
    const headings = [...readFileSync("docs/errors.md", "utf8").matchAll(/^## (.+)$/gm)].map(
      ([, name]) => name,
    );
    expect(headings).toEqual([...ERROR_CODES]);
  });
});
