/** Responses of one session: who asked for one, which may run, what comes next in the script. */
import type { SimClock, SimTimer } from "../clock.js";
import { isObject, type JsonObject, valueFault } from "./check.js";
import { at, type TurnDetection, textAt } from "./config.js";
import type { InputAudio } from "./input-audio.js";
import type { ItemRequests } from "./item-requests.js";
import { type StoredItem, wireItem } from "./items.js";
import { type ResponseHost, type ResponsePace, ResponseRun } from "./response.js";
import {
  type Cause,
  FALLBACK_TURN,
  quotedText,
  type Script,
  type TurnContext,
  type TurnFault,
} from "./script.js";
import type { ModelSession } from "./session.js";
import type { SessionFaults, SessionOptions } from "./session-types.js";
import { usageOf } from "./usage.js";

/** A request that crossed the server's own event on the wire cannot have known better. */
const RACE_MS = 250;

export class Responder implements ResponseHost {
  readonly clock: SimClock;
  readonly pace: ResponsePace;
  readonly carriesAudio: boolean;
  active: ResponseRun | null = null;
  /** Audio has been sent in this session. */
  hasSpoken = false;
  readonly #session: ModelSession;
  readonly #options: SessionOptions;
  readonly #faults: SessionFaults;
  readonly #script: Script;
  readonly #items: ItemRequests;
  /** Set once, right after both exist. */
  hearing: InputAudio | null = null;
  turns: TurnDetection | null;
  readonly #beside = new Set<ResponseRun>();
  #scripted = 0;
  #lastEndedAtMs = Number.NEGATIVE_INFINITY;
  #idleTimer: SimTimer | null = null;
  #seed: number;

  constructor(
    session: ModelSession,
    options: SessionOptions,
    faults: SessionFaults,
    fields: {
      readonly script: Script;
      readonly items: ItemRequests;
      readonly turns: TurnDetection | null;
    },
  ) {
    this.#session = session;
    this.#options = options;
    this.#faults = faults;
    this.#script = fields.script;
    this.#items = fields.items;
    this.turns = fields.turns;
    this.clock = options.clock;
    this.pace = options.pace;
    this.carriesAudio = session.carriesAudio;
    this.#seed = (session.index + 1) * 0x9e3779b1;
  }

  /** `response.create`. */
  create(event: JsonObject): void {
    const session = this.#session;
    const request = isObject(event["response"]) ? event["response"] : {};
    const input = Array.isArray(request["input"]) ? request["input"] : [];
    for (const [i, entry] of input.entries()) {
      const id = String(at(entry as JsonObject, "id"));
      if (at(entry as JsonObject, "type") !== "item_reference" || session.item(id) !== undefined)
        continue;
      session.refuseFault(event, valueFault(`response.input[${i}].id`, `no item '${id}'.`));
      return;
    }
    if (request["conversation"] === "none") {
      this.#respond("client", request, true);
      return;
    }
    const { active } = this;
    if (active !== null) {
      session.refuse(
        event,
        "conversation_already_has_active_response",
        `Conversation already has an active response in progress: ${active.id}. Wait until the response is finished before creating a new one.`,
        null,
        active.cause !== "client" && this.clock.nowMs() - active.createdAtMs < RACE_MS,
      );
      return;
    }
    // Words for the meantime may be asked for while a tool runs; an answer may not.
    const open = request["instructions"] === undefined ? session.conversation.unanswered() : [];
    if (open.length > 0)
      session.violation(
        `response.create while ${open.map((call) => call.callId).join(", ")} has no output`,
      );
    this.#respond(this.#items.outputs.length > 0 ? "tool" : "client", request, false);
  }

