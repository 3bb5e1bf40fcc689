import { expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import { auditRoute } from "../../src/http/audit-route.js";
import type { AuditEntry, AuditStore } from "../../src/ports/store.js";
import { memoryAudit } from "../../src/records/memory-audit.js";

const entry = (n: number): AuditEntry => ({
  id: `id-${n}`,
  epochMs: Date.UTC(2026, 10, 21) + n,
  operator: n === 2 ? "ben" : "ada",
  role: "supervisor",
  action: "note",
  callSid: `CA${n}` as CallSid,
  status: 202,
});

async function ask(query: string, find: AuditStore["findAudit"]) {
  const reply = await auditRoute({ find }).handle({
    head: { method: "GET", path: "/api/audit", query, address: "", header: () => "" },
    operator: { name: "ada", role: "admin" },
    hasEnded: async () => false,
    params: {},
    query: new URLSearchParams(query),
    body: null,
  });
  return { status: reply.status, body: JSON.parse(String(reply.body)) };
}

it("GET /api/audit gives the acts newest first, page after page, by call and operator", async () => {
  const audit = memoryAudit();
  await audit.addAudit([1, 2, 3].map(entry));
  const find = audit.findAudit;
  const first = await ask("limit=2", find);
  expect(first.body.entries.map(({ callSid }: AuditEntry) => callSid)).toEqual(["CA3", "CA2"]);
  expect(first.body.entries[1]).toEqual({
    at: "2026-11-21T00:00:00.002Z",
    operator: "ben",
    role: "supervisor",
    action: "note",
    callSid: "CA2",
    status: 202,
  });
  const second = await ask(`limit=2&before=${first.body.next}`, find);
  expect(second.body).toMatchObject({ entries: [{ callSid: "CA1" }], next: null });
  expect((await ask("operator=ben", find)).body.entries).toHaveLength(1);
  expect((await ask("callSid=CA3", find)).body.entries).toHaveLength(1);
  expect((await ask("action=say", find)).body.entries).toHaveLength(0);
  expect((await ask("action=note&refused=false", find)).body.entries).toHaveLength(3);
  expect((await ask("refused=true", find)).body.entries).toHaveLength(0);
  const middle = "since=2026-11-21T00:00:00.002Z&until=2026-11-21T00:00:00.003Z";
  expect((await ask(middle, find)).body.entries).toHaveLength(1);
});

it("GET /api/audit refuses what it cannot understand, and says when the database is away", async () => {
  const { findAudit } = memoryAudit();
  for (const query of ["callSid=x", "limit=0", "before=!", "refused=x", "since=x"])
    expect((await ask(query, findAudit)).status).toBe(400);
  const away = async () => {
    throw new RelayError("store_unavailable", "away", { retryable: true });
  };
  expect((await ask("", away)).status).toBe(503);
});
