import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ShmRoot } from "../../../src/adapters/journal/shm-root.js";
import { findSharedMemory } from "./shared-memory.js";

describe.skipIf(findSharedMemory() === null)("ShmRoot", () => {
  let memory: string;
  let disk: string;
  beforeEach(() => {
    memory = mkdtempSync(join(findSharedMemory()!, "murelay-test-"));
    disk = mkdtempSync(join(tmpdir(), "murelay-shm-"));
  });
  afterEach(() => {
    for (const directory of [memory, disk]) rmSync(directory, { recursive: true, force: true });
  });
  const addWriter = (root: ShmRoot, name: string, files: Readonly<Record<string, string>> = {}) => {
    mkdirSync(join(root.path, name));
    for (const [file, text] of Object.entries(files))
      writeFileSync(join(root.path, name, file), text);
  };

  it("is the same directory for every process that uses the spool, and 0700", () => {
    const first = ShmRoot.open(memory, disk);
    expect(ShmRoot.open(memory, disk).path).toBe(first.path);
    expect(statSync(first.path).mode & 0o777).toBe(0o700);
    const elsewhere = mkdtempSync(join(tmpdir(), "murelay-shm-"));
    expect(ShmRoot.open(memory, elsewhere).path).not.toBe(first.path);
    rmSync(elsewhere, { recursive: true });
  });

  it("refuses a file system that waits for a disk", () => {
    expect(() => ShmRoot.open("/proc", disk)).toThrow("/proc is not memory");
  });

  it("refuses a directory that other users can read", () => {
    const { path } = ShmRoot.open(memory, disk);
    chmodSync(path, 0o755);
    expect(() => ShmRoot.open(memory, disk)).toThrow("not this user's alone");
  });

  it("lists writers, and the lines of both of a writer's files", () => {
    const root = ShmRoot.open(memory, disk);
    addWriter(root, "w1", { "a.jsonl": "two\n", "b.jsonl": "one\ntor" });
    addWriter(root, "w2");
    expect([...root.names()].sort()).toEqual(["w1", "w2"]);
    expect(root.read("w1")).toEqual(["two", "one", "tor"]);
    expect(root.read("w2")).toEqual([]);
    expect(root.read("unknown")).toEqual([]);
  });

  it("hands a writer's lines to exactly one claimant", async () => {
    const root = ShmRoot.open(memory, disk);
    addWriter(root, "w1", { "a.jsonl": "one\n" });
    await root.move("w1", "w1~heir");
    expect(root.read("w1~heir")).toEqual(["one"]);
    await expect(root.move("w1", "w1~other")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("removes itself with the last writer, and lists none afterwards", () => {
    const root = ShmRoot.open(memory, disk);
    addWriter(root, "w1");
    addWriter(root, "w2");
    root.remove("w1");
    expect(root.names()).toEqual(["w2"]);
    root.remove("w2");
    expect(existsSync(root.path)).toBe(false);
    expect(root.names()).toEqual([]);
  });

  it("removes the lines of a spool that no longer exists on disk", () => {
    const gone = mkdtempSync(join(tmpdir(), "murelay-shm-"));
    addWriter(ShmRoot.open(memory, gone), "w1");
    rmSync(gone, { recursive: true });
    const { path } = ShmRoot.open(memory, disk);
    expect(readdirSync(memory).map((name) => join(memory, name))).toEqual([path]);
  });
});
