/**
 * What callers and model do. Every duration is drawn from a range each time, by a generator that is
 * seeded per call.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { JitterKind, LinkOptions } from "./link.js";

/** Lowest and highest, both included. */
export type Range = readonly [number, number];

export interface Scenario {
  readonly name: string;
  readonly seed: number;
  /** Length of a call; null = as long as the run. Calls that end are followed by others. */
  readonly callSeconds: Range | null;
  /** wss:// to the model. */
  readonly tls: boolean;
  /** New calls per second until all are up; null = within about five seconds. */
  readonly rampPerSecond: number | null;
  readonly caller: {
    /** Silence before the caller speaks. */
    readonly pauseMs: Range;
    readonly talkMs: Range;
    /** Interruptions of the network on the caller's side: the stream's timestamps jump. */
    readonly gapsPerMinute: number;
    readonly gapMs: Range;
  };
  readonly bargeIn: {
    /** Share of the answers that are interrupted, 0–1. */
    readonly rate: number;
    /** After the answer's first sound. */
    readonly afterMs: Range;
  };
  readonly model: {
    /** From the caller's first sound to `speech_started`. */
    readonly onsetMs: Range;
    /** From the caller's last sound to `speech_stopped`. */
    readonly hangoverMs: Range;
    /** From there to the first delta. */
    readonly thinkMs: Range;
    readonly answerMs: Range;
    /** Share of the answers that are two items, 0–1. */
    readonly twoItemsRate: number;
    readonly deltaBytes: Range;
    /** Generated audio per second of time. */
    readonly speed: Range;
    /** Deltas that still come after `speech_started`. */
    readonly lateDeltas: Range;
    /** Share of the answers that begin with the call of one of the `BAD_TOOLS`, 0–1. */
    readonly toolRate: number;
  };
  /** Between phone and relay. */
  readonly network: Network;
  /** What goes wrong with the model's responses: shares of all responses, 0–1. */
  readonly faults: Faults;
}

export interface Network {
  readonly toRelay: LinkOptions;
  readonly toPhone: LinkOptions;
}

export interface Faults {
  /** The response fails with a server error; half of them in the middle of the speech. */
  readonly failed: number;
  /** The response ends at its token limit; half of them in the middle of the speech. */
  readonly incomplete: number;
  /** The response completes without any output. */
  readonly silent: number;
  /** The response fails at once with a rate limit and tells how long to wait. */
  readonly rateLimited: number;
  /**
   * Share of the tool calls whose tool never answers, where the others answer well; null: as
   * `BAD_TOOLS`.
   */
  readonly toolsHang: number | null;
}

export const DEFAULT_SCENARIO: Scenario = {
  name: "default",
  seed: 1,
  callSeconds: null,
  tls: false,
  rampPerSecond: null,
  caller: { pauseMs: [300, 1500], talkMs: [900, 3500], gapsPerMinute: 0, gapMs: [40, 400] },
  bargeIn: { rate: 0.35, afterMs: [300, 5000] },
  model: {
    onsetMs: [60, 180],
    hangoverMs: [500, 500],
    thinkMs: [200, 700],
    answerMs: [1500, 7000],
    twoItemsRate: 0.15,
    deltaBytes: [161, 2401],
    speed: [3, 8],
    lateDeltas: [0, 3],
    toolRate: 0,
  },
  network: sameBothWays({ delayMs: 0, jitterMs: 0, kind: "bursts" }),
  faults: { failed: 0, incomplete: 0, silent: 0, rateLimited: 0, toolsHang: null },
};

/** Network delay or jitter above this is taken for a mistake. */
export const MOST_DELAY_MS = 2000;

/** The tools of the agent in `tools.agents.yaml`. */
export const BAD_TOOLS = ["hang", "huge", "invalid", "redirect", "good"] as const;

/** A scenario that cannot be read; the message names file and path. */
export class ScenarioError extends Error {}

