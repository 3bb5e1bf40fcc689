/**
 * One Realtime session as the relay meets it. It hears nothing: the scenario tells it when the
 * caller speaks, and it sends what OpenAI's server VAD would. Source of the events and their order:
 * OpenAI Realtime guide and API reference (GA).
 */
import type { Random } from "../random.js";
import type { Meters } from "./meters.js";
import { type Fields, isRecord, record, speechItem } from "./model-objects.js";
import { ModelSpeech } from "./model-speech.js";
import type { Scenario } from "./scenario.js";
import type { SpokenItem } from "./spoken-item.js";
import { FRAME_BYTES } from "./stamped-audio.js";
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

export interface SessionParts {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly meters: Meters;
  readonly send: (text: string) => void;
  /** The session's first audio came. It tells whose session this is. */
  readonly unclaimed: (session: ModelSession, message: Buffer, start: number, end: number) => void;
}

const NEVER = -1;

export class ModelSession implements WheelMember {
  readonly index: number;
  listener: SessionListener | null = null;
  /** The instant at which the relay was told that audio may come; -1 before. */
  readyMs = NEVER;
  closed = false;
  /** Why this session cannot work for a telephone, or null. */
  fault: string | null = null;
  readonly #parts: SessionParts;
  readonly #speech: ModelSpeech;
  #createResponse = true;
  #interruptResponse = true;
  #count = 0;
  #appendedBytes = 0;
  #startDueMs = NEVER;
  #stopDueMs = NEVER;
  #answerDueMs = NEVER;
  #turnItem = "";
  /** The tool call that waits for its output; null: none does. */
  #toolCall: string | null = null;
  /** What stands before the audio of an append, once it has been seen. */
  #appendPrefix: Buffer | null = null;
  /** The sides whose audio format was told. */
  readonly #formats = new Set<"input" | "output">();

