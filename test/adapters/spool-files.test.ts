import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpoolFiles } from "../../src/adapters/spool-files.js";
import type { CallSid } from "../../src/ports.js";
import type { SpoolEntry } from "../../src/records/spool-port.js";

const entry = (seq: number, padding = 0): SpoolEntry => ({
  seq,
  callSid: "CA1" as CallSid,
  event: { type: "note", atMs: seq, name: "n", fields: { padding: "x".repeat(padding) } },
});

async function seqs(pieces: AsyncIterable<readonly SpoolEntry[]>): Promise<number[]> {
  const all: number[] = [];
  for await (const piece of pieces) all.push(...piece.map((each) => each.seq));
  return all;
}

describe("SpoolFiles", () => {
  let home: string;
  let nowMs: number;
  const open = async (name = "w", maxBytes?: number) =>
    await SpoolFiles.open(home, name, () => nowMs, maxBytes);
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "murelay-spool-"));
    nowMs = Date.now();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it("reads back what was appended, from any entry on, and lets go of what is released", async () => {
    const spool = await open();
    await spool.append([entry(1), entry(2)]);
    await spool.append([entry(3)]);
    expect(await seqs(spool.read(2))).toEqual([2, 3]);
    await spool.release(3);
    expect(await seqs(spool.read(1))).toEqual([1, 2, 3]);
    await spool.release(4);
    expect(await seqs(spool.read(1))).toEqual([]);
    await spool.append([entry(4)]);
    expect(await seqs(spool.read(1))).toEqual([4]);
    await spool.release(5);
    await spool.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("begins a new segment every 4 MiB and deletes each when it is released", async () => {
    const spool = await open();
    for (let seq = 1; seq <= 12; seq++) await spool.append([entry(seq, 1_000_000)]);
    const segments = async () =>
      (await readdir(join(home, spool.writer))).filter((name) => name.endsWith(".jsonl"));
    expect(await segments()).toEqual(["000001.jsonl", "000002.jsonl", "000003.jsonl"]);
    await spool.release(9);
    expect(await segments()).toEqual(["000003.jsonl"]);
    expect(await seqs(spool.read(1))).toEqual([9, 10, 11, 12]);
    await spool.close();
  });

  it("is readable by its owner only", async () => {
    const spool = await open();
    await spool.append([entry(1)]);
    const directory = join(home, spool.writer);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "000001.jsonl"))).mode & 0o777).toBe(0o600);
    await spool.close();
  });

  it("takes nothing beyond its limit, and goes on when there is room again", async () => {
    const spool = await open("w", 1_000);
    await spool.append([entry(1, 500)]);
    await expect(spool.append([entry(2, 600)])).rejects.toThrow("limit");
    await spool.release(2);
    await spool.append([entry(2, 600)]);
    expect(await seqs(spool.read(1))).toEqual([2]);
    await spool.close();
  });

  it("hands the journal of a dead process to one heir, without its torn last line", async () => {
    const dead = await open("dead");
    await dead.append([entry(1), entry(2)]);
    await dead.close();
    const directory = join(home, dead.writer);
    appendFileSync(join(directory, "000001.jsonl"), '{"seq":3,"callSid":"CA1","eve');
    const { pid } = spawnSync("true");
    writeFileSync(join(directory, "holder.json"), JSON.stringify({ host: hostname(), pid, startTicks: "1" }));
    const heirs = await Promise.all([open("a"), open("b"), open("c")]);
    const found = (await Promise.all(heirs.map(async (heir) => await heir.orphans()))).flat();
    expect(found.map((orphan) => orphan.writer)).toEqual([dead.writer]);
    expect(await seqs(found[0]!.read())).toEqual([1, 2]);
    await found[0]!.remove();
    for (const heir of heirs) await heir.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("takes over what an heir left that died in its turn, and not from one that lives", async () => {
    const die = async (spool: SpoolFiles) => {
      await spool.close();
      const mark = { host: hostname(), pid: process.pid, startTicks: "1" };
      writeFileSync(join(home, spool.writer, "holder.json"), JSON.stringify(mark));
    };
    const dead = await open("dead");
    await dead.append([entry(1)]);
    await die(dead);
    const heir = await open("heir");
    await heir.append([entry(1)]);
    expect(await heir.orphans()).toHaveLength(1);
    const next = await open("next");
    expect(await next.orphans()).toEqual([]);
    await die(heir);
    const left = await next.orphans();
    expect(left.map((orphan) => orphan.writer).sort()).toEqual([dead.writer, heir.writer].sort());
    for (const orphan of left) {
      expect(await seqs(orphan.read())).toEqual([1]);
      await orphan.remove();
    }
    await next.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("leaves a living process alone, and another machine's until it has been silent for long", async () => {
    const living = await open("living");
    await living.append([entry(1)]);
    const elsewhere = await open("elsewhere");
    await elsewhere.append([entry(1)]);
    const mark = join(home, elsewhere.writer, "holder.json");
    writeFileSync(mark, JSON.stringify({ host: "another-machine", pid: 1, startTicks: "1" }));
    const heir = await open("heir");
    expect(await heir.orphans()).toEqual([]);
    nowMs += 200_000;
    await living.beat();
    expect((await heir.orphans()).map((orphan) => orphan.writer)).toEqual([elsewhere.writer]);
    await utimes(join(home, living.writer), new Date(), new Date());
    for (const spool of [living, elsewhere, heir]) await spool.close();
  });

  it("keeps what was whole when the disk is full, and appends the rest once there is room", async (context) => {
    const disk = join(home, "disk");
    spawnSync("mkdir", [disk]);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], {
      encoding: "utf8",
    });
    if (mounted.status !== 0) {
      console.log(`The full disk is not tested: a tmpfs cannot be mounted (${mounted.stderr.trim()})`);
      context.skip();
      return;
    }
    try {
      const spool = await SpoolFiles.open(disk, "w", () => nowMs);
      await spool.append([entry(1), entry(2)]);
      writeFileSync(join(disk, "ballast"), "x".repeat(200_000));
      await expect(spool.append([entry(3, 30_000), entry(4, 30_000)])).rejects.toMatchObject({
        code: "ENOSPC",
      });
      expect(await seqs(spool.read(1))).toEqual([1, 2]);
      rmSync(join(disk, "ballast"));
      await spool.append([entry(3, 30_000), entry(4, 30_000)]);
      expect(await seqs(spool.read(1))).toEqual([1, 2, 3, 4]);
      await spool.close();
    } finally {
      spawnSync("umount", [disk]);
    }
  });
});
