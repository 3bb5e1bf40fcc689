import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ShmRoot } from "../../../src/adapters/journal/shm-root.js";
import { OrphanFinder, QUARANTINE } from "../../../src/adapters/journal/spool-orphans.js";
import { writeOwner } from "../../../src/adapters/journal/spool-owner.js";
import { type OrphanSpool, type SpoolEntry, spoolBatch } from "../../../src/ports/spool.js";
import { note, testSid } from "../../fakes/record-events.js";
import { findSharedMemory } from "./shared-memory.js";

const entry = (seq: number): SpoolEntry => ({ seq, callSid: testSid(1), event: note(seq) });
const lines = (...seqs: readonly number[]) => spoolBatch(seqs.map(entry)).lines();
const sharedMemory = findSharedMemory();

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "murelay-orphans-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A journal whose owner is gone; its first file has these entries. */
function dead(name: string, ...seqs: readonly number[]): void {
  const directory = join(root, name);
  mkdirSync(directory);
  const owner = { host: hostname(), pid: process.pid, startTicks: "1" };
  writeFileSync(join(directory, "holder.json"), JSON.stringify(owner));
  writeFileSync(join(directory, "0000000001.jsonl"), lines(...seqs));
}

const finder = (writer = "me", memory: ShmRoot | null = null) =>
  new OrphanFinder(root, writer, memory, () => Date.now());

async function seqsOf(orphan: OrphanSpool | undefined): Promise<number[]> {
  const seqs: number[] = [];
  for await (const entries of orphan?.read() ?? []) seqs.push(...entries.map(({ seq }) => seq));
  return seqs;
}

describe("OrphanFinder", () => {
  it("claims the journal of a dead process, and takes it away when it is done with", async () => {
    dead("gone", 1, 2);
    const [orphan] = await finder().find();
    expect([orphan?.writer, await seqsOf(orphan)]).toEqual(["gone", [1, 2]]);
    expect(readdirSync(root)).toEqual(["gone~me"]);
    await orphan?.remove();
    expect(readdirSync(root)).toEqual([]);
  });

  it("leaves its own journal, those of living processes and what is kept aside", async () => {
    dead("me", 1);
    dead(QUARANTINE, 1);
    mkdirSync(join(root, "alive"));
    await writeOwner(join(root, "alive"));
    expect(await finder().find()).toEqual([]);
    expect(readdirSync(root).sort()).toEqual(["alive", "me", QUARANTINE].sort());
  });

  it("is given a journal alone, however many look at the same time", async () => {
    for (const name of ["a", "b", "c"]) dead(name, 1);
    const found = await Promise.all(["x", "y", "z"].map((writer) => finder(writer).find()));
    const writers = found.flat().map(({ writer }) => writer);
    expect(writers.sort()).toEqual(["a", "b", "c"]);
  });

  it("goes on where the process that had claimed a journal has died too", async () => {
    dead("claimant", 9);
    dead("gone~claimant", 1, 2);
    const found = await finder().find();
    expect(found.map(({ writer }) => writer).sort()).toEqual(["claimant", "gone"]);
    expect(await seqsOf(found.find(({ writer }) => writer === "gone"))).toEqual([1, 2]);
  });

  it("leaves a journal to a claimant that lives", async () => {
    mkdirSync(join(root, "claimant"));
    await writeOwner(join(root, "claimant"));
    dead("gone~claimant", 1);
    expect(await finder().find()).toEqual([]);
  });

  it("reads the files in their order", async () => {
    dead("gone", 1, 2);
    writeFileSync(join(root, "gone", "0000000002.jsonl"), lines(3));
    const [orphan] = await finder().find();
    expect(await seqsOf(orphan)).toEqual([1, 2, 3]);
  });
});

describe.skipIf(sharedMemory === null)("OrphanFinder with shared memory", () => {
  let memory: ShmRoot;
  beforeEach(() => {
    memory = ShmRoot.open(sharedMemory ?? "", root);
  });
  afterEach(() => rmSync(memory.path, { recursive: true, force: true }));
  const buffered = (name: string, text: string) => {
    mkdirSync(join(memory.path, name), { recursive: true });
    writeFileSync(join(memory.path, name, "b.jsonl"), text);
  };

  it("adds the buffered lines that the disk does not have, in order", async () => {
    dead("gone", 1, 2);
    buffered("gone", `${lines(4, 2, 3)}{"seq":5,"torn`);
    const [orphan] = await finder("me", memory).find();
    expect(await seqsOf(orphan)).toEqual([1, 2, 3, 4]);
    await orphan?.remove();
    expect(memory.names()).toEqual([]);
  });

  it("claims lines whose journal on disk another machine has taken, once", async () => {
    buffered("gone", lines(7));
    const found = await Promise.all(["x", "y"].map((writer) => finder(writer, memory).find()));
    const [orphan, ...more] = found.flat();
    expect(more).toEqual([]);
    expect([orphan?.writer, await seqsOf(orphan)]).toEqual(["gone", [7]]);
    await orphan?.remove();
    expect(memory.names()).toEqual([]);
  });
});
