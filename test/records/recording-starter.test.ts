import { beforeEach, describe, expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid, StreamSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { RecordingStarter } from "../../src/records/recording-starter.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { silentLog } from "../fakes/silent-log.js";

const CALLBACK = "https://relay.example/recording-status";
const RECORDING = { enabled: true, channels: "dual", transcribe: null } as const;
const unavailable = () => new RelayError("twilio_unavailable", "HTTP 500", { retryable: true });
const rejected = () => new RelayError("twilio_rejected", "HTTP 400");

let clock: FakeClock;
let written: RecordEvent[];
/** Requests at Twilio, with their time. */
let requests: (readonly [atMs: number, callSid: string, channels: string, callback: string])[];
/** One outcome per request; none left: success. */
let failures: (() => RelayError)[];
let starter: RecordingStarter;

beforeEach(() => {
  clock = new FakeClock();
  written = [];
  requests = [];
  failures = [];
  starter = new RecordingStarter(
    { write: (_, event) => void written.push(event) },
    {
      agentOf: (name) => ({ recording: { ...RECORDING, enabled: name === "support" } }),
      control: {
        startRecording: async (callSid, channels, callback) => {
          requests.push([clock.nowMs(), callSid, channels, callback]);
          const failure = failures.shift();
          if (failure !== undefined) throw failure();
          return "RE9";
        },
      },
      callbackUrl: CALLBACK,
      clock,
      log: silentLog,
    },
  );
});

const write = (callSid: string, event: RecordEvent) => starter.write(callSid as CallSid, event);
const open = (callSid: string, agent = "support") =>
  write(callSid, {
    type: "opened",
    epochMs: clock.epochMs(),
    agent,
    direction: "inbound",
    from: "a",
    to: "b",
    path: "media-stream",
    node: "n1",
  });
const stream = (callSid: string, atMs = 5) =>
  write(callSid, { type: "stream_started", atMs, streamSid: "MZ1" as StreamSid });
const settle = async () => await new Promise((resolve) => setImmediate(resolve));
const advance = async (ms: number) => {
  clock.advance(ms);
  await settle();
};

describe("RecordingStarter", () => {
  it("starts the recording of an agent that wants one when the stream starts", async () => {
    open("CA1");
    open("CA2", "quiet");
    expect(requests).toEqual([]);
    for (const callSid of ["CA1", "CA2", "CA1"]) stream(callSid);
    await settle();
    expect(requests).toEqual([[0, "CA1", "dual", CALLBACK]]);
    expect(written.at(-1)).toEqual({ type: "recording", sid: "RE9", file: null });
    expect(written.filter(({ type }) => type === "stream_started")).toHaveLength(3);
  });

  it("does not record a call that has no CallSid of Twilio", async () => {
    open("rtc_1");
    stream("rtc_1");
    await settle();
    expect(requests).toEqual([]);
  });

  it("starts no second recording when the caller comes back from a transfer", async () => {
    open("CA1");
    stream("CA1");
    await settle();
    write("CA1", { type: "ended", atMs: 9, outcome: "transferred", reason: "transferred" });
    await advance(4 * 3_600_000);
    open("CA1");
    stream("CA1");
    await settle();
    expect(requests).toHaveLength(1);
  });

  it("retries with growing pauses until Twilio accepts", async () => {
    failures = [unavailable, unavailable, unavailable];
    open("CA1");
    stream("CA1");
    await settle();
    for (const ms of [500, 2_000, 5_000]) await advance(ms);
    expect(requests.map(([atMs]) => atMs)).toEqual([0, 500, 2_500, 7_500]);
    expect(written.at(-1)).toEqual({ type: "recording", sid: "RE9", file: null });
    expect(clock.pending).toBe(0);
  });

  it("gives up within a minute, and notes the time and the code in the record", async () => {
    failures = Array.from({ length: 10 }, () => unavailable);
    await advance(1_000);
    open("CA1");
    stream("CA1", 400);
    await settle();
    for (let second = 0; second < 60; second++) await advance(1_000);
    expect(requests).toHaveLength(6);
    expect(written.at(-1)).toEqual({
      type: "note",
      atMs: 400 + 53_000,
      name: "recording_failed",
      fields: { code: "twilio_unavailable" },
    });
  });

  it("does not retry what Twilio will never accept", async () => {
    failures = [rejected];
    open("CA1");
    stream("CA1");
    await settle();
    expect(written.at(-1)).toMatchObject({ fields: { code: "twilio_rejected" } });
    expect(clock.pending).toBe(0);
  });

  it.each<RecordEvent>([
    { type: "ended", atMs: 9, outcome: "completed", reason: "done" },
    { type: "moved" },
  ])("stops its retries when the call is over here: $type", async (event) => {
    failures = [unavailable];
    open("CA1");
    stream("CA1");
    await settle();
    write("CA1", event);
    await advance(60_000);
    expect(requests).toHaveLength(1);
    expect(written.at(-1)).toEqual(event);
  });
});