export function loadScenario(file: string): Scenario {
  let document: unknown;
  try {
    document = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ScenarioError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return readScenario(document, file);
}

/** Keys are those of `Scenario` in snake_case; what is absent is as in the default scenario. */
export function readScenario(document: unknown, where: string): Scenario {
  const d = DEFAULT_SCENARIO;
  const top = new Section(document, where);
  const caller = top.section("caller");
  const bargeIn = top.section("barge_in");
  const model = top.section("model");
  const network = top.section("network");
  const faults = top.section("faults");
  const scenario: Scenario = {
    name: top.text("name", d.name),
    seed: top.number("seed", d.seed, 0, 2 ** 31),
    callSeconds: top.rangeOrNull("call_seconds", d.callSeconds, 2, 86_400),
    tls: top.flag("tls", d.tls),
    rampPerSecond: top.numberOrNull("ramp_per_second", d.rampPerSecond, 0.1, 10_000),
    caller: {
      pauseMs: caller.range("pause_ms", d.caller.pauseMs, 0, 600_000),
      talkMs: caller.range("talk_ms", d.caller.talkMs, 100, 600_000),
      gapsPerMinute: caller.number("gaps_per_minute", d.caller.gapsPerMinute, 0, 600),
      gapMs: caller.range("gap_ms", d.caller.gapMs, 20, 10_000),
    },
    bargeIn: {
      rate: bargeIn.number("rate", d.bargeIn.rate, 0, 1),
      afterMs: bargeIn.range("after_ms", d.bargeIn.afterMs, 0, 600_000),
    },
    model: {
      onsetMs: model.range("onset_ms", d.model.onsetMs, 0, 5_000),
      hangoverMs: model.range("hangover_ms", d.model.hangoverMs, 20, 10_000),
      thinkMs: model.range("think_ms", d.model.thinkMs, 0, 4_000),
      answerMs: model.range("answer_ms", d.model.answerMs, 100, 120_000),
      twoItemsRate: model.number("two_items_rate", d.model.twoItemsRate, 0, 1),
      deltaBytes: model.range("delta_bytes", d.model.deltaBytes, 1, 100_000),
      speed: model.range("speed", d.model.speed, 1, 1000),
      lateDeltas: model.range("late_deltas", d.model.lateDeltas, 0, 100),
      toolRate: model.number("tool_rate", d.model.toolRate, 0, 1),
    },
    network: networkOf(
      network.bothWays("delay_ms", 0, MOST_DELAY_MS),
      network.bothWays("jitter_ms", 0, MOST_DELAY_MS),
      jitterKind(network.text("jitter", d.network.toRelay.kind), where),
    ),
    faults: {
      failed: faults.number("failed", d.faults.failed, 0, 1),
      incomplete: faults.number("incomplete", d.faults.incomplete, 0, 1),
      silent: faults.number("silent", d.faults.silent, 0, 1),
      rateLimited: faults.number("rate_limited", d.faults.rateLimited, 0, 1),
      toolsHang: faults.numberOrNull("tools_hang", d.faults.toolsHang, 0, 1),
    },
  };
  for (const section of [top, caller, bargeIn, model, network, faults]) section.refuseUnknown();
  return scenario;
}

export function sameBothWays(link: LinkOptions): Network {
  return { toRelay: link, toPhone: link };
}

/** @param delayMs, jitterMs  to the relay, and to the phone. */
export function networkOf(
  delayMs: readonly [number, number],
  jitterMs: readonly [number, number],
  kind: JitterKind,
): Network {
  return {
    toRelay: { delayMs: delayMs[0], jitterMs: jitterMs[0], kind },
    toPhone: { delayMs: delayMs[1], jitterMs: jitterMs[1], kind },
  };
}

function jitterKind(text: string, where: string): JitterKind {
  if (text === "bursts" || text === "each") return text;
  throw new ScenarioError(`${where}: network: jitter is neither "bursts" nor "each"`);
}

class Section {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #known = new Set<string>();

  constructor(value: unknown, where: string) {
    if (value === undefined || value === null) this.#values = {};
    else if (typeof value === "object" && !Array.isArray(value)) this.#values = { ...value };
    else throw new ScenarioError(`${where}: is not a mapping`);
    this.#where = where;
  }

  section(key: string): Section {
    return new Section(this.#take(key), `${this.#where}: ${key}`);
  }

  text(key: string, fallback: string): string {
    const value = this.#take(key) ?? fallback;
    if (typeof value !== "string") throw this.#fault(key, "is not text");
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#take(key) ?? fallback;
    if (typeof value !== "boolean") throw this.#fault(key, "is neither true nor false");
    return value;
  }

  number(key: string, fallback: number, min: number, max: number): number {
    return this.#number(key, this.#take(key) ?? fallback, min, max);
  }

  numberOrNull(key: string, fallback: number | null, min: number, max: number): number | null {
    const value = this.#take(key) ?? fallback;
    return value === null ? null : this.#number(key, value, min, max);
  }

  range(key: string, fallback: Range, min: number, max: number): Range {
    return this.#range(key, this.#take(key) ?? fallback, min, max);
  }

  /** One number for both directions, or two: to the relay, to the phone. Default 0. */
  bothWays(key: string, min: number, max: number): readonly [number, number] {
    const value = this.#take(key) ?? 0;
    const [up, down, more] = Array.isArray(value) ? (value as readonly unknown[]) : [value, value];
    if (more !== undefined) throw this.#fault(key, "has more than two directions");
    return [this.#number(key, up, min, max), this.#number(key, down, min, max)];
  }

  rangeOrNull(key: string, fallback: Range | null, min: number, max: number): Range | null {
    const value = this.#take(key) ?? fallback;
    return value === null ? null : this.#range(key, value, min, max);
  }

  refuseUnknown(): void {
    for (const key of Object.keys(this.#values)) {
      if (!this.#known.has(key))
        throw this.#fault(key, `is not known; known: ${[...this.#known].join(", ")}`);
    }
  }

  #take(key: string): unknown {
    this.#known.add(key);
    return this.#values[key];
  }

  #number(key: string, value: unknown, min: number, max: number): number {
    if (typeof value !== "number" || !(value >= min && value <= max)) {
      throw this.#fault(key, `is not a number from ${min} to ${max}`);
    }
    return value;
  }

  /** One number is a range of one. */
  #range(key: string, value: unknown, min: number, max: number): Range {
    const [low, high, more] = Array.isArray(value) ? (value as readonly unknown[]) : [value, value];
    if (more !== undefined) throw this.#fault(key, "has more than two ends");
    const range: Range = [this.#number(key, low, min, max), this.#number(key, high, min, max)];
    if (range[0] > range[1]) throw this.#fault(key, "begins above its end");
    return range;
  }

  #fault(key: string, problem: string): ScenarioError {
    return new ScenarioError(`${this.#where}: ${key} ${problem}`);
  }
}
