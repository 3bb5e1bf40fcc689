import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import type { CallRecord } from "../../../src/domain/call-record.js";
import type { CallSid, ItemId } from "../../../src/domain/ids.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import type { CallFilter, CallSave } from "../../../src/ports/store.js";
import { applyEvent, emptyRecord } from "../../../src/records/record.js";
import { storedRecords } from "../../fakes/stored-records.js";
import { storeKinds } from "../../fakes/stores.js";

const EPOCH = Date.parse("2026-11-21T08:00:00.000Z");
const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;

function opened(n: number, change: Partial<RecordEvent & { type: "opened" }> = {}): CallRecord {
  return applyEvent(emptyRecord(sid(n)), {
    type: "opened",
    epochMs: EPOCH + n * 1_000,
    agent: "support",
    direction: "inbound",
    from: "+15550001111",
    to: "+15550002222",
    path: "media-stream",
    node: "n1",
    ...change,
  });
}

function ended(n: number, change: Partial<RecordEvent & { type: "opened" }> = {}): CallRecord {
  const events: RecordEvent[] = [
    { type: "agent_turn", itemId: "a" as ItemId, startedMs: 100, voiceToVoiceMs: null },
    { type: "agent_text", itemId: "a" as ItemId, text: "Hello \u0000 there \ud800." },
    { type: "caller_turn", itemId: "b" as ItemId, startedMs: 1_500.5, endedMs: 2_000 },
    { type: "ended", atMs: 60_000, outcome: "completed", reason: "caller_hung_up" },
  ];
  return events.reduce(applyEvent, opened(n, change));
}

function save(record: CallRecord, basedOn = 0, owner = "w1"): CallSave {
  return { callSid: record.callSid, record, applied: { [owner]: 1 + basedOn }, basedOn, owner };
}

const fail = (error: Error) => {
  throw error;
};

