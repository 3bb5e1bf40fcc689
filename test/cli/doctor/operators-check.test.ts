import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkOperators } from "../../../src/cli/doctor/operators-check.js";

describe("the operators", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-operators-"));
    writeFileSync(
      join(folder, "two.yaml"),
      `operators:
  ana: {role: admin, token_sha256: ${"a".repeat(64)}}
  ben: {role: viewer, token_sha256: ${"b".repeat(64)}}
`,
    );
    writeFileSync(join(folder, "none.yaml"), "operators:\n");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const check = (file: string | null, adminToken: string | null = null) =>
    [
      ...checkOperators({
        operatorsFile: file === null ? null : join(folder, file),
        adminToken,
      }),
    ].map(({ severity, text }) => `${severity} ${text}`);

  it("are optional", () => expect(check(null)).toEqual([]));

  it("are named with their roles", () =>
    expect(check("two.yaml")).toEqual(["ok ana (admin), ben (viewer)"]));

  it("may be none beside a token, and nowhere else", () => {
    expect(check("none.yaml", "a-token-of-16-characters")).toEqual(["ok none yet"]);
    expect(check("none.yaml")[0]).toMatch(/^fail .*has no operator, and ADMIN_TOKEN is not set/);
  });
});
