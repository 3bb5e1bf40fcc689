/**
 * Playback of a SIP session: plays the model's sound to the line in real time, and reports by
 * `output_audio_buffer.*` when the caller really hears it.
 */
import { BYTES_PER_MS, ULAW_SILENCE } from "../audio/mulaw.js";
import type { SimClock, SimTimer } from "../clock.js";
import type { JsonObject } from "./check.js";
import { audioMsOf, type StoredItem } from "./items.js";

export interface PlaybackEvents {
  send(event: JsonObject): void;
  /** The line begins or stops to carry the model's voice. */
  speaking(on: boolean): void;
}

/** A frame or two late when the line asks for it; more, and the line plays faster than real time. */
const MAX_LATE_BYTES = 200 * BYTES_PER_MS;

/** The sound of one response. */
interface QueuedResponse {
  readonly responseId: string;
  /** In playing order; `endMs` counts from the start of this response's sound. */
  readonly items: { readonly item: StoredItem; endMs: number }[];
  ms: number;
  generated: boolean;
  /** Its sound that the line has not carried yet. */
  readonly sound: Uint8Array[];
}

export class Playback {
  readonly #clock: SimClock;
  readonly #events: PlaybackEvents;
  /** 1 = real time. */
  readonly #speed: number;
  /** The first one plays. */
  readonly #queue: QueuedResponse[] = [];
  readonly #dropped = new Set<string>();
  /** Of responses that have been played, sound that the line has not carried yet. */
  #late: Uint8Array[] = [];
  #startedAtMs: number | null = null;
  #timer: SimTimer | null = null;
  /** Ms of sound that the line has carried, all responses. */
  playedMs = 0;

  constructor(clock: SimClock, speed: number, events: PlaybackEvents) {
    this.#clock = clock;
    this.#speed = speed;
    this.#events = events;
  }

  get playing(): boolean {
    return this.#startedAtMs !== null;
  }

  push(responseId: string, item: StoredItem, sound: Uint8Array): void {
    const ms = sound.length / BYTES_PER_MS;
    if (this.#dropped.has(responseId)) return;
    let queued = this.#queue.find((entry) => entry.responseId === responseId);
    if (queued === undefined) {
      queued = { responseId, items: [], ms: 0, generated: false, sound: [] };
      this.#queue.push(queued);
    }
    queued.ms += ms;
    queued.sound.push(sound);
    const last = queued.items.at(-1);
    if (last?.item === item) last.endMs = queued.ms;
    else queued.items.push({ item, endMs: queued.ms });
    if (this.#startedAtMs === null) this.#begin();
    else this.#arm();
  }

  /** Writes the next 20 ms that the line carries: each byte once and in order, then silence. */
  next(frame: Uint8Array): void {
    frame.fill(ULAW_SILENCE);
    const at = take(this.#late, frame, 0);
    const playing = this.#startedAtMs === null ? undefined : this.#queue[0];
    if (playing !== undefined) take(playing.sound, frame, at);
  }

  /** The response is complete: no more sound of it will come. */
  generated(responseId: string): void {
    const queued = this.#queue.find((entry) => entry.responseId === responseId);
    if (queued === undefined) return;
    queued.generated = true;
    if (queued === this.#queue[0]) this.#arm();
  }

  /**
   * `output_audio_buffer.clear`, or a caller who begins to speak.
   *
   * @param truncate  the server truncates the items as well, as on barge-in.
   */
  clear(truncate: boolean): void {
    const queued = this.#queue[0];
    if (queued === undefined || this.#startedAtMs === null) return;
    const heardMs = Math.min(queued.ms, this.#heardMs());
    this.#timer?.cancel();
    this.#startedAtMs = null;
    this.playedMs += heardMs;
    for (const { responseId } of this.#queue.splice(0)) this.#dropped.add(responseId);
    this.#late = [];
    this.#events.speaking(false);
    this.#events.send({ type: "output_audio_buffer.cleared", response_id: queued.responseId });
    if (truncate) this.#truncate(queued, heardMs);
  }

  /** The call is over. */
  stop(): void {
    this.#timer?.cancel();
    this.#queue.length = 0;
    if (this.#startedAtMs !== null) this.#events.speaking(false);
    this.#startedAtMs = null;
  }

  #begin(): void {
    const queued = this.#queue[0];
    if (queued === undefined) return;
    this.#startedAtMs = this.#clock.nowMs();
    this.#events.send({ type: "output_audio_buffer.started", response_id: queued.responseId });
    this.#events.speaking(true);
    this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    const queued = this.#queue[0];
    if (queued === undefined || this.#startedAtMs === null) return;
    // The end is unknown while the response is still being generated.
    if (!queued.generated) return;
    const leftMs = queued.ms - this.#heardMs();
    this.#timer = this.#clock.after(Math.max(0, leftMs / this.#speed), () => this.#done(queued));
  }

  #done(queued: QueuedResponse): void {
    this.#queue.shift();
    const left = queued.sound.reduce((sum, { length }) => sum + length, 0);
    if (left <= MAX_LATE_BYTES) this.#late.push(...queued.sound);
    this.#startedAtMs = null;
    this.playedMs += queued.ms;
    this.#events.speaking(false);
    this.#events.send({ type: "output_audio_buffer.stopped", response_id: queued.responseId });
    this.#begin();
  }

  #heardMs(): number {
    return this.#startedAtMs === null ? 0 : (this.#clock.nowMs() - this.#startedAtMs) * this.#speed;
  }

  #truncate(queued: QueuedResponse, heardMs: number): void {
    let beginMs = 0;
    for (const { item, endMs } of queued.items) {
      const keptMs = Math.floor(Math.max(0, Math.min(heardMs, endMs) - beginMs));
      beginMs = endMs;
      if (keptMs >= audioMsOf(item)) continue;
      item.keptMs = keptMs;
      item.content = [{ type: "output_audio", transcript: "" }];
      this.#events.send({
        type: "conversation.item.truncated",
        item_id: item.id,
        content_index: 0,
        audio_end_ms: keptMs,
      });
    }
  }
}

/** Moves sound into a frame, from `at` on. @returns where it ends. */
function take(sound: Uint8Array[], frame: Uint8Array, at: number): number {
  let end = at;
  for (let first = sound[0]; first !== undefined && end < frame.length; first = sound[0]) {
    const part = first.subarray(0, frame.length - end);
    frame.set(part, end);
    end += part.length;
    if (part.length < first.length) sound[0] = first.subarray(part.length);
    else sound.shift();
  }
  return end;
}
