import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import type { StreamSid } from "../../src/domain/ids.js";
import { MAX_TWILIO_MESSAGE_BYTES, parseTwilioMessage } from "../../src/wire/twilio-media.js";
import { MAX_MEDIA_BYTES, readMarkName, TwilioWriter } from "../../src/wire/twilio-writer.js";
import { bytesOf } from "./json-text.js";

const parse = (value: unknown) => parseTwilioMessage(bytesOf(JSON.stringify(value)));
const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString("utf8"));

const START = {
  event: "start",
  sequenceNumber: "1",
  streamSid: "MZ1",
  start: {
    accountSid: "AC1",
    streamSid: "MZ1",
    callSid: "CA1",
    tracks: ["inbound"],
    mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
    customParameters: { token: "one-time-value" },
  },
};
const MEDIA = {
  event: "media",
  sequenceNumber: "3",
  streamSid: "MZ1",
  media: { track: "inbound", chunk: "1", timestamp: "20", payload: "//8=" },
};

describe("parseTwilioMessage", () => {
  // The messages of Twilio's reference.
  it.each([
    [{ event: "connected", protocol: "Call", version: "1.0.0" }, { event: "connected" }],
    [
      START,
      {
        event: "start",
        streamSid: "MZ1",
        accountSid: "AC1",
        callSid: "CA1",
        customParameters: { token: "one-time-value" },
      },
    ],
    [
      MEDIA,
      {
        event: "media",
        sequenceNumber: 3,
        track: "inbound",
        chunk: 1,
        timestampMs: 20,
        payload: "//8=",
      },
    ],
    [
      {
        event: "dtmf",
        sequenceNumber: "5",
        streamSid: "MZ1",
        dtmf: { track: "inbound_track", digit: "#" },
      },
      { event: "dtmf", digit: "#" },
    ],
    [
      { event: "mark", sequenceNumber: "4", streamSid: "MZ1", mark: { name: "r1:3" } },
      { event: "mark", name: "r1:3" },
    ],
    [
      {
        event: "stop",
        sequenceNumber: "9",
        streamSid: "MZ1",
        stop: { accountSid: "AC1", callSid: "CA1" },
      },
      { event: "stop" },
    ],
    [
      { event: "weather", rain: true },
      { event: "unknown", name: "weather" },
    ],
    [{ event: "toString" }, { event: "unknown", name: "toString" }],
  ])("reads %j", (sent, read) => expect(parse(sent)).toEqual(read));

  it("takes a start without parameters", () => {
    const { customParameters: _, ...start } = START.start;
    expect(parse({ ...START, start })).toMatchObject({ event: "start", customParameters: {} });
    expect(parse({ ...START, start: { ...start, customParameters: {} } })).toMatchObject({
      event: "start",
    });
  });

  it("wants of a start no more than whose stream it is", () => {
    const { accountSid, callSid, customParameters } = START.start;
    const start = { accountSid, callSid, customParameters };
    expect(parse({ event: "start", streamSid: "MZ1", start })).toEqual({
      event: "start",
      streamSid: "MZ1",
      ...start,
    });
    expect(() => parse({ event: "start", start })).toThrow("streamSid");
  });

  it("takes frames of a sender that does not count them", () => {
    const { timestamp, payload } = MEDIA.media;
    expect(parse({ event: "media", streamSid: "MZ1", media: { timestamp, payload } })).toEqual({
      event: "media",
      sequenceNumber: 0,
      track: "inbound",
      chunk: 0,
      timestampMs: 20,
      payload: "//8=",
    });
  });

  it("takes a stop that says no more", () => {
    expect(parse({ event: "stop", streamSid: "MZ1" })).toEqual({ event: "stop" });
  });

  it("keeps a parameter called __proto__ a parameter", () => {
    const text = JSON.stringify(START).replace('"token"', '"__proto__"');
    const message = parseTwilioMessage(bytesOf(text));
    expect(message.event === "start" && Object.entries(message.customParameters)).toEqual([
      ["__proto__", "one-time-value"],
    ]);
  });

  it("takes a frame without a track for the caller's, as other senders of this protocol write", () => {
    const message = { ...MEDIA, media: { ...MEDIA.media, track: undefined } };
    expect(parseTwilioMessage(bytesOf(JSON.stringify(message)))).toMatchObject({
      event: "media",
      track: "inbound",
    });
  });

  it("takes counts written as numbers too, as other senders of this protocol do", () => {
    const media = { ...MEDIA.media, chunk: 7, timestamp: 140 };
    expect(parse({ ...MEDIA, sequenceNumber: 9, media })).toMatchObject({
      sequenceNumber: 9,
      chunk: 7,
      timestampMs: 140,
    });
  });

  const withMedia = (change: object) => ({ ...MEDIA, media: { ...MEDIA.media, ...change } });
  const withStart = (change: object) => ({ ...START, start: { ...START.start, ...change } });
  it.each([
    ["no event", {}],
    ["an event that is no string", { event: 7 }],
    ["no media", { ...MEDIA, media: undefined }],
    ["media that is an array", { ...MEDIA, media: [] }],
    ["no payload", withMedia({ payload: undefined })],
    ["a payload that is no string", withMedia({ payload: 5 })],
    ["a payload that is not base64", withMedia({ payload: 'AA"}' })],
    ["a payload that is not canonical base64", withMedia({ payload: "AB==" })],
    ["a negative timestamp", withMedia({ timestamp: "-1" })],
    ["a timestamp with a fraction", withMedia({ timestamp: "1.5" })],
    ["a timestamp that is no number", withMedia({ timestamp: "soon" })],
    ["an empty timestamp", withMedia({ timestamp: "" })],
    ["a timestamp too long to be exact", withMedia({ timestamp: "1".repeat(16) })],
    ["a chunk that is no number", withMedia({ chunk: "first" })],
    ["a sequence number that is no number", { ...MEDIA, sequenceNumber: {} }],
    ["no call in start", withStart({ callSid: undefined })],
    ["an empty stream id", withStart({ streamSid: "" })],
    ["an endless stream id", withStart({ streamSid: "M".repeat(600) })],
    ["no account in start", withStart({ accountSid: undefined })],
    ["parameters that are no strings", withStart({ customParameters: { token: 1 } })],
    ["no digit", { event: "dtmf", dtmf: {} }],
    ["no mark name", { event: "mark", mark: {} }],
  ])("refuses %s", (_, message) => expect(() => parse(message)).toThrow(WireError));

  it.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["an array", "[]"],
    ["null", "null"],
    ["a string", '"media"'],
  ])("refuses %s", (_, text) => expect(() => parseTwilioMessage(bytesOf(text))).toThrow(WireError));

  it("refuses bytes that are not UTF-8", () => {
    const bytes = bytesOf('{"event":"x"}');
    bytes[10] = 0xff;
    expect(() => parseTwilioMessage(bytes)).toThrow(WireError);
  });

  it("refuses what is longer than any message of Twilio's, before reading it", () => {
    const bytes = new Uint8Array(MAX_TWILIO_MESSAGE_BYTES + 1).fill(0x20);
    expect(() => parseTwilioMessage(bytes)).toThrow(/65537 bytes/);
  });

  it("says what was wrong, and never what stood there", () => {
    const secret = "s3cret-speech";
    const faults: unknown[] = [];
    for (const text of [
      `{"event":"media","x":${secret}`,
      secret,
      JSON.stringify(withMedia({ payload: secret })),
      JSON.stringify(withMedia({ timestamp: secret })),
      JSON.stringify(withStart({ customParameters: { [secret]: 1 } })),
    ]) {
      try {
        parseTwilioMessage(bytesOf(text));
      } catch (error) {
        faults.push(error);
      }
    }
    expect(faults).toHaveLength(5);
    for (const fault of faults) {
      expect(fault).toBeInstanceOf(WireError);
      expect(fault).toMatchObject({ code: "wire_invalid" });
      expect(fault).not.toHaveProperty("cause");
      expect(String(fault)).not.toContain("s3cret");
    }
    expect(String(faults[3])).toBe("WireError: twilio: media: timestamp is not a string of digits");
  });
});