  /** `response.cancel`. */
  cancel(event: JsonObject): void {
    const id = event["response_id"];
    const running =
      id === undefined ? this.active : [this.active, ...this.#beside].find((run) => run?.id === id);
    if (running === null || running === undefined || running.cancelling) {
      this.#session.refuse(
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

  /** The caller began to speak. */
  interrupt(): void {
    this.#idleTimer?.cancel();
    if (this.turns?.interruptResponse !== true) return;
    this.#session.playback?.clear(true);
    this.active?.cancel("turn_detected");
    for (const run of this.#beside) run.cancel("turn_detected");
  }

  /** Nobody asked: the caller's turn ended, or nothing happened for too long. */
  respondByItself(cause: Cause): void {
    if (this.active === null) {
      this.#respond(cause, {}, false);
      return;
    }
    const message = `Conversation already has an active response in progress: ${this.active.id}.`;
    const code = "conversation_already_has_active_response";
    this.#session.sendError("invalid_request_error", code, message, null, null);
  }

  /** The socket is gone, or hangs. */
  abandon(): void {
    this.#idleTimer?.cancel();
    this.active?.abandon();
    for (const run of this.#beside) run.abandon();
  }

  // --- what a running response asks for --------------------------------------------------------------

  send(event: JsonObject): void {
    this.#session.send(event);
  }

  sendText(text: string): void {
    this.#session.sendText(text);
  }

  nextId(prefix: string): string {
    return this.#session.nextId(prefix);
  }

  random(): number {
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return (this.#seed >>> 0) / 0x1_0000_0000;
  }

  adopt(item: StoredItem): string | null {
    return this.#session.conversation.add(item) ?? null;
  }

  delta(run: ResponseRun, item: StoredItem, bytes: Uint8Array): void {
    this.#session.playback?.push(run.id, item, bytes.length / 8);
    if (!this.hasSpoken && this.carriesAudio) {
      this.hasSpoken = true;
      if (textAt(this.#session.config, "audio", "output", "format", "type") !== "audio/pcmu")
        this.#session.violation(
          "a response with audio before the output format was set to audio/pcmu",
        );
    }
    this.#options.hooks.onDelta?.(this.#session, item.id, bytes, this.clock.nowMs());
  }

  responseObject(run: ResponseRun): JsonObject {
    const { config, conversation, received, index } = this.#session;
    const done = run.status !== "in_progress";
    return {
      object: "realtime.response",
      id: run.id,
      status: run.status,
      status_details: run.statusDetails,
      output: done ? run.items.map(wireItem) : [],
      conversation_id: run.outOfBand ? null : `conv_${index}`,
      output_modalities: ["audio"],
      max_output_tokens: at(config, "max_output_tokens"),
      audio: { output: at(config, "audio", "output") },
      metadata: run.metadata,
      usage: done ? usageOf(run, conversation, config, received.bytes) : null,
    };
  }

  fault(kind: TurnFault): void {
    this.#session.fault(kind);
  }

  ended(run: ResponseRun): void {
    this.#lastEndedAtMs = this.clock.nowMs();
    this.#beside.delete(run);
    if (this.active === run) this.active = null;
    this.#session.playback?.generated(run.id);
    if (this.#options.rateLimits === "end") this.#rateLimits();
    this.hearing?.flushTranscripts();
    if (!run.outOfBand) this.#armIdle(run);
  }

  #respond(cause: Cause, request: JsonObject, beside: boolean): void {
    const session = this.#session;
    const instructions =
      typeof request["instructions"] === "string" ? request["instructions"] : null;
    const metadata = isObject(request["metadata"]) ? request["metadata"] : null;
    const context: TurnContext = {
      index: this.#scripted,
      cause,
      sessionIndex: session.index,
      instructions: textAt(session.config, "instructions"),
      request: instructions,
      metadata: (metadata ?? {}) as Readonly<Record<string, string>>,
      userTurns: this.hearing?.userTurns ?? 0,
      outputs: beside ? [] : this.#items.takeOutputs(),
    };
    const quoted = this.#script.quotes === true && !beside ? quotedText(instructions) : null;
    const run = new ResponseRun(this, {
      cause,
      turn: beside ? this.#aside(context) : quoted !== null ? { say: quoted } : this.#turn(context),
      outOfBand: beside,
      metadata,
      request,
    });
    session.responses.push(run);
    if (beside) this.#beside.add(run);
    else {
      if (quoted === null) this.#scripted++;
      this.active = run;
      this.#idleTimer?.cancel();
    }
    run.start();
    if (this.#options.rateLimits === "start") this.#rateLimits();
  }

  #turn(context: TurnContext) {
    if (this.#faults.failResponses !== null)
      return { status: "failed" as const, error: this.#faults.failResponses };
    const { turns, defaultTurn: then } = this.#script;
    return typeof turns === "function"
      ? turns(context)
      : (turns[context.index] ?? then ?? FALLBACK_TURN);
  }

  #aside(context: TurnContext) {
    const { outOfBand: beside } = this.#script;
    return (
      beside?.(context) ?? {
        say: quotedText(context.request) ?? context.request ?? "One moment, please.",
      }
    );
  }

  #armIdle(run: ResponseRun): void {
    const idleMs = this.turns?.idleTimeoutMs ?? null;
    if (idleMs === null || this.hearing?.callerSpeaks === true) return;
    const nowMs = this.clock.nowMs();
    const playedOutMs = (run.firstDeltaAtMs ?? nowMs) + run.sentMs;
    this.#idleTimer = this.clock.after(Math.max(0, playedOutMs - nowMs) + idleMs, () => {
      const endMs = Math.floor(this.#session.received.bytes / 8);
      const itemId = this.#session.nextId("item");
      this.#session.send({
        type: "input_audio_buffer.timeout_triggered",
        item_id: itemId,
        audio_start_ms: Math.max(0, endMs - idleMs),
        audio_end_ms: endMs,
      });
      this.hearing?.commit(itemId);
      this.respondByItself("idle");
    });
  }

  #rateLimits(): void {
    this.#session.send({
      type: "rate_limits.updated",
      rate_limits: [
        { name: "requests", limit: 1000, remaining: 999, reset_seconds: 0.06 },
        { name: "tokens", limit: 40_000, remaining: 38_000, reset_seconds: 3 },
      ],
    });
  }
}
