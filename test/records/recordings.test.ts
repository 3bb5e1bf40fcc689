import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpoolFiles } from "../../src/adapters/journal/spool-files.js";
import { type OpenStore, openStore } from "../../src/adapters/store/open-store.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid, StreamSid } from "../../src/domain/ids.js";
import type { RecordingSource, Transcriber } from "../../src/ports/recordings.js";
import { RecordWriter } from "../../src/records/record-writer.js";
import { RecordingStarter, Recordings } from "../../src/records/recordings.js";
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
  let recorder: RecordWriter;
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
      journal: recorder,
      flush: async () => await recorder.flush(),
      agents: new Map([["support", { recording: RECORDING }]]),
      clock,
      log: silentLog,
      writer: spool.writer,
    });
  const newEraser = (recordsDays: number | null, recordingsDays: number | null) =>
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
        journal: recorder,
        clock,
        log: silentLog,
      },
      { recordsDays, recordingsDays },
    );
  const record = async () => (await store.load(SID))?.record;
  /** Does what is due; a job that waits for a retry is not. */
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
    recorder = new RecordWriter(
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
    recorder.write(SID, {
      type: "opened",
      epochMs: EPOCH,
      agent: "support",
      direction: "inbound",
      from: "+15550001111",
      to: "+15550002222",
      path: "media-stream",
      node: "n1",
    });
    recorder.write(SID, {
      type: "ended",
      atMs: 60_000,
      outcome: "completed",
      reason: "caller_hung_up",
    });
    await recorder.flush();
  });
  afterEach(async () => {
    await recorder.close();
    await store.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** As Twilio's callback does it, the job included. */
  async function callback(recordings: Recordings): Promise<void> {
    recordings.callback(SID, form);
    await recorder.flush();
    await recordings.stop();
  }

  it("go from the callback to file, transcript, words and cost, once however often it is repeated", async () => {
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

  it("take nothing from callbacks of other kinds", async () => {
    const recordings = newRecordings();
    recordings.callback(SID, { ...form, RecordingStatus: "in-progress" });
    recordings.callback(SID, { ...form, RecordingSid: "../../etc" });
    await recorder.flush();
    expect((await record())?.recording).toBeNull();
    expect(await recordings.work()).toBe(false);
  });

  it("wait when the media is not there yet, and are given up when it never can be", async () => {
    downloads.push(() => {
      throw new RelayError("twilio_unavailable", "not there", { retryable: true });
    });
    const recordings = newRecordings();
    await callback(recordings);
    await workAll(recordings);
    expect((await record())?.recording?.file).toBeNull();
    expect(await store.deadJobs(5)).toEqual([]);
    // Another process takes it over when it is due.
    await store.failJob("download:RE1", "due", 0);
    downloads.push(() => {
      throw new RelayError("limit_exceeded", "too large");
    });
    await workAll(newRecordings());
    expect(await store.deadJobs(5)).toMatchObject([
      { key: "download:RE1", error: "limit_exceeded: too large" },
    ]);
  });

  it("are found by a search when the database was away for the callback", async () => {
    recorder.write(SID, { type: "recording", sid: "RE1", file: null });
    await recorder.flush();
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

  it("are started once a call, when its stream runs, by agents that record", () => {
    const started: unknown[] = [];
    const starter = new RecordingStarter(
      recorder,
      new Map([
        ["support", { recording: RECORDING }],
        ["quiet", { recording: { ...RECORDING, enabled: false } }],
      ]),
      {
        startRecording: async (...args) => {
          started.push(args);
          return "RE9";
        },
      },
      "https://relay.example/recording-status",
      silentLog,
    );
    const opened = (callSid: string, agent: string) =>
      starter.write(callSid as CallSid, {
        type: "opened",
        epochMs: EPOCH,
        agent,
        direction: "inbound",
        from: "a",
        to: "b",
        path: "media-stream",
        node: "n1",
      });
    const streams = (callSid: string) =>
      starter.write(callSid as CallSid, {
        type: "stream_started",
        atMs: 5,
        streamSid: "MZ1" as StreamSid,
      });
    opened("CA2", "support");
    opened("CA3", "quiet");
    streams("CA2");
    streams("CA3");
    streams("CA2");
    expect(started).toEqual([["CA2", "dual", "https://relay.example/recording-status"]]);
  });

  it("go with their call when it is deleted, here and at Twilio", async () => {
    const recordings = newRecordings();
    await callback(recordings);
    await workAll(recordings);
    files.add(`${SID}.flight.jsonl`);
    expect(await newEraser(null, null).remove(SID)).toBe(true);
    await workAll(recordings);
    expect([...files]).toEqual([]);
    expect(removed).toEqual(["RE1"]);
    expect(await record()).toBeUndefined();
    expect(await newEraser(null, null).remove(SID)).toBe(false);
  });

  it("leave no file behind when the call is deleted while they are fetched", async () => {
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

  it("end when their time is over, before or with the record", async () => {
    const recordings = newRecordings();
    await callback(recordings);
    await workAll(recordings);
    clock.advance(8 * 86_400_000);
    await newEraser(30, 10).sweep();
    expect(files.size).toBe(1);
    expect(flightsBefore).toEqual([clock.epochMs() - 10 * 86_400_000]);
    await newEraser(30, 7).sweep();
    await recorder.flush();
    expect([...files]).toEqual([]);
    expect(await record()).toMatchObject({ outcome: "completed", recording: null });
    clock.advance(23 * 86_400_000);
    await newEraser(30, 7).sweep();
    expect(await record()).toBeUndefined();
    flightsBefore = [];
    await newEraser(30, null).sweep();
    expect(flightsBefore).toEqual([]);
  });
});