describe("TwilioWriter", () => {
  const writer = new TwilioWriter("MZ1" as StreamSid);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

  it("writes the messages of Twilio's reference", () => {
    expect(text(writer.media(Uint8Array.of(0xff, 0xff), 0, 2))).toBe(
      '{"event":"media","streamSid":"MZ1","media":{"payload":"//8="}}',
    );
    expect(text(writer.mark(1, 30))).toBe(
      '{"event":"mark","streamSid":"MZ1","mark":{"name":"1:30"}}',
    );
    expect(text(writer.clear())).toBe('{"event":"clear","streamSid":"MZ1"}');
  });

  it("writes valid JSON for any audio, in any order of lengths", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), (frames) => {
        const own = new TwilioWriter("MZ2" as StreamSid);
        for (const frame of frames) {
          const larger = new Uint8Array(frame.length + 3);
          larger.set(frame, 2);
          expect(jsonOf(own.media(larger, 2, 2 + frame.length))).toEqual({
            event: "media",
            streamSid: "MZ2",
            media: { payload: Buffer.from(frame).toString("base64") },
          });
        }
      }),
    );
  });

  it("escapes whatever an id holds, and reads its own marks back", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 999_999_999 }),
        fc.nat({ max: 999_999_999 }).map((n) => n * 1000),
        fc.string({ minLength: 1, maxLength: 20 }),
        (generation, position, sid) => {
          const own = new TwilioWriter(sid as StreamSid);
          const name = `${generation}:${position}`;
          expect(jsonOf(own.mark(generation, position))).toEqual({
            event: "mark",
            streamSid: sid,
            mark: { name },
          });
          expect(readMarkName(name)).toEqual({ generation, position });
          expect(jsonOf(own.clear())).toEqual({ event: "clear", streamSid: sid });
          expect(jsonOf(own.media(new Uint8Array(0), 0, 0))).toMatchObject({ streamSid: sid });
        },
      ),
    );
    for (const name of ["", "1", "1:", ":2", "r1:3", "1:2:3", "1:2 ", "-1:2", "1234567890:1"])
      expect(readMarkName(name)).toBeNull();
  });

  it("takes up to four seconds of audio in one message, and refuses more", () => {
    const most = new Uint8Array(MAX_MEDIA_BYTES).fill(0x7f);
    const { media } = jsonOf(writer.media(most, 0, most.length)) as { media: { payload: string } };
    expect(media.payload).toBe(Buffer.from(most).toString("base64"));
    const more = new Uint8Array(MAX_MEDIA_BYTES + 1);
    expect(() => writer.media(more, 0, more.length)).toThrow("32769 bytes of audio");
  });

  it("makes no new view while the length stays the same", () => {
    const frame = new Uint8Array(160);
    const view = writer.media(frame, 0, 160);
    expect(writer.media(frame, 0, 160)).toBe(view);
    expect(writer.media(frame, 0, 80).length).toBeLessThan(view.length);
  });
});
