import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpoolFiles } from "../../../src/adapters/journal/spool-files.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { type SpoolEntry, spoolBatch } from "../../../src/ports/spool.js";
import { findSharedMemory } from "./shared-memory.js";

const entry = (seq: number, padding = 0): SpoolEntry => ({
  seq,
  callSid: "CA1" as CallSid,
  event: { type: "note", atMs: seq, name: "n", fields: { padding: "x".repeat(padding) } },
});

const batch = (...entries: SpoolEntry[]) => spoolBatch(entries);

async function seqs(slices: AsyncIterable<readonly SpoolEntry[]>): Promise<number[]> {
  const all: number[] = [];
  for await (const entries of slices) all.push(...entries.map((each) => each.seq));
  return all;
}

describe("SpoolFiles", () => {
  let home: string;
  let nowMs: number;
  const open = async (name = "w", maxBytes?: number) =>
    await SpoolFiles.open(home, name, {
      epochMs: () => nowMs,
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "murelay-spool-"));
    nowMs = Date.now();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it("reads back what was appended, from any entry on, and deletes what is discarded", async () => {
    const spool = await open();
    await spool.append([batch(entry(1), entry(2))]);
    await spool.append([batch(entry(3))]);
    expect(await seqs(spool.read(2))).toEqual([2, 3]);
    await spool.discardBelow(3);
    expect(await seqs(spool.read(1))).toEqual([1, 2, 3]);
    await spool.discardBelow(4);
    expect(await seqs(spool.read(1))).toEqual([]);
    await spool.append([batch(entry(4))]);
    expect(await seqs(spool.read(1))).toEqual([4]);
    await spool.discardBelow(5);
    await spool.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("begins a new segment every 4 MiB and deletes each once it is discarded", async () => {
    const spool = await open();
    for (let seq = 1; seq <= 12; seq++) await spool.append([batch(entry(seq, 1_000_000))]);
    const segments = async () =>
      (await readdir(join(home, spool.writer))).filter((name) => name.endsWith(".jsonl"));
    expect(await segments()).toEqual(["000001.jsonl", "000002.jsonl", "000003.jsonl"]);
    await spool.discardBelow(9);
    expect(await segments()).toEqual(["000003.jsonl"]);
    expect(await seqs(spool.read(1))).toEqual([9, 10, 11, 12]);
    await spool.close();
  });

  it("is readable by its owner only", async () => {
    const spool = await open();
    await spool.append([batch(entry(1))]);
    const directory = join(home, spool.writer);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "000001.jsonl"))).mode & 0o777).toBe(0o600);
    await spool.close();
  });

  it("rejects beyond its limit, and goes on when there is room again", async () => {
    const spool = await open("w", 1_000);
    await spool.append([batch(entry(1, 500))]);
    await expect(spool.append([batch(entry(2, 600))])).rejects.toThrow("limit");
    await spool.discardBelow(2);
    await spool.append([batch(entry(2, 600))]);
    expect(await seqs(spool.read(1))).toEqual([2]);
    await spool.close();
  });

  it("hands a dead process's journal to one claimant, without its torn last line", async () => {
    const dead = await open("dead");
    await dead.append([batch(entry(1), entry(2))]);
    await dead.close();
    const directory = join(home, dead.writer);
    appendFileSync(join(directory, "000001.jsonl"), '{"seq":3,"callSid":"CA1","eve');
    const { pid } = spawnSync("true");
    writeFileSync(
      join(directory, "holder.json"),
      JSON.stringify({ host: hostname(), pid, startTicks: "1" }),
    );
    const claimants = await Promise.all([open("a"), open("b"), open("c")]);
    const found = (
      await Promise.all(claimants.map(async (claimant) => await claimant.orphans()))
    ).flat();
    expect(found.map((orphan) => orphan.writer)).toEqual([dead.writer]);
    expect(await seqs(found[0]!.read())).toEqual([1, 2]);
    await found[0]!.remove();
    for (const claimant of claimants) await claimant.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("takes over from a claimant that died too, and not from one that is alive", async () => {
    const die = async (spool: SpoolFiles) => {
      await spool.close();
      const owner = { host: hostname(), pid: process.pid, startTicks: "1" };
      writeFileSync(join(home, spool.writer, "holder.json"), JSON.stringify(owner));
    };
    const dead = await open("dead");
    await dead.append([batch(entry(1))]);
    await die(dead);
    const claimant = await open("claimant");
    await claimant.append([batch(entry(1))]);
    expect(await claimant.orphans()).toHaveLength(1);
    const next = await open("next");
    expect(await next.orphans()).toEqual([]);
    await die(claimant);
    const left = await next.orphans();
    expect(left.map((orphan) => orphan.writer).sort()).toEqual(
      [dead.writer, claimant.writer].sort(),
    );
    for (const orphan of left) {
      expect(await seqs(orphan.read())).toEqual([1]);
      await orphan.remove();
    }
    await next.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("leaves living processes alone, and another machine's until it is silent too long", async () => {
    const living = await open("living");
    await living.append([batch(entry(1))]);
    const elsewhere = await open("elsewhere");
    await elsewhere.append([batch(entry(1))]);
    const ownerFile = join(home, elsewhere.writer, "holder.json");
    writeFileSync(ownerFile, JSON.stringify({ host: "another-machine", pid: 1, startTicks: "1" }));
    const claimant = await open("claimant");
    expect(await claimant.orphans()).toEqual([]);
    nowMs += 200_000;
    await living.heartbeat();
    expect((await claimant.orphans()).map((orphan) => orphan.writer)).toEqual([elsewhere.writer]);
    await utimes(join(home, living.writer), new Date(), new Date());
    for (const spool of [living, elsewhere, claimant]) await spool.close();
  });

  describe("the buffer in shared memory", () => {
    const memory = findSharedMemory();
    let root: string;
    const openWithMemory = async (name: string, at = home) =>
      await SpoolFiles.open(at, name, { epochMs: () => nowMs, memory: root });
    const buffered = () =>
      readdirSync(root).flatMap((of) =>
        readdirSync(join(root, of)).filter((name) => name !== "owner.json"),
      );
    /** As SIGKILL leaves it: nothing is closed, and the owner file names a process that is gone. */
    const kill = (spool: SpoolFiles, at = home) => {
      const owner = { host: hostname(), pid: process.pid, startTicks: "1" };
      writeFileSync(join(at, spool.writer, "holder.json"), JSON.stringify(owner));
    };
    beforeEach((context) => {
      if (memory === null) context.skip();
      else root = mkdtempSync(join(memory, "murelay-test-"));
    });
    afterEach(() => rmSync(root, { recursive: true, force: true }));

    it("is read after what is on disk", async () => {
      const dead = await openWithMemory("dead");
      expect(dead.buffer(batch(entry(1), entry(2)))).toBe(true);
      await dead.append([batch(entry(1), entry(2))]);
      expect(dead.buffer(batch(entry(3)))).toBe(true);
      const failing = dead.append([batch(entry(3))]);
      expect(dead.buffer(batch(entry(4)))).toBe(true);
      await failing;
      expect(dead.buffer(batch(entry(5), entry(6)))).toBe(true);
      kill(dead);
      const claimant = await openWithMemory("claimant");
      const [orphan] = await claimant.orphans();
      expect(await seqs(orphan!.read())).toEqual([1, 2, 3, 4, 5, 6]);
      await orphan!.remove();
      await claimant.close();
      expect(readdirSync(root)).toEqual([]);
      expect(await readdir(home)).toEqual([]);
    });

    it("is emptied when disk or database have its lines", async () => {
      const spool = await openWithMemory("w");
      const sizes = () =>
        readdirSync(root, { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".jsonl"))
          .map((name) => statSync(join(root, name)).size);
      spool.buffer(batch(entry(1)));
      expect(Math.max(...sizes())).toBeGreaterThan(0);
      await spool.append([batch(entry(1))]);
      expect(sizes()).toEqual([0, 0]);
      spool.buffer(batch(entry(2)));
      await spool.discardBelow(3);
      expect(sizes()).toEqual([0, 0]);
      await spool.close();
      expect(readdirSync(root)).toEqual([]);
    });

    it("keeps what neither disk nor database has, and is found without a journal on disk", async () => {
      const last = await openWithMemory("last");
      last.buffer(batch(entry(1)));
      await last.close();
      expect(await readdir(home)).toEqual([]);
      expect(buffered()).toEqual([last.writer]);
      const claimants = await Promise.all([openWithMemory("a"), openWithMemory("b")]);
      const found = (
        await Promise.all(claimants.map(async (claimant) => await claimant.orphans()))
      ).flat();
      expect(found.map((orphan) => orphan.writer)).toEqual([last.writer]);
      expect(await seqs(found[0]!.read())).toEqual([1]);
      await found[0]!.remove();
      for (const claimant of claimants) await claimant.close();
      expect(readdirSync(root)).toEqual([]);
    });

    it("is found again when its claimant dies in its turn", async () => {
      const last = await openWithMemory("last");
      last.buffer(batch(entry(1)));
      await last.close();
      const claimant = await openWithMemory("claimant");
      expect(await claimant.orphans()).toHaveLength(1);
      const next = await openWithMemory("next");
      expect(await next.orphans()).toEqual([]);
      kill(claimant);
      const left = await next.orphans();
      expect(left.map((orphan) => orphan.writer).sort()).toEqual(
        [claimant.writer, last.writer].sort(),
      );
      for (const orphan of left) await orphan.remove();
      await next.close();
      expect(readdirSync(root)).toEqual([]);
    });

    it("belongs to one journal: others that share the memory do not see its lines", async () => {
      const elsewhere = mkdtempSync(join(tmpdir(), "murelay-spool-"));
      const one = await openWithMemory("one");
      one.buffer(batch(entry(1)));
      kill(one);
      const other = await openWithMemory("other", elsewhere);
      expect(await other.orphans()).toEqual([]);
      await other.close();
      rmSync(elsewhere, { recursive: true });
      await one.close();
    });

    it("is removed when its journal is gone, unless it belongs to another container", async () => {
      const gone = mkdtempSync(join(tmpdir(), "murelay-spool-"));
      const stray = await openWithMemory("stray", gone);
      stray.buffer(batch(entry(1)));
      const [directory = ""] = readdirSync(root);
      rmSync(gone, { recursive: true });
      const ownerFile = join(root, directory, "owner.json");
      const owner = readFileSync(ownerFile, "utf8");
      writeFileSync(ownerFile, JSON.stringify({ ...JSON.parse(owner), mounts: "mnt:[1]" }));
      await (await openWithMemory("one")).close();
      expect(readdirSync(root)).toEqual([directory]);
      writeFileSync(ownerFile, owner);
      await (await openWithMemory("two")).close();
      expect(readdirSync(root)).toEqual([]);
      await stray.close();
    });

    it("is readable by its owner only, and not used where another user could read it", async () => {
      const spool = await openWithMemory("w");
      const [directory = ""] = readdirSync(root);
      for (const path of [directory, join(directory, spool.writer)])
        expect(statSync(join(root, path)).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(join(root, directory, spool.writer)))
        expect(statSync(join(root, directory, spool.writer, name)).mode & 0o777).toBe(0o600);
      chmodSync(join(root, directory), 0o755);
      const problems: unknown[] = [];
      const wary = await SpoolFiles.open(home, "wary", {
        epochMs: () => nowMs,
        memory: root,
        noMemory: (error) => problems.push(error),
      });
      expect(problems).toHaveLength(1);
      expect(String(problems[0])).toContain("is not this user's alone");
      expect(wary.buffer(batch(entry(1)))).toBe(false);
      chmodSync(join(root, directory), 0o700);
      for (const each of [spool, wary]) await each.close();
    });

    it("is given up where the memory is full or missing", async () => {
      const problems: unknown[] = [];
      const open = async (memory: string) =>
        await SpoolFiles.open(home, "w", {
          epochMs: () => nowMs,
          memory,
          noMemory: (error) => problems.push(error),
        });
      const disk = await open("/proc");
      expect(disk.buffer(batch(entry(1)))).toBe(false);
      expect(String(problems.pop())).toContain("/proc is not memory");

      const small = join(root, "small");
      spawnSync("mkdir", [small]);
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small]);
      if (mounted.status === 0) {
        try {
          const full = await open(small);
          expect(full.buffer(batch(entry(1)))).toBe(true);
          expect(full.buffer(batch(entry(2, 100_000)))).toBe(false);
          // Earlier lines are still there, and a smaller batch still fits.
          if (problems.length === 0) expect(full.buffer(batch(entry(3)))).toBe(true);
          kill(full);
          const claimant = await open(small);
          const [orphan] = await claimant.orphans();
          expect((await seqs(orphan!.read()))[0]).toBe(1);
          await orphan!.remove();
          for (const each of [claimant, full]) await each.close();
        } finally {
          spawnSync("umount", [small]);
        }
      }
      await disk.close();
    });
  });

  it("keeps complete batches when the disk is full, and appends the rest later", async (context) => {
    const disk = join(home, "disk");
    spawnSync("mkdir", [disk]);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], {
      encoding: "utf8",
    });
    if (mounted.status !== 0) {
      console.log(
        `The full disk is not tested: a tmpfs cannot be mounted (${mounted.stderr.trim()})`,
      );
      context.skip();
      return;
    }
    try {
      const spool = await SpoolFiles.open(disk, "w", { epochMs: () => nowMs });
      await spool.append([batch(entry(1), entry(2))]);
      writeFileSync(join(disk, "ballast"), "x".repeat(200_000));
      await expect(spool.append([batch(entry(3, 30_000), entry(4, 30_000))])).rejects.toMatchObject(
        {
          code: "ENOSPC",
        },
      );
      expect(await seqs(spool.read(1))).toEqual([1, 2]);
      rmSync(join(disk, "ballast"));
      await spool.append([batch(entry(3, 30_000), entry(4, 30_000))]);
      expect(await seqs(spool.read(1))).toEqual([1, 2, 3, 4]);
      await spool.close();
    } finally {
      spawnSync("umount", [disk]);
    }
  });
});
