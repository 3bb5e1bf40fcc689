import { afterAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { AuditEntry } from "../../../src/ports/store.js";
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
});
