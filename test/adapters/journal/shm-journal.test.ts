import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ShmJournal } from "../../../src/adapters/journal/shm-journal.js";
import { ShmRoot } from "../../../src/adapters/journal/shm-root.js";
import { findSharedMemory } from "./shared-memory.js";

describe.skipIf(findSharedMemory() === null)("ShmJournal", () => {
  let memory: string;
  let disk: string;
  let root: ShmRoot;
  let journal: ShmJournal;
  beforeEach(() => {
    memory = mkdtempSync(join(findSharedMemory()!, "murelay-test-"));
    disk = mkdtempSync(join(tmpdir(), "murelay-shm-"));
    root = ShmRoot.open(memory, disk);
    journal = new ShmJournal(root, "w");
  });
  afterEach(() => {
    for (const directory of [memory, disk]) rmSync(directory, { recursive: true, force: true });
  });
  const lines = () => [...root.read("w")].sort();
  const sizes = () =>
    ["a", "b"].map((name) => statSync(join(root.path, "w", `${name}.jsonl`)).size);

  it("has a line in memory as soon as it is appended", () => {
    expect(journal.append(1, "one\n")).toBe(true);
    expect(journal.append(3, "two\nthree\n")).toBe(true);
    expect(lines()).toEqual(["one", "three", "two"]);
  });

  it("drops what is safe elsewhere, and only whole files of it", () => {
    journal.append(1, "one\n");
    journal.append(2, "two\n");
    journal.discardThrough(1);
    expect(lines()).toEqual(["one", "two"]);
    journal.discardThrough(2);
    expect(sizes()).toEqual([0, 0]);
  });

  it("keeps lines that come while the disk receives the earlier ones", () => {
    journal.append(1, "one\n");
    journal.switchFiles();
    journal.append(2, "two\n");
    journal.discardThrough(1);
    expect(lines()).toEqual(["two"]);
    journal.switchFiles();
    journal.append(3, "three\n");
    journal.discardThrough(2);
    expect(lines()).toEqual(["three"]);
  });

  it("stays in the same file while the other one still holds lines", () => {
    journal.append(1, "one\n");
    journal.switchFiles();
    journal.append(2, "two\n");
    // The append to the disk failed: nothing was discarded.
    journal.switchFiles();
    journal.append(3, "three\n");
    expect(sizes()).toEqual([4, 10]);
    journal.discardThrough(3);
    expect(sizes()).toEqual([0, 0]);
  });

  it("takes nothing beyond 8 MiB a file, and is unchanged then", () => {
    const half = `${"x".repeat(4 * 1024 * 1024 - 1)}\n`;
    expect(journal.append(1, half)).toBe(true);
    expect(journal.append(2, half)).toBe(true);
    expect(journal.append(3, "x\n")).toBe(false);
    expect(sizes()).toEqual([8 * 1024 * 1024, 0]);
    journal.switchFiles();
    expect(journal.append(3, "x\n")).toBe(true);
  });

  it("leaves its lines for the next process when it is closed", () => {
    journal.append(1, "one\n");
    journal.close();
    expect(ShmRoot.open(memory, disk).read("w")).toEqual(["one"]);
  });
});
