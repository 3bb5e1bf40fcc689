/**
 * One session of the simulated model: takes the client's events, refuses what the API refuses, hears the caller by server
 * VAD and answers from the script. Everything that happened can be read afterwards.
 */
import type { WebSocket } from "ws";
import { IdentityChecker } from "../audio/identity.js";
import type { SimClock, SimTimer } from "../clock.js";
import { type Fault, isObject, type Json, type JsonObject, valueFault } from "./check.js";
import { at, freshConfig, mergeConfig, type TurnDetection, textAt, turnDetectionOf } from "./config.js";
import { audioMsOf, Conversation, newItem, type StoredItem, wireItem } from "./items.js";
import { type ResponseHost, type ResponsePace, ResponseRun } from "./response.js";
import { CLIENT_EVENTS } from "./schemas.js";
import {
  type Cause,
  LAST_WORD,
  quotedText,
  type Script,
  type TurnContext,
  type TurnFault,
} from "./script.js";
import { usageOf } from "./usage.js";
import { EnergyVad } from "./vad.js";

export interface SessionOptions {
  readonly clock: SimClock;
  readonly pace: ResponsePace;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  /** From the commit to the transcript; Infinity = after the next response is done. */
  readonly transcriptDelayMs: number;
  readonly transcription: "tokens" | "duration" | "failed";
  readonly rateLimits: "start" | "end" | "never";
  readonly hooks: SessionHooks;
}

export interface SessionHooks {
  /** Caller audio as it arrived; valid only until it returns. */
  onAudio?(session: ModelSession, bytes: Uint8Array, atMs: number): void;
  /** Model audio as it left; valid only until it returns. */
  onDelta?(session: ModelSession, itemId: string, bytes: Uint8Array, atMs: number): void;
  /** `speech_started` is about to leave. */
  onSpeechStarted?(session: ModelSession, atMs: number): void;
  /** Every client event but audio. */
  onEvent?(session: ModelSession, event: ClientRecord): void;
  onClosed?(session: ModelSession): void;
}

/** Faults of a running server, looked at by every session. */
export interface SessionFaults {
  /** `session.created` never comes. */
  withholdCreated: boolean;
  /** `session.updated` never comes. */
  withholdUpdated: boolean;
  /** Pings stay unanswered. */
  withholdPong: boolean;
  /** What every response does instead of its turn. */
  failResponses: { readonly type: string; readonly code: string; readonly message: string } | null;
}

export interface ClientRecord {
  readonly atMs: number;
  readonly type: string;
  readonly event: JsonObject;
}

export interface Truncation {
  readonly atMs: number;
  readonly itemId: string;
  readonly audioEndMs: number;
  /** Audio of the item sent by then. */
  readonly sentMs: number;
  readonly accepted: boolean;
}

export interface SpeechSpan {
  readonly itemId: string;
  readonly audioStartMs: number;
  readonly startedAtMs: number;
  stoppedAtMs: number | null;
  /** A response was running when it began. */
  readonly interrupted: boolean;
}

export interface SentError {
  readonly atMs: number;
  readonly code: string;
  readonly message: string;
  readonly eventType: string;
}

/** A request that crossed the server's own event on the wire cannot have known better. */
const RACE_MS = 250;
const APPEND_HEAD = Buffer.from('{"type":"input_audio_buffer.append","audio":"');
const OPEN = 1;

export class ModelSession implements ResponseHost {
  readonly index: number;
  readonly id: string;
  readonly clock: SimClock;
  readonly pace: ResponsePace;
  readonly sendsAudio: boolean;
  /** Everything the client did wrong. */
  readonly violations: string[] = [];
  /** Requests refused that crossed the server's own events: nobody's fault. */
  readonly races: string[] = [];
  readonly errors: SentError[] = [];
  /** Without audio appends. */
  readonly events: ClientRecord[] = [];
  readonly truncations: Truncation[] = [];
  readonly speech: SpeechSpan[] = [];
  /** Whole history, running ones too. */
  readonly responses: ResponseRun[] = [];
  readonly conversation = new Conversation();
  /** Caller audio: `appends` messages, `bytes` in all; `audio` only when it is kept. */
  readonly received = { appends: 0, bytes: 0, audio: [] as Buffer[], firstAtMs: null as number | null };
  readonly identity: IdentityChecker | null;
  readonly connectedAtMs: number;
  config: JsonObject;
  configuredAtMs: number | null = null;
  closed: { readonly atMs: number; readonly code: number } | null = null;

