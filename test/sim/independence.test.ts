import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

// What judges the relay must not share its code: the same mistake on both sides would not show.
it("no simulator imports anything of the relay's", () => {
  const folder = fileURLToPath(new URL("../../sim/", import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  expect(files.length).toBeGreaterThan(20);
  const guilty = files.filter((name) =>
    /(?:from|import)\s*\(?\s*"[^"]*\/src\//.test(readFileSync(folder + name, "utf8")),
  );
  expect(guilty).toEqual([]);
});
