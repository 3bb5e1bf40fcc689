/**
 * One response being generated: its events in the API's order, audio in bursts faster than real time, deltas of odd sizes.
 * A generator yields the waits, so what happens reads from top to bottom; the driver below keeps the time.
 */
import type { SimClock, SimTimer } from "../clock.js";
import type { JsonObject } from "./check.js";
import { newItem, type StoredItem, wireItem } from "./items.js";
import {
  audioOf,
  type Cause,
  type ScriptedCall,
  type Speech,
  speechesOf,
  type Turn,
  type TurnFault,
} from "./script.js";

export interface ResponsePace {
  /** Smallest and largest delta, before it is made odd. */
  readonly deltaBytes: readonly [number, number];
  readonly burstMs: number;
  /** Deltas that still come after speech_started or a cancel, before the done events. */
  readonly lateDeltas: number;
  /** The same after response.done. */
  readonly lateDeltasAfterDone: number;
  /** From a cancel to the done events. */
  readonly cancelLagMs: number;
}

/** What a response needs of its session. */
export interface ResponseHost {
  readonly clock: SimClock;
  readonly pace: ResponsePace;
  send(event: JsonObject): void;
  sendText(text: string): void;
  nextId(prefix: string): string;
  /** A number from 0 to 1, reproducible. */
  random(): number;
  /** False: the call's sound does not run over this socket. */
  readonly carriesAudio: boolean;
  /** Puts it into the conversation. @returns the id before it. */
  adopt(item: StoredItem): string | null;
  responseObject(run: ResponseRun): JsonObject;
  delta(run: ResponseRun, item: StoredItem, bytes: Uint8Array): void;
  fault(kind: TurnFault): void;
  ended(run: ResponseRun): void;
}

export type ResponseStatus = "in_progress" | "completed" | "cancelled" | "failed" | "incomplete";

