import { describe, expect, it } from "vitest";
import {
  type AudioTap,
  CallListeners,
  FROM_AGENT,
  FROM_CALLER,
  HEADER_BYTES,
  MAX_LISTENERS,
} from "../../../src/relay/media/call-listeners.js";
import { FakeClock } from "../../fakes/fake-clock.js";

class FakeListener {
  readonly audio: { direction: number; atMs: number; ulaw: number[] }[] = [];
  readonly told: { type: string }[] = [];
  backlog = 0;
  closedWith: string | null = null;
  send(message: Uint8Array, isBinary: boolean): void {
    if (!isBinary) {
      this.told.push(JSON.parse(new TextDecoder().decode(message)));
      return;
    }
    const view = new DataView(message.buffer, message.byteOffset);
    const ulaw = [...message.subarray(HEADER_BYTES)];
    this.audio.push({ direction: view.getUint8(0), atMs: view.getUint32(4, true), ulaw });
  }
  bufferedBytes(): number {
    return this.backlog;
  }
  close(code: number, reason: string): void {
    this.closedWith = `${code} ${reason}`;
  }
  heard(direction: number): number[] {
    return this.audio.filter((one) => one.direction === direction).flatMap(({ ulaw }) => ulaw);
  }
}

function call() {
  const clock = new FakeClock();
  const notes: string[] = [];
  const audio = { tapped: null as AudioTap | null };
  const listeners = new CallListeners(
    {
      tap: (tap) => {
        audio.tapped = tap;
      },
    },
    160,
    {
      get atMs() {
        return clock.nowMs();
      },
      note: (name, fields = {}) => void notes.push(`${name} ${Object.values(fields).join(" ")}`),
    },
  );
  const join = (by = "ada") => {
    const socket = new FakeListener();
    return { socket, receiver: listeners.join(by, socket, clock) };
  };
  return { audio, clock, join, listeners, notes };
}

const frame = (n: number): Uint8Array => Uint8Array.from({ length: 160 }, (_, i) => (n + i) & 0xff);

describe("the listeners of a call", () => {
  it("get both directions byte for byte and in order, with the time of the first sample", () => {
    const { audio, clock, join } = call();
    const { socket } = join();
    const sent: number[] = [];
    for (let n = 0; n < 50; n++) {
      const ulaw = frame(n);
      audio.tapped!.caller(ulaw, 0, 160);
      audio.tapped!.agent(ulaw, 40, 120);
      sent.push(...ulaw);
      ulaw.fill(0);
      clock.advance(20);
    }
    clock.advance(60);
    expect(socket.heard(FROM_CALLER)).toEqual(sent);
    expect(socket.heard(FROM_AGENT)).toHaveLength(50 * 80);
    expect(socket.audio.map(({ atMs }) => atMs).slice(0, 4)).toEqual([0, 0, 60, 60]);
    // Three frames leave together.
    expect(socket.audio).toHaveLength(2 * 17);
  });

  it("get a burst that is larger than a message in several", () => {
    const { audio, clock, join } = call();
    const { socket } = join();
    const burst = Uint8Array.from({ length: 20_000 }, (_, i) => i & 0xff);
    audio.tapped!.agent(burst, 0, burst.length);
    clock.advance(60);
    expect(socket.heard(FROM_AGENT)).toEqual([...burst]);
  });

  it("are told in order that the phone drops what it has not played", () => {
    const { audio, clock, join } = call();
    const { socket } = join();
    audio.tapped!.agent(frame(0), 0, 160);
    audio.tapped!.cleared();
    expect(socket.heard(FROM_AGENT)).toHaveLength(160);
    expect(socket.told.map(({ type }) => type)).toEqual(["started", "cleared"]);
    clock.advance(60);
  });

  it("cost a call nothing before the first and after the last, and are in its record", () => {
    const { audio, clock, join, notes } = call();
    expect(audio.tapped).toBeNull();
    const [one, two] = [join("ada"), join("ben")];
    expect(audio.tapped).not.toBeNull();
    one.receiver!.left("left");
    expect(audio.tapped).not.toBeNull();
    two.receiver!.left("left");
    two.receiver!.left("left");
    expect([audio.tapped, clock.pending]).toEqual([null, 0]);
    expect(notes).toEqual([
      "listener_joined ada 1",
      "listener_joined ben 2",
      "listener_left ada 1 left",
      "listener_left ben 2 left",
    ]);
  });

  it("are dropped when they do not keep up, and only they", () => {
    const { audio, clock, join, notes } = call();
    const [slow, quick] = [join("slow").socket, join("quick").socket];
    slow.backlog = 65 * 1024;
    audio.tapped!.caller(frame(0), 0, 160);
    clock.advance(60);
    expect([slow.closedWith, quick.closedWith]).toEqual(["1013 too_slow", null]);
    expect([slow.audio.length, quick.audio.length]).toEqual([0, 1]);
    expect(notes.at(-1)).toBe("listener_left slow 1 too_slow");
  });

  it("may all be too slow in the middle of a long piece of audio", () => {
    const { audio, join } = call();
    const { socket } = join();
    socket.backlog = 65 * 1024;
    audio.tapped!.caller(new Uint8Array(48 * 1024), 0, 48 * 1024);
    expect([socket.closedWith, audio.tapped]).toEqual(["1013 too_slow", null]);
  });

  it("are as many as the limit, and end with the call", () => {
    const { audio, clock, join, listeners } = call();
    const all = Array.from({ length: MAX_LISTENERS }, () => join());
    expect([listeners.isFull, join().receiver]).toEqual([true, null]);
    audio.tapped!.caller(frame(0), 0, 160);
    listeners.close();
    for (const { socket } of all) {
      expect(socket.heard(FROM_CALLER)).toHaveLength(160);
      expect([socket.told.at(-1)?.type, socket.closedWith]).toEqual(["ended", "1000 call_ended"]);
    }
    expect([audio.tapped, clock.pending, join().receiver]).toEqual([null, 0, null]);
  });
});