describe.each(storeKinds())("a store on $name", (kind) => {
  let url: string;
  let store: OpenStore;

  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  beforeEach(async () => {
    url = await kind.newDatabase();
    store = await openStore(url, fail);
  });
  afterEach(async () => await store.close());
  afterAll(async () => await kind.dispose());

  it("loads what was saved, with its version", async () => {
    const record = ended(1);
    expect(await store.save([save(record)])).toEqual(["saved"]);
    // Without the characters that databases and their clients do not handle.
    const turns = record.turns.map((turn) => ({
      ...turn,
      text: turn.text?.replace("\0", "").replace("\ud800", "\ufffd") ?? null,
    }));
    expect(await store.load(sid(1))).toEqual({
      record: { ...record, turns },
      version: 1,
      applied: { w1: 1 },
      owner: "w1",
    });
    expect(await store.load(sid(2))).toBeNull();
  });

  it("shows the turns of ended calls in a view", async () => {
    const text = String.raw`a back\slash, a literal \u0000 and \\u0000, "quotes"`;
    const said: RecordEvent = { type: "caller_text", itemId: "b" as ItemId, text };
    await store.save([save(applyEvent(ended(1), said)), save(opened(2))]);
    const rows = await kind.query(
      url,
      "select call_sid, n, who, item_id, text, started_ms, heard_ms from turns order by n",
    );
    const [agent, caller, ...more] = rows as Record<string, unknown>[];
    expect(more).toEqual([]);
    const [call_sid, heard_ms] = [sid(1), null];
    expect(agent).toMatchObject({
      call_sid,
      n: 0,
      who: "agent",
      item_id: "a",
      started_ms: 100,
      heard_ms,
    });
    expect(agent?.["text"]).toBe("Hello  there \ufffd.");
    expect(caller).toEqual({
      call_sid,
      n: 1,
      who: "caller",
      item_id: "b",
      text,
      started_ms: 1_500.5,
      heard_ms,
    });
  });

  it("lets two nodes start together on an empty database", async () => {
    const fresh = await kind.newDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(async () => await openStore(fresh, fail)));
    for (const each of stores) expect(await each.orders.findOrder("1001")).not.toBeNull();
    for (const each of stores) await each.close();
  });

  it("saves nothing over a version that the save is not based on", async () => {
    expect(await store.save([save(opened(1)), save(opened(2))])).toEqual(["saved", "saved"]);
    expect(await store.save([save(ended(2), 1), save(ended(1)), save(opened(3))])).toEqual([
      "saved",
      "conflict",
      "saved",
    ]);
    expect(await store.save([save(ended(2), 1)])).toEqual(["conflict"]);
    expect((await store.load(sid(1)))?.record.state).toBe("live");
    expect(await store.load(sid(2))).toMatchObject({ version: 2, record: { state: "ended" } });
  });

  it("lets one of many writers of the same version win", async () => {
    const other = await openStore(url, fail);
    await store.save([save(opened(1))]);
    const outcomes = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, i) => (await (i % 2 === 0 ? store : other).save([save(ended(1), 1)]))[0],
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "saved")).toHaveLength(1);
    await other.close();
  });

  it("lists newest first, page by page, without a gap or a repeat", async () => {
    const records = Array.from({ length: 25 }, (_, i) =>
      opened(i, { epochMs: EPOCH + Math.floor(i / 3) * 1_000 }),
    );
    await store.save(records.map((record) => save(record)));
    expect(await storedRecords(store, {}, 4)).toEqual([...records].reverse());
  });

  it("filters by state, agent, outcome, time and the other party", async () => {
    await store.save([
      save(opened(1)),
      save(ended(2)),
      save(ended(3, { agent: "sales" })),
      save(ended(4, { direction: "outbound", from: "+15550002222", to: "+15559998888" })),
    ]);
    const sids = async (filter: CallFilter) =>
      (await store.find(filter, null, 10)).map(({ callSid }) => callSid);
    expect(await sids({ state: "live" })).toEqual([sid(1)]);
    expect(await sids({ agent: "sales" })).toEqual([sid(3)]);
    expect(await sids({ outcome: "completed" })).toEqual([sid(4), sid(3), sid(2)]);
    expect(await sids({ sinceMs: EPOCH + 2_000, untilMs: EPOCH + 4_000 })).toEqual([
      sid(3),
      sid(2),
    ]);
    expect(await sids({ caller: "+15559998888" })).toEqual([sid(4)]);
    expect(await sids({ caller: "+15550002222" })).toEqual([]);
  });

  it("stores nothing of a removed call, also not what arrives later", async () => {
    await store.save([save(ended(1)), save(ended(2))]);
    await store.addJob({ kind: "recording_download", callSid: sid(1), key: "k", payload: {} });
    await store.putState(`transfer:${sid(1)}`, "{}", 60_000);
    expect(await store.remove(sid(1))).toBe(true);
    expect(await store.remove(sid(1))).toBe(false);
    expect(await store.load(sid(1))).toBeNull();
    expect(await store.takeJob("w1", 1_000, 60_000)).toBeNull();
    expect(await store.getState(`transfer:${sid(1)}`)).toBeNull();
    expect(await store.save([save(ended(1)), save(ended(1), 1)])).toEqual(["deleted", "deleted"]);
    expect(await store.find({}, null, 10)).toHaveLength(1);
  });

  it("finds live calls whose owner sends no heartbeats", async () => {
    await store.heartbeat("w1", "n1");
    await store.save([save(opened(1)), save(opened(2), 0, "gone"), save(ended(3), 0, "gone")]);
    expect(await store.abandonedCalls(60_000, 10)).toEqual([sid(2)]);
    expect(await store.liveCallsOf("gone")).toEqual([sid(2)]);
    await store.forgetWriter("w1");
    expect(await store.abandonedCalls(60_000, 10)).toEqual([sid(1), sid(2)]);
  });

  it("finds what is older than retention allows", async () => {
    const recorded = applyEvent(ended(1), { type: "recording", sid: "RE1", file: "RE1.wav" });
    await store.save([save(recorded), save(ended(2)), save(opened(3))]);
    expect(await store.expiredCalls(EPOCH + 10_000, 10)).toEqual([sid(1), sid(2)]);
    expect(await store.expiredCalls(EPOCH + 2_000, 10)).toEqual([sid(1)]);
    expect(await store.expiredRecordings(EPOCH + 10_000, 10)).toEqual([sid(1)]);
    await store.sweep();
    expect(await store.find({}, null, 10)).toHaveLength(3);
  });

  it("gives a key to exactly one process", async () => {
    const other = await openStore(url, fail);
    const claims = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, i) => await (i % 2 === 0 ? store : other).claimOnce("token", 60_000),
      ),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    // An expired key can be claimed again.
    expect(await store.claimOnce("short", -1)).toBe(true);
    expect(await store.claimOnce("short", 60_000)).toBe(true);
    expect(await store.claimOnce("short", 60_000)).toBe(false);
    await other.close();
  });

  it("changes shared state only if it still has the version that was read", async () => {
    expect(await store.putState("k", "one", 60_000, 0)).toBe(true);
    expect(await store.getState("k")).toEqual({ value: "one", version: 1 });
    expect(await store.putState("k", "two", 60_000, 1)).toBe(true);
    expect(await store.putState("k", "lost", 60_000, 1)).toBe(false);
    expect(await store.putState("k", "lost", 60_000, 0)).toBe(false);
    expect(await store.putState("nothing", "lost", 60_000, 3)).toBe(false);
    expect(await store.getState("nothing")).toBeNull();
    expect(await store.putState("k", "three", 60_000)).toBe(true);
    expect(await store.getState("k")).toEqual({ value: "three", version: 3 });
    await store.putState("k", "old", -1);
    expect(await store.getState("k")).toBeNull();
    await store.removeState("k");
    expect(await store.putState("k", "new", 60_000, 0)).toBe(true);
  });

  it("hands a job to one process, again after a failure or the end of a lease", async () => {
    const job = {
      kind: "recording_download",
      callSid: sid(1),
      key: "RE1",
      payload: { url: "u" },
    } as const;
    for (const writer of ["w1", "w2", "w3"]) await store.heartbeat(writer, "n1");
    expect(await store.addJob(job)).toBe(true);
    expect(await store.addJob(job)).toBe(false);
    const taken = await Promise.all(
      [1, 2, 3].map(async (n) => await store.takeJob(`w${n}`, 60_000, 60_000)),
    );
    expect(taken.filter((each) => each !== null)).toMatchObject([{ ...job, attempts: 1 }]);
    await store.failJob("RE1", "not yet", 0);
    expect(await store.takeJob("w1", -1, 60_000)).toMatchObject({ attempts: 2 });
    // The lease has ended.
    expect(await store.takeJob("w2", 60_000, 60_000)).toMatchObject({ attempts: 3 });
    await store.failJob("RE1", "too large", null);
    expect(await store.takeJob("w1", 60_000, 60_000)).toBeNull();
    expect(await store.deadJobs(5)).toMatchObject([{ key: "RE1", error: "too large" }]);
  });

  it("makes a job due again as soon as its holder is known to be gone", async () => {
    const job = { kind: "recording_transcribe", callSid: sid(1), key: "t", payload: {} } as const;
    await store.addJob(job);
    for (const writer of ["w1", "w2"]) await store.heartbeat(writer, "n1");
    expect(await store.takeJob("w1", 1_800_000, 60_000)).not.toBeNull();
    expect(await store.takeJob("w2", 1_800_000, 60_000)).toBeNull();
    await store.forgetWriter("w1");
    expect(await store.takeJob("w2", 1_800_000, 60_000)).toMatchObject({ attempts: 2 });
    // Every heartbeat is older than this.
    expect(await store.takeJob("w3", 1_800_000, -1)).toMatchObject({ attempts: 3 });
  });

  it("is not misled by times from before the clock was set back", async () => {
    const future = Date.now() + 3 * 3_600_000;
    await store.addJob({ kind: "recording_download", callSid: sid(1), key: "d", payload: {} });
    await store.heartbeat("w1", "n1");
    await store.save([save(opened(1))]);
    await kind.execute(url, `update jobs set run_at_ms = ${future}`);
    await kind.execute(url, `update writers set seen_ms = ${future}`);
    expect(await store.takeJob("w2", 60_000, 60_000)).toMatchObject({ key: "d" });
    expect(await store.abandonedCalls(60_000, 10)).toEqual([sid(1)]);
    await store.heartbeat("w1", "n1");
    expect(await store.abandonedCalls(60_000, 10)).toEqual([]);
  });

  it("measures its operations", async () => {
    const seen: string[] = [];
    let nowMs = 0;
    const timed = await openStore(url, fail, {
      nowMs: () => (nowMs += 500),
      observe: (seconds, operation) => seen.push(`${operation} ${seconds}`),
    });
    await timed.load(sid(1));
    await expect(timed.save([save(opened(1))])).resolves.toEqual(["saved"]);
    expect(seen).toEqual(["load_calls 0.5", "save_calls 0.5"]);
    await timed.close();
  });

  it("looks orders up, and books an hour once", async () => {
    const other = await openStore(url, fail);
    expect(await store.orders.findOrder(" #4217 ")).toMatchObject({
      number: "4217",
      expected: "in three days",
    });
    expect(await store.orders.findOrder("GRACE@example.com")).toMatchObject({
      items: ["desk lamp", "two bulbs"],
    });
    expect(await store.orders.findOrder("nobody")).toBeNull();
    const wish = { name: "Ana", date: "2026-12-01", time: "10:00", topic: null };
    const booked = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, i) => await (i % 2 === 0 ? store : other).orders.book(wish),
      ),
    );
    expect(booked.filter((number) => number !== null)).toEqual([expect.stringMatching(/^A\d{4}$/)]);
    expect(await store.orders.book({ ...wish, time: "11:00" })).not.toBeNull();
    await other.close();
  });

  it("finds recordings for which no job was stored", async () => {
    const recorded = (n: number, file: string | null) =>
      applyEvent(ended(n), { type: "recording", sid: `RE${n}`, file });
    await store.save([
      save(recorded(1, null)),
      save(recorded(2, "RE2.wav")),
      save(recorded(3, null)),
      save(ended(4)),
    ]);
    await store.addJob({
      kind: "recording_download",
      callSid: sid(3),
      key: "download:RE3",
      payload: {},
    });
    expect(await store.unfetchedRecordings(10)).toEqual([{ callSid: sid(1), recordingSid: "RE1" }]);
  });
});

