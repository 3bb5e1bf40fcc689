import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FlightAudio } from "../../../src/adapters/journal/flight-audio.js";
import { FlightFiles } from "../../../src/adapters/journal/flight-files.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

let directory: string;
let clock: FakeClock;
let audio: FlightAudio;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "murelay-flight-audio-"));
  mkdirSync(directory, { recursive: true });
  clock = new FakeClock();
  audio = new FlightAudio(new FlightFiles(directory, "a/0", new FakeLog()), directory, clock);
});
afterEach(async () => {
  await audio.close();
  rmSync(directory, { recursive: true, force: true });
});

const HEADER = {
  ...{ at: 0, is: "call", format: 1, epochMs: 1_010, parties: {}, agent: {}, settings: {} },
};
const said = (at: number, byte: number) => ({
  ...{ at, in: "phone" },
  message: { event: "media", media: { payload: Buffer.alloc(160, byte).toString("base64") } },
});
const sent = (at: number, byte: number) => ({
  ...{ at, out: "phone" },
  message: { event: "media", media: { payload: Buffer.alloc(160, byte).toString("base64") } },
});
function record(n: number, ...lines: readonly object[]): void {
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  writeFileSync(join(directory, `${sid(n)}.flight.jsonl`), `${text}\n`);
}
const read = (n: number, from = 58, max = 100_000) => audio.read(sid(n), 1_000, from, max);

it("has both directions at their time, and nothing that only the model heard", async () => {
  const model = { at: 1, out: "model", leg: 1, message: { type: "input_audio_buffer.append" } };
  record(1, HEADER, said(10, 1), model, sent(20, 2), { at: 30, out: "phone", event: "close" });
  const part = await read(1);
  expect(part?.sizeBytes).toBe(58 + 2 * 400);
  const frames = Buffer.from(part!.bytes);
  expect([frames[159 * 2], frames[160 * 2], frames[319 * 2], frames[320 * 2]]).toEqual([
    255, 1, 1, 255,
  ]);
  expect([frames[239 * 2 + 1], frames[240 * 2 + 1], frames[399 * 2 + 1]]).toEqual([255, 2, 2]);
  expect((await read(1, 0, 4))?.bytes.toString()).toBe("RIFF");
  expect(readdirSync(directory)).toEqual([`${sid(1)}.flight.jsonl`]);
});

it("is built again when the recording has grown, and gone when it was deleted", async () => {
  record(1, HEADER, said(0, 1));
  expect((await read(1))?.sizeBytes).toBe(58 + 2 * 240);
  record(1, HEADER, said(0, 1), said(20, 1));
  expect((await read(1))?.sizeBytes).toBe(58 + 2 * 400);
  rmSync(join(directory, `${sid(1)}.flight.jsonl`));
  expect(await read(1)).toBeNull();
});

it("is null for a file that is no flight recording, and for a call without one", async () => {
  record(1, said(0, 1));
  expect(await read(1)).toBeNull();
  expect(await read(2)).toBeNull();
});

it("has what comes before a line that was cut off, with and without lines after it", async () => {
  const cut = '{"at":20,"in":"phone","message":{"event":"med';
  const whole = [HEADER, said(0, 1)].map((line) => JSON.stringify(line)).join("\n");
  const after = JSON.stringify(said(40, 1));
  for (const [n, text] of [`${whole}\n${cut}`, `${whole}\n${cut}${after}\n${after}\n`].entries()) {
    writeFileSync(join(directory, `${sid(n)}.flight.jsonl`), text);
    const part = await read(n);
    expect([part?.sizeBytes, part?.bytes[0]]).toEqual([58 + 2 * 240, 255]);
  }
});

it("has what the process recorded that took the call up after one was killed", async () => {
  const files = new FlightFiles(directory, "b/0", new FakeLog());
  record(1, HEADER, said(0, 1));
  appendFileSync(join(directory, `${sid(1)}.flight.jsonl`), '{"at":20,"in":"phone","message":{"ev');
  const sink = files.open(sid(1));
  for (const line of [HEADER, said(40, 2)]) sink.line(JSON.stringify(line));
  sink.close();
  await files.settled();
  const part = await read(1);
  // From 50 ms after the call began on, as 20 ms of the caller's side.
  expect([part?.sizeBytes, part?.bytes[160], part?.bytes[800]]).toEqual([58 + 2 * 560, 1, 2]);
});

it("keeps a few calls, for as long as they are listened to", async () => {
  for (let n = 1; n <= 6; n++) {
    record(n, HEADER, said(0, n));
    const [one, other] = await Promise.all([read(n), read(n)]);
    expect([one?.bytes[160], other?.bytes[160]]).toEqual([n, n]);
    clock.advance(1);
  }
  expect((await read(1))?.bytes[160]).toBe(1);
  expect(clock.pending).toBe(1);
  clock.advance(10 * 60_000);
  clock.advance(10 * 60_000);
  expect(clock.pending).toBe(0);
  expect((await read(6))?.bytes[160]).toBe(6);
});

/** Recordings that do not end, in place of files. Each counts the times that it is read. */
function endless() {
  const versions = new Map<string, string | null>();
  const begun: string[] = [];
  async function* lines(callSid: string): AsyncGenerator<string> {
    begun.push(callSid);
    yield JSON.stringify(HEADER);
    for (;;) yield JSON.stringify({ at: 1, is: "left_out", lines: 1 });
  }
  const files = {
    version: async (callSid: string) =>
      versions.get(callSid) ?? (versions.has(callSid) ? null : "1"),
    read: async (callSid: string) => lines(callSid),
  };
  audio = new FlightAudio(files, directory, clock);
  return { versions, begun };
}
const TRY_AGAIN = { code: "limit_exceeded", retryable: true };

it("breaks off what it builds when it is closed, and begins nothing more", async () => {
  const { begun } = endless();
  const reads = [read(1), read(1), read(2)];
  await expect.poll(() => begun).toEqual([sid(1)]);
  const refused = Promise.all(reads.map((one) => expect(one).rejects.toMatchObject(TRY_AGAIN)));
  await audio.close();
  await refused;
  await expect(read(3)).rejects.toMatchObject(TRY_AGAIN);
  expect([begun, clock.pending]).toEqual([[sid(1)], 0]);
});

it("breaks off what it builds of a recording that is deleted or grows", async () => {
  const { versions, begun } = endless();
  const first = expect(read(1)).rejects.toMatchObject(TRY_AGAIN);
  await expect.poll(() => begun.length).toBe(1);
  versions.set(sid(1), "2");
  const second = expect(read(1)).rejects.toMatchObject(TRY_AGAIN);
  await first;
  await expect.poll(() => begun.length).toBe(2);
  versions.set(sid(1), null);
  expect(await read(1)).toBeNull();
  await second;
});

it("lets only so many wait, and puts out none that is being read", async () => {
  const { begun } = endless();
  const waiting = [1, 2, 3, 4].map((n) => expect(read(n)).rejects.toMatchObject(TRY_AGAIN));
  await expect.poll(() => begun.length).toBe(1);
  clock.advance(20 * 60_000);
  await expect(read(5)).rejects.toMatchObject({
    ...TRY_AGAIN,
    message: expect.stringContaining("4 others"),
  });
  expect(begun).toEqual([sid(1)]);
  await audio.close();
  await Promise.all(waiting);
});
