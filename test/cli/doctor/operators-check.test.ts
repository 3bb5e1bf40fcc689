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

  const check = (file: string | null, adminHost = "127.0.0.1", adminToken: string | null = null) =>
    [
      ...checkOperators({
        operatorsFile: file === null ? null : join(folder, file),
        adminToken,
        adminHost,
      }),
    ].map(({ severity, text }) => `${severity} ${text}`);

  it("are optional", () => expect(check(null)).toEqual([]));

  it("are named with their roles", () =>
    expect(check("two.yaml", "0.0.0.0")).toEqual(["ok ana (admin), ben (viewer)"]));

  it("may be none on this machine, or beside a token, and nowhere else", () => {
    expect(check("none.yaml")).toEqual(["ok none yet"]);
    expect(check("none.yaml", "0.0.0.0", "a-token-of-16-characters")).toEqual(["ok none yet"]);
    expect(check("none.yaml", "0.0.0.0")[0]).toMatch(/^fail .*has no operator while ADMIN_HOST/);
  });
});
