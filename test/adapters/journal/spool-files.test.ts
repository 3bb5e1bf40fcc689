import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpoolFiles } from "../../../src/adapters/journal/spool-files.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { type SpoolEntry, spoolPiece } from "../../../src/ports/spool.js";

const entry = (seq: number, padding = 0): SpoolEntry => ({
  seq,
  callSid: "CA1" as CallSid,
  event: { type: "note", atMs: seq, name: "n", fields: { padding: "x".repeat(padding) } },
});

/** A directory in memory, or null where there is none. */
function findMemory(): string | null {
  try {
    return statfsSync("/dev/shm").type === 0x01021994 ? "/dev/shm" : null;
  } catch {
    return null;
  }
}

const piece = (...entries: SpoolEntry[]) => spoolPiece(entries);

async function seqs(pieces: AsyncIterable<readonly SpoolEntry[]>): Promise<number[]> {
  const all: number[] = [];
  for await (const piece of pieces) all.push(...piece.map((each) => each.seq));
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

  it("reads back what was appended, from any entry on, and lets go of what is released", async () => {
    const spool = await open();
    await spool.append([piece(entry(1), entry(2))]);
    await spool.append([piece(entry(3))]);
    expect(await seqs(spool.read(2))).toEqual([2, 3]);
    await spool.release(3);
    expect(await seqs(spool.read(1))).toEqual([1, 2, 3]);
    await spool.release(4);
    expect(await seqs(spool.read(1))).toEqual([]);
    await spool.append([piece(entry(4))]);
    expect(await seqs(spool.read(1))).toEqual([4]);
    await spool.release(5);
    await spool.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("begins a new segment every 4 MiB and deletes each when it is released", async () => {
    const spool = await open();
    for (let seq = 1; seq <= 12; seq++) await spool.append([piece(entry(seq, 1_000_000))]);
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
    await spool.append([piece(entry(1))]);
    const directory = join(home, spool.writer);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "000001.jsonl"))).mode & 0o777).toBe(0o600);
    await spool.close();
  });

  it("takes nothing beyond its limit, and goes on when there is room again", async () => {
    const spool = await open("w", 1_000);
    await spool.append([piece(entry(1, 500))]);
    await expect(spool.append([piece(entry(2, 600))])).rejects.toThrow("limit");
    await spool.release(2);
    await spool.append([piece(entry(2, 600))]);
    expect(await seqs(spool.read(1))).toEqual([2]);
    await spool.close();
  });

  it("hands the journal of a dead process to one heir, without its torn last line", async () => {
    const dead = await open("dead");
    await dead.append([piece(entry(1), entry(2))]);
    await dead.close();
    const directory = join(home, dead.writer);
    appendFileSync(join(directory, "000001.jsonl"), '{"seq":3,"callSid":"CA1","eve');
    const { pid } = spawnSync("true");
    writeFileSync(
      join(directory, "holder.json"),
      JSON.stringify({ host: hostname(), pid, startTicks: "1" }),
    );
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
    await dead.append([piece(entry(1))]);
    await die(dead);
    const heir = await open("heir");
    await heir.append([piece(entry(1))]);
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
    await living.append([piece(entry(1))]);
    const elsewhere = await open("elsewhere");
    await elsewhere.append([piece(entry(1))]);
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

  describe("what is held in memory", () => {
    const memory = findMemory();
    let root: string;
    const openHeld = async (name: string, at = home) =>
      await SpoolFiles.open(at, name, { epochMs: () => nowMs, memory: root });
    const held = () =>
      readdirSync(root).flatMap((of) =>
        readdirSync(join(root, of)).filter((name) => name !== "owner.json"),
      );
    /** As a SIGKILL leaves it: nothing is closed, and the mark names a process that is gone. */
    const kill = (spool: SpoolFiles, at = home) => {
      const mark = { host: hostname(), pid: process.pid, startTicks: "1" };
      writeFileSync(join(at, spool.writer, "holder.json"), JSON.stringify(mark));
    };
    beforeEach((context) => {
      if (memory === null) context.skip();
      else root = mkdtempSync(join(memory, "murelay-test-"));
    });
    afterEach(() => rmSync(root, { recursive: true, force: true }));

    it("is found by the heir, after what is on disk", async () => {
      const dead = await openHeld("dead");
      expect(dead.hold(piece(entry(1), entry(2)))).toBe(true);
      await dead.append([piece(entry(1), entry(2))]);
      expect(dead.hold(piece(entry(3)))).toBe(true);
      const failing = dead.append([piece(entry(3))]);
      expect(dead.hold(piece(entry(4)))).toBe(true);
      await failing;
      expect(dead.hold(piece(entry(5), entry(6)))).toBe(true);
      kill(dead);
      const heir = await openHeld("heir");
      const [orphan] = await heir.orphans();
      expect(await seqs(orphan!.read())).toEqual([1, 2, 3, 4, 5, 6]);
      await orphan!.remove();
      await heir.close();
      expect(readdirSync(root)).toEqual([]);
      expect(await readdir(home)).toEqual([]);
    });

    it("is let go of when the disk has it, and also when the database has", async () => {
      const spool = await openHeld("w");
      const sizes = () =>
        readdirSync(root, { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".jsonl"))
          .map((name) => statSync(join(root, name)).size);
      spool.hold(piece(entry(1)));
      expect(Math.max(...sizes())).toBeGreaterThan(0);
      await spool.append([piece(entry(1))]);
      expect(sizes()).toEqual([0, 0]);
      spool.hold(piece(entry(2)));
      await spool.release(3);
      expect(sizes()).toEqual([0, 0]);
      await spool.close();
      expect(readdirSync(root)).toEqual([]);
    });

    it("stays when neither disk nor database has it, and is found without a journal on disk", async () => {
      const last = await openHeld("last");
      last.hold(piece(entry(1)));
      await last.close();
      expect(await readdir(home)).toEqual([]);
      expect(held()).toEqual([last.writer]);
      const heirs = await Promise.all([openHeld("a"), openHeld("b")]);
      const found = (await Promise.all(heirs.map(async (heir) => await heir.orphans()))).flat();
      expect(found.map((orphan) => orphan.writer)).toEqual([last.writer]);
      expect(await seqs(found[0]!.read())).toEqual([1]);
      await found[0]!.remove();
      for (const heir of heirs) await heir.close();
      expect(readdirSync(root)).toEqual([]);
    });

    it("is found once more when the heir dies in its turn", async () => {
      const last = await openHeld("last");
      last.hold(piece(entry(1)));
      await last.close();
      const heir = await openHeld("heir");
      expect(await heir.orphans()).toHaveLength(1);
      const next = await openHeld("next");
      expect(await next.orphans()).toEqual([]);
      kill(heir);
      const left = await next.orphans();
      expect(left.map((orphan) => orphan.writer).sort()).toEqual([heir.writer, last.writer].sort());
      for (const orphan of left) await orphan.remove();
      await next.close();
      expect(readdirSync(root)).toEqual([]);
    });

    it("is nobody else's: two journals that share memory do not see each other's", async () => {
      const elsewhere = mkdtempSync(join(tmpdir(), "murelay-spool-"));
      const one = await openHeld("one");
      one.hold(piece(entry(1)));
      kill(one);
      const other = await openHeld("other", elsewhere);
      expect(await other.orphans()).toEqual([]);
      await other.close();
      rmSync(elsewhere, { recursive: true });
      await one.close();
    });

    it("is removed when its journal is gone, and what is another container's is not", async () => {
      const gone = mkdtempSync(join(tmpdir(), "murelay-spool-"));
      const stray = await openHeld("stray", gone);
      stray.hold(piece(entry(1)));
      const [directory = ""] = readdirSync(root);
      rmSync(gone, { recursive: true });
      const ownerFile = join(root, directory, "owner.json");
      const owner = readFileSync(ownerFile, "utf8");
      writeFileSync(ownerFile, JSON.stringify({ ...JSON.parse(owner), mounts: "mnt:[1]" }));
      await (await openHeld("one")).close();
      expect(readdirSync(root)).toEqual([directory]);
      writeFileSync(ownerFile, owner);
      await (await openHeld("two")).close();
      expect(readdirSync(root)).toEqual([]);
      await stray.close();
    });

    it("may be read by its owner only, and is not put where somebody else may read", async () => {
      const spool = await openHeld("w");
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
      expect(wary.hold(piece(entry(1)))).toBe(false);
      chmodSync(join(root, directory), 0o700);
      for (const each of [spool, wary]) await each.close();
    });

    it("is given up where the memory is full, and where there is none", async () => {
      const problems: unknown[] = [];
      const open = async (memory: string) =>
        await SpoolFiles.open(home, "w", {
          epochMs: () => nowMs,
          memory,
          noMemory: (error) => problems.push(error),
        });
      const disk = await open("/proc");
      expect(disk.hold(piece(entry(1)))).toBe(false);
      expect(String(problems.pop())).toContain("/proc is not memory");

      const small = join(root, "small");
      spawnSync("mkdir", [small]);
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small]);
      if (mounted.status === 0) {
        try {
          const full = await open(small);
          expect(full.hold(piece(entry(1)))).toBe(true);
          expect(full.hold(piece(entry(2, 100_000)))).toBe(false);
          // What was taken before is still there, and what fits still goes in.
          if (problems.length === 0) expect(full.hold(piece(entry(3)))).toBe(true);
          kill(full);
          const heir = await open(small);
          const [orphan] = await heir.orphans();
          expect((await seqs(orphan!.read()))[0]).toBe(1);
          await orphan!.remove();
          for (const each of [heir, full]) await each.close();
        } finally {
          spawnSync("umount", [small]);
        }
      }
      await disk.close();
    });
  });

  it("keeps what was whole when the disk is full, and appends the rest once there is room", async (context) => {
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
      await spool.append([piece(entry(1), entry(2))]);
      writeFileSync(join(disk, "ballast"), "x".repeat(200_000));
      await expect(spool.append([piece(entry(3, 30_000), entry(4, 30_000))])).rejects.toMatchObject(
        {
          code: "ENOSPC",
        },
      );
      expect(await seqs(spool.read(1))).toEqual([1, 2]);
      rmSync(join(disk, "ballast"));
      await spool.append([piece(entry(3, 30_000), entry(4, 30_000))]);
      expect(await seqs(spool.read(1))).toEqual([1, 2, 3, 4]);
      await spool.close();
    } finally {
      spawnSync("umount", [disk]);
    }
  });
});
