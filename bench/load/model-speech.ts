import type { Random } from "../random.js";
import type { Meters } from "./meters.js";
import {
  COMPLETED,
  cancelled,
  doneResponse,
  FAILED,
  type Fields,
  INCOMPLETE,
  openResponse,
  RATE_LIMITED,
  type ResponseEnd,
  speechItem,
} from "./model-objects.js";
import { BAD_TOOLS, type Scenario } from "./scenario.js";
import { SpokenItem } from "./spoken-item.js";
import { BODIES, FRAME_BYTES, STAMP_BYTES, writeFrame } from "./stamped-audio.js";

export interface SpeechParts {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly meters: Meters;
  /** Sends an event that is JSON text already. */
  send(text: string): void;
  emit(type: string, fields: Fields): void;
  newId(kind: string): string;
  /** True when the phone has nothing left to play. */
  isPhoneSilent(nowMs: number): boolean;
}

interface ActiveResponse {
  readonly id: string;
  readonly items: SpokenItem[];
  readonly lengths: number[];
  readonly speed: number;
  readonly beginsMs: number;
  readonly end: ResponseEnd;
  /** It ends after so much audio; Infinity: when everything was said. */
  readonly stopsAfterBytes: number;
  sentBytes: number;
  deltas: number;
}

/** What is sent of an answer before it is slowed down to `speed`. */
const FIRST_BURST_BYTES = 2400;
const FIRST_DELTA_BYTES = 480;
/** Audio of a response that fails or ends incomplete in the middle of its speech. */
const PARTIAL_MS = [300, 900] as const;
const KEPT_ITEMS = 6;
const audio = Buffer.allocUnsafe(256 * 1024);

/**
 * The responses of one session: their items, their audio, and the faults that the scenario asks
 * for.
 */
export class ModelSpeech {
  /** One above the last frame that the last item was meant to have. */
  nextSeq = 0;
  /**
   * Frames below this one were interrupted: they need not be played, nor may they be after `clear`.
   */
  voidBelowSeq = 0;
  readonly items: SpokenItem[] = [];
  readonly #index: number;
  readonly #parts: SpeechParts;
  #active: ActiveResponse | null = null;

  /** @param index  the session's, which its audio is stamped with. */
  constructor(index: number, parts: SpeechParts) {
    this.#index = index;
    this.#parts = parts;
  }

  /** A response is open. */
  get active(): boolean {
    return this.#active !== null;
  }

  /** The item that holds frame `seq`; undefined for one that is long past or not made yet. */
  itemOf(seq: number): SpokenItem | undefined {
    for (let i = this.items.length - 1; i >= 0; i--) {
      const item = this.items[i]!;
      if (seq >= item.firstSeq && seq < item.endSeq) return item;
    }
    return undefined;
  }

