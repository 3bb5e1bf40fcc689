import type { AuditEntry, AuditStore } from "../ports/store.js";

/** More entries than this are not kept: the oldest goes. */
const MAX_ENTRIES = 1_000;

/** The audit log of a relay without a database: the demo's, and that of tests. */
export function memoryAudit(): AuditStore {
  const entries: AuditEntry[] = [];
  return {
    addAudit: async (more) => {
      entries.push(...more);
      entries.splice(0, Math.max(0, entries.length - MAX_ENTRIES));
    },
    findAudit: async ({ callSid, operator }, after, limit) =>
      entries
        .filter((entry) => callSid === undefined || entry.callSid === callSid)
        .filter((entry) => operator === undefined || entry.operator === operator)
        .sort((a, b) => b.epochMs - a.epochMs || (a.id < b.id ? 1 : -1))
        .filter(
          ({ epochMs, id }) =>
            after === null ||
            epochMs < after.epochMs ||
            (epochMs === after.epochMs && id < after.id),
        )
        .slice(0, limit),
  };
}