export class ResponseRun {
  readonly id: string;
  readonly cause: Cause;
  readonly turn: Turn;
  /** Beside the conversation. */
  readonly outOfBand: boolean;
  readonly metadata: JsonObject | null;
  /** The `response` of the request, for its instructions. */
  readonly request: JsonObject;
  readonly createdAtMs: number;
  firstDeltaAtMs: number | null = null;
  doneAtMs: number | null = null;
  status: ResponseStatus = "in_progress";
  statusDetails: JsonObject | null = null;
  readonly items: StoredItem[] = [];
  readonly #host: ResponseHost;
  readonly #steps: Generator<number, void>;
  #timer: SimTimer | null = null;
  #cancelling = false;
  #abandoned = false;
  #sentMs = 0;
  #faultPending: boolean;
  /** What is open: for the done events when it is cut off. */
  #open: {
    readonly item: StoredItem;
    readonly index: number;
    readonly audio: Uint8Array;
    transcript: string;
  } | null = null;

  constructor(
    host: ResponseHost,
    fields: Pick<ResponseRun, "cause" | "turn" | "outOfBand" | "metadata" | "request">,
  ) {
    this.#host = host;
    this.id = host.nextId("resp");
    this.cause = fields.cause;
    this.turn = fields.turn;
    this.outOfBand = fields.outOfBand;
    this.metadata = fields.metadata;
    this.request = fields.request;
    this.createdAtMs = host.clock.nowMs();
    this.#faultPending = fields.turn.fault !== undefined;
    this.#steps = this.#play();
  }

  /** Ms of audio sent, all items together. */
  get sentMs(): number {
    return this.#sentMs;
  }

  get cancelling(): boolean {
    return this.#cancelling;
  }

  start(): void {
    this.#step();
  }

  /** Stops without another word: the socket is gone. */
  abandon(): void {
    this.#abandoned = true;
    this.#timer?.cancel();
  }

  cancel(reason: "turn_detected" | "client_cancelled"): void {
    if (this.#cancelling || this.status !== "in_progress") return;
    this.#cancelling = true;
    this.#timer?.cancel();
    for (let i = 0; i < this.#host.pace.lateDeltas; i++) this.#delta();
    this.#timer = this.#host.clock.after(this.#host.pace.cancelLagMs, () => {
      this.#steps.return();
      const open = this.#open;
      this.#close("incomplete");
      this.#finish("cancelled", { type: "cancelled", reason });
      if (open === null || open.item.type !== "message") return;
      this.#open = open;
      for (let i = 0; i < this.#host.pace.lateDeltasAfterDone; i++) this.#delta();
      this.#open = null;
    });
  }

  #step(): void {
    if (this.#abandoned) return;
    const next = this.#steps.next();
    if (next.done !== true) this.#timer = this.#host.clock.after(next.value, () => this.#step());
  }

  *#play(): Generator<number, void> {
    const { turn } = this;
    this.#host.send({ type: "response.created", response: this.#host.responseObject(this) });
    yield turn.delayMs ?? 200;
    const speeches = speechesOf(turn);
    const cut = turn.status === "failed" || turn.status === "incomplete";
    for (const [i, speech] of speeches.entries())
      yield* this.#speak(
        speech,
        cut && i === speeches.length - 1 ? (turn.untilMs ?? null) : null,
        cut,
      );
    for (const call of turn.calls ?? []) yield* this.#call(call, cut);
    if (turn.status === "failed")
      this.#finish("failed", {
        type: "failed",
        error: turn.error ?? {
          type: "server_error",
          code: "server_error",
          message: "The server had an error while processing your request.",
        },
      });
    else if (turn.status === "incomplete")
      this.#finish("incomplete", {
        type: "incomplete",
        reason: turn.reason ?? "max_output_tokens",
      });
    else this.#finish("completed", { type: "completed" });
  }

  *#speak(speech: Speech, untilMs: number | null, cut: boolean): Generator<number, void> {
    const whole = audioOf(speech);
    const audio = untilMs === null ? whole : whole.subarray(0, untilMs * 8);
    const item = newItem({
      id: this.#host.nextId("item"),
      type: "message",
      role: "assistant",
      status: "in_progress",
      spoken: true,
    });
    const index = this.#openItem(item, audio);
    const address = this.#address(item, index);
    this.#host.send({
      type: "response.content_part.added",
      ...address,
      part: { type: "audio", transcript: "" },
    });
    const words = speech.text.match(/\S+\s*/gu) ?? [];
    let said = 0;
    const { burstMs } = this.#host.pace;
    const ratio = this.turn.ratio ?? 5;
    let dueBytes = 0;
    while (item.sentBytes < audio.length) {
      dueBytes += burstMs * 8 * ratio;
      // The transcript runs ahead of the sound.
      const ahead = Math.min(
        words.length,
        Math.ceil((words.length * dueBytes * 1.5) / whole.length),
      );
      if (ahead > said) {
        const delta = words.slice(said, ahead).join("");
        said = ahead;
        this.#open!.transcript += delta;
        this.#host.send({ type: "response.output_audio_transcript.delta", ...address, delta });
      }
      while (item.sentBytes < Math.min(dueBytes, audio.length)) {
        this.#delta();
        // The fault abandons this response: nothing after the wait will run.
        if (this.#failed()) yield 0;
      }
      if (item.sentBytes < audio.length) yield burstMs;
    }
    this.#close(cut ? "incomplete" : "completed");
  }

  *#call(call: ScriptedCall, cut: boolean): Generator<number, void> {
    const whole =
      typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments);
    const text = cut ? whole.slice(0, whole.length >> 1) : whole;
    const item = newItem({
      id: this.#host.nextId("item"),
      type: "function_call",
      status: "in_progress",
      name: call.name,
      callId: call.callId ?? this.#host.nextId("call"),
    });
    const index = this.#openItem(item, new Uint8Array(0));
    for (let at = 0; at < text.length; at += 24) {
      const delta = text.slice(at, at + 24);
      item.arguments += delta;
      this.#host.send({
        type: "response.function_call_arguments.delta",
        response_id: this.id,
        item_id: item.id,
        output_index: index,
        call_id: item.callId,
        delta,
      });
      yield 5;
    }
    this.#close(cut ? "incomplete" : "completed");
  }

  #openItem(item: StoredItem, audio: Uint8Array): number {
    const index = this.items.length;
    this.items.push(item);
    this.#host.send({
      type: "response.output_item.added",
      response_id: this.id,
      output_index: index,
      item: wireItem(item),
    });
    if (!this.outOfBand) {
      const before = this.#host.adopt(item);
      this.#host.send({
        type: "conversation.item.added",
        previous_item_id: before,
        item: wireItem(item),
      });
    }
    this.#open = { item, index, audio, transcript: "" };
    return index;
  }

  #delta(): void {
    const open = this.#open;
    if (open === null || open.item.sentBytes >= open.audio.length) return;
    const host = this.#host;
    const { item } = open;
    const size = oddSize(host.pace.deltaBytes, host.random());
    const bytes = open.audio.subarray(item.sentBytes, item.sentBytes + size);
    item.sentBytes += bytes.length;
    this.#sentMs += bytes.length / 8;
    this.firstDeltaAtMs ??= host.clock.nowMs();
    if (host.carriesAudio) {
      const encoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
      host.sendText(
        `{"type":"response.output_audio.delta","event_id":"${host.nextId("event")}","response_id":"${this.id}",` +
          `"item_id":"${item.id}","output_index":${open.index},"content_index":0,"delta":"${encoded}"}`,
      );
    }
    host.delta(this, item, bytes);
  }

  /** True when the scripted fault has struck. */
  #failed(): boolean {
    const { fault } = this.turn;
    if (!this.#faultPending || fault === undefined || this.#sentMs < fault.afterMs) return false;
    this.#faultPending = false;
    this.#host.fault(fault.kind);
    return true;
  }

  #close(status: "completed" | "incomplete"): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    const { item, index, transcript } = open;
    item.status = status;
    const address = this.#address(item, index);
    const send = (event: JsonObject) => this.#host.send(event);
    if (item.type === "message") {
      item.content = [{ type: "output_audio", transcript }];
      send({ type: "response.output_audio.done", ...address });
      send({ type: "response.output_audio_transcript.done", ...address, transcript });
      send({ type: "response.content_part.done", ...address, part: { type: "audio", transcript } });
    } else if (status === "completed")
      send({
        type: "response.function_call_arguments.done",
        response_id: this.id,
        item_id: item.id,
        output_index: index,
        call_id: item.callId,
        name: item.name,
        arguments: item.arguments,
      });
    send({
      type: "response.output_item.done",
      response_id: this.id,
      output_index: index,
      item: wireItem(item),
    });
    if (!this.outOfBand && !this.#cancelling)
      send({ type: "conversation.item.done", item: wireItem(item) });
  }

  #finish(status: ResponseStatus, details: JsonObject): void {
    this.status = status;
    this.statusDetails = details;
    this.doneAtMs = this.#host.clock.nowMs();
    this.#host.send({ type: "response.done", response: this.#host.responseObject(this) });
    this.#host.ended(this);
  }

  #address(item: StoredItem, index: number) {
    return { response_id: this.id, item_id: item.id, output_index: index, content_index: 0 };
  }
}

/** Never whole frames and never whole base64 groups. */
function oddSize(range: readonly [number, number], random: number): number {
  let size = Math.floor(range[0] + (range[1] - range[0]) * random);
  while (size % 160 === 0 || size % 3 === 0) size++;
  return size;
}
