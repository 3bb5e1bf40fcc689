import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CLOSE,
  closePayload,
  type FrameMemory,
  frameBytes,
  isCloseCode,
  type Opcode,
  PING,
  TEXT,
  writeFrame,
} from "../../src/wire/websocket-frames.js";

function memory(bytes: number, fill = 0xee): FrameMemory {
  const words = new Int32Array(Math.ceil(bytes / 4));
  const all = new Uint8Array(words.buffer).fill(fill);
  return { bytes: all.subarray(0, bytes), words };
}

const hex = (bytes: Uint8Array, start = 0, end = bytes.length) =>
  Buffer.from(bytes.subarray(start, end)).toString("hex");

/** As the standard says it, a byte at a time. */
function unmask(payload: Uint8Array, mask: number): Uint8Array {
  return payload.map((byte, i) => byte ^ ((mask >>> (24 - 8 * (i % 4))) & 0xff));
}

describe("writeFrame", () => {
  // RFC 6455, section 5.7.
  it.each([
    ["a masked text message", TEXT, "Hello", 0x37fa213d, "818537fa213d7f9f4d5158"],
    ["a masked ping", PING, "Hello", 0x37fa213d, "898537fa213d7f9f4d5158"],
    ["an empty close", CLOSE, "", 0x00000000, "888000000000"],
  ] as const)("writes %s as the standard shows it", (_, opcode, payload, mask, wanted) => {
    const out = memory(wanted.length / 2);
    expect(writeFrame(out, 0, opcode, Buffer.from(payload), mask)).toBe(wanted.length / 2);
    expect(hex(out.bytes)).toBe(wanted);
  });

  it.each([
    [125, "81fd"],
    [126, "81fe007e"],
    [0xffff, "81feffff"],
    [0x10000, "81ff0000000000010000"],
    [0x123456, "81ff0000000000123456"],
  ])("writes the length %i in the shortest form", (length, header) => {
    const payload = new Uint8Array(length).fill(0x55);
    const out = memory(frameBytes(length));
    expect(writeFrame(out, 0, TEXT, payload, 0x01020304)).toBe(frameBytes(length));
    expect(hex(out.bytes, 0, header.length / 2 + 4)).toBe(`${header}01020304`);
    expect(hex(unmask(out.bytes.subarray(header.length / 2 + 4), 0x01020304))).toBe(hex(payload));
  });

  it("masks every byte, wherever the frame and the payload lie in memory", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.constantFrom<Opcode>(TEXT, PING),
        (payload, at, offset, mask, opcode) => {
          const given = new Uint8Array(offset + payload.length).subarray(offset);
          given.set(payload);
          const out = memory(at + frameBytes(payload.length) + 5);
          const end = writeFrame(out, at, opcode, given, mask);
          expect(end).toBe(at + frameBytes(payload.length));
          expect(hex(unmask(out.bytes.subarray(end - payload.length, end), mask))).toBe(
            hex(payload),
          );
          expect(hex(given)).toBe(hex(payload));
          expect(hex(out.bytes, 0, at)).toBe("ee".repeat(at));
          expect(hex(out.bytes, end)).toBe("ee".repeat(5));
        },
      ),
    );
  });

  it("leaves the memory as it was when it is too short", () => {
    const out = memory(frameBytes(5));
    expect(() => writeFrame(out, 1, TEXT, Buffer.from("Hello"), 1)).toThrow(RangeError);
    expect(hex(out.bytes)).toBe("ee".repeat(frameBytes(5)));
  });
});

describe("closePayload", () => {
  it.each([
    [1000, "", "03e8"],
    [1011, "done", "03f3646f6e65"],
  ])("writes %i %j", (code, reason, wanted) => {
    expect(hex(closePayload(code, reason))).toBe(wanted);
  });

  it("cuts a long reason between characters", () => {
    expect(closePayload(1000, "x".repeat(500))).toHaveLength(125);
    expect(Buffer.from(closePayload(1000, "😀".repeat(50)).subarray(2)).toString()).toBe(
      "😀".repeat(30),
    );
  });
});

describe("isCloseCode", () => {
  it.each([1000, 1001, 1003, 1007, 1014, 3000, 4999])("takes %i", (code) => {
    expect(isCloseCode(code)).toBe(true);
  });
  it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535])("refuses %i", (code) => {
    expect(isCloseCode(code)).toBe(false);
  });
});
