import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../src/domain/ids.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import { Playout } from "../../src/playout/playout.js";
import { FakePhone } from "../fakes/fake-phone.js";

const LEAD_MS = 160;
const FRAME_MS = 20;
const RESPONSE = "resp" as ResponseId;

type Step =
  | { readonly do: "push" | "wait"; readonly amount: number }
  | { readonly do: "complete" | "next" | "hold" | "resume" | "interrupt" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      amount: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 6_000 })),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      amount: fc.integer({ min: 1, max: 900 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "complete" as const,
        "next" as const,
        "hold" as const,
        "resume" as const,
        "interrupt" as const,
      ),
    }),
  },
);

/** A playout, its phone, and what both did at which time. */
class Line {
  readonly log: string[] = [];
  readonly #phone: FakePhone;
  readonly #playout: Playout;
  readonly #isWoken: boolean;
  #nowMs = 0.25;
  #items = 1;

  constructor(isWoken: boolean, startDelayMs: number, echoDelayMs: number) {
    this.#isWoken = isWoken;
    this.#phone = new FakePhone(startDelayMs, echoDelayMs);
    this.#playout = new Playout(
      new BlockPool(),
      {
        media: (ulaw, start, end) => {
          this.#note(`media ${end - start}`);
          return this.#phone.media(ulaw, start, end);
        },
        mark: (generation, position) => {
          this.#note(`mark ${generation} ${position}`);
          this.#phone.mark(generation, position);
        },
        clear: () => {
          this.#note("clear");
          this.#phone.clear();
        },
        began: (itemId) => this.#note(`began ${itemId}`),
      },
      { leadMs: LEAD_MS, limitBytes: 100_000 },
    );
  }

  run(steps: readonly Step[], tickMs: number): readonly string[] {
    for (const next of steps) this.#run(next, tickMs);
    this.#wait(2_000, tickMs);
    return this.log;
  }

  #run(next: Step, tickMs: number): void {
    const item = `item${this.#items}` as ItemId;
    switch (next.do) {
      case "push":
        this.#playout.push(item, RESPONSE, 0, new Uint8Array(next.amount), 0, next.amount);
        this.#playout.pump(this.#nowMs);
        return;
      case "wait":
        this.#wait(next.amount, tickMs);
        return;
      case "complete":
        this.#playout.complete(item, this.#nowMs);
        return;
      case "next":
        this.#items++;
        return;
      case "hold":
        this.#playout.hold();
        return;
      case "resume":
        this.#playout.resume(this.#nowMs);
        return;
      case "interrupt":
        this.#note(JSON.stringify(this.#playout.interrupt(this.#nowMs)));
    }
  }

  #wait(ms: number, tickMs: number): void {
    for (const end = this.#nowMs + ms; this.#nowMs < end; ) {
      this.#nowMs = Math.min(end, this.#nowMs + tickMs);
      for (const { generation, position } of this.#phone.advance(this.#nowMs))
        this.#playout.marked(generation, position, this.#nowMs);
      if (this.#isWoken && !this.#playout.held) {
        // Changes nothing, but that it looks at everything anew.
        this.#playout.hold();
        this.#playout.resume(this.#nowMs);
      }
      this.#playout.pump(this.#nowMs);
      const report = this.#playout.takePlayed(this.#nowMs);
      if (report !== undefined) this.#note(JSON.stringify(report));
      this.#note(`${this.#playout.hasItems} ${this.#playout.underruns}`);
    }
  }

  #note(what: string): void {
    const line = `${this.#nowMs} ${what}`;
    if (line !== this.log.at(-1)) this.log.push(line);
  }
}

describe("Playout, while nothing is due", () => {
  it("rests, and does the same as one that looks at everything at every tick", () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 3, maxLength: 30 }),
        fc.constantFrom(1, 7, 19.5, FRAME_MS, 20.03, 33.3),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 120 }),
        (steps, tickMs, startDelayMs, echoDelayMs) => {
          const resting = new Line(false, startDelayMs, echoDelayMs).run(steps, tickMs);
          const woken = new Line(true, startDelayMs, echoDelayMs).run(steps, tickMs);
          expect(resting).toEqual(woken);
        },
      ),
      { numRuns: 300 },
    );
  });

  const silent = { media: () => true, mark: () => {}, clear: () => {}, began: () => {} };
  const playoutOf = (): Playout =>
    new Playout(new BlockPool(), silent, { leadMs: LEAD_MS, limitBytes: 100_000 });
  const push = (playout: Playout, itemId: string, bytes: number): boolean =>
    playout.push(itemId as ItemId, RESPONSE, 0, new Uint8Array(bytes), 0, bytes);

  it("sees a gap that begins between two whole bytes", () => {
    const playout = playoutOf();
    push(playout, "a", 160);
    // The phone runs dry at 30.95: it starts to play 10 ms after this.
    playout.pump(0.95);
    playout.pump(21.05);
    playout.pump(30.97);
    expect(playout.underruns).toBe(1);
  });

  it("reports an item as heard at the latest when the next run begins", () => {
    const playout = playoutOf();
    push(playout, "x", 160);
    playout.complete("x" as ItemId, 0);
    playout.marked(0, 0, 200);
    playout.marked(0, 160, 230);
    expect(playout.roundTripMs).toBe(200);
    expect(playout.takePlayed(230)?.itemId).toBe("x");
    push(playout, "a", 160);
    playout.complete("a" as ItemId, 1_000);
    // Less than a frame of the next item waits until the phone is dry.
    push(playout, "b", 80);
    playout.pump(1_010);
    expect(playout.takePlayed(1_029)).toBeUndefined();
    playout.pump(1_040);
    expect(playout.takePlayed(1_040)?.itemId).toBe("a");
  });
});
