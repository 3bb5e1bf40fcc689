/**
 * One Realtime session as the relay meets it. Its ears are the scenario's: it is told when the caller speaks, and sends what OpenAI's
 * server VAD would. Source of the events and their order: OpenAI Realtime guide and API reference (GA).
 */

import type { Random } from "../random.js";
import type { Meters } from "./meters.js";
import { BAD_TOOLS, type Scenario } from "./scenario.js";
import { SpokenItem } from "./spoken-item.js";
import { BODIES, FRAME_BYTES, STAMP_BYTES, writeFrame } from "./stamped-audio.js";
import type { WheelMember } from "./wheel.js";

/** What the model's side tells the caller's side. */
export interface SessionListener {
  /** `speech_started` was just sent. */
  interrupted(session: ModelSession, unheard: readonly SpokenItem[], nowMs: number): void;
  responseBegins(session: ModelSession, nowMs: number): void;
  truncated(item: SpokenItem, audioEndMs: number): void;
  /** True when the phone has nothing left to play. */
  isSilent(nowMs: number): boolean;
  uplink(message: Buffer, start: number, end: number): void;
}

interface ActiveResponse {
  readonly id: string;
  readonly items: SpokenItem[];
  readonly lengths: number[];
  readonly speed: number;
  readonly beginsMs: number;
  sentBytes: number;
  deltas: number;
}

/** What is sent of an answer before it is slowed down to `speed`. */
const FIRST_BURST_BYTES = 2400;
const FIRST_DELTA_BYTES = 480;
const KEPT_ITEMS = 6;
const audio = Buffer.allocUnsafe(256 * 1024);

export class ModelSession implements WheelMember {
  readonly index: number;
  listener: SessionListener | null = null;
  /** The instant at which the relay was told that audio may come; -1 before. */
  readyMs = -1;
  closed = false;
  /** One above the last frame that the last item was meant to have. */
  nextSeq = 0;
  /** Frames below this one were interrupted: they need not be played, nor may they once `clear` was sent. */
  voidBelowSeq = 0;
  /** Why this session cannot work for a telephone, or null. */
  fault: string | null = null;
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #meters: Meters;
  readonly #send: (text: string) => void;
  readonly #unclaimed: (session: ModelSession, message: Buffer, start: number, end: number) => void;
  readonly #items: SpokenItem[] = [];
  #active: ActiveResponse | null = null;
  #createResponse = true;
  #interruptResponse = true;
  #count = 0;
  #appendedBytes = 0;
  #sentLately = false;
  #startDueMs = -1;
  #stopDueMs = -1;
  #answerDueMs = -1;
  #turnItem = "";
  /** The answer to this call is awaited; "" = none is. */
  #toolCall = "";
  #prefixBytes: Buffer | null = null;
  /** The sides whose audio format was told. */
  readonly #formats = new Set<"input" | "output">();

  constructor(
    index: number,
    parts: {
      readonly scenario: Scenario;
      readonly random: Random;
      readonly meters: Meters;
      readonly send: (text: string) => void;
      /** Its first audio came: who is the caller? */
      readonly unclaimed: (
        session: ModelSession,
        message: Buffer,
        start: number,
        end: number,
      ) => void;
    },
  ) {
    this.index = index;
    this.#scenario = parts.scenario;
    this.#random = parts.random;
    this.#meters = parts.meters;
    this.#send = parts.send;
    this.#unclaimed = parts.unclaimed;
  }

