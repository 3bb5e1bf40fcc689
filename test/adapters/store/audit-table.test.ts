import { afterAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { AuditEntry, AuditQuery } from "../../../src/ports/store.js";
import { storeKinds } from "../../fakes/stores.js";

const entry = (n: number, changes: Partial<AuditEntry> = {}): AuditEntry => ({
  id: `id${n}`,
  epochMs: 1_000 + Math.floor(n / 2),
  operator: "ada",
  role: "supervisor",
  action: "note",
  callSid: `CA${n}` as CallSid,
  status: 202,
  ...changes,
});

describe.each(storeKinds())("the audit log on $name", (kind) => {
  afterAll(async () => await kind.dispose());
  it.skipIf(kind.skipped !== null)(
    "keeps every act once, and finds them newest first",
    async () => {
      const store = await openStore(await kind.newDatabase(), (error) => {
        throw error;
      });
      const entries = [entry(0), entry(1), entry(2, { operator: "ben", callSid: null }), entry(3)];
      await store.addAudit(entries);
      await store.addAudit([entry(3), entry(4, { status: 409 })]);
      expect(await store.findAudit({}, null, 2)).toEqual([entry(4, { status: 409 }), entry(3)]);
      expect(await store.findAudit({}, entry(3), 2)).toEqual([entries[2], entries[1]]);
      expect(await store.findAudit({ operator: "ben" }, null, 9)).toEqual([entries[2]]);
      expect(await store.findAudit({ callSid: "CA1" as CallSid }, null, 9)).toEqual([entries[1]]);
      await store.close();
    },
  );

  it.skipIf(kind.skipped !== null)(
    "finds acts by what they were, and deletes the oldest",
    async () => {
      const store = await openStore(await kind.newDatabase(), (error) => {
        throw error;
      });
      const entries = [entry(0), entry(2, { action: "end", status: 403 }), entry(4), entry(6)];
      await store.addAudit(entries);
      const found = async (query: AuditQuery) =>
        (await store.findAudit(query, null, 9)).map(({ id }) => id);
      expect(await found({ action: "end" })).toEqual(["id2"]);
      expect(await found({ refused: true })).toEqual(["id2"]);
      expect(await found({ refused: false })).toEqual(["id6", "id4", "id0"]);
      expect(await found({ sinceMs: 1_001, untilMs: 1_003 })).toEqual(["id4", "id2"]);
      expect(await store.removeAudit(1_003, 2)).toBe(2);
      expect(await store.removeAudit(1_003, 2)).toBe(1);
      expect(await found({})).toEqual(["id6"]);
      await store.close();
    },
  );
});
