/** docs/operations.md, "Backup": its commands, while the relay writes, and what a restore gives. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { applyEvent, emptyRecord } from "../../../src/records/record.js";
import { findPostgres } from "../../fakes/postgres.js";
import { storedRecords } from "../../fakes/stored-records.js";
import { type StoreKind, storeKinds } from "../../fakes/stores.js";

const home = mkdtempSync(join(tmpdir(), "murelay-backup-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;

async function saveCall(store: OpenStore, n: number): Promise<void> {
  const opened = applyEvent(emptyRecord(sid(n)), {
    type: "opened",
    epochMs: 1_763_000_000_000 + n,
    agent: "support",
    direction: "inbound",
    from: "+15550001111",
    to: "+15550002222",
    path: "media-stream",
    node: "n1",
  });
  const end = { type: "ended", atMs: 60_000, outcome: "completed", reason: "done" } as const;
  const record = applyEvent(opened, end);
  await store.save([{ callSid: sid(n), record, applied: { w: 1 }, basedOn: 0, owner: "w" }]);
}

/** Copies a database that is in use. @returns the URL of the copy. */
async function backUpAndRestore(kind: StoreKind, url: string): Promise<string> {
  if (kind.name === "sqlite") {
    const copy = join(home, "copy.db");
    await kind.execute(url, `vacuum into '${copy}'`);
    return `sqlite:${copy}`;
  }
  const found = findPostgres();
  const bin = "bin" in found ? `${found.bin}/` : "";
  const dump = join(home, "dump");
  execFileSync(`${bin}pg_dump`, ["--format=custom", `--file=${dump}`, url]);
  const restored = await kind.newDatabase();
  execFileSync(`${bin}pg_restore`, ["--no-owner", `--dbname=${restored}`, dump]);
  return restored;
}

describe.each(storeKinds())("a backup of a database in use, on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  afterAll(async () => await kind.dispose());

  it("holds every call that was saved before it, searchable, and takes new ones", async () => {
    const url = await kind.newDatabase();
    const store = await openStore(url, () => {});
    for (let n = 0; n < 40; n++) await saveCall(store, n);
    await store.indexCalls(100);
    let writing = true;
    const writer = (async () => {
      for (let n = 40; writing && n < 2_000; n++) await saveCall(store, n);
    })();
    const restoredUrl = await backUpAndRestore(kind, url);
    writing = false;
    await writer;

    const restored = await openStore(restoredUrl, () => {});
    for (let more = 1; more > 0; ) more = (await restored.indexCalls(500)).count;
    const records = await storedRecords(restored, {});
    const kept = new Set<string>(records.map(({ callSid }) => callSid));
    for (let n = 0; n < 40; n++) expect(kept.has(sid(n))).toBe(true);
    expect(await restored.load(sid(7))).toEqual(await store.load(sid(7)));
    // What came after the backup is not in it, and is saved anew without a conflict.
    await saveCall(restored, 9_999);
    expect((await restored.load(sid(9_999)))?.version).toBe(1);
    await restored.close();
    await store.close();
  });
});
