import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../src/domain/ids.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import { PLAYOUT_LIMIT_BYTES, Playout } from "../../src/playout/playout.js";
import { FakePhone } from "../fakes/fake-phone.js";

const LEAD_MS = 160;
const FRAME_MS = 20;
const RESPONSE = "resp" as ResponseId;
const item = (n: number): ItemId => `item${n}` as ItemId;

/** Audio in which every byte tells its place. */
function audio(bytes: number, seed = 0): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) made[i] = i * 7 + (i >> 8) * 13 + seed;
  return made;
}

/** Where two stretches of audio differ first: compared byte by byte with `toEqual`, long ones take seconds. */
function differenceAt(audio: Uint8Array, wanted: Uint8Array): number | null {
  if (Buffer.compare(audio, wanted) === 0) return null;
  const at = wanted.findIndex((byte, i) => byte !== audio[i]);
  return at < 0 ? wanted.length : at;
}

class Bench {
  readonly pool = new BlockPool();
  readonly phone: FakePhone;
  readonly playout: Playout;
  nowMs = 0;

  constructor(phone = new FakePhone(), limitBytes = PLAYOUT_LIMIT_BYTES) {
    this.phone = phone;
    this.playout = new Playout(this.pool, phone, { leadMs: LEAD_MS, limitBytes });
  }

  push(n: number, bytes: Uint8Array): boolean {
    const fits = this.playout.push(item(n), RESPONSE, 0, bytes, 0, bytes.length);
    this.playout.pump(this.nowMs);
    return fits;
  }

  complete(n: number): void {
    this.playout.complete(item(n), this.nowMs);
  }

  /** Time passes in ticks of `stepMs`, marks echo, playout pumps. */
  run(ms: number, stepMs = FRAME_MS): void {
    const end = this.nowMs + ms;
    while (this.nowMs < end) {
      this.nowMs = Math.min(end, this.nowMs + stepMs);
      for (const echo of this.phone.advance(this.nowMs)) {
        this.playout.marked(echo.generation, echo.position, this.nowMs);
      }
      this.playout.pump(this.nowMs);
    }
  }
}

