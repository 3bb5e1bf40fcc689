/** Responses of one session: who asked for one, which may run, what comes next in the script. */
import type { SimClock, SimTimer } from "../clock.js";
import { isObject, type JsonObject, valueFault } from "./check.js";
import { at, modalityOf, type TurnDetection, textAt } from "./config.js";
import type { InputAudio } from "./input-audio.js";
import type { ItemRequests } from "./item-requests.js";
import { type StoredItem, wireItem } from "./items.js";
import type { Mcp } from "./mcp.js";
import { type ResponseHost, ResponseRun } from "./response.js";
import {
  type Cause,
  FALLBACK_TURN,
  quotedText,
  type Script,
  type Turn,
  type TurnContext,
  type TurnFault,
} from "./script.js";
import type { SessionContext } from "./session-context.js";
import type { Pace } from "./session-types.js";
import { usageOf } from "./usage.js";

/** A request that crossed the server's own event on the wire cannot have known better. */
const RACE_MS = 250;
const ACTIVE = "conversation_already_has_active_response";

export class Responder implements ResponseHost {
  readonly clock: SimClock;
  readonly pace: Pace;
  readonly mcp: Mcp;
  active: ResponseRun | null = null;
  /** Whole history, running responses too. */
  readonly responses: ResponseRun[] = [];
  /** Audio has been sent in this session. */
  hasSpoken = false;
  turns: TurnDetection | null;
  /** Set once, right after both exist. */
  input: InputAudio | null = null;
  readonly #session: SessionContext;
  readonly #script: Script;
  readonly #items: ItemRequests;
  readonly #outOfBand = new Set<ResponseRun>();
  #turnsTaken = 0;
  #lastEndedAtMs = Number.NEGATIVE_INFINITY;
  #idleTimer: SimTimer | null = null;
  #lagTimer: SimTimer | null = null;

  constructor(
    session: SessionContext,
    fields: {
      readonly script: Script;
      readonly items: ItemRequests;
      readonly turns: TurnDetection | null;
    },
  ) {
    this.#session = session;
    this.#script = fields.script;
    this.#items = fields.items;
    this.turns = fields.turns;
    this.mcp = fields.items.mcp;
    this.clock = session.clock;
    this.pace = session.options.pace;
  }

