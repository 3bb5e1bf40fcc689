import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { SpoolFiles } from "../../src/adapters/journal/spool-files.js";
import { openStore } from "../../src/adapters/store/open-store.js";
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import { RecordWriter } from "../../src/records/record-writer.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { silentLog } from "../fakes/silent-log.js";
import { storedRecords } from "../fakes/stored-records.js";

const home = mkdtempSync(join(tmpdir(), "murelay-full-"));
const disk = join(home, "disk");
let mounted = false;
afterEach(() => {
  // Lazily: libsql keeps the file open until its statements are garbage-collected.
  if (mounted) spawnSync("umount", ["--lazy", disk]);
  rmSync(home, { recursive: true, force: true });
});

const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;

function writeCall(recordWriter: RecordWriter, n: number): void {
  recordWriter.write(sid(n), {
    type: "opened",
    epochMs: Date.UTC(2026, 10, 21),
    agent: "support",
    direction: "inbound",
    from: "+15550001111",
    to: "+15550002222",
    path: "media-stream",
    node: "n1",
  });
  recordWriter.write(sid(n), {
    type: "caller_turn",
    itemId: `i${n}` as ItemId,
    startedMs: 1,
    endedMs: 2,
  });
  recordWriter.write(sid(n), {
    type: "caller_text",
    itemId: `i${n}` as ItemId,
    text: "word ".repeat(200),
  });
  recordWriter.write(sid(n), {
    type: "ended",
    atMs: 3,
    outcome: "completed",
    reason: "caller_hung_up",
  });
}

it("works while the disk is full, and stores everything afterwards", async (context) => {
  mkdirSync(disk);
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], {
    encoding: "utf8",
  });
  if (mount.status !== 0) {
    console.log(`The full disk is not tested: a tmpfs cannot be mounted (${mount.stderr.trim()})`);
    context.skip();
    return;
  }
  mounted = true;
  const metrics = new FakeMetrics();
  const clock = new FakeClock();
  const store = await openStore(`sqlite:${join(disk, "murelay.db")}`, () => {});
  const spool = await SpoolFiles.open(join(disk, "spool"), "w", { epochMs: () => Date.now() });
  const recordWriter = new RecordWriter(
    {
      store,
      spool,
      clock,
      log: silentLog,
      metrics: metrics.metrics,
    },
    {
      node: "n1",
      prices: { asOf: "2026-10-15", models: new Map(), transcription: new Map() },
      redact: (text) => text,
    },
  );
  for (let n = 0; n < 100; n++) writeCall(recordWriter, n);
  await recordWriter.flush();
  expect(recordWriter.health()).toEqual({ database: true, disk: true, pending: 0 });

  // Another program fills the disk to the last page.
  for (let size = 4 << 20; size >= 1024; size >>= 1) {
    const written = spawnSync("dd", [
      "if=/dev/zero",
      `of=${join(disk, `ballast${size}`)}`,
      "bs=1k",
      `count=${size >> 10}`,
    ]);
    expect(written.error).toBeUndefined();
  }
  for (let n = 100; n < 300; n++) writeCall(recordWriter, n);
  await expect(recordWriter.flush()).rejects.toMatchObject({ code: "store_unavailable" });
  expect(recordWriter.health()).toMatchObject({ database: false, disk: false });
  expect(metrics.count("recordsPending")).toBeGreaterThan(0);
  expect(metrics.count("recordStorageUp", { part: "disk" })).toBe(0);
  expect(await store.find({}, null, 500)).not.toHaveLength(300);
  expect((await store.load(sid(0)))?.record.turns[0]?.text).toBe("word ".repeat(200));

  for (let size = 4 << 20; size >= 1024; size >>= 1)
    writeFileSync(join(disk, `ballast${size}`), "");
  await recordWriter.flush();
  expect(recordWriter.health()).toEqual({ database: true, disk: true, pending: 0 });
  const all = await storedRecords(store, { outcome: "completed" });
  expect(all).toHaveLength(300);
  expect(all.every((record) => record.turns[0]?.text === "word ".repeat(200))).toBe(true);
  expect(metrics.count("recordsDropped")).toBe(0);
  await recordWriter.close();
  await store.close();
});