  constructor(index: number, parts: SessionParts) {
    this.index = index;
    this.#parts = parts;
    this.#speech = new ModelSpeech(index, {
      ...parts,
      emit: (type, fields) => this.#emit(type, fields),
      newId: (kind) => this.#id(kind),
      isPhoneSilent: (nowMs) => this.listener?.isSilent(nowMs) ?? false,
    });
  }

  /** The relay's socket is open. */
  begin(): void {
    this.#emit("session.created", {
      session: { type: "realtime", object: "realtime.session", id: this.#id("sess") },
    });
  }

  /** An answer is being made, or is about to be, or waits for the output of a tool. */
  get busy(): boolean {
    const due = this.#answerDueMs !== NEVER || this.#stopDueMs !== NEVER;
    return this.#speech.active || due || this.#toolCall !== null;
  }

  /** One above the last frame that the last item was meant to have. */
  get nextSeq(): number {
    return this.#speech.nextSeq;
  }

  /**
   * Frames below this one were interrupted: they need not be played, nor may they be after `clear`.
   */
  get voidBelowSeq(): number {
    return this.#speech.voidBelowSeq;
  }

  /** The item that holds frame `seq`; undefined for one that is long past or not made yet. */
  itemOf(seq: number): SpokenItem | undefined {
    return this.#speech.itemOf(seq);
  }

  frameBytes(seq: number): number {
    return this.itemOf(seq)?.frameBytes(seq) ?? FRAME_BYTES;
  }

  /** The caller's speech begins at the model's end at `atMs`. */
  callerTalks(atMs: number): void {
    this.#startDueMs = atMs + this.#parts.random.within(this.#parts.scenario.model.onsetMs);
    this.#stopDueMs = NEVER;
    this.#answerDueMs = NEVER;
  }

  callerPauses(atMs: number): void {
    this.#stopDueMs = atMs + this.#parts.random.within(this.#parts.scenario.model.hangoverMs);
  }

  tick(nowMs: number): void {
    if (this.closed) return;
    if (this.#startDueMs !== NEVER && nowMs >= this.#startDueMs) {
      this.#startDueMs = NEVER;
      this.#speechStarted(nowMs);
    }
    if (this.#stopDueMs !== NEVER && this.#startDueMs === NEVER && nowMs >= this.#stopDueMs) {
      this.#stopDueMs = NEVER;
      this.#speechStopped(nowMs);
    }
    if (this.#answerDueMs !== NEVER && nowMs >= this.#answerDueMs) {
      this.#answerDueMs = NEVER;
      if (!this.#speech.active) this.#answer(nowMs);
    }
    this.#speech.generate(nowMs);
  }

  #answer(nowMs: number): void {
    const callId = this.#speech.callTool();
    if (callId === null) this.#respond(nowMs, 0);
    else this.#toolCall = callId;
  }

  #respond(nowMs: number, thinkMs: number): void {
    if (this.readyMs === NEVER) this.fault ??= "session is not mu-law";
    this.listener?.responseBegins(this, nowMs);
    this.#speech.respond(nowMs, thinkMs);
  }

  // --- turns -------------------------------------------------------------------------------------

  #speechStarted(nowMs: number): void {
    this.#turnItem = this.#id("item");
    const speech = this.#speech;
    const unheard = speech.items.filter(
      (item) => !item.deleted && item.sentBytes > 0 && !item.isOver(nowMs),
    );
    this.#emit("input_audio_buffer.speech_started", {
      audio_start_ms: Math.max(0, Math.floor(this.#appendedBytes / 8) - 300),
      item_id: this.#turnItem,
    });
    const sentMs = performance.now();
    this.#answerDueMs = NEVER;
    speech.voidBelowSeq = speech.nextSeq;
    this.listener?.interrupted(this, unheard, sentMs);
    for (const item of unheard) item.interrupted = true;
    if (this.#interruptResponse) speech.interrupt(nowMs);
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
      type: "message",
      role: "user",
      status: "completed",
      content: [{ type: "input_audio", transcript: null }],
    };
    this.#emit("conversation.item.added", { item });
    this.#emit("conversation.item.done", { item });
    if (this.#createResponse)
      this.#answerDueMs = nowMs + this.#parts.random.within(this.#parts.scenario.model.thinkMs);
  }

  // --- from the relay ----------------------------------------------------------------------------

  /** `message` is valid until this returns. */
  message(message: Buffer): void {
    const prefix = this.#appendPrefix;
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
    if (event["type"] === "input_audio_buffer.append") this.#appendText(event, text);
    else this.#handle(event, performance.now());
  }

  #appendText(event: Fields, text: string): void {
    const payload = event["audio"];
    if (typeof payload !== "string") {
      this.#error(event, "missing_required_parameter", "audio");
      return;
    }
    const at = text.indexOf(payload);
    // Where nothing changes before the audio, later appends need not be parsed.
    if (this.#appendPrefix === null && at > 0 && /^[\x20-\x7e]+$/.test(text))
      this.#appendPrefix = Buffer.from(text.slice(0, at));
    const bytes = Buffer.from(payload, "latin1");
    this.#append(bytes, 0, bytes.length);
  }

  #append(message: Buffer, start: number, end: number): void {
    if (this.readyMs === NEVER) this.fault ??= "session is not mu-law";
    this.#appendedBytes += ((end - start) * 3) >> 2;
    if (this.listener === null) this.#parts.unclaimed(this, message, start, end);
    this.listener?.uplink(message, start, end);
  }

  #handle(event: Fields, nowMs: number): void {
    switch (event["type"]) {
      case "session.update":
        this.#configure(event, nowMs);
        return;
      case "response.create":
        this.#createRequested(event, nowMs);
        return;
      case "response.cancel":
        if (this.#speech.active) this.#speech.cancel("client_cancelled");
        else this.#error(event, "response_cancel_not_active", "no active response");
        return;
      case "conversation.item.truncate":
        this.#truncate(event);
        return;
      case "conversation.item.delete": {
        const item = this.#itemOf(event);
        if (item !== undefined) item.deleted = true;
        this.#emit("conversation.item.deleted", { item_id: event["item_id"] });
        return;
      }
      case "conversation.item.retrieve":
        this.#retrieve(event);
        return;
      case "conversation.item.create":
        this.#itemCreated(record(event["item"]));
        return;
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

  #createRequested(event: Fields, nowMs: number): void {
    if (this.#speech.active) {
      this.#error(event, "conversation_already_has_active_response", "a response is active");
      return;
    }
    this.#answerDueMs = NEVER;
    this.#respond(nowMs, this.#parts.random.within(this.#parts.scenario.model.thinkMs));
  }

  #itemCreated(given: Fields): void {
    const item = { id: this.#id("item"), status: "completed", ...given };
    const callId = given["call_id"];
    if (callId !== undefined) {
      if (callId !== this.#toolCall) this.fault ??= "a tool call was answered that was not made";
      this.#toolCall = null;
      this.#parts.meters.toolAnswers++;
    }
    this.#emit("conversation.item.added", { item });
    this.#emit("conversation.item.done", { item });
  }

  #retrieve(event: Fields): void {
    const item = this.#itemOf(event);
    if (item === undefined || item.deleted) {
      this.#error(event, "item_retrieve_invalid_item_id", "no such item");
      return;
    }
    const status = item.interrupted ? "incomplete" : "completed";
    this.#emit("conversation.item.retrieved", { item: speechItem(item.id, status) });
  }

  #itemOf(event: Fields): SpokenItem | undefined {
    return this.#speech.items.find((item) => item.id === event["item_id"]);
  }

  #configure(event: Fields, nowMs: number): void {
    const session = record(event["session"]);
    if (session["type"] !== "realtime") {
      this.#error(event, "missing_required_parameter", "session.type");
      return;
    }
    const { input, output } = record(session["audio"]);
    if (!this.#takeFormat(event, "input", record(input))) return;
    if (!this.#takeFormat(event, "output", record(output))) return;
    const turns = record(input)["turn_detection"];
    if (turns !== undefined) {
      this.#createResponse = turns !== null && record(turns)["create_response"] !== false;
      this.#interruptResponse = turns !== null && record(turns)["interrupt_response"] !== false;
    }
    this.#emit("session.updated", {
      session: { object: "realtime.session", id: "sess", ...session },
    });
    // An update of something else (tracing) may come before the one with the formats.
    if (this.readyMs === NEVER && this.#formats.size === 2) this.readyMs = nowMs;
  }

  /** @returns false: the update was refused. */
  #takeFormat(event: Fields, name: "input" | "output", side: Fields): boolean {
    if (side["format"] === undefined) return true;
    this.#formats.add(name);
    const format = record(side["format"]);
    if (format["type"] !== "audio/pcmu") this.fault = "session is not mu-law";
    else if ("rate" in format) {
      this.#error(event, "unknown_parameter", "rate on audio/pcmu");
      return false;
    }
    return true;
  }

  #truncate(event: Fields): void {
    const { meters } = this.#parts;
    meters.truncates++;
    const audioEndMs = event["audio_end_ms"];
    const item = this.#itemOf(event);
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
    if (audioEndMs > Math.floor(item.sentBytes / 8)) {
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

  #error(event: Fields | null, code: string, message: string): void {
    this.#parts.meters.modelError(`${code}: ${message}`);
    const eventId = event === null ? null : (event["event_id"] ?? null);
    this.#emit("error", {
      error: { type: "invalid_request_error", code, message, param: null, event_id: eventId },
    });
  }

  #emit(type: string, fields: Fields): void {
    if (this.closed) return;
    this.#parts.send(JSON.stringify({ type, event_id: this.#id("event"), ...fields }));
  }

  #id(kind: string): string {
    return `${kind}_${this.index.toString(36)}_${(++this.#count).toString(36)}`;
  }
}

function beginsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}
