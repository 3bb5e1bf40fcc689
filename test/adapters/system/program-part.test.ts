import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { programPart } from "../../../src/adapters/system/program-part.js";

it("is a source with its loader while the program runs from sources", () => {
  const folder = mkdtempSync(join(tmpdir(), "murelay-part-"));
  try {
    // An enum: Node alone does not run it.
    writeFileSync(join(folder, "part.ts"), "enum Part { Runs = 7 }\nprocess.exit(Part.Runs);\n");
    const { file, execArgv } = programPart(pathToFileURL(join(folder, "part")));
    expect(file).toBe(join(folder, "part.ts"));
    expect(spawnSync(process.execPath, [...execArgv, file]).status).toBe(7);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