  /** `response.create`. */
  create(event: JsonObject): void {
    const session = this.#session;
    const request = isObject(event["response"]) ? event["response"] : {};
    const input = Array.isArray(request["input"]) ? request["input"] : [];
    for (const [i, entry] of input.entries()) {
      const id = String(at(entry as JsonObject, "id"));
      const known = session.conversation.get(id) !== undefined;
      if (at(entry as JsonObject, "type") !== "item_reference" || known) continue;
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
        ACTIVE,
        `${activeText(active)} Wait until the response is finished before creating a new one.`,
        null,
        active.cause !== "client" && this.clock.nowMs() - active.createdAtMs < RACE_MS,
      );
      return;
    }
    // Words for the meantime may be asked for while a tool runs; a reply may not.
    const open = request["instructions"] === undefined ? session.conversation.unanswered() : [];
    if (open.length > 0) {
      const calls = open.map((call) => call.callId).join(", ");
      session.violation(`response.create while ${calls} has no output`);
    }
    this.#respond(this.#items.outputs.length > 0 ? "tool" : "client", request, false);
  }

  /** `response.cancel`. */
  cancel(event: JsonObject): void {
    const id = event["response_id"];
    const running =
      id === undefined
        ? this.active
        : [this.active, ...this.#outOfBand].find((run) => run?.id === id);
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
    this.#lagTimer?.cancel();
    if (this.turns?.interruptResponse !== true) return;
    this.#session.playback?.clear(true);
    this.active?.cancel("turn_detected");
    for (const run of this.#outOfBand) run.cancel("turn_detected");
  }

  /** The caller's turn was committed. */
  turnEnded(): void {
    if (this.turns?.createResponse !== true) return;
    const lagMs = this.pace.responseLagMs;
    if (lagMs === 0) this.#respondUnasked("vad");
    else this.#lagTimer = this.clock.after(lagMs, () => this.#respondUnasked("vad"));
  }

  /** The socket is gone, or hangs. */
  abandon(): void {
    this.#idleTimer?.cancel();
    this.#lagTimer?.cancel();
    this.active?.abandon();
    for (const run of this.#outOfBand) run.abandon();
  }

  // --- what a running response asks for --------------------------------------------------------

  get sendsPhases(): boolean {
    return /^gpt-realtime-2\b/.test(textAt(this.#session.config, "model"));
  }

  send(event: JsonObject): void {
    this.#session.send(event);
  }

  nextId(prefix: string): string {
    return this.#session.nextId(prefix);
  }

  random(): number {
    return this.#session.random();
  }

  obfuscation(): string {
    return this.#session.obfuscation();
  }

  adopt(item: StoredItem): string | null {
    return this.#session.conversation.add(item) ?? null;
  }

  sendAudio(run: ResponseRun, item: StoredItem, outputIndex: number, bytes: Uint8Array): void {
    const session = this.#session;
    session.playback?.push(run.id, item, bytes);
    const first = !this.hasSpoken;
    this.hasSpoken = true;
    if (!session.carriesAudio) return;
    if (first && textAt(session.config, "audio", "output", "format", "type") !== PCMU)
      session.violation("a response with audio before the output format was set to audio/pcmu");
    const delta = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
    session.sendText(
      `{"type":"response.output_audio.delta","event_id":"${session.nextId("event")}",` +
        `"response_id":"${run.id}","item_id":"${item.id}","output_index":${outputIndex},` +
        `"content_index":0,"delta":"${delta}"}`,
    );
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
      output_modalities: [run.modality],
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
    this.#outOfBand.delete(run);
    if (this.active === run) this.active = null;
    this.#session.playback?.generated(run.id);
    if (this.#session.options.rateLimits === "end")
      this.clock.after(this.pace.rateLimitsLagMs, () => this.#rateLimits());
    this.input?.flushTranscripts();
    if (!run.outOfBand) this.#armIdle(run);
  }

  /** The server starts a response by itself: the caller's turn ended, or the line was quiet. */
  #respondUnasked(cause: "vad" | "idle"): void {
    const { active } = this;
    if (active === null) this.#respond(cause, {}, false);
    else this.#session.sendError("invalid_request_error", ACTIVE, activeText(active), null, null);
  }

  #respond(cause: Cause, request: JsonObject, outOfBand: boolean): void {
    const session = this.#session;
    const instructions =
      typeof request["instructions"] === "string" ? request["instructions"] : null;
    const metadata = isObject(request["metadata"]) ? request["metadata"] : null;
    const context: TurnContext = {
      index: this.#turnsTaken,
      cause,
      sessionIndex: session.index,
      instructions: textAt(session.config, "instructions"),
      request: instructions,
      metadata: (metadata ?? {}) as Readonly<Record<string, string>>,
      userTurns: this.input?.userTurns ?? 0,
      outputs: outOfBand ? [] : this.#items.takeOutputs(),
    };
    const turn = outOfBand ? this.#outOfBandTurn(context) : this.#turn(context);
    // The model stays silent: the turn is used up, and the client is not told.
    if (turn === null) return;
    const run = new ResponseRun(this, {
      cause,
      turn,
      outOfBand,
      metadata,
      request,
      modality: turn.modality ?? modalityOf(session.config, request),
    });
    this.responses.push(run);
    if (outOfBand) this.#outOfBand.add(run);
    else {
      this.active = run;
      this.#idleTimer?.cancel();
    }
    run.start();
    if (session.options.rateLimits === "start") this.#rateLimits();
  }

  #turn(context: TurnContext): Turn | null {
    const { turns, defaultTurn, quotes } = this.#script;
    const quoted = quotes === true ? quotedText(context.request) : null;
    if (quoted === null) this.#turnsTaken++;
    const given = typeof turns === "function" ? undefined : turns[context.index];
    const scripted = (): Turn | null => {
      if (quoted !== null) return { say: quoted };
      if (typeof turns === "function") return turns(context);
      return given === undefined ? (defaultTurn ?? FALLBACK_TURN) : given;
    };
    const replacement = this.#session.faults.replaceTurn;
    if (typeof replacement === "function") return replacement(context, scripted());
    return replacement ?? scripted();
  }

  #outOfBandTurn(context: TurnContext): Turn {
    const { outOfBand } = this.#script;
    return (
      outOfBand?.(context) ?? {
        say: quotedText(context.request) ?? context.request ?? "One moment, please.",
      }
    );
  }

  #armIdle(run: ResponseRun): void {
    const idleMs = this.turns?.idleTimeoutMs ?? null;
    if (idleMs === null || this.input?.callerSpeaks === true) return;
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
      this.input?.commit(itemId);
      this.#respondUnasked("idle");
    });
  }

  /** Live captures hold the limit of tokens alone. */
  #rateLimits(): void {
    this.#session.send({
      type: "rate_limits.updated",
      rate_limits: [{ name: "tokens", limit: 40_000, remaining: 38_000, reset_seconds: 3 }],
    });
  }
}

const PCMU = "audio/pcmu";

function activeText(active: ResponseRun): string {
  return `Conversation already has an active response in progress: ${active.id}.`;
}
