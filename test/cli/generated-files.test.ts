import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generatedFiles } from "../../src/cli/generated-files.js";
import { settingEntries } from "../../src/config/load.js";

describe("files made from the sources", () => {
  it.each(generatedFiles().map(({ path, text }) => [path, text]))(
    "%s is up to date (npm run generate)",
    (path, text) => expect(readFileSync(path, "utf8")).toBe(text),
  );

  it("tell every setting", () => {
    for (const path of [".env.example", "docs/config.md"]) {
      const text = readFileSync(path, "utf8");
      for (const [, { name }] of settingEntries())
        expect(text).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });
});
