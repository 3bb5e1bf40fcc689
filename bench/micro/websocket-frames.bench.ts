import { bench, describe } from "vitest";
import { type FrameMemory, frameBytes, TEXT, writeFrame } from "../../src/wire/websocket-frames.js";
import { FrameParser } from "../../src/wire/websocket-parser.js";

function memory(bytes: number): FrameMemory {
  const words = new Int32Array((bytes + 3) >> 2);
  return { words, bytes: new Uint8Array(words.buffer) };
}

/** The way the standard writes it down. */
function maskByteByByte(out: Uint8Array, at: number, payload: Uint8Array, key: Uint8Array): void {
  for (let i = 0; i < payload.length; i++) out[at + i] = payload[i]! ^ key[i & 3]!;
}

for (const [name, bytes] of [
  ["20 ms of audio", 270],
  ["100 ms of audio", 1120],
] as const) {
  describe(`a frame out, ${name}`, () => {
    const payload = new Uint8Array(bytes).fill(0x61);
    const out = memory(frameBytes(bytes));
    const key = Uint8Array.of(1, 2, 3, 4);
    bench("writeFrame", () => {
      writeFrame(out, 0, TEXT, payload, 0x01020304);
    });
    bench("the mask alone, byte by byte", () => {
      maskByteByByte(out.bytes, 8, payload, key);
    });
  });
}

describe("a delta of 4,000 bytes in", () => {
  let readBytes = 0;
  const parser = new FrameParser(
    {
      message: (payload) => {
        readBytes += payload.length;
      },
      ping: () => {},
      pong: () => {},
      closeFrame: () => {},
      faulted: (fault) => {
        throw new Error(fault);
      },
    },
    1 << 24,
  );
  const frame = Buffer.concat([Buffer.from("817e0fa0", "hex"), Buffer.alloc(4000, "a")]);
  bench("in one piece", () => {
    parser.read(frame, 0, frame.length);
    if (readBytes === 0) throw new Error("not heard");
  });
  bench("cut in two", () => {
    parser.read(frame, 0, 1500);
    parser.read(frame, 1500, frame.length);
  });
});