  /** Opens a response whose first audio comes `thinkMs` later. */
  respond(nowMs: number, thinkMs: number): void {
    const { scenario, random, emit, newId } = this.#parts;
    const { model } = scenario;
    const lengths = [this.#length()];
    if (random.chance(model.twoItemsRate)) lengths.push(this.#length());
    const { end, stopsAfterBytes, silent } = this.#drawEnd();
    this.#active = {
      id: newId("resp"),
      items: [],
      lengths: silent ? [] : lengths,
      speed: random.within(model.speed),
      beginsMs: nowMs + thinkMs,
      end,
      stopsAfterBytes,
      sentBytes: 0,
      deltas: 0,
    };
    emit("response.created", { response: openResponse(this.#active.id) });
  }

  #drawEnd(): { end: ResponseEnd; stopsAfterBytes: number; silent: boolean } {
    const { scenario, random, meters } = this.#parts;
    const { failed, incomplete, silent, rateLimited } = scenario.faults;
    const usual = { end: COMPLETED, stopsAfterBytes: Number.POSITIVE_INFINITY, silent: false };
    // Scenarios without faults draw the same numbers as they did before there were any.
    if (failed + incomplete + silent + rateLimited === 0) return usual;
    const drawn = random.next();
    if (drawn >= failed + incomplete + silent + rateLimited) return usual;
    meters.faults++;
    if (drawn < silent) return { ...usual, silent: true };
    if (drawn < silent + rateLimited) return { ...usual, end: RATE_LIMITED, stopsAfterBytes: 0 };
    const end = drawn < silent + rateLimited + failed ? FAILED : INCOMPLETE;
    // Half of them without any sound, the others in the middle of a sentence.
    return {
      ...usual,
      end,
      stopsAfterBytes: random.chance(0.5) ? 0 : random.within(PARTIAL_MS) * 8,
    };
  }

  /**
   * Some answers begin with a tool: the response is its call alone. @returns its call_id, or null.
   */
  callTool(): string | null {
    const { scenario, random, meters, emit, newId } = this.#parts;
    const rate = scenario.model.toolRate;
    if (rate === 0 || !random.chance(rate)) return null;
    meters.toolCalls++;
    const id = newId("resp");
    const call = {
      id: newId("item"),
      type: "function_call",
      status: "completed",
      call_id: newId("call"),
      name: this.#tool(),
      arguments: "{}",
    };
    emit("response.created", { response: openResponse(id) });
    emit("response.done", { response: doneResponse(id, COMPLETED, [call]) });
    return call.call_id;
  }

  #tool(): string {
    const { random } = this.#parts;
    const { toolsHang } = this.#parts.scenario.faults;
    if (toolsHang !== null) return random.chance(toolsHang) ? "hang" : "good";
    return BAD_TOOLS[random.within([0, BAD_TOOLS.length - 1])]!;
  }

  /** Bytes of one item: rarely whole frames, never so short an end that its stamp is missing. */
  #length(): number {
    const { random, scenario } = this.#parts;
    const bytes = random.within(scenario.model.answerMs) * 8 + random.within([0, 7]);
    const end = bytes % FRAME_BYTES;
    return end > 0 && end < STAMP_BYTES ? bytes + STAMP_BYTES : bytes;
  }

  /** Sends what the model has generated of the open response by now. */
  generate(nowMs: number): void {
    const active = this.#active;
    if (active === null || nowMs < active.beginsMs) return;
    const allowed = FIRST_BURST_BYTES + (nowMs - active.beginsMs) * 8 * active.speed;
    while (active.sentBytes < allowed) {
      if (active.sentBytes >= active.stopsAfterBytes) {
        this.#stop(active, nowMs);
        return;
      }
      const item = active.items.at(-1);
      if (item === undefined || item.complete) {
        const bytes = active.lengths[active.items.length];
        if (bytes === undefined) {
          this.#finish(active);
          return;
        }
        this.#openItem(active, bytes);
      }
      this.#delta(active, nowMs);
    }
  }

  #openItem(active: ActiveResponse, bytes: number): void {
    const { emit, newId } = this.#parts;
    const item = new SpokenItem(newId("item"), this.nextSeq, bytes);
    this.nextSeq = item.endSeq;
    active.items.push(item);
    this.items.push(item);
    if (this.items.length > KEPT_ITEMS) this.items.shift();
    const empty = { id: item.id, type: "message", role: "assistant", status: "in_progress" };
    const at = { response_id: active.id, output_index: active.items.length - 1 };
    emit("response.output_item.added", { ...at, item: { ...empty, content: [] } });
    emit("conversation.item.added", { item: { ...empty, content: [] } });
    emit("response.content_part.added", {
      ...at,
      item_id: item.id,
      content_index: 0,
      part: { type: "audio", transcript: "" },
    });
  }

