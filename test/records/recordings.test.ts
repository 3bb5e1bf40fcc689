import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpoolFiles } from "../../src/adapters/journal/spool-files.js";
import { type OpenStore, openStore } from "../../src/adapters/store/open-store.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordingSource, Transcriber } from "../../src/ports/recordings.js";
import { RecordWriter } from "../../src/records/record-writer.js";
import { Recordings } from "../../src/records/recordings.js";
import { RetentionJob } from "../../src/records/retention-job.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { silentLog } from "../fakes/silent-log.js";

const SID = "CA00000000000000000000000000000001" as CallSid;
const EPOCH = Date.UTC(2026, 10, 21);
const RECORDING = {
  enabled: true,
  channels: "dual",
  transcribe: { model: "whisper-1", words: true },
} as const;

describe("recordings", () => {
  let home: string;
  let store: OpenStore;
  let spool: SpoolFiles;
  let recordWriter: RecordWriter;
  let clock: FakeClock;
  let files: Set<string>;
  let removed: string[];
  /** Instants before which flight recordings were removed. */
  let flightsBefore: number[];
  let downloads: (() => void)[];
  let transcribed: unknown[];

  const source: RecordingSource = {
    download: async (sid, channels) => {
      downloads.shift()?.();
      files.add(`${sid}.wav`);
      return `${sid}.wav:${channels}`.split(":")[0]!;
    },
    removeRemote: async (sid) => {
      removed.push(sid);
    },
    removeFile: async (file) => {
      files.delete(file);
    },
  };
  const transcriber: Transcriber = {
    transcribe: async (file, settings) => {
      transcribed.push([file, settings]);
      return {
        text: "caller: hello",
        words: [{ who: "caller", word: "hello", startMs: 0, endMs: 400 }],
        usage: { tokens: 0, seconds: 60 },
      };
    },
  };
  const newRecordings = () =>
    new Recordings({
      store,
      source,
      transcriber,
      journal: recordWriter,
      flush: async () => await recordWriter.flush(),
      agentOf: (name) => (name === "support" ? { recording: RECORDING } : undefined),
      clock,
      log: silentLog,
      writer: spool.writer,
    });
  const newRetention = (recordsDays: number | null, recordingsDays: number | null) =>
    new RetentionJob(
      {
        store,
        source,
        removeFlight: async (callSid) => {
          files.delete(`${callSid}.flight.jsonl`);
        },
        removeFlightsBefore: async (epochMs) => {
          flightsBefore.push(epochMs);
          return 0;
        },
        journal: recordWriter,
        clock,
        log: silentLog,
      },
      { recordsDays, recordingsDays, auditDays: null },
    );
  const record = async () => (await store.load(SID))?.record;
  /** Does every job that is due. A job that waits for a retry is not due. */
  const workAll = async (recordings: Recordings) => {
    let more = true;
    while (more) more = await recordings.work();
  };
  const form = {
    RecordingSid: "RE1",
    RecordingStatus: "completed",
    RecordingUrl: "https://evil.example/RE1",
  };

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "murelay-recordings-"));
    store = await openStore("sqlite::memory:", () => {});
    spool = await SpoolFiles.open(home, "w", { epochMs: () => Date.now() });
    clock = new FakeClock();
    files = new Set();
    removed = [];
    flightsBefore = [];
    downloads = [];
    transcribed = [];
    recordWriter = new RecordWriter(
      {
        store,
        spool,
        clock,
        log: silentLog,
        metrics: new FakeMetrics().metrics,
      },
      {
        node: "n1",
        prices: {
          asOf: "2026-10-15",
          models: new Map(),
          transcription: new Map([["whisper-1", { perMinute: 0.006, perMillionTokens: 0 }]]),
        },
        redact: (text) => text,
      },
    );
    recordWriter.write(SID, {
      type: "opened",
      epochMs: EPOCH,
      agent: "support",
      direction: "inbound",
      from: "+15550001111",
      to: "+15550002222",
      path: "media-stream",
      node: "n1",
    });
    recordWriter.write(SID, {
      type: "ended",
      atMs: 60_000,
      outcome: "completed",
      reason: "caller_hung_up",
    });
    await recordWriter.flush();
  });
  afterEach(async () => {
    await recordWriter.close();
    await store.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** Handles the callback and stores its job, as a running process does. */
  async function callback(recordings: Recordings): Promise<void> {
    recordings.callback(SID, form);
    await recordWriter.flush();
    await recordings.stop();
  }

  it("go from the callback to file, transcript, words and cost, and only once", async () => {
    const recordings = newRecordings();
    await callback(recordings);
    await callback(recordings);
    await workAll(recordings);
    expect((await record())?.recording).toEqual({
      sid: "RE1",
      file: "RE1.wav",
      transcript: "caller: hello",
      words: [{ who: "caller", word: "hello", startMs: 0, endMs: 400 }],
    });
    expect((await record())?.costUsd).toBe(0.006);
    expect(transcribed).toEqual([["RE1.wav", { model: "whisper-1", words: true, dual: true }]]);
    await callback(recordings);
    await workAll(recordings);
    expect(transcribed).toHaveLength(1);
    expect((await record())?.recording?.transcript).toBe("caller: hello");
  });

  it("ignore callbacks of other kinds", async () => {
    const recordings = newRecordings();
    recordings.callback(SID, { ...form, RecordingStatus: "in-progress" });
    recordings.callback(SID, { ...form, RecordingSid: "../../etc" });
    await recordWriter.flush();
    expect((await record())?.recording).toBeNull();
    expect(await recordings.work()).toBe(false);
  });

  it("wait while the media is not available, and are given up when it never can be", async () => {
    downloads.push(() => {
      throw new RelayError("twilio_unavailable", "not there", { retryable: true });
    });
    const recordings = newRecordings();
    await callback(recordings);
    await workAll(recordings);
    expect((await record())?.recording?.file).toBeNull();
    expect(await store.deadJobs(5)).toEqual([]);
    // Another process takes the job when it is due.
    await store.failJob("download:RE1", "due", 0);
    downloads.push(() => {
      throw new RelayError("limit_exceeded", "too large");
    });
    await workAll(newRecordings());
    expect(await store.deadJobs(5)).toMatchObject([
      { key: "download:RE1", error: "limit_exceeded: too large" },
    ]);
  });

  it("are found by a search when the database was away at the callback", async () => {
    recordWriter.write(SID, { type: "recording", sid: "RE1", file: null });
    await recordWriter.flush();
    const recordings = newRecordings();
    recordings.start();
    for (let i = 0; i < 500 && (await record())?.recording?.transcript == null; i++) {
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await record())?.recording).toMatchObject({
      file: "RE1.wav",
      transcript: "caller: hello",
    });
    await recordings.stop();
  });

  it("are deleted with their call, here and at Twilio", async () => {
    const recordings = newRecordings();
    await callback(recordings);
    await workAll(recordings);
    files.add(`${SID}.flight.jsonl`);
    expect(await newRetention(null, null).remove(SID)).toBe(true);
    await workAll(recordings);
    expect([...files]).toEqual([]);
    expect(removed).toEqual(["RE1"]);
    expect(await record()).toBeUndefined();
    expect(await newRetention(null, null).remove(SID)).toBe(false);
  });

  it("leave no file behind when the call is deleted during the download", async () => {
    const recordings = newRecordings();
    await callback(recordings);
    const download = source.download;
    source.download = async (sid, channels) => {
      await store.remove(SID);
      return await download(sid, channels);
    };
    await workAll(recordings);
    source.download = download;
    expect([...files]).toEqual([]);
    expect(transcribed).toEqual([]);
  });
});
