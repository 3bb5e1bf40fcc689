import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { FlightParser } from "../../src/recorder/reader.js";
import type { TimelineEvent } from "../../src/recorder/timeline.js";
import { TimelineStream } from "../../src/recorder/timeline-stream.js";

const AT = "1970-01-01T00:00:00.000Z";
const begins = (epochMs: number) =>
  JSON.stringify({
    ...{ at: 0, is: "call", format: 1, epochMs, parties: {}, agent: {}, settings: {} },
  });
const tick = (at: number) => JSON.stringify({ at, in: "clock", event: "tick" });
const writer = (name: string) => JSON.stringify({ at: 0, is: "writer", writer: name });
const note = (atMs: number): TimelineEvent => ({ atMs, lane: "relay", name: "told" });
const times = (events: readonly TimelineEvent[]) => events.map(({ atMs }) => atMs);

function streamOf(record: readonly TimelineEvent[], ...lines: readonly string[]): TimelineStream {
  const stream = new TimelineStream(record, AT);
  for (const line of lines) stream.line(line);
  return stream;
}

it("the events of record and recording come in one order, of two processes too", () => {
  const stream = streamOf(
    [note(25), note(5)],
    ...[writer("a"), begins(0), tick(10), tick(40), writer("b"), begins(15), tick(0), tick(20)],
  );
  expect(stream.isFlight).toBe(true);
  expect(times(stream.take(true, 100))).toEqual([5, 10, 15, 25, 35, 40]);
  expect(stream.leftOut).toBe(0);
});

it("few events wait while a recording is read", () => {
  const stream = streamOf([note(3_000)], begins(0));
  const all: number[] = [];
  let most = 0;
  for (let at = 0; at < 20_000; at++) {
    stream.line(tick(at));
    const events = stream.take(false, 100_000);
    most = Math.max(most, events.length);
    all.push(...times(events));
  }
  all.push(...times(stream.take(true, 100_000)));
  expect(all).toHaveLength(20_001);
  expect(all).toEqual([...all].sort((a, b) => a - b));
  expect(most).toBeLessThan(2_100);
});

it("events beyond the limit are counted", () => {
  const stream = streamOf([], begins(0), tick(1), tick(2), tick(3));
  expect(times(stream.take(true, 2))).toEqual([1, 2]);
  expect(stream.leftOut).toBe(1);
});

it("tells why a recording could not be read to its end", () => {
  const odd = new TimelineStream([note(1)], AT);
  expect([odd.line(tick(1)), odd.isFlight]).toEqual([false, false]);
  expect(odd.incomplete).toContain("whose beginning");
  expect(times(odd.take(true, 9))).toEqual([1]);
  expect(streamOf([], begins(0), "{").incomplete).toBe("a line is cut off");
  expect(streamOf([], begins(0), tick(1)).incomplete).toBeNull();
});

it("every line of the demo's call is an event at its time, but for the caller's audio", () => {
  const name = "../fixtures/recordings/demo-call-0.1.0.flight.jsonl.gz";
  const file = readFileSync(fileURLToPath(new URL(name, import.meta.url)));
  const lines = gunzipSync(file).toString("utf8").trimEnd().split("\n");
  const parser = new FlightParser();
  const parsed = lines.flatMap((text) => parser.line(text) ?? []);
  const header = parsed[0]!.line as unknown as { epochMs: number };
  const stream = streamOf([], ...lines);
  // The recording's times are on the clock of the epoch, as this record begins there.
  const events = stream.take(true, 1_000_000);
  expect(stream.incomplete).toBeNull();
  const isAudio = (text: string) => text.includes('"in":"phone"') && text.includes('"media"');
  const inTexts = lines.filter((text) => !isAudio(text) && !/"is":"(?:call|writer)"/.test(text));
  const detected = events.filter(({ name }) => name.startsWith("local_speech_"));
  expect(detected.length).toBeGreaterThan(2);
  const others = events.filter((event) => !detected.includes(event));
  expect(others).toHaveLength(inTexts.length);
  expect(others.length).toBeGreaterThan(500);
  const dueMs = inTexts
    .map((text) => Math.round((JSON.parse(text) as { at: number }).at + header.epochMs))
    .sort((a, b) => a - b);
  expect(others.map(({ atMs }) => atMs)).toEqual(dueMs);
  const onTime = new TimelineStream([], new Date(header.epochMs).toISOString());
  for (const text of lines) onTime.line(text);
  expect(Math.max(...onTime.envelope.caller)).toBeGreaterThan(5);
  expect(Math.max(...onTime.envelope.agent)).toBeGreaterThan(5);
});
