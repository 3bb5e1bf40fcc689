import type { AuditEntry, AuditQuery, AuditStore } from "../ports/store.js";

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
    findAudit: async (query, after, limit) =>
      entries
        .filter((entry) => matches(entry, query))
        .sort((a, b) => b.epochMs - a.epochMs || (a.id < b.id ? 1 : -1))
        .filter(
          ({ epochMs, id }) =>
            after === null ||
            epochMs < after.epochMs ||
            (epochMs === after.epochMs && id < after.id),
        )
        .slice(0, limit),
    removeAudit: async (beforeMs, limit) => {
      const old = entries.filter(({ epochMs }) => epochMs < beforeMs).slice(0, limit);
      for (const one of old) entries.splice(entries.indexOf(one), 1);
      return old.length;
    },
  };
}

function matches(entry: AuditEntry, query: AuditQuery): boolean {
  const { callSid, operator, action, refused, sinceMs, untilMs } = query;
  return (
    (callSid === undefined || entry.callSid === callSid) &&
    (operator === undefined || entry.operator === operator) &&
    (action === undefined || entry.action === action) &&
    (refused === undefined || entry.status >= 400 === refused) &&
    (sinceMs === undefined || entry.epochMs >= sinceMs) &&
    (untilMs === undefined || entry.epochMs < untilMs)
  );
}
