import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

// The simulators judge the relay, so they must not share its code: a common mistake would not show.
it("no simulator imports a file of the relay", () => {
  const folder = fileURLToPath(new URL("../../sim/", import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  expect(files.length).toBeGreaterThan(20);
  const importing = files.filter((name) =>
    /(?:from|import)\s*\(?\s*"[^"]*\/src\//.test(readFileSync(folder + name, "utf8")),
  );
  expect(importing).toEqual([]);
});