describe("Playout", () => {
  it("plays audio of any delta sizes once, in order, byte for byte, within the lead, without a gap", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: 60 }),
        (sizes, startDelayMs, echoDelayMs) => {
          const bench = new Bench(new FakePhone(startDelayMs, echoDelayMs));
          const whole = audio(sizes.reduce((a, b) => a + b));
          let at = 0;
          for (const size of sizes) {
            bench.push(1, whole.subarray(at, at + size));
            at += size;
          }
          bench.complete(1);
          bench.run(whole.length / 8 + 1500);
          expect(differenceAt(bench.phone.heard, whole)).toBeNull();
          expect(bench.phone.maxLeadMs).toBeLessThanOrEqual(LEAD_MS + FRAME_MS);
          expect(bench.phone.starved).toBe(1);
          expect(bench.playout.underruns).toBe(0);
          expect(bench.playout.isDrained(bench.nowMs)).toBe(true);
          expect(bench.playout.takePlayed(bench.nowMs)).toMatchObject({
            itemId: item(1),
            cut: false,
          });
          expect(bench.pool.lent).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps items apart: the rest of one is sent before the next begins", () => {
    const bench = new Bench();
    bench.push(1, audio(401));
    bench.complete(1);
    bench.push(2, audio(333, 5));
    bench.complete(2);
    bench.run(1000);
    expect(Uint8Array.from(bench.phone.heard)).toEqual(
      Uint8Array.from([...audio(401), ...audio(333, 5)]),
    );
    expect(bench.phone.began_).toEqual([item(1), item(2)]);
  });

  it("accounts for an interruption within a frame of the truth, whatever the delays, and sends nothing after", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 1, max: 20 }),
        (atMs, startDelayMs, echoDelayMs, stepMs) => {
          const bench = new Bench(new FakePhone(startDelayMs, echoDelayMs));
          bench.push(1, audio(5000 * 8));
          bench.complete(1);
          bench.run(atMs, stepMs);
          const truthMs = bench.phone.heard.length / 8;
          const messages = bench.phone.messages;
          const hearings = bench.playout.interrupt(bench.nowMs);
          expect(hearings).toHaveLength(1);
          const error = Math.abs(hearings![0]!.heardMs - truthMs);
          expect(error).toBeLessThanOrEqual(startDelayMs + echoDelayMs + FRAME_MS);
          expect(Number.isInteger(hearings![0]!.heardMs)).toBe(true);
          expect(hearings![0]!.heardMs).toBeLessThanOrEqual(5000);
          expect(bench.phone.clears).toBe(1);
          bench.run(500);
          expect(bench.phone.messages).toBe(messages);
          expect(bench.pool.lent).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("tells of every item what was heard: to its end, cut, not at all", () => {
    const bench = new Bench();
    bench.push(1, audio(1600));
    bench.complete(1);
    bench.push(2, audio(4000));
    bench.complete(2);
    bench.push(3, audio(800));
    bench.run(200 + 100);
    expect(bench.playout.takePlayed(bench.nowMs)).toMatchObject({
      itemId: item(1),
      heardMs: 200,
      cut: false,
    });
    const [second, third] = bench.playout.interrupt(bench.nowMs)!;
    expect(second).toMatchObject({ itemId: item(2), receivedMs: 500, cut: true });
    expect(Math.abs(second!.heardMs - 100)).toBeLessThanOrEqual(FRAME_MS);
    expect(third).toMatchObject({ itemId: item(3), heardMs: 0, receivedMs: 100, cut: true });
  });

  it("leaves alone an item of which only the last frame is missing, but still clears it", () => {
    const bench = new Bench();
    bench.push(1, audio(1600));
    bench.complete(1);
    bench.run(195, 5);
    expect(bench.playout.interrupt(bench.nowMs)).toMatchObject([{ heardMs: 200, cut: false }]);
    expect(bench.phone.clears).toBe(1);
  });

  it("neither clears nor cuts when nothing is played and nothing waits", () => {
    const bench = new Bench();
    expect(bench.playout.interrupt(0)).toBeNull();
    bench.push(1, audio(800));
    bench.complete(1);
    bench.run(400);
    expect(bench.playout.interrupt(bench.nowMs)).toBeNull();
    expect(bench.phone.clears).toBe(0);
  });

  it("does not take the echoes of a clear for something heard", () => {
    const bench = new Bench();
    bench.push(1, audio(8000));
    bench.run(100);
    bench.playout.interrupt(bench.nowMs);
    bench.push(2, audio(8000, 3));
    bench.complete(2);
    // The echoes of the first answer's marks, caused by the clear, arrive now.
    bench.run(60);
    const truthMs = (bench.phone.heard.length - 800) / 8;
    const [hearing] = bench.playout.interrupt(bench.nowMs)!;
    expect(hearing!.itemId).toBe(item(2));
    expect(Math.abs(hearing!.heardMs - truthMs)).toBeLessThanOrEqual(FRAME_MS);
  });

  it("goes on exactly where a hold stopped", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 900 }),
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 20 }),
        (holdAtMs, holdMs, stepMs) => {
          const bench = new Bench();
          const whole = audio(8000);
          bench.push(1, whole);
          bench.complete(1);
          bench.run(holdAtMs, stepMs);
          const sent = bench.phone.messages;
          bench.playout.hold();
          bench.run(holdMs, stepMs);
          expect(bench.phone.messages).toBe(sent);
          bench.playout.resume(bench.nowMs);
          bench.run(2500);
          expect(differenceAt(bench.phone.heard, whole)).toBeNull();
        },
      ),
      { numRuns: 100 },
    );
  });

  it("counts an underrun once when an unfinished item runs dry, and none at its end", () => {
    const bench = new Bench();
    bench.push(1, audio(800));
    bench.run(300);
    expect(bench.playout.underruns).toBe(1);
    bench.push(1, audio(800));
    bench.complete(1);
    bench.run(300);
    expect(bench.playout.underruns).toBe(1);
    expect(bench.phone.heard).toHaveLength(1600);
  });

  it("catches up after a stall of the event loop without a burst beyond the lead", () => {
    const bench = new Bench();
    bench.push(1, audio(40_000));
    bench.run(500);
    bench.nowMs += 2_000;
    for (const echo of bench.phone.advance(bench.nowMs)) {
      bench.playout.marked(echo.generation, echo.position, bench.nowMs);
    }
    bench.playout.pump(bench.nowMs);
    expect(bench.phone.leadBytes).toBeLessThanOrEqual((LEAD_MS + FRAME_MS) * 8);
    bench.run(1000);
    expect(bench.phone.maxLeadMs).toBeLessThanOrEqual(LEAD_MS + FRAME_MS);
  });

  it("refuses audio past its limit, says so, and plays what it took", () => {
    const bench = new Bench(new FakePhone(), 8000);
    expect(bench.push(1, audio(8000 + 1280))).toBe(false);
    expect(bench.playout.droppedBytes).toBe(1280);
    bench.complete(1);
    bench.run(2000);
    expect(differenceAt(bench.phone.heard, audio(9280).subarray(0, 8000))).toBeNull();
  });

  it("is drained half a second after the clock says so when the last echo never comes", () => {
    const bench = new Bench(new FakePhone(0, 1_000_000));
    bench.push(1, audio(800));
    bench.complete(1);
    bench.run(400);
    expect(bench.playout.isDrained(bench.nowMs)).toBe(false);
    bench.run(300);
    expect(bench.playout.isDrained(bench.nowMs)).toBe(true);
  });
});