describe("openStore on SQLite", () => {
  let home: string;
  let umask: number;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "murelay-store-"));
    umask = process.umask(0);
  });
  afterEach(() => {
    process.umask(umask);
    rmSync(home, { recursive: true, force: true });
  });
  const mode = (...path: string[]) => statSync(join(home, ...path)).mode & 0o777;

  it("makes files that only their owner can read, whatever the umask", async () => {
    const store = await openStore(`sqlite:${join(home, "data", "murelay.db")}`, fail);
    await store.save([save(opened(1))]);
    expect(mode("data")).toBe(0o700);
    for (const name of readdirSync(join(home, "data"))) expect(mode("data", name)).toBe(0o600);
    await store.close();
  });

  it("takes the rights of others away from a file of an earlier release", async () => {
    writeFileSync(join(home, "murelay.db"), "", { mode: 0o644 });
    const store = await openStore(`sqlite:${join(home, "murelay.db")}`, fail);
    expect(mode("murelay.db")).toBe(0o600);
    await store.close();
  });

  it.each(["deleted", "replaced by an empty file"])(
    "notices that its file was %s, reports it, and works with a new one",
    async (how) => {
      const path = join(home, "murelay.db");
      const lost: Error[] = [];
      const store = await openStore(`sqlite:${path}`, (error) => lost.push(error));
      await store.save([save(opened(1))]);
      for (const name of readdirSync(home)) rmSync(join(home, name));
      if (how !== "deleted") writeFileSync(path, "");
      const saves = await Promise.all(
        [2, 3, 4].map(async (n) => await store.save([save(opened(n))]).catch((error) => error)),
      );
      for (const outcome of saves)
        if (outcome instanceof Error)
          expect(outcome).toMatchObject({ code: "store_unavailable", retryable: true });
      expect(await store.save([save(opened(5))])).toEqual(["saved"]);
      expect(lost.map(({ message }) => message)).toEqual([
        "the database file was deleted or replaced",
      ]);
      expect(await store.load(sid(1))).toBeNull();
      await store.close();
      const again = await openStore(`sqlite:${path}`, fail);
      expect(await again.load(sid(5))).not.toBeNull();
      await again.close();
    },
  );
});

describe("openStore", () => {
  it("rejects an unknown scheme, and a file that cannot be created", async () => {
    await expect(openStore("mysql://x", fail)).rejects.toMatchObject({ code: "config_invalid" });
    await expect(openStore("sqlite:/dev/null/x.db", fail)).rejects.toThrow();
  });

  it("starts without its server, and rejects every operation while it is away", async () => {
    const store = await openStore("postgres://relay@127.0.0.1:9/x", fail);
    const away = { code: "store_unavailable", retryable: true };
    await expect(store.ping()).rejects.toMatchObject(away);
    await expect(store.find({}, null, 1)).rejects.toMatchObject(away);
    await store.close();
  });
});