  #delta(active: ActiveResponse, nowMs: number): void {
    const { scenario, random } = this.#parts;
    const item = active.items.at(-1);
    if (item === undefined || item.complete) return;
    const wanted = random.within(scenario.model.deltaBytes);
    this.#send(
      active,
      item,
      item.sentBytes === 0 ? Math.max(wanted, FIRST_DELTA_BYTES) : wanted,
      nowMs,
    );
    if (item.sentBytes === item.bytes) this.#endItem(active, item, "completed");
  }

  #send(active: ActiveResponse, item: SpokenItem, wanted: number, nowMs: number): void {
    const { send, newId } = this.#parts;
    const bytes = Math.min(item.bytes - item.sentBytes, wanted);
    if (item.firstDeltaMs < 0) {
      item.intoSilence = this.#parts.isPhoneSilent(nowMs);
      item.firstDeltaMs = performance.now();
    }
    const at = `"response_id":"${active.id}","item_id":"${item.id}","output_index":${active.items.length - 1},"content_index":0`;
    const base64 = this.#audio(item, item.sentBytes, bytes);
    send(
      `{"type":"response.output_audio.delta","event_id":"${newId("event")}",${at},"delta":"${base64}"}`,
    );
    // A transcript runs beside the audio: about one piece for every other delta.
    if (active.deltas % 2 === 0) {
      send(
        `{"type":"response.output_audio_transcript.delta","event_id":"${newId("event")}",${at},"delta":" and so on"}`,
      );
    }
    active.deltas++;
    active.sentBytes += bytes;
    item.sent(bytes, nowMs);
  }

  /** The item's bytes from `from`, as base64. */
  #audio(item: SpokenItem, from: number, bytes: number): string {
    const first = Math.floor(from / FRAME_BYTES);
    const last = Math.floor((from + bytes - 1) / FRAME_BYTES);
    for (let i = first; i <= last; i++) {
      const seq = item.firstSeq + i;
      writeFrame(audio, (i - first) * FRAME_BYTES, this.#index, seq, 1 + (seq % (BODIES - 1)));
    }
    const skip = from - first * FRAME_BYTES;
    return audio.toString("base64", skip, skip + bytes);
  }

  #endItem(active: ActiveResponse, item: SpokenItem, status: "completed" | "incomplete"): void {
    const { emit } = this.#parts;
    item.complete = true;
    const at = {
      response_id: active.id,
      item_id: item.id,
      output_index: active.items.length - 1,
      content_index: 0,
    };
    emit("response.output_audio.done", at);
    emit("response.output_audio_transcript.done", { ...at, transcript: "and so on" });
    emit("response.content_part.done", {
      ...at,
      part: { type: "audio", transcript: "and so on" },
    });
    const output = speechItem(item.id, status);
    emit("response.output_item.done", {
      response_id: active.id,
      output_index: active.items.length - 1,
      item: output,
    });
    emit("conversation.item.done", { item: output });
  }

  #finish(active: ActiveResponse): void {
    this.#end(active, active.end, null);
    this.#parts.emit("rate_limits.updated", {
      rate_limits: [{ name: "tokens", limit: 400_000, remaining: 390_000, reset_seconds: 1.5 }],
    });
  }

  /** The caller interrupts: a few more deltas still come, then the response is cancelled. */
  interrupt(nowMs: number): void {
    const active = this.#active;
    if (active === null) return;
    const { random, scenario } = this.#parts;
    const late = active.sentBytes > 0 ? random.within(scenario.model.lateDeltas) : 0;
    for (let i = 0; i < late; i++) this.#delta(active, nowMs);
    this.cancel("turn_detected");
  }

  cancel(reason: "turn_detected" | "client_cancelled"): void {
    const active = this.#active;
    if (active === null) return;
    const cut = this.#cutShort(active);
    this.voidBelowSeq = this.nextSeq;
    if (cut !== null) cut.interrupted = true;
    this.#end(active, cancelled(reason), cut);
  }

  /** The response fails: what was said of it remains, to be played as far as it goes. */
  #stop(active: ActiveResponse, nowMs: number): void {
    const item = active.items.at(-1);
    // Its last frame must hold a stamp, or it could not be told from noise.
    const rest = item === undefined || item.complete ? 0 : item.sentBytes % FRAME_BYTES;
    if (item !== undefined && rest > 0 && rest < STAMP_BYTES)
      this.#send(active, item, STAMP_BYTES - rest, nowMs);
    this.#end(active, active.end, this.#cutShort(active));
  }

  /** Ends the item that is being spoken where it is. Null: none is. */
  #cutShort(active: ActiveResponse): SpokenItem | null {
    const item = active.items.at(-1);
    if (item === undefined || item.complete) return null;
    item.bytes = item.sentBytes;
    this.nextSeq = item.endSeq;
    this.#endItem(active, item, "incomplete");
    return item;
  }

  #end(active: ActiveResponse, end: ResponseEnd, cut: SpokenItem | null): void {
    this.#active = null;
    this.#parts.meters.responses++;
    const output = active.items.map((item) =>
      speechItem(item.id, item === cut ? "incomplete" : "completed"),
    );
    this.#parts.emit("response.done", { response: doneResponse(active.id, end, output) });
  }
}
