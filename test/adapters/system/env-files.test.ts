import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envLookup, readSecretFile } from "../../../src/adapters/system/env-files.js";

describe("secret files", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-env-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ["one line break", "secret\n", "secret"],
    ["a Windows line break", "secret\r\n", "secret"],
    ["no line break", "secret", "secret"],
    ["two line breaks", "secret\n\n", "secret\n"],
  ])("takes off %s at the end", (_name, content, expected) => {
    const path = join(folder, "secret");
    writeFileSync(path, content);
    expect(readSecretFile(path)).toBe(expected);
  });

  it("refuses what is too large to be a secret", () => {
    const path = join(folder, "large");
    writeFileSync(path, "x".repeat(65_537));
    expect(() => readSecretFile(path)).toThrow("65537 bytes");
  });

  it("looks a name up in the environment, then in its file", () => {
    const lookup = envLookup({ A: "a", B_FILE: "/b", C: "", C_FILE: "" }, (path) => `from ${path}`);
    expect([lookup("A"), lookup("B"), lookup("C"), lookup("D")]).toEqual([
      "a",
      "from /b",
      undefined,
      undefined,
    ]);
  });
});
