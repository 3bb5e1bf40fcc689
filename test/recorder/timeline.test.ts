import { describe, expect, it } from "vitest";
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { FlightLine } from "../../src/recorder/format.js";
import {
  FlightTimeline,
  Loudness,
  recordEvents,
  recordingStartMs,
} from "../../src/recorder/timeline.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";

const STARTED_MS = Date.UTC(2026, 10, 21);
const message = (json: object) => new TextEncoder().encode(JSON.stringify(json));
const ulaw = (bytes: number, byte = 0x80) => Buffer.alloc(bytes, byte).toString("base64");
const timeline = (loudness = new Loudness()) =>
  new FlightTimeline({ header: { epochMs: STARTED_MS + 500 } as never }, STARTED_MS, loudness);

function eventOf(line: object): string {
  const one = timeline();
  one.line({ at: 20, ...line } as unknown as FlightLine);
  return one
    .take()
    .map(
      ({ atMs, lane, name, detail }) => `${atMs} ${lane} ${name} ${JSON.stringify(detail ?? {})}`,
    )
    .join();
}

describe("the timeline of a flight recording", () => {
  it.each<[object, string]>([
    [{ in: "phone", event: "started", streamSid: "MZ1" }, "520 phone started {}"],
    [{ in: "phone", event: "message", message: message({ event: "mark" }) }, "520 phone mark {}"],
    [{ in: "phone", event: "message", message: message([]) }, "520 phone unknown {}"],
    [{ in: "phone", event: "message", message: Uint8Array.of(1) }, "520 phone unknown {}"],
    [{ in: "model", leg: 1, event: "opened" }, "520 model opened {}"],
    [
      {
        in: "model",
        leg: 1,
        event: "message",
        message: message({ type: "response.output_audio.delta", item_id: "i", delta: ulaw(800) }),
      },
      '520 agent delta_received {"ms":100,"itemId":"i"}',
    ],
    [
      {
        in: "model",
        leg: 1,
        event: "message",
        message: message({ type: "response.done", response_id: "r" }),
      },
      '520 model response.done {"responseId":"r"}',
    ],
    [{ in: "command", type: "note", text: "secret", by: "ada" }, "520 relay note {}"],
    [
      { in: "command", type: "supervisor_audio", listener: 1, base64: "" },
      "520 operator supervisor_audio {}",
    ],
    [{ in: "clock", event: "timer", timer: "claim" }, '520 relay timer {"timer":"claim"}'],
    [{ in: "clock", event: "tick" }, "520 relay tick {}"],
    [{ in: "tools", event: "ended", callId: "c" }, "520 tool ended {}"],
    [{ in: "price", usd: 1 }, "520 relay price {}"],
    [{ out: "phone", event: "message", message: { event: "clear" } }, "520 phone clear_sent {}"],
    [
      {
        out: "phone",
        event: "message",
        message: { event: "media", media: { payload: ulaw(480) } },
      },
      '520 agent sent {"ms":60}',
    ],
    [
      {
        out: "model",
        leg: 1,
        event: "message",
        message: { type: "input_audio_buffer.append", audio: ulaw(160) },
      },
      '520 uplink append {"ms":20}',
    ],
    [
      {
        out: "model",
        leg: 1,
        event: "message",
        message: { type: "conversation.item.truncate", item_id: "i", audio_end_ms: 40 },
      },
      '520 agent truncated {"itemId":"i","heardMs":40}',
    ],
    [
      { out: "model", leg: 1, event: "message", message: { type: "response.create" } },
      "520 model response.create_sent {}",
    ],
    [{ out: "model", leg: 1, event: "close", code: 1000 }, "520 model close {}"],
    [{ out: "host", event: "ended" }, "520 relay ended {}"],
    [{ is: "returned", from: "ended" }, "520 relay returned {}"],
  ])("has %j as an event, without what was said", (line, event) => {
    expect(eventOf(line)).toBe(event);
  });

  it("gives each event once", () => {
    const one = timeline();
    one.line({ at: 20, in: "clock", event: "tick" });
    expect(one.take()).toHaveLength(1);
    expect(one.take()).toEqual([]);
  });

  it("has the loudness of both directions, in one scale for all parts of a call", () => {
    const loudness = new Loudness();
    const [one, other] = [timeline(loudness), timeline(loudness)];
    const media = (byte: number) =>
      message({ event: "media", media: { payload: ulaw(160, byte) } });
    one.line({ at: 0, in: "phone", event: "message", message: media(0x80) });
    other.line({ at: 100, in: "phone", event: "message", message: media(0xff) });
    const { stepMs, caller, agent } = loudness.envelope;
    expect([stepMs, agent]).toEqual([50, []]);
    expect(caller.slice(10)).toEqual([100, 0, 0]);
    expect(caller.slice(0, 10)).toEqual(Array(10).fill(0));
  });

  it("has no loudness where the phone dropped what it had not played", () => {
    const loudness = new Loudness();
    const one = timeline(loudness);
    const send = (at: number, json: object) =>
      one.line({ at, out: "phone", event: "message", message: json as never });
    send(0, { event: "media", media: { payload: ulaw(1_600) } });
    send(100, { event: "clear" });
    expect(loudness.envelope.agent.slice(10)).toEqual([100, 100, 0, 0]);
  });
});

it("the timeline of a record has turns, tools, transfers, and who did what", () => {
  const itemId = "i1" as ItemId;
  const events: RecordEvent[] = [
    {
      type: "opened",
      epochMs: STARTED_MS,
      agent: "a",
      direction: "inbound",
      from: "",
      to: "",
      path: "media-stream",
      node: "n",
    },
    { type: "caller_turn", itemId, startedMs: 100, endedMs: 900 },
    {
      type: "tool",
      atMs: 1_000,
      name: "lookup",
      arguments: "{}",
      output: "{}",
      ms: 50,
      outcome: "ok",
    },
    { type: "note", atMs: 1_100, name: "supervisor_note", fields: { by: "ada" } },
    { type: "note", atMs: 1_200, name: "playout_held", fields: {} },
  ];
  const record = applyEvents(emptyRecord("CA1" as CallSid), events);
  expect(
    recordEvents(record).map(({ atMs, lane, name, durationMs }) => [atMs, lane, name, durationMs]),
  ).toEqual([
    [100, "caller", "turn", 800],
    [1_000, "tool", "lookup", 50],
    [1_100, "operator", "supervisor_note", undefined],
    [1_200, "relay", "playout_held", undefined],
  ]);
});

it("a recording begins when it was started; in older records with the answer", () => {
  const opened: RecordEvent = {
    ...{ type: "opened", epochMs: STARTED_MS, agent: "a", direction: "inbound", from: "", to: "" },
    ...{ path: "media-stream", node: "n" },
  };
  const note: RecordEvent = { type: "note", atMs: 130, name: "recording_started", fields: {} };
  const record = applyEvents(emptyRecord("CA1" as CallSid), [opened, note]);
  expect(recordingStartMs(record)).toBe(130);
  const older = { ...record, events: [], answeredAt: "2026-11-21T00:00:00.400Z" };
  expect(recordingStartMs(older)).toBe(400);
  expect(recordingStartMs({ ...older, answeredAt: null })).toBe(0);
});