  readonly #socket: WebSocket;
  readonly #script: Script;
  readonly #options: SessionOptions;
  readonly #faults: SessionFaults;
  readonly #vad: EnergyVad;
  #turns: TurnDetection | null;
  #counter = 0;
  #seed: number;
  #hung = false;
  #active: ResponseRun | null = null;
  readonly #beside = new Set<ResponseRun>();
  #scripted = 0;
  #userTurns = 0;
  #uncommittedBytes = 0;
  #lastEndedAtMs = Number.NEGATIVE_INFINITY;
  #speechItem: string | null = null;
  #outputs: { name: string; callId: string; output: string }[] = [];
  #idleTimer: SimTimer | null = null;
  #hasSpoken = false;
  #lateTranscripts: (() => void)[] = [];

  constructor(
    socket: WebSocket,
    fields: {
      readonly index: number;
      readonly model: string;
      /** A call that runs over SIP: this socket only controls it. */
      readonly sideband: boolean;
      readonly script: Script | ((session: ModelSession) => Script);
    },
    options: SessionOptions,
    faults: SessionFaults,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#faults = faults;
    this.index = fields.index;
    this.clock = options.clock;
    this.pace = options.pace;
    this.sendsAudio = !fields.sideband;
    this.#seed = (fields.index + 1) * 0x9e3779b1;
    this.id = this.nextId("sess");
    this.connectedAtMs = this.clock.nowMs();
    this.config = freshConfig(fields.model);
    this.#turns = turnDetectionOf(this.config);
    this.identity = options.checkIdentity ? new IdentityChecker() : null;
    this.#script = typeof fields.script === "function" ? fields.script(this) : fields.script;
    this.#vad = new EnergyVad((this.#turns as TurnDetection).vad, {
      started: (audioStartMs) => this.#speechStarted(audioStartMs),
      stopped: (audioEndMs) => this.#speechStopped(audioEndMs),
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#message(data, isBinary));
    socket.on("ping", (data: Buffer) => {
      if (!this.#hung && !faults.withholdPong) socket.pong(data);
    });
    // Always followed by a close.
    socket.on("error", () => {});
    socket.on("close", (code) => this.#gone(code));
    if (!faults.withholdCreated) this.send({ type: "session.created", session: this.#wireConfig() });
  }

  // --- what a test or a demo can do to it ------------------------------------------------------------

  /** The response that writes to the conversation now. */
  get active(): ResponseRun | null {
    return this.#active;
  }

  item(id: string): StoredItem | undefined {
    return this.conversation.get(id);
  }

  /** The socket dies without a close frame. */
  crash(): void {
    this.#abandon();
    this.#socket.terminate();
  }

  /** Nothing more is sent, not even a pong; the socket stays open. */
  hang(): void {
    this.#abandon();
    this.#hung = true;
  }

  close(code: number, reason = ""): void {
    this.#abandon();
    this.#socket.close(code, reason);
  }

  expire(): void {
    const message = "Your session hit the maximum duration of 60 minutes.";
    this.sendError("invalid_request_error", "session_expired", message, null, null);
    this.close(1001, message);
  }

  fault(kind: TurnFault): void {
    if (kind === "crash") this.crash();
    else if (kind === "hang") this.hang();
    else if (kind === "expire") this.expire();
    else {
      this.sendError("server_error", "server_error", "The server had an error.", null, null);
      this.close(1011, "server error");
    }
  }

  /** An `error` event out of the blue. */
  sendError(type: string, code: string, message: string, param: string | null, eventId: string | null): void {
    this.send({ type: "error", error: { type, code, message, param, event_id: eventId } });
  }

  /** Any event; the `event_id` is added. */
  send(event: JsonObject): void {
    this.sendText(JSON.stringify({ event_id: this.nextId("event"), ...event }));
  }

  // --- ResponseHost ----------------------------------------------------------------------------------

  sendText(text: string): void {
    if (this.#hung || this.#socket.readyState !== OPEN) return;
    this.#socket.send(text);
  }

  nextId(prefix: string): string {
    return `${prefix}_${this.index.toString(36)}x${(this.#counter++).toString(36)}`;
  }

  random(): number {
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return (this.#seed >>> 0) / 0x1_0000_0000;
  }

  adopt(item: StoredItem): string | null {
    return this.conversation.add(item) ?? null;
  }

  delta(item: StoredItem, bytes: Uint8Array): void {
    if (!this.#hasSpoken && this.sendsAudio) {
      this.#hasSpoken = true;
      if (textAt(this.config, "audio", "output", "format", "type") !== "audio/pcmu")
        this.#violation("a response with audio before the output format was set to audio/pcmu");
    }
    this.#options.hooks.onDelta?.(this, item.id, bytes, this.clock.nowMs());
  }

  responseObject(run: ResponseRun): JsonObject {
    const done = run.status !== "in_progress";
    return {
      object: "realtime.response",
      id: run.id,
      status: run.status,
      status_details: run.statusDetails,
      output: done ? run.items.map(wireItem) : [],
      conversation_id: run.beside ? null : `conv_${this.index}`,
      output_modalities: ["audio"],
      max_output_tokens: at(this.config, "max_output_tokens"),
      audio: { output: at(this.config, "audio", "output") },
      metadata: run.metadata,
      usage: done ? usageOf(run, this.conversation, this.config, this.received.bytes) : null,
    };
  }

  ended(run: ResponseRun): void {
    this.#lastEndedAtMs = this.clock.nowMs();
    this.#beside.delete(run);
    if (this.#active === run) this.#active = null;
    if (this.#options.rateLimits === "end") this.#rateLimits();
    for (const send of this.#lateTranscripts.splice(0)) send();
    if (!run.beside) this.#armIdle(run);
  }

  // --- client events ---------------------------------------------------------------------------------

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#hung) return;
    if (isBinary) {
      this.#violation("a binary frame");
      this.close(1003, "text frames only");
      return;
    }
    // The shape nearly every message has; anything else takes the long way.
    if (
      data.length > APPEND_HEAD.length + 2 &&
      data.compare(APPEND_HEAD, 0, APPEND_HEAD.length, 0, APPEND_HEAD.length) === 0 &&
      data[data.length - 2] === 0x22
    ) {
      const base64 = data.toString("latin1", APPEND_HEAD.length, data.length - 2);
      const audio = Buffer.from(base64, "base64");
      const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
      // A quote or any other foreign character would have made it shorter.
      const whole = base64.length % 4 === 0 && audio.length === (base64.length / 4) * 3 - padding;
      if (whole && audio.length > 0 && !base64.includes("-") && !base64.includes("_")) {
        this.#hear(audio);
        return;
      }
    }
    this.#parse(data.toString());
  }

  #parse(text: string): void {
    let event: Json;
    try {
      event = JSON.parse(text) as Json;
    } catch {
      this.#refuse({ type: "(not JSON)" }, "invalid_event", "The event is not valid JSON.", null);
      return;
    }
    const type = isObject(event) ? event["type"] : undefined;
    const check = typeof type === "string" ? CLIENT_EVENTS[type] : undefined;
    if (!isObject(event) || typeof type !== "string" || check === undefined) {
      const shown = isObject(event) ? event : {};
      this.#refuse(shown, "invalid_event", `Unknown event type '${String(type)}'.`, "type");
      return;
    }
    if (type !== "input_audio_buffer.append") {
      const record = { atMs: this.clock.nowMs(), type, event };
      this.events.push(record);
      this.#options.hooks.onEvent?.(this, record);
    }
    const fault = check(event, "");
    if (fault !== null) this.#refuseFault(event, fault);
    else this.#handle(type, event);
  }

  #handle(type: string, event: JsonObject): void {
    switch (type) {
      case "session.update":
        this.#update(event);
        return;
      case "input_audio_buffer.append":
        this.#hear(Buffer.from(String(event["audio"]), "base64"));
        return;
      case "input_audio_buffer.commit":
        this.#commit(event);
        return;
      case "input_audio_buffer.clear":
        this.#uncommittedBytes = 0;
        this.send({ type: "input_audio_buffer.cleared" });
        return;
      case "conversation.item.create":
        this.#createItem(event);
        return;
      case "conversation.item.retrieve":
      case "conversation.item.delete":
        this.#itemById(type, event);
        return;
      case "conversation.item.truncate":
        this.#truncate(event);
        return;
      case "response.create":
        this.#createResponse(event);
        return;
      case "response.cancel":
        this.#cancelResponse(event);
        return;
      default:
        this.#refuse(event, "invalid_value", `'${type}' is for WebRTC and SIP sessions only.`, "type");
        return;
    }
  }

  #update(event: JsonObject): void {
    const update = event["session"] as JsonObject;
    const config = mergeConfig(this.config, update);
    const voice = JSON.stringify(at(config, "audio", "output", "voice"));
    if (at(config, "model") !== at(this.config, "model")) {
      this.#refuseFault(event, valueFault("session.model", "cannot be changed."));
      return;
    }
    if (this.#hasSpoken && voice !== JSON.stringify(at(this.config, "audio", "output", "voice"))) {
      this.#refuse(
        event,
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
        "session.audio.output.voice",
      );
      return;
    }
    if (this.#active !== null && at(update, "audio", "output", "speed") !== null) {
      this.#refuseFault(
        event,
        valueFault("session.audio.output.speed", "cannot be changed while a response is running."),
      );
      return;
    }
    if (at(this.config, "tracing") !== null && update["tracing"] !== undefined) {
      this.#refuseFault(event, valueFault("session.tracing", "cannot be changed once enabled."));
      return;
    }
    this.config = config;
    this.#turns = turnDetectionOf(config);
    if (this.#turns !== null) this.#vad.configure(this.#turns.vad);
    if (this.#faults.withholdUpdated) return;
    this.configuredAtMs ??= this.clock.nowMs();
    this.send({ type: "session.updated", session: this.#wireConfig() });
  }

  #hear(audio: Buffer): void {
    const nowMs = this.clock.nowMs();
    if (!this.sendsAudio) this.#violation("audio appended on a sideband socket");
    if (this.configuredAtMs === null) this.#violation("audio before session.updated");
    else if (textAt(this.config, "audio", "input", "format", "type") !== "audio/pcmu")
      this.#violation("audio while the input format is not audio/pcmu");
    this.received.appends++;
    this.received.bytes += audio.length;
    this.received.firstAtMs ??= nowMs;
    this.#uncommittedBytes += audio.length;
    if (this.#options.keepAudio) this.received.audio.push(audio);
    this.identity?.push(audio, nowMs);
    this.#options.hooks.onAudio?.(this, audio, nowMs);
    if (this.#turns !== null && this.configuredAtMs !== null) this.#vad.push(audio);
  }

  #commit(event: JsonObject): void {
    const ms = Math.floor(this.#uncommittedBytes / 8);
    if (ms < 100) {
      this.#refuse(
        event,
        "input_audio_buffer_commit_empty",
        `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${ms}.00ms of audio.`,
        null,
      );
      return;
    }
    this.#commitAudio(this.nextId("item"));
  }

  #createItem(event: JsonObject): void {
    const given = event["item"] as JsonObject;
    const id = typeof given["id"] === "string" ? given["id"] : this.nextId("item");
    if (this.conversation.get(id) !== undefined) {
      this.#refuseFault(event, valueFault("item.id", `an item '${id}' exists already.`));
      return;
    }
    const type = given["type"] as StoredItem["type"];
    const callId = typeof given["call_id"] === "string" ? given["call_id"] : null;
    if (type === "function_call_output") {
      const call = this.conversation.functionCall(callId ?? "");
      if (call === undefined || call.answered) {
        this.#refuse(
          event,
          "invalid_value",
          call === undefined
            ? `Tool call ID '${callId}' not found in conversation.`
            : `Tool call ID '${callId}' has an output already.`,
          "item.call_id",
        );
        return;
      }
      call.answered = true;
      this.#outputs.push({
        name: call.name ?? "",
        callId: callId ?? "",
        output: String(given["output"]),
      });
    }
    const item = newItem({
      id,
      type,
      role: (given["role"] as StoredItem["role"] | undefined) ?? null,
      content: (given["content"] as readonly JsonObject[] | undefined) ?? [],
      callId,
      name: typeof given["name"] === "string" ? given["name"] : null,
      arguments: String(given["arguments"] ?? ""),
      output: String(given["output"] ?? ""),
    });
    const after = event["previous_item_id"];
    const before = this.conversation.add(item, typeof after === "string" ? after : undefined);
    if (before === undefined) {
      this.#refuseFault(event, valueFault("previous_item_id", `no item '${String(after)}'.`));
      return;
    }
    const shown = { previous_item_id: before, item: wireItem(item) };
    this.send({ type: "conversation.item.added", ...shown });
    this.send({ type: "conversation.item.done", ...shown });
  }

  #itemById(type: string, event: JsonObject): void {
    const id = String(event["item_id"]);
    const item = this.conversation.get(id);
    const verb = type.endsWith("delete") ? "delete" : "retrieve";
    if (item === undefined) {
      this.#refuse(event, `item_${verb}_invalid_item_id`, `Item with item_id not found: ${id}`, null);
      return;
    }
    if (verb === "retrieve") {
      this.send({ type: "conversation.item.retrieved", item: wireItem(item) });
      return;
    }
    this.conversation.delete(id);
    this.send({ type: "conversation.item.deleted", item_id: id });
  }

  #truncate(event: JsonObject): void {
    const itemId = String(event["item_id"]);
    const audioEndMs = event["audio_end_ms"] as number;
    const item = this.conversation.get(itemId);
    const sentMs = item === undefined ? 0 : Math.floor(item.sentBytes / 8);
    const fault = this.#truncationFault(itemId, item, event);
    this.truncations.push({
      atMs: this.clock.nowMs(),
      itemId,
      audioEndMs,
      sentMs,
      accepted: fault === null,
    });
    if (fault !== null || item === undefined) {
      this.#refuse(event, fault?.code ?? "", fault?.message ?? "", fault?.param ?? null);
      return;
    }
    item.keptMs = audioEndMs;
    // The server forgets the words with the sound.
    item.content = [{ type: "output_audio", transcript: "" }];
    this.send({
      type: "conversation.item.truncated",
      item_id: itemId,
      content_index: 0,
      audio_end_ms: audioEndMs,
    });
  }

  #truncationFault(
    itemId: string,
    item: StoredItem | undefined,
    event: JsonObject,
  ): { code: string; message: string; param: string | null } | null {
    if (item === undefined)
      return {
        code: "item_truncate_invalid_item_id",
        message: `Item with item_id not found: ${itemId}`,
        param: "item_id",
      };
    if (!item.spoken || item.role !== "assistant" || item.sentBytes === 0)
      return {
        code: "invalid_value",
        message: "Only model output audio messages can be truncated",
        param: null,
      };
    if (event["content_index"] !== 0)
      return { code: "invalid_value", message: "Content index out of range.", param: "content_index" };
    const lengthMs = audioMsOf(item);
    const wanted = event["audio_end_ms"] as number;
    return wanted > lengthMs
      ? {
          code: "invalid_value",
          message: `Audio content of ${lengthMs}ms is already shorter than ${wanted}ms`,
          param: "audio_end_ms",
        }
      : null;
  }

