/** A thousand calls that take turns on the path of a call-frame, and the yardstick: for call-path.bench.ts. */
import { speechLike } from "../../sim/audio/synth.js";
import { MetricRegistry } from "../../src/adapters/metrics/metric-registry.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import type { MediaSocket } from "../../src/ports/sockets.js";
import { CallPath, json, ModelSink } from "./call-path.js";

const TICK_MS = 20;
/** A cycle of each call, in ticks: the agent speaks for 150, and the caller from here to there. */
const CALLER_FROM = 170;
const CALLER_TO = 270;
export const CYCLE = 300;
/** The model is faster than speech: 100 ms of audio in each of the first ticks of a turn. */
const DELTA_TICKS = 30;
const DELTA_BYTES = 800;
/** From a mark to its echo, in ticks. */
const ECHO_TICKS = 8;
const VARIANTS = 100;
/** Calls whose frames one turn of the event loop handles. */
const CALLS_PER_TURN = 16;

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

export class Bench {
  readonly #counter = { bytes: 0, tick: 0 };
  readonly #clock = new SimulatedClock();
  readonly #model = new ModelSink();
  readonly #twilio: TwilioSink[] = [];
  readonly #calls: CallPath[] = [];
  readonly #silence = new Frames(new Uint8Array(VARIANTS * 160).fill(0xff));
  readonly #speech = new Frames(speechLike(VARIANTS * TICK_MS, 3));
  /** Two, because a server does not send the same event twice in succession. */
  readonly #deltas = ["event_1", "event_2"].map((eventId) =>
    json({
      type: "response.output_audio.delta",
      event_id: eventId,
      response_id: "resp_1",
      item_id: "item_1",
      output_index: 0,
      content_index: 0,
      delta: Buffer.from(speechLike(DELTA_BYTES / 8, 5)).toString("base64"),
    }),
  );

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
      if (phase < DELTA_TICKS) call.fromModel(this.#deltas[phase % 2]!);
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
