import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { FrameWriter, type Outlet, SlotPool } from "../../../src/adapters/openai/frame-writer.js";
import { type Opcode, PING, TEXT } from "../../../src/wire/websocket-frames.js";

/** A kernel that takes a write only when the test says so, and reads the bytes only then. */
class SlowKernel extends Writable {
  readonly frames: string[] = [];
  readonly masks: string[] = [];
  writes = 0;
  #held: { chunk: Buffer; done: () => void } | null = null;

  constructor() {
    super({ highWaterMark: 1 << 30 });
  }
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.writes++;
    this.#held = { chunk, done };
  }
  /** Takes the write that is under way, and reads it as a server would. */
  take(): void {
    const held = this.#held;
    if (held === null) throw new Error("nothing is under way");
    this.#held = null;
    for (let at = 0; at < held.chunk.length; ) {
      const short = held.chunk[at + 1]! & 0x7f;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      const length = short < 126 ? short : Number(`0x${held.chunk.toString("hex", at + 2, start)}`);
      const key = held.chunk.subarray(start, start + 4);
      const payload = held.chunk
        .subarray(start + 4, start + 4 + length)
        .map((byte, i) => byte ^ key[i % 4]!);
      const text = Buffer.from(payload).toString();
      this.frames.push(`${held.chunk[at]!.toString(16)} ${text.length > 40 ? text.length : text}`);
      this.masks.push(key.toString("hex"));
      at = start + 4 + length;
    }
    held.done();
  }
}

function writerOn(kernel: Outlet, pool = new SlotPool()) {
  const writer = new FrameWriter(kernel, pool);
  return {
    writer,
    send: (text: string, opcode: Opcode = TEXT) => writer.add(opcode, Buffer.from(text)),
  };
}

/** Until the turn of the event loop has ended, and the stream has told its writer. */
const told = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("FrameWriter", () => {
  it("sends a turn's frames at its end, and in one write what gathers behind them", async () => {
    const kernel = new SlowKernel();
    const { writer, send } = writerOn(kernel);
    send("zero");
    send("one");
    expect(kernel.writes).toBe(0);
    await told();
    expect(kernel.writes).toBe(1);
    send("two");
    send("p", PING);
    send("three");
    await told();
    expect(kernel.writes).toBe(1);
    expect(writer.bufferedBytes).toBe(4 + 6 + 3 + 6 + 3 + 6 + 1 + 6 + 5 + 6);
    kernel.take();
    await told();
    expect(kernel.writes).toBe(2);
    kernel.take();
    await told();
    expect(kernel.frames).toEqual(["81 zero", "81 one", "81 two", "89 p", "81 three"]);
    expect(writer.bufferedBytes).toBe(0);
    expect(kernel.writes).toBe(2);
  });

  it("does not let sixteen sockets wait for the end of a long turn", async () => {
    const pool = new SlotPool();
    const kernels = Array.from({ length: 20 }, () => new SlowKernel());
    const lines = kernels.map((kernel) => writerOn(kernel, pool));
    const written = () => kernels.map(({ writes }) => writes).join("");
    for (const { send } of lines.slice(0, 15)) send("a");
    expect(written()).toBe("0".repeat(20));
    for (const { send } of lines.slice(15)) send("a");
    expect(written()).toBe("1".repeat(16) + "0".repeat(4));
    await told();
    expect(written()).toBe("1".repeat(20));
    for (const kernel of kernels) kernel.take();
    await told();
    // And so in the next turn.
    for (const { send } of lines) send("b");
    await told();
    for (const kernel of kernels) kernel.take();
    expect(kernels.map(({ frames }) => frames)).toEqual(
      Array.from({ length: 20 }, () => ["81 a", "81 b"]),
    );
  });

  it("gathers more than a slot holds", async () => {
    const kernel = new SlowKernel();
    const { send } = writerOn(kernel);
    send("x");
    await told();
    const lengths = [500, 1900, 3, 70_000, 125, 126, 2000];
    for (const length of lengths) send("y".repeat(length));
    kernel.take();
    await told();
    kernel.take();
    await told();
    expect(kernel.frames).toEqual([
      "81 x",
      ...lengths.map((length) => `81 ${length > 40 ? length : "y".repeat(length)}`),
    ]);
    expect(kernel.writes).toBe(2);
  });

  it("does not touch memory that the kernel still has", async () => {
    const pool = new SlotPool();
    const kernels = Array.from({ length: 20 }, () => new SlowKernel());
    const lines = kernels.map((kernel) => writerOn(kernel, pool));
    const wanted = kernels.map((): string[] => []);
    // Lines take their writes at different speeds, and all draw from one pool.
    for (let turn = 0; turn < 60; turn++) {
      for (const [i, line] of lines.entries()) {
        line.send(`line ${i} turn ${turn}`);
        wanted[i]!.push(`81 line ${i} turn ${turn}`);
      }
      await told();
      for (const [i, kernel] of kernels.entries()) {
        if (turn % (i + 1) === 0) kernel.take();
      }
      await told();
    }
    for (const [i, kernel] of kernels.entries()) {
      while (lines[i]!.writer.bufferedBytes > 0) {
        kernel.take();
        await told();
      }
      expect(kernel.frames).toEqual(wanted[i]);
    }
  });

  it("masks every frame with a key of its own", async () => {
    const kernel = new SlowKernel();
    const { send } = writerOn(kernel);
    // More than are drawn from the operating system at once.
    for (let i = 0; i < 5000; i++) send("same");
    await told();
    kernel.take();
    expect(kernel.frames).toHaveLength(5000);
    // Of 5,000 random 32-bit numbers two are equal once in 340 times; three pairs never are.
    expect(new Set(kernel.masks).size).toBeGreaterThan(4997);
  });

  it("ends behind what has gathered", async () => {
    const kernel = new SlowKernel();
    const { writer, send } = writerOn(kernel);
    const ended = new Promise((resolve) => kernel.once("finish", resolve));
    send("one");
    send("two");
    writer.end();
    send("late");
    await told();
    kernel.take();
    await ended;
    expect(kernel.frames).toEqual(["81 one", "81 two"]);
  });

  it("drops what comes after the socket broke", async () => {
    const kernel = new SlowKernel();
    kernel.on("error", () => {});
    const { writer, send } = writerOn(kernel);
    send("one");
    await told();
    send("two");
    kernel.destroy(new Error("broken"));
    await told();
    send("three");
    writer.drop();
    expect(kernel.writes).toBe(1);
    expect(writer.bufferedBytes).toBeLessThanOrEqual(9);
  });
});
