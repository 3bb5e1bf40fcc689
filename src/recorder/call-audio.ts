/**
 * What caller and agent said, out of a flight recording: where each piece of audio lies on the
 * call's clock. Pure.
 */
import { BYTES_PER_MS } from "../codec/frame.js";
import type { FlightLine } from "./format.js";

export type Speaker = "caller" | "agent";

/** Where audio goes. Samples count from the start of the call, 8 to a millisecond. */
export interface AudioSink {
  put(who: Speaker, atSample: number, ulaw: Uint8Array): void;
  /** The phone dropped what it had not played. */
  silence(who: Speaker, fromSample: number, toSample: number): void;
}

/** A frame that comes at another time than the one before it says is a gap, or jitter. */
const JITTER_MS = 20;
/** Each frame moves the estimate of the stream's clock by so much, which follows any real drift. */
const DRIFT_MS = 0.02;

/**
 * The audio of one process's part of a call. The caller's lies where the stream's own clock puts
 * it, so that a jittery network tears no holes into it. The agent's lies where a phone beside the
 * relay plays it: one piece after the other, cut off by `clear`.
 */
export class CallAudio {
  readonly #sink: AudioSink;
  readonly #offsetMs: number;
  /** Call's clock minus the stream's; null before the first frame. */
  #streamMs: number | null = null;
  #callerEnd = Number.NEGATIVE_INFINITY;
  #agentEnd = Number.NEGATIVE_INFINITY;

  /** @param offsetMs  from the start of the call to the start of this part. */
  constructor(offsetMs: number, sink: AudioSink) {
    this.#offsetMs = offsetMs;
    this.#sink = sink;
  }

  /** Lines that hold no audio are passed over. */
  line(line: FlightLine): void {
    const isIn = "in" in line && line.in === "phone" && line.event === "message";
    const isOut = "out" in line && line.out === "phone" && line.event === "message";
    if (!isIn && !isOut) return;
    const message = jsonOf(line.message);
    const atMs = line.at + this.#offsetMs;
    if (message["event"] === "media") {
      const ulaw = bytesOf(message["media"], "payload");
      if (isIn) this.#caller(ulaw, atMs, Number(Object(message["media"])["timestamp"]));
      else this.#agent(ulaw, atMs);
    } else if (isOut && message["event"] === "clear") this.#cleared(atMs);
  }

  #caller(ulaw: Uint8Array, atMs: number, timestampMs: number): void {
    let dueMs = atMs;
    if (Number.isFinite(timestampMs)) {
      const lateMs = atMs - (timestampMs + (this.#streamMs ?? Number.POSITIVE_INFINITY));
      // The frame that was delayed the least tells the most of the stream's clock.
      if (this.#streamMs === null || Math.abs(lateMs) > 1_000) this.#streamMs = atMs - timestampMs;
      else this.#streamMs += lateMs < 0 ? lateMs : Math.min(lateMs, DRIFT_MS);
      dueMs = timestampMs + this.#streamMs;
    }
    const due = Math.round(dueMs * BYTES_PER_MS);
    const joins = Math.abs(due - this.#callerEnd) <= JITTER_MS * BYTES_PER_MS;
    const at = joins ? this.#callerEnd : due;
    this.#sink.put("caller", at, ulaw);
    this.#callerEnd = at + ulaw.length;
  }

  #agent(ulaw: Uint8Array, atMs: number): void {
    const at = Math.max(this.#agentEnd, Math.round(atMs * BYTES_PER_MS));
    this.#sink.put("agent", at, ulaw);
    this.#agentEnd = at + ulaw.length;
  }

  #cleared(atMs: number): void {
    const at = Math.round(atMs * BYTES_PER_MS);
    if (at >= this.#agentEnd) return;
    this.#sink.silence("agent", at, this.#agentEnd);
    this.#agentEnd = at;
  }
}

export type Json = Readonly<Record<string, unknown>>;

/** A message as JSON; without fields when it is none: a peer may have sent anything. */
export function jsonOf(message: unknown): Json {
  if (!(message instanceof Uint8Array)) return Object(message) as Json;
  try {
    return Object(JSON.parse(Buffer.from(message).toString("utf8"))) as Json;
  } catch {
    // It was recorded as it came; the relay refused it, too.
    return {};
  }
}

/** The base64 of a field; empty when there is none. */
export function bytesOf(json: unknown, name: string): Buffer {
  const value: unknown = Object(json)[name];
  return Buffer.from(typeof value === "string" ? value : "", "base64");
}
