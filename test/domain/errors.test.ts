import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/domain/errors.js";

describe("docs/errors.md", () => {
  it("has a section for each code, in their order, and none besides", () => {
    const headings = [...readFileSync("docs/errors.md", "utf8").matchAll(/^## (.+)$/gm)].map(
      ([, name]) => name,
    );
    expect(headings).toEqual([...ERROR_CODES]);
  });
});
