import { beforeEach, describe, expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { CallStore, JobQueue, NewJob, SharedState } from "../../src/ports/store.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { RetentionJob } from "../../src/records/retention-job.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

const DAY_MS = 86_400_000;
const sid = (n: number) => `CA${n}` as CallSid;

/** The calls of a store, with the methods that retention uses. */
class CallsInMemory {
  readonly records = new Map<CallSid, CallRecord>();
  readonly jobs: NewJob[] = [];
  readonly state = new Map<string, string>();
  sweeps = 0;
  away = false;

  add(n: number, startedMs: number, file: string | null): void {
    const callSid = sid(n);
    const events: RecordEvent[] = [
      {
        type: "opened",
        epochMs: startedMs,
        agent: "support",
        direction: "inbound",
        from: "a",
        to: "b",
        path: "media-stream",
        node: "n",
      },
      { type: "recording", sid: `RE${n}`, file },
      { type: "ended", atMs: 1, outcome: "completed", reason: "done" },
    ];
    this.records.set(callSid, applyEvents(emptyRecord(callSid), events));
  }

  #old(untilMs: number, limit: number): CallRecord[] {
    if (this.away) throw new Error("away");
    return [...this.records.values()]
      .filter(({ startedAt }) => Date.parse(startedAt ?? "") < untilMs)
      .slice(0, limit);
  }

  readonly store = {
    load: async (callSid: CallSid) => {
      const record = this.records.get(callSid);
      return record === undefined ? null : { record, version: 1, applied: {}, owner: "w" };
    },
    remove: async (callSid: CallSid) => this.records.delete(callSid),
    expiredCalls: async (untilMs: number, limit: number) =>
      this.#old(untilMs, limit).map(({ callSid }) => callSid),
    expiredRecordings: async (untilMs: number, limit: number) =>
      this.#old(untilMs, limit)
        .filter(({ recording }) => recording?.file != null)
        .map(({ callSid }) => callSid),
    sweep: async () => {
      this.sweeps++;
    },
    addJob: async (job: NewJob) => {
      this.jobs.push(job);
      return true;
    },
    getState: async (key: string) => {
      const value = this.state.get(key);
      return value === undefined ? null : { value, version: 1 };
    },
    putState: async (key: string, value: string) => {
      this.state.set(key, value);
      return true;
    },
  } as Partial<CallStore & JobQueue & SharedState> as CallStore & JobQueue & SharedState;
}

let calls: CallsInMemory;
let clock: FakeClock;
let log: FakeLog;
/** What was done to files, in order. */
let done: string[];
let fileFails: boolean;

beforeEach(() => {
  calls = new CallsInMemory();
  clock = new FakeClock();
  log = new FakeLog();
  done = [];
  fileFails = false;
});

function retention(
  recordsDays: number | null,
  recordingsDays: number | null,
  auditDays: number | null = null,
): RetentionJob {
  return new RetentionJob(
    {
      store: {
        ...calls.store,
        removeAudit: async (before, limit) => await removeAudit(before, limit),
      },
      source: {
        download: async () => "",
        removeRemote: async () => {},
        removeFile: async (file) => {
          if (fileFails) throw new Error("EACCES");
          done.push(file);
        },
      },
      removeFlight: async (callSid) => void done.push(`flight ${callSid}`),
      removeFlightsBefore: async (epochMs) => {
        done.push(`flights before day ${(epochMs - clock.epochMs()) / DAY_MS}`);
        return 0;
      },
      journal: { write: (callSid, event) => void done.push(`${event.type} ${callSid}`) },
      clock,
      log,
    },
    { recordsDays, recordingsDays, auditDays },
  );
}

/** What the store is asked for acts of operators; at first it has 501. */
let auditAsked: number[] = [];
async function removeAudit(beforeMs: number, limit: number): Promise<number> {
  auditAsked.push((beforeMs - clock.epochMs()) / DAY_MS);
  return auditAsked.length === 1 ? limit : 1;
}

const daysAgo = (days: number) => clock.epochMs() - days * DAY_MS;
const settle = async () => await new Promise((resolve) => setImmediate(resolve));

it("deletes acts of operators in batches, only where their time is limited", async () => {
  auditAsked = [];
  await retention(null, null).sweep();
  expect(auditAsked).toEqual([]);
  await retention(null, null, 365).sweep();
  expect(auditAsked).toEqual([-365, -365]);
});

