/**
 * What one 20 ms frame of a call costs on its whole path, both directions: bytes of Twilio's
 * message in, checks, gaps, voice detection, echo gate, joining, append and framing; the model's
 * delta in, decoding, pacing, message out, marks. A thousand calls take turns, so that caches are
 * as cold as in production. Sockets are sinks.
 *
 * npx tsx bench/micro/call-path.bench.ts [--calls 1000] [--seconds 12] [--json FILE] [--check]
 *
 * `--check` fails when the ratio is worse than that in call-path.json by more than a quarter.
 *
 * The yardstick runs in the same process on the same messages: `JSON.parse` and a copy. The result
 * is the ratio of both, which hardly depends on the machine. Short rounds of the two alternate, in
 * CPU time, so that a process that waits for a core is not measured; the median counts.
 *
 * Counts stand beside the times, because they are the same on every machine: bytes allocated and
 * functions entered for a call-frame by stage, the objects that a call consists of, and the memory
 * that a call-frame touches (Linux, in pages of 4 KiB, so neighbours in a page count, too).
 */

import { readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { parseArgs } from "node:util";
import { speechLike } from "../../sim/audio/synth.js";
import { MetricRegistry } from "../../src/adapters/metrics/metric-registry.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import type { MediaSocket } from "../../src/ports/sockets.js";
import { median } from "../median.js";
import { CallPath, json, ModelSink } from "./call-path.js";
import { allocated, entered, objects, profiled, touchedKiB } from "./call-path-measures.js";

const TICK_MS = 20;
/** A cycle of each call, in ticks: the agent speaks for 150, and the caller from here to there. */
const CALLER_FROM = 170;
const CALLER_TO = 270;
const CYCLE = 300;
/** The model is faster than speech: 100 ms of audio in each of the first ticks of a turn. */
const DELTA_TICKS = 30;
const DELTA_BYTES = 800;
/** From a mark to its echo, in ticks. */
const ECHO_TICKS = 8;
const VARIANTS = 100;
/** Calls whose frames one turn of the event loop handles. */
const CALLS_PER_TURN = 16;
const WARM_UP_TICKS = CYCLE;
/** Each alternates with as many of the yardstick. */
const ROUND_TICKS = 20;
/** A ratio is a regression when it exceeds the one in call-path.json by this factor. */
const WORSE = 1.25;

/** CPU time of this process: other programs on the machine do not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The clock is read as in production, and tells the time of the simulation. */
class SimulatedClock {
  ms = 1000;
  #read = 0;
  nowMs(): number {
    this.#read += performance.now();
    return this.ms;
  }
  epochMs(): number {
    return this.ms;
  }
  after(): { cancel(): void } {
    return { cancel: () => undefined };
  }
}

/** Twilio's end of one call: keeps marks, to be echoed later. */
class TwilioSink implements MediaSocket {
  readonly marks: { readonly tick: number; readonly echo: Uint8Array }[] = [];
  readonly #counter: { bytes: number; tick: number };
  constructor(counter: { bytes: number; tick: number }) {
    this.#counter = counter;
  }
  send(message: Uint8Array): boolean {
    this.#counter.bytes += message.length;
    // {"event":"ma…
    if (message[11] === 0x61) this.#keep(message);
    return true;
  }
  #keep(message: Uint8Array): void {
    const text = Buffer.from(message).toString("latin1");
    const echo = text.replace('"streamSid"', '"sequenceNumber":"1000","streamSid"');
    this.marks.push({ tick: this.#counter.tick + ECHO_TICKS, echo: Buffer.from(echo) });
  }
  cork(write: () => void): void {
    write();
  }
  bufferedBytes(): number {
    return 0;
  }
  close(): void {}
}

/**
 * Caller frames as messages whose numbers have six digits, so that one set serves all calls of a
 * tick.
 */
class Frames {
  readonly #messages: Buffer[];
  readonly #timestampAt: number;
  /** Where the kernel puts what a socket receives. */
  readonly #received: Buffer;

  constructor(audio: Uint8Array) {
    this.#messages = Array.from({ length: VARIANTS }, (_, i) => {
      const payload = Buffer.from(audio.subarray(i * 160, (i + 1) * 160)).toString("base64");
      return Buffer.from(
        `{"event":"media","sequenceNumber":"100000","media":{"track":"inbound","chunk":"100000","timestamp":"100000","payload":"${payload}"},"streamSid":"MZ1"}`,
      );
    });
    this.#timestampAt = this.#messages[0]!.indexOf('"timestamp":"') + 13;
    this.#received = Buffer.alloc(this.#messages[0]!.length);
  }

  stamp(timestampMs: number): void {
    for (const message of this.#messages) message.write(String(timestampMs), this.#timestampAt);
  }

  message(n: number): Buffer {
    this.#received.set(this.#messages[n % VARIANTS]!);
    return this.#received;
  }
}

class Bench {
  readonly #counter = { bytes: 0, tick: 0 };
  readonly #clock = new SimulatedClock();
  readonly #model = new ModelSink();
  readonly #twilio: TwilioSink[] = [];
  readonly #calls: CallPath[] = [];
  readonly #silence = new Frames(new Uint8Array(VARIANTS * 160).fill(0xff));
  readonly #speech = new Frames(speechLike(VARIANTS * TICK_MS, 3));
  readonly #delta = json({
    type: "response.output_audio.delta",
    event_id: "event_1",
    response_id: "resp_1",
    item_id: "item_1",
    output_index: 0,
    content_index: 0,
    delta: Buffer.from(speechLike(DELTA_BYTES / 8, 5)).toString("base64"),
  });

  constructor(calls: number) {
    const { metrics } = new MetricRegistry({ version: "bench" });
    const none = (): void => undefined;
    const log = { debug: none, info: none, warn: none, error: none, child: () => log };
    const pool = new BlockPool();
    for (let i = 0; i < calls; i++) {
      const twilio = new TwilioSink(this.#counter);
      this.#twilio.push(twilio);
      this.#calls.push(
        new CallPath({ clock: this.#clock, metrics, log, pool, model: this.#model, twilio }),
      );
    }
  }

  get sentBytes(): number {
    return this.#counter.bytes + this.#model.bytes;
  }

  /** One tick of all calls. @returns the CPU time that it took, in ms. */
  tick(): number {
    const tick = ++this.#counter.tick;
    this.#clock.ms += TICK_MS;
    const timestampMs = 100_000 + ((tick * TICK_MS) % 800_000);
    this.#silence.stamp(timestampMs);
    this.#speech.stamp(timestampMs);
    const startMs = cpuMs();
    for (let i = 0; i < this.#calls.length; i++) {
      // 7 is prime to the cycle: neighbours in memory are not in the same part of it.
      const phase = (tick + i * 7) % CYCLE;
      const call = this.#calls[i]!;
      const { marks } = this.#twilio[i]!;
      while (marks.length > 0 && marks[0]!.tick <= tick) call.fromTwilio(marks.shift()!.echo);
      if (phase < DELTA_TICKS) call.fromModel(this.#delta);
      const talks = phase >= CALLER_FROM && phase < CALLER_TO;
      call.fromTwilio((talks ? this.#speech : this.#silence).message(phase));
      if (i % CALLS_PER_TURN === 0) this.#model.flush();
    }
    this.#model.flush();
    return cpuMs() - startMs;
  }

  /** What the loop of `tick` costs without the calls: choosing and copying messages. */
  emptyTick(): number {
    const tick = this.#counter.tick;
    let kept = 0;
    const startMs = cpuMs();
    for (let i = 0; i < this.#calls.length; i++) {
      const phase = (tick + i * 7) % CYCLE;
      const talks = phase >= CALLER_FROM && phase < CALLER_TO;
      const message = (talks ? this.#speech : this.#silence).message(phase);
      kept += message[20]! + this.#twilio[i]!.marks.length;
    }
    const tookMs = cpuMs() - startMs;
    if (kept === 0) throw new Error("nothing was copied");
    return tookMs;
  }

  /** The yardstick for the same frames: parsed by the engine, and copied. */
  yardstick(): number {
    const copy = new Uint8Array(512);
    let kept = 0;
    const startMs = cpuMs();
    for (let i = 0; i < this.#calls.length; i++) {
      const message = this.#speech.message(i * 7);
      copy.set(message);
      const parsed = JSON.parse(message.toString("latin1")) as { media: { payload: string } };
      kept += parsed.media.payload.length + copy[20]!;
    }
    const tookMs = cpuMs() - startMs;
    if (kept === 0) throw new Error("nothing was parsed");
    return tookMs;
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      calls: { type: "string", default: "1000" },
      seconds: { type: "string", default: "12" },
      json: { type: "string" },
      check: { type: "boolean", default: false },
    },
  });
  const calls = Number(values.calls);
  const session = new Session();
  session.connect();
  const before = await objects(session);
  const bench = new Bench(calls);
  for (let i = 0; i < WARM_UP_TICKS; i++) {
    bench.tick();
    bench.emptyTick();
    bench.yardstick();
  }
  const rounds: { readonly pathNs: number; readonly yardstickNs: number }[] = [];
  const untilMs = performance.now() + Number(values.seconds) * 1000;
  while (performance.now() < untilMs) {
    let pathMs = 0;
    let yardstickMs = 0;
    for (let i = 0; i < ROUND_TICKS; i++) {
      pathMs += bench.tick() - bench.emptyTick();
      yardstickMs += bench.yardstick();
    }
    const frames = calls * ROUND_TICKS;
    rounds.push({ pathNs: (pathMs * 1e6) / frames, yardstickNs: (yardstickMs * 1e6) / frames });
  }
  const frames = calls * CYCLE;
  const cycle = (): void => {
    for (let i = 0; i < CYCLE; i++) bench.tick();
  };
  const tickKiB = touchedKiB(() => bench.tick());
  const stages = await profiled(session, cycle);
  const bytes = (await allocated(session, cycle)) / frames;
  const callObjects = ((await objects(session)) - before) / calls;
  const counts = await entered(session, cycle);
  session.disconnect();
  const result: Result = {
    calls,
    rounds: rounds.length,
    pathNs: median(rounds.map(({ pathNs }) => pathNs))!,
    leastNs: Math.min(...rounds.map(({ pathNs }) => pathNs)),
    yardstickNs: median(rounds.map(({ yardstickNs }) => yardstickNs))!,
    ratio: median(rounds.map(({ pathNs, yardstickNs }) => pathNs / yardstickNs))!,
    allocatedBytes: bytes,
    touchedKiB: tickKiB / calls,
    callObjects,
    stages: Object.fromEntries(
      [...stages]
        .sort((a, b) => b[1] - a[1])
        .map(([stage, share]) => [stage, { share, entered: (counts.get(stage) ?? 0) / frames }]),
    ),
  };
  print(result);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  return values.check ? check(result.ratio) : 0;
}

interface Result {
  readonly calls: number;
  readonly rounds: number;
  /** Median and least of the rounds, for a call-frame. */
  readonly pathNs: number;
  readonly leastNs: number;
  readonly yardstickNs: number;
  readonly ratio: number;
  /** For a call-frame. */
  readonly allocatedBytes: number;
  readonly touchedKiB: number;
  /** That a call consists of. */
  readonly callObjects: number;
  readonly stages: Readonly<Record<string, { readonly share: number; readonly entered: number }>>;
}

/** @returns 1 when the ratio is worse than the kept one by more than a quarter. */
function check(ratio: number): number {
  const kept = readFileSync(new URL("call-path.json", import.meta.url), "utf8");
  const limit = (JSON.parse(kept) as { readonly ratio: number }).ratio * WORSE;
  console.log(`  limit                  ${limit.toFixed(2)}`);
  return ratio <= limit ? 0 : 1;
}

function print(result: Result): void {
  const { calls, rounds, pathNs, leastNs, yardstickNs, ratio, stages } = result;
  const entered = Object.values(stages).reduce((sum, stage) => sum + stage.entered, 0);
  console.log(
    `${calls} calls in turn, median of ${rounds} rounds, Node ${process.version}\n` +
      `  path of a call-frame   ${pathNs.toFixed(0)} ns (least ${leastNs.toFixed(0)}), ${result.allocatedBytes.toFixed(0)} bytes allocated\n` +
      `  parse and copy         ${yardstickNs.toFixed(0)} ns\n` +
      `  ratio                  ${ratio.toFixed(2)}\n` +
      `  functions entered      ${entered.toFixed(1)}\n` +
      `  memory touched         ${result.touchedKiB.toFixed(1)} KiB; a call consists of ${result.callObjects.toFixed(0)} objects`,
  );
  for (const [stage, { share, entered: n }] of Object.entries(stages))
    console.log(
      `  ${stage.padEnd(34)} ${(share * 100).toFixed(1).padStart(5)} %  ${(share * pathNs).toFixed(0).padStart(6)} ns  ${n.toFixed(1).padStart(5)} functions`,
    );
}

process.exitCode = await main();
