import { type HeapProfiler, Session } from "node:inspector/promises";
import { expect, it } from "vitest";
import { FrameWriter, type Outlet, SlotPool } from "../../../src/adapters/openai/frame-writer.js";
import { TEXT } from "../../../src/wire/websocket-frames.js";
import { FrameParser } from "../../../src/wire/websocket-parser.js";

const FRAMES = 100_000;
const WARM_UP = 30_000;

/** A kernel that takes everything at once. */
class Kernel {
  readonly writable = true;
  readonly writableLength = 0;
  bytes = 0;
  write(chunk: Uint8Array, done: () => void): boolean {
    this.bytes += chunk.length;
    done();
    return true;
  }
  end(): void {}
}

/**
 * Bytes allocated in our sources and in what they call, as the sampling profiler estimates them.
 */
function allocated(node: HeapProfiler.SamplingHeapProfileNode, within = false): number {
  const ours = within || node.callFrame.url.includes("/src/");
  return node.children.reduce(
    (sum, child) => sum + allocated(child, ours),
    ours ? node.selfSize : 0,
  );
}

async function profiled(run: () => void): Promise<HeapProfiler.SamplingHeapProfileNode> {
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.enable");
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 256,
    includeObjectsCollectedByMinorGC: true,
    includeObjectsCollectedByMajorGC: true,
  });
  run();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();
  return profile.head;
}

it("writes a hundred thousand frames without allocating anything", async () => {
  const kernel = new Kernel();
  const pool = new SlotPool();
  // So many that they need not wait for the end of the event loop's turn.
  const writers = Array.from(
    { length: 16 },
    () => new FrameWriter(kernel as unknown as Outlet, pool),
  );
  const message = Buffer.alloc(270, "a");
  const send = (frames: number) => {
    for (let n = 0; n < frames; n++) writers[n % writers.length]!.add(TEXT, message);
  };
  send(WARM_UP);
  const head = await profiled(() => send(FRAMES));
  expect(kernel.bytes).toBe((WARM_UP + FRAMES) * 278);
  // A view, closure or number a frame would be 16 bytes at least.
  expect(allocated(head) / FRAMES).toBeLessThan(4);
});

it("reads a hundred thousand messages with one view each", async () => {
  let heard = 0;
  const parser = new FrameParser(
    {
      message: (payload) => {
        heard += payload.length;
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
  const read = (frames: number) => {
    for (let n = 0; n < frames; n++) parser.read(frame, 0, frame.length);
  };
  read(WARM_UP);
  const head = await profiled(() => read(FRAMES));
  expect(heard).toBe((WARM_UP + FRAMES) * 4000);
  // A view takes 96 bytes, where the compiler does not find that it can do without.
  expect(allocated(head) / FRAMES).toBeLessThan(150);
});