describe("remove", () => {
  it("deletes files, flight recording and record, and asks Twilio for its copy", async () => {
    calls.add(1, daysAgo(0), "RE1.wav");
    expect(await retention(null, null).remove(sid(1))).toBe(true);
    expect(done).toEqual(["RE1.wav", "flight CA1"]);
    expect(calls.jobs).toMatchObject([
      { kind: "recording_remove", key: "remove:RE1", payload: { recordingSid: "RE1" } },
    ]);
    expect(calls.records.size).toBe(0);
    expect(await retention(null, null).remove(sid(1))).toBe(false);
  });

  it("keeps the record while its file cannot be deleted", async () => {
    calls.add(1, daysAgo(0), "RE1.wav");
    fileFails = true;
    await expect(retention(null, null).remove(sid(1))).rejects.toThrow("EACCES");
    expect(calls.records.size).toBe(1);
  });

  it("deletes the copy at Twilio also before it was downloaded", async () => {
    calls.add(1, daysAgo(0), null);
    await retention(null, null).remove(sid(1));
    expect(done).toEqual(["flight CA1"]);
    expect(calls.jobs).toHaveLength(1);
  });
});

describe("sweep", () => {
  it.each([
    [null, null, [1, 2, 3], []],
    [30, null, [1, 2], ["RE3.wav", "flight CA3"]],
    [
      null,
      7,
      [1, 2, 3],
      [
        "RE2.wav",
        "recording_removed CA2",
        "RE3.wav",
        "recording_removed CA3",
        "flights before day -7",
      ],
    ],
    [
      30,
      7,
      [1, 2],
      ["RE3.wav", "flight CA3", "RE2.wav", "recording_removed CA2", "flights before day -7"],
    ],
  ])(
    "deletes what is older than %s and %s days",
    async (recordsDays, recordingsDays, left, todo) => {
      for (const [n, days] of [
        [1, 1],
        [2, 10],
        [3, 31],
      ] as const)
        calls.add(n, daysAgo(days), `RE${n}.wav`);
      await retention(recordsDays, recordingsDays).sweep();
      expect([...calls.records.keys()]).toEqual(left.map(sid));
      expect(done).toEqual(todo);
      expect(calls.sweeps).toBe(1);
    },
  );

  it("deletes more calls than one batch", async () => {
    for (let n = 0; n < 250; n++) calls.add(n, daysAgo(31), null);
    await retention(30, null).sweep();
    expect(calls.records.size).toBe(0);
    expect(log.lines).toEqual([
      'info retention: old data deleted {"calls":250,"recordings":0,"acts":0}',
    ]);
  });
});

describe("a clock that jumps forward", () => {
  it("deletes nothing for a day, and then what is too old by it", async () => {
    const job = retention(30, 7);
    calls.add(1, daysAgo(1), "RE1.wav");
    await job.sweep();
    done.length = 0;
    clock.advance(1_000 * DAY_MS);
    for (let hour = 0; hour < 24; hour++) {
      await job.sweep();
      clock.advance(3_600_000);
    }
    expect([calls.records.size, calls.sweeps, done]).toEqual([1, 1, []]);
    expect(log.lines.every((line) => line.includes("the clock has jumped"))).toBe(true);
    await job.sweep();
    expect([calls.records.size, calls.sweeps]).toEqual([0, 2]);
  });

  it("is not asked about where nothing is deleted", async () => {
    const job = retention(null, null);
    await job.sweep();
    clock.advance(1_000 * DAY_MS);
    await job.sweep();
    expect([calls.sweeps, calls.state.size, log.lines]).toEqual([2, 0, []]);
  });
});

describe("the timer", () => {
  it("sweeps a minute after the start, then every hour, also after a failure", async () => {
    const job = retention(30, null);
    job.start();
    clock.advance(59_999);
    expect(calls.sweeps).toBe(0);
    calls.away = true;
    clock.advance(1);
    await settle();
    expect(log.lines).toEqual(["warn retention: sweep failed {}"]);
    calls.away = false;
    clock.advance(3_600_000);
    await settle();
    expect(calls.sweeps).toBe(1);
    await job.stop();
    expect(clock.pending).toBe(0);
  });
});
