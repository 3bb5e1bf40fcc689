import { describe, expect, it } from "vitest";
import { CallerBehavior, type CallerSenses } from "../../bench/load/caller-behavior.js";
import { Meters } from "../../bench/load/meters.js";
import { DEFAULT_SCENARIO, type Scenario } from "../../bench/load/scenario.js";
import { Random } from "../../bench/random.js";

const EXACT: Scenario = {
  ...DEFAULT_SCENARIO,
  caller: { ...DEFAULT_SCENARIO.caller, pauseMs: [500, 500], talkMs: [1000, 1000] },
  bargeIn: { rate: 0, afterMs: [300, 300] },
};

class Person {
  readonly meters = new Meters();
  readonly did: string[] = [];
  nowMs = 0;
  senses = {
    playing: false,
    heardAnything: false,
    connected: true,
    heardFrom: false,
    heardAll: true,
    madeSeq: 0,
    modelBusy: false,
    dryMs: 0,
  };
  readonly behavior: CallerBehavior;

  constructor(scenario: Scenario = EXACT) {
    const told = this;
    const senses: CallerSenses = {
      isPlaying: () => told.senses.playing,
      get heardAnything() {
        return told.senses.heardAnything;
      },
      get connected() {
        return told.senses.connected;
      },
      hasHeardFrom: () => told.senses.heardFrom,
      get heardAll() {
        return told.senses.heardAll;
      },
      get madeSeq() {
        return told.senses.madeSeq;
      },
      get modelBusy() {
        return told.senses.modelBusy;
      },
      dryMs: () => told.senses.dryMs,
      talks: (ms) => this.did.push(`talks at ${ms}`),
      pauses: (ms) => this.did.push(`pauses at ${ms}`),
      gaveUp: () => this.did.push("gave up"),
    };
    const parts = { scenario, random: new Random(1), meters: this.meters };
    this.behavior = new CallerBehavior(parts, senses, 0);
  }

  until(ms: number, change: Partial<Person["senses"]> = {}): this {
    Object.assign(this.senses, change);
    for (; this.nowMs < ms; this.nowMs += 20) this.behavior.tick(this.nowMs);
    return this;
  }
}

describe("CallerBehavior", () => {
  it("listens to the greeting, pauses, talks and waits for the answer", () => {
    const person = new Person().until(400);
    expect(person.behavior.replyOwed).toBe(true);
    person.until(1000, { heardAnything: true, playing: true });
    person.until(3000, { playing: false });
    expect(person.did).toEqual(["talks at 1500", "pauses at 2500"]);
    expect(person.behavior.replyOwed).toBe(true);
    person.until(3100, { heardFrom: true, playing: true });
    person.until(3200, { playing: false });
    expect(person.behavior.replyOwed).toBe(false);
  });

  it("waits for the model's session before it talks", () => {
    const person = new Person().until(2000, { heardAnything: true, connected: false });
    expect(person.did).toEqual([]);
    person.until(2100, { connected: true });
    expect(person.did).toEqual(["talks at 2000"]);
  });

  it("interrupts an answer that is being heard", () => {
    const scenario = { ...EXACT, bargeIn: { rate: 1, afterMs: [300, 300] as const } };
    const person = new Person(scenario).until(100, { heardAnything: true, playing: true });
    person.until(500);
    expect(person.did).toEqual(["talks at 300"]);
    expect(person.behavior.talking).toBe(true);
  });

  it("is owed a reply while the model is at it or something of it is still to come", () => {
    const person = new Person().until(100, { heardAnything: true, playing: true, heardAll: false });
    expect(person.behavior.replyOwed).toBe(true);
    person.until(200, { heardAll: true, modelBusy: true });
    expect(person.behavior.replyOwed).toBe(true);
    person.until(300, { modelBusy: false });
    expect(person.behavior.replyOwed).toBe(false);
  });

  it("gives up on the rest of an answer after 1.5 s without sound", () => {
    const person = new Person().until(100, { heardAnything: true, heardAll: false });
    person.until(200, { dryMs: 1400 });
    expect(person.did).toEqual([]);
    person.until(300, { dryMs: 1600 });
    expect(person.did).toEqual(["gave up"]);
  });

  it("counts an answer that does not come within twelve seconds", () => {
    const person = new Person().until(1600, { heardAnything: true });
    expect(person.did).toHaveLength(2);
    person.until(13_000);
    expect(person.meters.unanswered).toBe(0);
    person.until(16_000);
    expect(person.meters.unanswered).toBe(1);
  });
});
