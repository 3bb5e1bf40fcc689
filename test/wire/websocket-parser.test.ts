import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FrameFault, FrameParser, type FrameSink } from "../../src/wire/websocket-parser.js";

const MAX = 200_000;

/** What a parser told, in order; payloads as text, or as their length when long. */
class Told implements FrameSink {
  readonly told: string[] = [];
  readonly parser: FrameParser;
  onMessage: () => void = () => {};

  constructor(max = MAX) {
    this.parser = new FrameParser(this, max);
  }
  message(payload: Uint8Array, binary: boolean): void {
    const text = Buffer.from(payload).toString("latin1");
    this.told.push(`${binary ? "binary" : "text"} ${text.length > 200 ? text.length : text}`);
    this.onMessage();
  }
  ping(payload: Uint8Array): void {
    this.told.push(`ping ${Buffer.from(payload).toString("latin1")}`);
  }
  pong(): void {
    this.told.push("pong");
  }
  closeFrame(code: number, reason: string): void {
    this.told.push(`closed ${code} ${reason}`);
  }
  faulted(fault: FrameFault): void {
    this.told.push(`fault ${fault}`);
  }
}

/** Each piece lies in memory that is trampled on as soon as the parser returns. */
function feed(told: Told, bytes: Uint8Array, cuts: readonly number[]): void {
  const shared = new Uint8Array(bytes.length + 7);
  const ends = [...cuts, bytes.length];
  let from = 0;
  for (const to of ends) {
    shared.fill(0xcc);
    shared.set(bytes.subarray(from, to), 7);
    told.parser.read(shared, 7, 7 + to - from);
    from = to;
  }
}

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** Hello, a ping between two fragments, 126 and 65,536 bytes, an empty message, a pong, a close. */
const EVERYTHING = Buffer.concat([
  bytes("81 05 48656c6c6f"),
  bytes("01 03 48656c"),
  bytes("89 02 6869"),
  bytes("80 02 6c6f"),
  bytes("82 7e 007e"),
  Buffer.alloc(126, "a"),
  bytes("81 00"),
  bytes("01 00 80 00"),
  bytes("8a 00"),
  bytes("89 00"),
  bytes("8a 01 78"),
  bytes("81 7e 0003 616263"),
  bytes("88 05 0fa0 627965"),
]);
const EVERYTHING_TOLD = [
  "text Hello",
  "ping hi",
  "text Hello",
  `binary ${"a".repeat(126)}`,
  "text ",
  "text ",
  "pong",
  "ping ",
  "pong",
  "text abc",
  "closed 4000 bye",
];

describe("FrameParser", () => {
  it("reads every kind of frame, cut at any one place", () => {
    for (let cut = 0; cut <= EVERYTHING.length; cut++) {
      const told = new Told();
      feed(told, EVERYTHING, [cut]);
      expect(told.told).toEqual(EVERYTHING_TOLD);
    }
  });

  it("reads every kind of frame byte by byte", () => {
    const told = new Told();
    feed(
      told,
      EVERYTHING,
      Array.from(EVERYTHING, (_, i) => i),
    );
    expect(told.told).toEqual(EVERYTHING_TOLD);
  });

  it("puts messages of any size together, cut and fragmented anyhow", () => {
    const message = fc.record({
      size: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 65_000, max: 140_000 })),
      fragments: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (messages, cuts) => {
          const sent = messages.map(({ size }, index) =>
            Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31 + index) & 0xff)),
          );
          const wire = Buffer.concat(
            messages.flatMap(({ fragments }, index) => serverFrames(sent[index]!, fragments)),
          );
          const got: Buffer[] = [];
          const told = new Told(200_000);
          told.message = (payload) => got.push(Buffer.from(payload));
          const places = [...new Set(cuts.map((cut) => cut % (wire.length + 1)))].sort(
            (a, b) => a - b,
          );
          feed(told, wire, places);
          expect(told.told).toEqual([]);
          expect(got.map((each) => each.length)).toEqual(sent.map((each) => each.length));
          expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each<[string, string, FrameFault]>([
    ["a reserved bit", "c1 00", "reserved_bits"],
    ["an opcode of later", "83 00", "opcode_unknown"],
    ["a control opcode of later", "8b 00", "opcode_unknown"],
    ["a masked frame", "81 85 37fa213d 7f9f4d5158", "masked"],
    ["a ping in fragments", "09 00", "control_fragmented"],
    ["a ping of 126 bytes", "89 7e 007e", "control_too_long"],
    ["a continuation of nothing", "80 00", "continuation_without_start"],
    ["a second message inside the first", "01 01 61 81 01 62", "message_unfinished"],
    ["half a close code", "88 01 03", "close_payload"],
    ["a close code that may not be sent", "88 02 03ed", "close_code"],
    ["a message of 200,001 bytes", "81 7f 0000000000030d41", "message_too_long"],
    ["a length beyond all numbers", "81 7f ffffffffffffffff", "message_too_long"],
    ["fragments that are too long together", "01 01 61 80 7f 0000000000030d40", "message_too_long"],
  ])("refuses %s, and reads nothing after it", (_, hex, fault) => {
    const wire = Buffer.concat([bytes(hex), bytes("81 05 48656c6c6f")]);
    for (let cut = 0; cut <= wire.length; cut++) {
      const told = new Told();
      feed(told, wire, [cut]);
      expect(told.told).toEqual([`fault ${fault}`]);
    }
  });

  it("takes a message of exactly the largest size", () => {
    const told = new Told();
    feed(told, Buffer.concat(serverFrames(Buffer.alloc(MAX, "x"), [])), [1000]);
    expect(told.told).toEqual([`binary ${MAX}`]);
  });

  it("does not believe a length before the bytes are there", () => {
    const told = new Told(2 ** 40);
    const before = process.memoryUsage().arrayBuffers;
    feed(told, bytes("82 7f 0000004000000000 00"), []);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("tells a close without a code as 1005", () => {
    const told = new Told();
    feed(told, bytes("88 00 81 00"), []);
    expect(told.told).toEqual(["closed 1005 "]);
  });

  it("tells nothing after it was stopped, also from within a message", () => {
    const told = new Told();
    told.onMessage = () => told.parser.stop();
    feed(told, bytes("81 01 61 81 01 62 88 00"), [4]);
    expect(told.told).toEqual(["text a"]);
  });
});

/** Unmasked frames: the first as long as the first fragment, and so on; the rest is the last. */
function serverFrames(payload: Buffer, fragments: readonly number[]): Buffer[] {
  const frames: Buffer[] = [];
  let from = 0;
  for (let i = 0; i <= fragments.length; i++) {
    const last = i === fragments.length;
    const to = last ? payload.length : Math.min(payload.length, from + fragments[i]!);
    const length = to - from;
    const header = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
    header[0] = (last ? 0x80 : 0) | (i === 0 ? 2 : 0);
    if (length < 126) header[1] = length;
    else if (length < 65536) {
      header[1] = 126;
      header.writeUInt16BE(length, 2);
    } else {
      header[1] = 127;
      header.writeBigUInt64BE(BigInt(length), 2);
    }
    frames.push(header, payload.subarray(from, to));
    from = to;
  }
  return frames;
}