  #createResponse(event: JsonObject): void {
    const request = isObject(event["response"]) ? event["response"] : {};
    for (const [i, entry] of (Array.isArray(request["input"]) ? request["input"] : []).entries()) {
      const id = String(at(entry as JsonObject, "id"));
      if (at(entry as JsonObject, "type") === "item_reference" && this.conversation.get(id) === undefined) {
        this.#refuseFault(event, valueFault(`response.input[${i}].id`, `no item '${id}'.`));
        return;
      }
    }
    if (request["conversation"] === "none") {
      this.#respond("client", request, true);
      return;
    }
    if (this.#active !== null) {
      this.#refuse(
        event,
        "conversation_already_has_active_response",
        `Conversation already has an active response in progress: ${this.#active.id}. Wait until the response is finished before creating a new one.`,
        null,
        this.#active.cause !== "client" && this.clock.nowMs() - this.#active.createdAtMs < RACE_MS,
      );
      return;
    }
    // Words for the meantime may be asked for while a tool runs; an answer may not.
    const open = request["instructions"] === undefined ? this.conversation.unanswered() : [];
    if (open.length > 0)
      this.#violation(`response.create while ${open.map((call) => call.callId).join(", ")} has no output`);
    this.#respond(this.#outputs.length > 0 ? "tool" : "client", request, false);
  }

  #cancelResponse(event: JsonObject): void {
    const id = event["response_id"];
    const running = [this.#active, ...this.#beside].find(
      (run) => run !== null && (id === undefined ? run === this.#active : run.id === id),
    );
    if (running === undefined || running === null || running.cancelling) {
      this.#refuse(
        event,
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
        null,
        (running ?? null) !== null || this.clock.nowMs() - this.#lastEndedAtMs < RACE_MS,
      );
      return;
    }
    running.cancel("client_cancelled");
  }

  // --- turns -----------------------------------------------------------------------------------------

  #speechStarted(audioStartMs: number): void {
    const atMs = this.clock.nowMs();
    this.#idleTimer?.cancel();
    const itemId = this.nextId("item");
    this.#speechItem = itemId;
    this.speech.push({
      itemId,
      audioStartMs,
      startedAtMs: atMs,
      stoppedAtMs: null,
      interrupted: this.#active !== null,
    });
    this.#options.hooks.onSpeechStarted?.(this, atMs);
    this.send({
      type: "input_audio_buffer.speech_started",
      audio_start_ms: audioStartMs,
      item_id: itemId,
    });
    if (this.#turns?.interruptResponse === true) {
      this.#active?.cancel("turn_detected");
      for (const run of this.#beside) run.cancel("turn_detected");
    }
  }

  #speechStopped(audioEndMs: number): void {
    const itemId = this.#speechItem ?? this.nextId("item");
    this.#speechItem = null;
    const span = this.speech.at(-1);
    if (span !== undefined) span.stoppedAtMs = this.clock.nowMs();
    this.send({
      type: "input_audio_buffer.speech_stopped",
      audio_end_ms: audioEndMs,
      item_id: itemId,
    });
    this.#commitAudio(itemId);
    if (this.#turns?.createResponse === true) this.#respondByItself("vad");
  }

  #commitAudio(itemId: string): void {
    const seconds = this.#uncommittedBytes / 8000;
    this.#uncommittedBytes = 0;
    const heard = this.#script.hears?.[this.#userTurns++] ?? "";
    const item = newItem({
      id: itemId,
      type: "message",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    });
    const before = this.conversation.add(item) ?? null;
    this.send({ type: "input_audio_buffer.committed", previous_item_id: before, item_id: itemId });
    const shown = { previous_item_id: before, item: wireItem(item) };
    this.send({ type: "conversation.item.added", ...shown });
    this.send({ type: "conversation.item.done", ...shown });
    if (at(this.config, "audio", "input", "transcription") === null) return;
    const send = () => this.#transcribe(itemId, heard, seconds);
    if (this.#options.transcriptDelayMs === Number.POSITIVE_INFINITY) this.#lateTranscripts.push(send);
    else this.clock.after(this.#options.transcriptDelayMs, send);
  }

  #transcribe(itemId: string, transcript: string, seconds: number): void {
    const head = "conversation.item.input_audio_transcription";
    const where = { item_id: itemId, content_index: 0 };
    if (this.#options.transcription === "failed") {
      const error = {
        type: "transcription_error",
        code: "audio_unintelligible",
        message: "The audio could not be transcribed.",
        param: null,
      };
      this.send({ type: `${head}.failed`, ...where, error });
      return;
    }
    if (transcript !== "") this.send({ type: `${head}.delta`, ...where, delta: transcript });
    const audioTokens = Math.ceil(seconds * 10);
    const words = Math.ceil(transcript.length / 4);
    this.send({
      type: `${head}.completed`,
      ...where,
      transcript,
      usage:
        this.#options.transcription === "duration"
          ? { type: "duration", seconds }
          : {
              type: "tokens",
              input_tokens: audioTokens,
              output_tokens: words,
              total_tokens: audioTokens + words,
              input_token_details: { audio_tokens: audioTokens, text_tokens: 0 },
            },
    });
  }

  #respondByItself(cause: Cause): void {
    if (this.#active === null) {
      this.#respond(cause, {}, false);
      return;
    }
    const message = `Conversation already has an active response in progress: ${this.#active.id}.`;
    this.sendError("invalid_request_error", "conversation_already_has_active_response", message, null, null);
  }

  #respond(cause: Cause, request: JsonObject, beside: boolean): void {
    const instructions = typeof request["instructions"] === "string" ? request["instructions"] : null;
    const metadata = isObject(request["metadata"]) ? request["metadata"] : null;
    const context: TurnContext = {
      index: this.#scripted,
      cause,
      sessionIndex: this.index,
      instructions: textAt(this.config, "instructions"),
      request: instructions,
      metadata: (metadata ?? {}) as Readonly<Record<string, string>>,
      userTurns: this.#userTurns,
      outputs: beside ? [] : this.#outputs,
    };
    const { turns, then, beside: aside } = this.#script;
    let turn = beside
      ? (aside?.(context) ?? { say: quotedText(instructions ?? "One moment, please.") })
      : typeof turns === "function"
        ? turns(context)
        : (turns[this.#scripted] ?? then ?? LAST_WORD);
    if (this.#faults.failResponses !== null) turn = { status: "failed", error: this.#faults.failResponses };
    const run = new ResponseRun(this, { cause, turn, beside, metadata, request });
    this.responses.push(run);
    if (beside) this.#beside.add(run);
    else {
      this.#scripted++;
      this.#outputs = [];
      this.#active = run;
      this.#idleTimer?.cancel();
    }
    run.start();
    if (this.#options.rateLimits === "start") this.#rateLimits();
  }

  #armIdle(run: ResponseRun): void {
    const idleMs = this.#turns?.idleTimeoutMs ?? null;
    if (idleMs === null || this.#vad.speaking) return;
    const nowMs = this.clock.nowMs();
    const playedOutMs = (run.firstDeltaAtMs ?? nowMs) + run.sentMs;
    this.#idleTimer = this.clock.after(Math.max(0, playedOutMs - nowMs) + idleMs, () => {
      const endMs = Math.floor(this.received.bytes / 8);
      const itemId = this.nextId("item");
      this.send({
        type: "input_audio_buffer.timeout_triggered",
        item_id: itemId,
        audio_start_ms: Math.max(0, endMs - idleMs),
        audio_end_ms: endMs,
      });
      this.#commitAudio(itemId);
      this.#respondByItself("idle");
    });
  }

  #rateLimits(): void {
    this.send({
      type: "rate_limits.updated",
      rate_limits: [
        { name: "requests", limit: 1000, remaining: 999, reset_seconds: 0.06 },
        { name: "tokens", limit: 40_000, remaining: 38_000, reset_seconds: 3 },
      ],
    });
  }

  // --- refusals and the end --------------------------------------------------------------------------

  #refuseFault(event: JsonObject, fault: Fault): void {
    this.#refuse(event, fault.code, fault.message, fault.param);
  }

  #refuse(event: JsonObject, code: string, message: string, param: string | null, race = false): void {
    const eventType = String(event["type"]);
    const eventId = typeof event["event_id"] === "string" ? event["event_id"] : null;
    this.errors.push({ atMs: this.clock.nowMs(), code, message, eventType });
    const text = `${eventType}: ${code}: ${message}`;
    if (race) this.races.push(text);
    else this.#violation(text);
    this.sendError("invalid_request_error", code, message, param, eventId);
  }

  /** The same sentence once: a thousand frames too early are one mistake. */
  #violation(text: string): void {
    if (this.violations.at(-1) !== text) this.violations.push(text);
  }

  #wireConfig(): JsonObject {
    return {
      ...this.config,
      object: "realtime.session",
      id: this.id,
      expires_at: Math.floor(Date.now() / 1000) + 3600,
    };
  }

  #abandon(): void {
    this.#idleTimer?.cancel();
    this.#active?.abandon();
    for (const run of this.#beside) run.abandon();
  }

  #gone(code: number): void {
    this.#abandon();
    this.closed = { atMs: this.clock.nowMs(), code };
    this.#options.hooks.onClosed?.(this);
  }
}
