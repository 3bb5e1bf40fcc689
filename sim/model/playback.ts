/**
 * What a SIP session does with the model's sound: plays it to the line in real time and tells by `output_audio_buffer.*` when the
 * caller really hears something.
 */
import type { SimClock, SimTimer } from "../clock.js";
import type { JsonObject } from "./check.js";
import { audioMsOf, type StoredItem } from "./items.js";

export interface PlaybackEvents {
  send(event: JsonObject): void;
  /** The line begins or stops to carry the model's voice. */
  speaking(on: boolean): void;
}

interface Heap {
  readonly responseId: string;
  /** In the order of the sound; their ends, in ms of this response's sound. */
  readonly items: { readonly item: StoredItem; endMs: number }[];
  ms: number;
  generated: boolean;
}

export class Playback {
  readonly #clock: SimClock;
  readonly #events: PlaybackEvents;
  /** How much faster than life it plays. */
  readonly #speed: number;
  /** The first one plays. */
  readonly #heaps: Heap[] = [];
  readonly #dropped = new Set<string>();
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

  push(responseId: string, item: StoredItem, ms: number): void {
    if (this.#dropped.has(responseId)) return;
    let heap = this.#heaps.find((candidate) => candidate.responseId === responseId);
    if (heap === undefined) {
      heap = { responseId, items: [], ms: 0, generated: false };
      this.#heaps.push(heap);
    }
    heap.ms += ms;
    const last = heap.items.at(-1);
    if (last?.item === item) last.endMs = heap.ms;
    else heap.items.push({ item, endMs: heap.ms });
    if (this.#startedAtMs === null) this.#begin();
    else this.#arm();
  }

  /** No more of it will come. */
  generated(responseId: string): void {
    const heap = this.#heaps.find((candidate) => candidate.responseId === responseId);
    if (heap === undefined) return;
    heap.generated = true;
    if (heap === this.#heaps[0]) this.#arm();
  }

  /** `output_audio_buffer.clear`, or a caller who begins to speak. @param truncate  the server cuts its memory too. */
  clear(truncate: boolean): void {
    const heap = this.#heaps[0];
    if (heap === undefined || this.#startedAtMs === null) return;
    const heardMs = Math.min(heap.ms, this.#heardMs());
    this.#timer?.cancel();
    this.#startedAtMs = null;
    this.playedMs += heardMs;
    for (const { responseId } of this.#heaps.splice(0)) this.#dropped.add(responseId);
    this.#events.speaking(false);
    this.#events.send({ type: "output_audio_buffer.cleared", response_id: heap.responseId });
    if (truncate) this.#truncate(heap, heardMs);
  }

  /** The call is over. */
  stop(): void {
    this.#timer?.cancel();
    this.#heaps.length = 0;
    if (this.#startedAtMs !== null) this.#events.speaking(false);
    this.#startedAtMs = null;
  }

  #begin(): void {
    const heap = this.#heaps[0];
    if (heap === undefined) return;
    this.#startedAtMs = this.#clock.nowMs();
    this.#events.send({ type: "output_audio_buffer.started", response_id: heap.responseId });
    this.#events.speaking(true);
    this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    const heap = this.#heaps[0];
    if (heap === undefined || this.#startedAtMs === null) return;
    // While more of it is to come, its end is not known.
    if (!heap.generated) return;
    const leftMs = heap.ms - this.#heardMs();
    this.#timer = this.#clock.after(Math.max(0, leftMs / this.#speed), () => this.#done(heap));
  }

  #done(heap: Heap): void {
    this.#heaps.shift();
    this.#startedAtMs = null;
    this.playedMs += heap.ms;
    this.#events.speaking(false);
    this.#events.send({ type: "output_audio_buffer.stopped", response_id: heap.responseId });
    this.#begin();
  }

  #heardMs(): number {
    return this.#startedAtMs === null ? 0 : (this.#clock.nowMs() - this.#startedAtMs) * this.#speed;
  }

  #truncate(heap: Heap, heardMs: number): void {
    let beginMs = 0;
    for (const { item, endMs } of heap.items) {
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
