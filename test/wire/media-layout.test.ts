import { describe, expect, it } from "vitest";
import { MediaLayout } from "../../src/wire/media-layout.js";

const { SEQUENCE_NUMBER, CHUNK, TIMESTAMP, PAYLOAD } = MediaLayout;

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
  for (const [field, key] of [
    [SEQUENCE_NUMBER, "sequenceNumber"],
    [CHUNK, "chunk"],
    [TIMESTAMP, "timestamp"],
    [PAYLOAD, "payload"],
  ] as const) {
    const start = message.indexOf(`"${key}":"`) + key.length + 4;
    layout.start[field] = start;
    layout.end[field] = start + fields[key].length;
  }
  layout.learn(message);
  return layout;
}

describe("MediaLayout", () => {
  it("matches nothing before it has learnt a message", () => {
    expect(new MediaLayout().matches(payloadLast(FIRST))).toBe(false);
  });

  it.each([
    ["the payload last", payloadLast],
    ["the payload first", payloadFirst],
  ])("finds the fields of later messages with %s", (_what, write) => {
    const layout = learnt(write(FIRST), FIRST);
    const message = write(LATER);
    expect(layout.matches(message)).toBe(true);
    expect(layout.digits(message, SEQUENCE_NUMBER)).toBe(112);
    expect(layout.digits(message, CHUNK)).toBe(110);
    expect(layout.digits(message, TIMESTAMP)).toBe(2200);
    const [start, end] = [layout.start[PAYLOAD]!, layout.end[PAYLOAD]!];
    expect(message.toString("latin1", start, end)).toBe("//8=");
  });

  it.each([
    ["of another stream", payloadLast(LATER, "MZ2")],
    ["with more behind it", Buffer.concat([payloadLast(LATER), Buffer.from(" ")])],
    ["with another order of keys", payloadFirst(LATER)],
    ["that is cut off", payloadLast(LATER).subarray(0, 100)],
    ["that is empty", Buffer.alloc(0)],
  ])("does not match a message %s", (_what, message) => {
    expect(learnt(payloadLast(FIRST), FIRST).matches(message)).toBe(false);
  });

  it("has no count where there are no digits", () => {
    const layout = learnt(payloadLast(FIRST), FIRST);
    const message = payloadLast({ ...LATER, chunk: "" });
    expect(layout.matches(message) ? layout.digits(message, CHUNK) : -1).toBe(-1);
  });
});
