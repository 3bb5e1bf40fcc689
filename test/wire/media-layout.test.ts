import { describe, expect, it } from "vitest";
import { callerAudio } from "../../src/codec/audio-core.js";
import { MediaLayout, OTHER_LAYOUT } from "../../src/wire/media-layout.js";

const { SEQUENCE_NUMBER, CHUNK, TIMESTAMP, PAYLOAD, STREAM_SID } = MediaLayout;

interface Fields {
  readonly sequenceNumber: string;
  readonly chunk: string;
  readonly timestamp: string;
  readonly payload: string;
}

const FIRST: Fields = { sequenceNumber: "7", chunk: "5", timestamp: "100", payload: "AAAA" };
const LATER: Fields = { sequenceNumber: "112", chunk: "110", timestamp: "2200", payload: "//8=" };

const payloadLast = ({ sequenceNumber, chunk, timestamp, payload }: Fields, sid = "MZ1"): Buffer =>
  Buffer.from(
    `{"event":"media","sequenceNumber":"${sequenceNumber}","streamSid":"${sid}","media":{"track":"inbound","chunk":"${chunk}","timestamp":"${timestamp}","payload":"${payload}"}}`,
  );

const payloadFirst = ({ sequenceNumber, chunk, timestamp, payload }: Fields): Buffer =>
  Buffer.from(
    `{"media":{"payload":"${payload}","timestamp":"${timestamp}","chunk":"${chunk}","track":"inbound"},"sequenceNumber":"${sequenceNumber}","event":"media"}`,
  );

/** A layout that has seen one message, whose fields it is told. */
function learnt(message: Buffer, fields: Fields): MediaLayout {
  const layout = new MediaLayout();
  const starts = new Uint32Array(5);
  const ends = new Uint32Array(5);
  for (const [field, key] of [
    [SEQUENCE_NUMBER, "sequenceNumber"],
    [CHUNK, "chunk"],
    [TIMESTAMP, "timestamp"],
    [PAYLOAD, "payload"],
  ] as const) {
    const start = message.indexOf(`"${key}":"`) + key.length + 4;
    starts[field] = start;
    ends[field] = start + fields[key].length;
  }
  const sid = message.indexOf('"streamSid":"MZ1"');
  if (sid >= 0) {
    starts[STREAM_SID] = sid + 13;
    ends[STREAM_SID] = sid + 16;
  }
  layout.learn(message, starts, ends);
  return layout;
}

describe("MediaLayout", () => {
  it("knows no message before it has learnt one", () => {
    expect(new MediaLayout().scan(payloadLast(FIRST))).toBe(OTHER_LAYOUT);
  });

  it.each([
    ["the payload last", payloadLast],
    ["the payload first", payloadFirst],
  ])("reads the fields of later messages with %s", (_what, write) => {
    const layout = learnt(write(FIRST), FIRST);
    const message = write(LATER);
    expect(layout.scan(message)).toBe(2);
    expect([layout.sequenceNumber, layout.timestampMs]).toEqual([112, 2200]);
    const { payloadStart, payloadEnd } = layout;
    expect(message.toString("latin1", payloadStart, payloadEnd)).toBe("//8=");
    expect([...callerAudio.subarray(0, 2)]).toEqual([0xff, 0xff]);
  });

  it.each([
    ["whose stream has a name with other characters", payloadLast(LATER, "MZ 2")],
    ["whose stream has a name with an escape", payloadLast(LATER, "MZ\\n")],
    [
      "whose stream has a name that is not ended",
      Buffer.from('{"event":"media","sequenceNumber":"112","streamSid":"MZ1'),
    ],
    ["that has a word behind it", Buffer.concat([payloadLast(LATER), Buffer.from("MZ1")])],
    ["with more behind it", Buffer.concat([payloadLast(LATER), Buffer.from(" ")])],
    ["with another order of keys", payloadFirst(LATER)],
    ["that is cut off", payloadLast(LATER).subarray(0, 100)],
    ["that is empty", Buffer.alloc(0)],
  ])("does not know a message %s", (_what, message) => {
    expect(learnt(payloadLast(FIRST), FIRST).scan(message)).toBe(OTHER_LAYOUT);
  });

  it.each([
    ["a chunk without digits", { ...LATER, chunk: "" }],
    ["a timestamp with too many digits", { ...LATER, timestamp: "1".repeat(16) }],
    ["a payload that is not base64", { ...LATER, payload: "//8" }],
    ["a payload that is not canonical", { ...LATER, payload: "//9=" }],
  ])("refuses %s", (_what, fields) => {
    expect(learnt(payloadLast(FIRST), FIRST).scan(payloadLast(fields))).toBe(-2);
  });

  it("is that of other streams, too, wherever the stream's name stands", () => {
    const last = (fields: Fields, sid: string) =>
      Buffer.from(payloadFirst(fields).toString("latin1").replace(/}$/, `,"streamSid":"${sid}"}`));
    expect(learnt(payloadLast(FIRST), FIRST).scan(payloadLast(LATER, "MZ23456"))).toBe(2);
    const layout = learnt(last(FIRST, "MZ1"), FIRST);
    expect(layout.scan(last(LATER, `MZ${"0a".repeat(16)}`))).toBe(2);
    expect([layout.sequenceNumber, layout.timestampMs]).toEqual([112, 2200]);
    expect(layout.scan(Buffer.from(`${last(LATER, "MZ2").toString("latin1")}MZ1`))).toBe(
      OTHER_LAYOUT,
    );
    expect(
      learnt(payloadFirst(FIRST), FIRST).scan(
        Buffer.from(`${payloadFirst(LATER).toString("latin1")}MZ1`),
      ),
    ).toBe(OTHER_LAYOUT);
  });

  it("is compared with its own messages when there are several", () => {
    const [one, other] = [learnt(payloadLast(FIRST), FIRST), learnt(payloadFirst(FIRST), FIRST)];
    for (let i = 0; i < 3; i++) {
      expect([one.scan(payloadLast(LATER)), one.scan(payloadFirst(LATER))]).toEqual([
        2,
        OTHER_LAYOUT,
      ]);
      expect([other.scan(payloadFirst(LATER)), other.scan(payloadLast(LATER))]).toEqual([
        2,
        OTHER_LAYOUT,
      ]);
    }
  });

  it("does not learn a message of more than 2 KiB", () => {
    const long = { ...FIRST, payload: "AAAA".repeat(600) };
    expect(learnt(payloadLast(long), long).scan(payloadLast(FIRST))).toBe(OTHER_LAYOUT);
  });
});