  /** The relay's socket is open. */
  begin(): void {
    this.#emit("session.created", {
      session: { type: "realtime", object: "realtime.session", id: this.#id("sess") },
    });
  }

  /** An answer is being made, is about to be, or is owed. */
  get busy(): boolean {
    return this.#active !== null || this.#answerDueMs >= 0 || this.#stopDueMs >= 0;
  }

  /** The item that holds frame `seq`; undefined for one that is long past or not yet made. */
  itemOf(seq: number): SpokenItem | undefined {
    for (let i = this.#items.length - 1; i >= 0; i--) {
      const item = this.#items[i]!;
      if (seq >= item.firstSeq && seq < item.endSeq) return item;
    }
    return undefined;
  }

  frameBytes(seq: number): number {
    return this.itemOf(seq)?.frameBytes(seq) ?? FRAME_BYTES;
  }

  callerTalks(nowMs: number): void {
    this.#startDueMs = nowMs + this.#random.within(this.#scenario.model.onsetMs);
    this.#stopDueMs = -1;
    this.#answerDueMs = -1;
  }

  callerPauses(nowMs: number): void {
    this.#stopDueMs = nowMs + this.#random.within(this.#scenario.model.hangoverMs);
  }

  tick(nowMs: number): void {
    if (this.closed) return;
    if (this.#sentLately) {
      for (const item of this.#items) item.sentBytesBefore = item.sentBytes;
      this.#sentLately = false;
    }
    if (this.#startDueMs >= 0 && nowMs >= this.#startDueMs) {
      this.#startDueMs = -1;
      this.#speechStarted(nowMs);
    }
    if (this.#stopDueMs >= 0 && this.#startDueMs < 0 && nowMs >= this.#stopDueMs) {
      this.#stopDueMs = -1;
      this.#speechStopped(nowMs);
    }
    if (this.#answerDueMs >= 0 && nowMs >= this.#answerDueMs) {
      this.#answerDueMs = -1;
      if (this.#active === null && !this.#callTool()) this.#respond(nowMs, 0);
    }
    if (this.#active !== null) this.#generate(this.#active, nowMs);
  }

  // --- from the relay -------------------------------------------------------------------------------

  /** `message` is valid until this returns. */
  message(message: Buffer): void {
    const prefix = this.#prefixBytes;
    if (prefix !== null && beginsWith(message, prefix)) {
      const last = message.length - 2;
      const end =
        message[last] === 0x22 && message[last + 1] === 0x7d
          ? last
          : message.indexOf(0x22, prefix.length);
      this.#append(message, prefix.length, end);
      return;
    }
    const text = message.toString("utf8");
    let event: unknown;
    try {
      event = JSON.parse(text);
    } catch {
      this.#error(null, "invalid_event", "not JSON");
      return;
    }
    if (!isRecord(event)) {
      this.#error(null, "invalid_event", "not an object");
      return;
    }
    if (event["type"] === "input_audio_buffer.append") {
      const payload = event["audio"];
      if (typeof payload !== "string") {
        this.#error(event, "missing_required_parameter", "audio");
        return;
      }
      this.#learn(text, payload);
      const bytes = Buffer.from(payload, "latin1");
      this.#append(bytes, 0, bytes.length);
      return;
    }
    this.#handle(event, performance.now());
  }

  /** Where appends carry nothing that changes before their audio, later ones need not be parsed. */
  #learn(text: string, payload: string): void {
    const at = text.indexOf(payload);
    const known = this.#prefixBytes;
    this.#prefixBytes =
      known === null && /^[\x20-\x7e]+$/.test(text) && at > 0
        ? Buffer.from(text.slice(0, at))
        : known;
  }

  #append(message: Buffer, start: number, end: number): void {
    if (this.readyMs < 0) this.fault ??= "session is not mu-law";
    this.#appendedBytes += ((end - start) * 3) >> 2;
    if (this.listener === null) this.#unclaimed(this, message, start, end);
    this.listener?.uplink(message, start, end);
  }

  #handle(event: Readonly<Record<string, unknown>>, nowMs: number): void {
    switch (event["type"]) {
      case "session.update":
        this.#configure(event, nowMs);
        return;
      case "response.create":
        if (this.#active !== null) {
          this.#error(event, "conversation_already_has_active_response", "a response is active");
          return;
        }
        this.#answerDueMs = -1;
        this.#respond(nowMs, this.#random.within(this.#scenario.model.thinkMs));
        return;
      case "response.cancel":
        if (this.#active === null)
          this.#error(event, "response_cancel_not_active", "no active response");
        else this.#cancel(this.#active, "client_cancelled");
        return;
      case "conversation.item.truncate":
        this.#truncate(event);
        return;
      case "conversation.item.delete": {
        const item = this.#items.find((candidate) => candidate.id === event["item_id"]);
        if (item !== undefined) item.deleted = true;
        this.#emit("conversation.item.deleted", { item_id: event["item_id"] });
        return;
      }
      case "conversation.item.retrieve": {
        const item = this.#items.find((candidate) => candidate.id === event["item_id"]);
        if (item === undefined || item.deleted) {
          this.#error(event, "item_retrieve_invalid_item_id", "no such item");
          return;
        }
        const status = item.interrupted ? "incomplete" : "completed";
        this.#emit("conversation.item.retrieved", { item: message(item.id, status) });
        return;
      }
      case "conversation.item.create": {
        const item = {
          object: "realtime.item",
          id: this.#id("item"),
          status: "completed",
          ...record(event["item"]),
        };
        const callId = record(event["item"])["call_id"];
        if (callId !== undefined) {
          if (callId !== this.#toolCall)
            this.fault ??= "a tool call was answered that was not made";
          this.#toolCall = "";
          this.#meters.toolAnswers++;
        }
        this.#emit("conversation.item.added", { item });
        this.#emit("conversation.item.done", { item });
        return;
      }
      case "input_audio_buffer.clear":
        this.#emit("input_audio_buffer.cleared", {});
        return;
      case "input_audio_buffer.commit":
        this.#error(event, "input_audio_buffer_commit_empty", "server VAD commits");
        return;
      default:
        this.#error(event, "invalid_event", `unknown type ${String(event["type"])}`);
    }
  }

  #configure(event: Readonly<Record<string, unknown>>, nowMs: number): void {
    const session = record(event["session"]);
    if (session["type"] !== "realtime") {
      this.#error(event, "missing_required_parameter", "session.type");
      return;
    }
    const audioConfig = record(session["audio"]);
    const input = record(audioConfig["input"]);
    const output = record(audioConfig["output"]);
    for (const [name, side] of [
      ["input", input],
      ["output", output],
    ] as const) {
      if (side["format"] === undefined) continue;
      this.#formats.add(name);
      const format = record(side["format"]);
      if (format["type"] !== "audio/pcmu") this.fault = "session is not mu-law";
      else if ("rate" in format) {
        this.#error(event, "unknown_parameter", "rate on audio/pcmu");
        return;
      }
    }
    if (input["turn_detection"] !== undefined) {
      const turns = input["turn_detection"];
      this.#createResponse = turns !== null && record(turns)["create_response"] !== false;
      this.#interruptResponse = turns !== null && record(turns)["interrupt_response"] !== false;
    }
    this.#emit("session.updated", {
      session: { object: "realtime.session", id: "sess", ...session },
    });
    // An update of something else (tracing) may come before the one with the formats.
    if (this.readyMs < 0 && this.#formats.size === 2) this.readyMs = nowMs;
  }

  #truncate(event: Readonly<Record<string, unknown>>): void {
    const meters = this.#meters;
    meters.truncates++;
    const audioEndMs = event["audio_end_ms"];
    const item = this.#items.find((candidate) => candidate.id === event["item_id"]);
    const reject = (code: string, message: string): void => {
      meters.truncatesRejected++;
      this.#error(event, code, message);
    };
    if (item === undefined || item.deleted) {
      reject("item_truncate_invalid_item_id", "no such item");
      return;
    }
    if (typeof audioEndMs !== "number" || !Number.isInteger(audioEndMs) || audioEndMs < 0) {
      reject("invalid_value", "audio_end_ms is not a whole number");
      return;
    }
    this.listener?.truncated(item, audioEndMs);
    if (item.sentBytes === 0) {
      reject("invalid_value", "Only model output audio messages can be truncated");
      return;
    }
    const lengthMs = Math.floor(item.sentBytes / 8);
    if (audioEndMs > lengthMs) {
      meters.truncatesAbove++;
      reject("invalid_value", "Audio content is already shorter than audio_end_ms");
      return;
    }
    this.#emit("conversation.item.truncated", {
      item_id: item.id,
      content_index: 0,
      audio_end_ms: audioEndMs,
    });
  }

  // --- turns ----------------------------------------------------------------------------------------

  #speechStarted(nowMs: number): void {
    this.#turnItem = this.#id("item");
    const unheard = this.#items.filter(
      (item) => !item.deleted && item.sentBytes > 0 && !this.#heard(item, nowMs),
    );
    this.#emit("input_audio_buffer.speech_started", {
      audio_start_ms: Math.max(0, Math.floor(this.#appendedBytes / 8) - 300),
      item_id: this.#turnItem,
    });
    const sentMs = performance.now();
    this.#answerDueMs = -1;
    const active = this.#active;
    this.voidBelowSeq = this.nextSeq;
    this.listener?.interrupted(this, unheard, sentMs);
    for (const item of unheard) item.interrupted = true;
    if (active === null || !this.#interruptResponse) return;
    // What was on its way before the model's own interruption took effect.
    const late = active.sentBytes > 0 ? this.#random.within(this.#scenario.model.lateDeltas) : 0;
    for (let i = 0; i < late; i++) this.#delta(active, nowMs);
    this.#cancel(active, "turn_detected");
  }

  #heard(item: SpokenItem, nowMs: number): boolean {
    return (
      item.interrupted ||
      (item.complete && item.receivedBytes >= item.bytes && item.endPlayMs <= nowMs)
    );
  }

  #speechStopped(nowMs: number): void {
    const id = this.#turnItem;
    this.#emit("input_audio_buffer.speech_stopped", {
      audio_end_ms: Math.floor(this.#appendedBytes / 8),
      item_id: id,
    });
    this.#emit("input_audio_buffer.committed", { item_id: id, previous_item_id: null });
    const item = {
      id,
      object: "realtime.item",
      type: "message",
      role: "user",
      status: "completed",
      content: [{ type: "input_audio", transcript: null }],
    };
    this.#emit("conversation.item.added", { item });
    this.#emit("conversation.item.done", { item });
    if (this.#createResponse)
      this.#answerDueMs = nowMs + this.#random.within(this.#scenario.model.thinkMs);
  }

  #respond(nowMs: number, thinkMs: number): void {
    if (this.readyMs < 0) this.fault ??= "session is not mu-law";
    const { model } = this.#scenario;
    const id = this.#id("resp");
    this.listener?.responseBegins(this, nowMs);
    const lengths = [this.#length()];
    if (this.#random.chance(model.twoItemsRate)) lengths.push(this.#length());
    this.#active = {
      id,
      items: [],
      lengths,
      speed: this.#random.within(model.speed),
      beginsMs: nowMs + thinkMs,
      sentBytes: 0,
      deltas: 0,
    };
    this.#emit("response.created", { response: response(id, "in_progress", []) });
  }

  /** Some answers begin with a tool: the response is its call alone, and the relay asks for the next one. */
  #callTool(): boolean {
    const rate = this.#scenario.model.toolRate;
    if (rate === 0 || !this.#random.chance(rate)) return false;
    const id = this.#id("resp");
    this.#toolCall = this.#id("call");
    this.#meters.toolCalls++;
    const name = BAD_TOOLS[this.#random.within([0, BAD_TOOLS.length - 1])];
    const call = {
      id: this.#id("item"),
      object: "realtime.item",
      type: "function_call",
      status: "completed",
    };
    const output = [{ ...call, call_id: this.#toolCall, name, arguments: "{}" }];
    this.#emit("response.created", { response: response(id, "in_progress", []) });
    this.#emit("response.done", { response: response(id, "completed", output) });
    return true;
  }

  /** Bytes of one item: rarely whole frames, never so short an end that its stamp is missing. */
  #length(): number {
    const bytes =
      this.#random.within(this.#scenario.model.answerMs) * 8 + this.#random.within([0, 7]);
    const end = bytes % FRAME_BYTES;
    return end > 0 && end < STAMP_BYTES ? bytes + STAMP_BYTES : bytes;
  }

  #openItem(active: ActiveResponse, bytes: number): SpokenItem {
    const item = new SpokenItem(this.#id("item"), this.nextSeq, bytes);
    this.nextSeq = item.endSeq;
    active.items.push(item);
    this.#items.push(item);
    if (this.#items.length > KEPT_ITEMS) this.#items.shift();
    const shell = { id: item.id, object: "realtime.item", type: "message", role: "assistant" };
    const at = { response_id: active.id, output_index: active.items.length - 1 };
    this.#emit("response.output_item.added", {
      ...at,
      item: { ...shell, status: "in_progress", content: [] },
    });
    this.#emit("conversation.item.added", {
      item: { ...shell, status: "in_progress", content: [] },
    });
    this.#emit("response.content_part.added", {
      ...at,
      item_id: item.id,
      content_index: 0,
      part: { type: "audio", transcript: "" },
    });
    return item;
  }

  #generate(active: ActiveResponse, nowMs: number): void {
    if (nowMs < active.beginsMs) return;
    const allowed = FIRST_BURST_BYTES + (nowMs - active.beginsMs) * 8 * active.speed;
    while (active.sentBytes < allowed) {
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

  #delta(active: ActiveResponse, nowMs: number): void {
    const item = active.items.at(-1);
    if (item === undefined || item.complete) return;
    const wanted = this.#random.within(this.#scenario.model.deltaBytes);
    const bytes = Math.min(
      item.bytes - item.sentBytes,
      item.sentBytes === 0 ? Math.max(wanted, FIRST_DELTA_BYTES) : wanted,
    );
    if (item.firstDeltaMs < 0) {
      item.intoSilence = this.listener?.isSilent(nowMs) ?? false;
      item.firstDeltaMs = performance.now();
    }
    const at = `"response_id":"${active.id}","item_id":"${item.id}","output_index":${active.items.length - 1},"content_index":0`;
    const base64 = this.#audio(item, item.sentBytes, bytes);
    this.#send(
      `{"type":"response.output_audio.delta","event_id":"${this.#id("event")}",${at},"delta":"${base64}"}`,
    );
    // A transcript runs beside the audio: about one piece for every other delta.
    if (active.deltas % 2 === 0) {
      this.#send(
        `{"type":"response.output_audio_transcript.delta","event_id":"${this.#id("event")}",${at},"delta":" and so on"}`,
      );
    }
    active.deltas++;
    this.#sentLately = true;
    active.sentBytes += bytes;
    item.sentBytes += bytes;
    if (item.sentBytes === item.bytes) this.#endItem(active, item, "completed");
  }

  /** The item's bytes from `from`, as base64. */
  #audio(item: SpokenItem, from: number, bytes: number): string {
    const first = Math.floor(from / FRAME_BYTES);
    const last = Math.floor((from + bytes - 1) / FRAME_BYTES);
    for (let i = first; i <= last; i++) {
      const seq = item.firstSeq + i;
      writeFrame(audio, (i - first) * FRAME_BYTES, this.index, seq, 1 + (seq % (BODIES - 1)));
    }
    const skip = from - first * FRAME_BYTES;
    return audio.toString("base64", skip, skip + bytes);
  }

  #endItem(active: ActiveResponse, item: SpokenItem, status: "completed" | "incomplete"): void {
    item.complete = true;
    const at = {
      response_id: active.id,
      item_id: item.id,
      output_index: active.items.length - 1,
      content_index: 0,
    };
    this.#emit("response.output_audio.done", at);
    this.#emit("response.output_audio_transcript.done", { ...at, transcript: "and so on" });
    this.#emit("response.content_part.done", {
      ...at,
      part: { type: "audio", transcript: "and so on" },
    });
    const output = message(item.id, status);
    this.#emit("response.output_item.done", {
      response_id: active.id,
      output_index: active.items.length - 1,
      item: output,
    });
    this.#emit("conversation.item.done", { item: output });
  }

  #finish(active: ActiveResponse): void {
    this.#active = null;
    this.#meters.responses++;
    const output = active.items.map((item) => message(item.id, "completed"));
    this.#emit("response.done", { response: response(active.id, "completed", output) });
    this.#emit("rate_limits.updated", {
      rate_limits: [{ name: "tokens", limit: 400_000, remaining: 390_000, reset_seconds: 1.5 }],
    });
  }

  #cancel(active: ActiveResponse, reason: "turn_detected" | "client_cancelled"): void {
    this.#active = null;
    this.#meters.responses++;
    this.voidBelowSeq = this.nextSeq;
    const item = active.items.at(-1);
    if (item !== undefined && !item.complete) {
      item.interrupted = true;
      item.bytes = item.sentBytes;
      this.#endItem(active, item, "incomplete");
    }
    const output = active.items.map((one) =>
      message(one.id, one === item ? "incomplete" : "completed"),
    );
    const done = response(active.id, "cancelled", output);
    this.#emit("response.done", {
      response: { ...done, status_details: { type: "cancelled", reason } },
    });
  }

  #error(event: Readonly<Record<string, unknown>> | null, code: string, message: string): void {
    this.#meters.modelError(`${code}: ${message}`);
    const eventId = event === null ? null : (event["event_id"] ?? null);
    this.#emit("error", {
      error: { type: "invalid_request_error", code, message, param: null, event_id: eventId },
    });
  }

  #emit(type: string, fields: Readonly<Record<string, unknown>>): void {
    if (!this.closed) this.#send(JSON.stringify({ type, event_id: this.#id("event"), ...fields }));
  }

  #id(kind: string): string {
    return `${kind}_${this.index.toString(36)}_${(++this.#count).toString(36)}`;
  }
}

function message(
  id: string,
  status: "completed" | "incomplete",
): Readonly<Record<string, unknown>> {
  const content = [{ type: "output_audio", transcript: "and so on" }];
  return { id, object: "realtime.item", type: "message", role: "assistant", status, content };
}

function response(
  id: string,
  status: string,
  output: readonly unknown[],
): Readonly<Record<string, unknown>> {
  const usage =
    status === "in_progress"
      ? null
      : {
          total_tokens: 1220,
          input_tokens: 1000,
          output_tokens: 220,
          input_token_details: { text_tokens: 400, audio_tokens: 600, cached_tokens: 640 },
          output_token_details: { text_tokens: 60, audio_tokens: 160 },
        };
  return { id, object: "realtime.response", status, status_details: null, output, usage };
}

function beginsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
