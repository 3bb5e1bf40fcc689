import { expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { AuditEntry } from "../../src/ports/store.js";
import { memoryAudit } from "../../src/records/memory-audit.js";

const entry = (id: number): AuditEntry => ({
  id: String(id).padStart(5, "0"),
  epochMs: Math.floor(id / 2),
  operator: id % 3 === 0 ? "ada" : "ben",
  role: "admin",
  action: "end",
  callSid: `CA${id % 2}` as CallSid,
  status: 202,
});

it("finds entries newest first, by operator and call, page after page, and keeps the newest", async () => {
  const audit = memoryAudit();
  await audit.addAudit(Array.from({ length: 1_010 }, (_, id) => entry(id)));
  const ids = async (...args: Parameters<typeof audit.findAudit>) =>
    (await audit.findAudit(...args)).map(({ id }) => Number(id));
  expect(await ids({}, null, 3)).toEqual([1009, 1008, 1007]);
  expect(await ids({}, entry(1008), 2)).toEqual([1007, 1006]);
  expect(await ids({ operator: "ada" }, null, 2)).toEqual([1008, 1005]);
  expect(await ids({ callSid: "CA0" as CallSid }, null, 2)).toEqual([1008, 1006]);
  expect((await ids({}, null, 5_000)).at(-1)).toBe(10);
});
