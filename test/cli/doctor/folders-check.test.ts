import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkFolders } from "../../../src/cli/doctor/folders-check.js";

describe("the folder of recordings", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-folders-"));
    writeFileSync(join(folder, "file"), "");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ["", "ok"],
    ["new/er", "ok"],
    ["file", "fail"],
    ["file/below", "fail"],
  ])("%j is %s, and is not created", (name, severity) => {
    const recordingsDir = join(folder, name);
    const config = { recordingsDir, databaseUrl: "sqlite::memory:" };
    expect([...checkFolders(config, null)][0]).toMatchObject({ severity });
    expect(existsSync(join(folder, "new"))).toBe(false);
  });
});
