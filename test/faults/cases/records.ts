import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../../src/adapters/store/open-store.js";
import type { CallRecord } from "../../../src/domain/call-record.js";
import { applyEvents, emptyRecord } from "../../../src/records/record.js";
import { BEGAN_MS, callerText, ended, opened, testSid } from "../../fakes/record-events.js";
import { type StoreKind, storeKinds } from "../../fakes/stores.js";
import type { FaultCase } from "../fault-case.js";
import { startsElsewhere } from "../priorities.js";
import type { World } from "../world.js";

const RECORDS = 500;
const RECORD_BYTES = 31_000;
const CALLS = 50;
const CALLER = "+12025550777";
/** As long as an operator's morning: all of this, one after the other, by two operators at once. */
const ASKED: readonly string[] = [
  `/api/calls?limit=${RECORDS}`,
  `/api/calls?limit=${RECORDS}&format=csv`,
  `/api/callers/${encodeURIComponent(CALLER)}`,
  "/api/calls?limit=50&q=bananas%20monkey",
  "/api/calls?limit=50&q=nothing-like-this",
  "/api/calls?limit=200&sort=duration&min_duration_s=1",
  "/api/calls?limit=200&sort=latency&q=order",
  "/api/calls?limit=50&q=5550777",
];

export const RECORDS_CASES: readonly FaultCase[] = (["sqlite", "postgres"] as const).map(
  (name) => ({
    name: `records-${name}`,
    group: "outside",
    what: `two operators list, export and search ${RECORDS} records of 31 KB (${name}), beside ${CALLS} calls`,
    holds: "each answer is whole",
    own: { calls: CALLS, prepare: () => filled(name) },
    run: async (world) => {
      await Promise.all([askAll(world), askAll(world)]);
    },
  }),
);

async function filled(name: "sqlite" | "postgres") {
  const kinds = storeKinds();
  const kind = kinds.find((one) => one.name === name);
  assert(kind !== undefined);
  const remove = async (): Promise<void> => {
    await Promise.all(kinds.map((one) => one.dispose()));
  };
  if (kind.skipped !== null) {
    await remove();
    return { missing: kind.skipped };
  }
  const url = await kind.newDatabase();
  await fill(url);
  if (name === "postgres") await serveElsewhere(kind, url);
  return { env: { DATABASE_URL: url }, remove };
}

/** The relay's connections are served by processes that the server starts when it is asked. */
async function serveElsewhere(kind: StoreKind, url: string): Promise<void> {
  const [row] = await kind.query(url, "show data_directory");
  const { data_directory: directory } = row as { readonly data_directory: string };
  const pidFile = join(directory, "postmaster.pid");
  // Otherwise it is on another machine.
  if (existsSync(pidFile)) startsElsewhere(Number(readFileSync(pidFile, "utf8").split("\n")[0]));
}

async function askAll(world: World): Promise<void> {
  for (const path of ASKED) {
    const answer = await world.operator(path);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text.slice(0, 200)}`);
    if (path.includes("csv")) {
      assert.equal(text.trim().split("\n").length, RECORDS + 1, path);
      continue;
    }
    const { calls } = JSON.parse(text) as { calls: readonly object[] };
    assert.equal(calls.length, expected(path), path);
    if (path === ASKED[0]) assert(text.length > RECORDS * RECORD_BYTES * 0.9, "short records");
  }
}

/** The steady calls are among the latest ones, and no search finds them. */
function expected(path: string): number {
  if (path.includes("nothing")) return 0;
  const limit = /limit=(\d+)/.exec(path)?.[1];
  return limit === undefined ? RECORDS : Number(limit);
}

async function fill(url: string): Promise<void> {
  const store = await openStore(url, () => undefined);
  try {
    const records = Array.from({ length: RECORDS }, (_, i) => longRecord(i + 1));
    for (let i = 0; i < records.length; i += 50)
      await store.save(
        records.slice(i, i + 50).map((record) => ({
          callSid: record.callSid,
          record,
          applied: { seed: 1 },
          basedOn: 0,
          owner: "seed",
        })),
      );
    // As after a day of work: nothing is left to be indexed.
    while ((await store.indexCalls(100)).count === 100);
  } finally {
    await store.close();
  }
}

/** An hour's conversation. */
function longRecord(n: number): CallRecord {
  const begin = opened({ epochMs: BEGAN_MS + n * 1_000, from: CALLER });
  const turns = Array.from({ length: 84 }, (_, i) =>
    callerText(
      `item_${i}`,
      `My order ${n * 1000 + i} has bananas and a monkey in it, ${"and I ask why it is late. ".repeat(5)}`,
    ),
  );
  return applyEvents(emptyRecord(testSid(n)), [begin, ...turns, ended(3_600_000)]);
}
