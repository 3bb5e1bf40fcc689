import { type ErrorCode, RelayError } from "../../../domain/errors.js";
import type { ItemId, ResponseId, ToolCallId } from "../../../domain/ids.js";
import { PROCESS_STALL_MS } from "../../../domain/stall.js";
import type { Log } from "../../../ports/log.js";
import type { Metrics } from "../../../ports/metrics.js";
import type {
  UpstreamClose,
  UpstreamDialer,
  UpstreamSocket,
  UpstreamSocketEvents,
} from "../../../ports/sockets.js";
import { parseServerEvent, type ServerEvent } from "../../../wire/realtime.js";
import { AppendWriter, DeltaScan, scanDelta } from "../../../wire/realtime-audio.js";
import { type ClientEvent, encodeClientEvent } from "../../../wire/realtime-client.js";
import { isIdleEvent } from "../../../wire/realtime-idle.js";
import type { ResponseObject } from "../../../wire/realtime-objects.js";
import { usageToTokens } from "../../../wire/realtime-usage.js";
import type {
  HistoryItem,
  ModelCapabilities,
  ModelSession,
  ModelSessionEvents,
  ModelSessionLifecycle,
  SessionChange,
  SessionProfile,
  SessionRequest,
  SpeechItem,
  ToolAnswer,
  ToolCall,
  Truncation,
} from "../model-session.js";
import { accountTrouble, closeFailure } from "./close-failure.js";
import { ResponseSequencer } from "./response-sequencer.js";
import { recalled, sessionConfig, turnDetectionConfig } from "./session-config.js";

/** An answer that is owed and does not come, or stops coming, for so long is a hung model. */
export const HUNG_MS = 5_000;

/** Interrupted responses whose late audio must still be known as such. */
const INTERRUPTED_KEPT = 32;

const CAPABILITIES: ModelCapabilities = {
  truncate: true,
  cancel: true,
  serverVad: true,
  aheadOfRealTime: true,
};

const scan = new DeltaScan();
// One each for all sessions: a socket copies at once, memory that every call uses stays in the cache, and frames are all alike, so
// that no view has to be made for them.
const frames = new AppendWriter();
const joined = new AppendWriter();
const decoder = new TextDecoder();

interface Speech extends SpeechItem {
  readonly itemIdBytes: Uint8Array;
  readonly muted: boolean;
}

export interface RealtimeSessionDeps {
  readonly dialer: UpstreamDialer;
  /** The model's socket without query, e.g. wss://api.openai.com/v1/realtime. */
  readonly url: string;
  readonly nowMs: () => number;
  readonly metrics: Metrics;
  readonly log: Log;
}

/**
 * A VoiceSession over one OpenAI Realtime (GA) WebSocket: dials, configures, then speaks the protocol. It never
 * redials; a lost session is replaced by a new one. Source: OpenAI Realtime API reference, server-side WebSocket.
 */
export class RealtimeSession implements ModelSession, UpstreamSocketEvents {
  readonly capabilities = CAPABILITIES;

  readonly #profile: SessionProfile;
  readonly #history: readonly HistoryItem[];
  readonly #events: ModelSessionEvents;
  readonly #life: ModelSessionLifecycle;
  readonly #nowMs: () => number;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #socket: UpstreamSocket;
  readonly #sequencer: ResponseSequencer;
  readonly #interrupted: ResponseId[] = [];
  readonly #unheardItems: ItemId[] = [];
  #state: "dialing" | "configuring" | "ready" | "over" = "dialing";
  #eventCount = 0;
  #activeResponse: ResponseId | null = null;
  #interruptResponse: boolean;
  readonly #attached: boolean;
  #spoke = false;
  #speech: Speech | null = null;
  #lastHeardOfMs: number;
  #tickedMs: number;
  /** Since when the model should have said something about a caller that we heard. */
  #suspectMs: number | null = null;
  #probeSentMs: number | null = null;

  constructor(request: SessionRequest, deps: RealtimeSessionDeps) {
    const { profile, audio } = request;
    this.#profile = profile;
    this.#history = request.history;
    this.#events = request.events;
    this.#life = request.lifecycle;
    this.#nowMs = deps.nowMs;
    this.#metrics = deps.metrics;
    this.#log = deps.log;
    this.#lastHeardOfMs = deps.nowMs();
    this.#tickedMs = this.#lastHeardOfMs;
    this.#interruptResponse = profile.turnDetection.interruptResponse;
    this.#attached = audio.path === "direct";
    this.#sequencer = new ResponseSequencer(profile.turnDetection.createResponse);
    const url = new URL(deps.url);
    // One or the other: together they are refused.
    if (audio.path === "relayed") url.searchParams.set("model", profile.model);
    else url.searchParams.set("call_id", audio.callId);
    this.#socket = deps.dialer.dial(url.href, this);
  }

  get quiet(): boolean {
    return this.#state !== "ready" || this.#sequencer.quiet;
  }

  // --- from the call --------------------------------------------------------------------------------

  append(base64: Uint8Array, start: number, end: number): void {
    if (this.#state === "ready") this.#socket.send(frames.append(base64, start, end));
  }

  appendUlaw(ulaw: Uint8Array, start: number, end: number): void {
    if (this.#state === "ready") this.#socket.send(joined.appendUlaw(ulaw, start, end));
  }

  greet(instructions: string): void {
    this.#want(instructions, true);
  }

  speak(instructions: string): void {
    this.#want(instructions, false);
  }

  requestResponse(): void {
    this.#want(null, false);
  }

  note(text: string): void {
    this.#send({
      type: "conversation.item.create",
      event_id: this.#eventId("note"),
      item: { type: "message", role: "system", content: [{ type: "input_text", text }] },
    });
  }

  toolResults(results: readonly ToolAnswer[], goOn: boolean): void {
    for (const { callId, output } of results) {
      this.#send({
        type: "conversation.item.create",
        event_id: this.#eventId("tool"),
        item: { type: "function_call_output", call_id: callId, output },
      });
    }
    if (goOn) this.#want(null, false);
  }

  interrupted(cuts: readonly Truncation[]): void {
    const active = this.#activeResponse;
    if (active !== null) {
      this.#mute(active);
      // With interrupt_response the server has cancelled it already, and a cancel would be refused.
      if (!this.#interruptResponse) this.#cancel();
    }
    for (const cut of cuts) {
      this.#mute(cut.responseId);
      this.#send({
        type: "conversation.item.truncate",
        event_id: this.#eventId("truncate"),
        item_id: cut.itemId,
        content_index: cut.contentIndex,
        audio_end_ms: cut.heardMs,
      });
    }
  }

  stopSpeaking(): void {
    this.#sequencer.dropWishes();
    if (this.#activeResponse === null) return;
    this.#mute(this.#activeResponse);
    this.#cancel();
    if (this.#attached)
      this.#send({ type: "output_audio_buffer.clear", event_id: this.#eventId("hush") });
  }

  update(change: SessionChange): void {
    if (change.turnDetection !== undefined)
      this.#interruptResponse = change.turnDetection.interruptResponse;
    this.#send({
      type: "session.update",
      event_id: this.#eventId("update"),
      session: {
        type: "realtime",
        ...(change.instructions === undefined ? {} : { instructions: change.instructions }),
        ...audioChange(change),
      },
    });
  }

  /** The caller has spoken and paused, as we hear it. A model that hears it too says something within HUNG_MS. */
  callerPaused(): void {
    if (this.#state === "ready" && this.#probeSentMs === null) this.#suspectMs ??= this.#nowMs();
  }

  get lastEventMs(): number {
    return this.#lastHeardOfMs;
  }

  /** An update that changes nothing: a server that lives answers it. */
  probe(): void {
    if (this.#state !== "ready" || this.#probeSentMs !== null) return;
    this.#probeSentMs = this.#nowMs();
    this.#send({
      type: "session.update",
      event_id: this.#eventId("probe"),
      session: { type: "realtime" },
    });
  }

  /** Every tick: what became due by time alone. */
  tick(nowMs: number): void {
    const stoodStillMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    if (stoodStillMs >= PROCESS_STALL_MS) this.#forgive(stoodStillMs, nowMs);
    if (this.#state !== "ready") return;
    this.#sendDue(nowMs);
    const silentMs = nowMs - this.#lastHeardOfMs;
    if (silentMs < HUNG_MS) return;
    if (this.#sequencer.owed || this.#sequencer.active) {
      this.#hung();
      return;
    }
    if (this.#probeSentMs !== null && nowMs - this.#probeSentMs >= HUNG_MS) {
      this.#hung();
      return;
    }
    if (
      this.#suspectMs !== null &&
      this.#probeSentMs === null &&
      nowMs - this.#suspectMs >= HUNG_MS
    ) {
      // The caller spoke, nobody said so: an update that changes nothing must be answered by a model that lives.
      this.probe();
    }
  }

  /** What the model said while this process stood still may be unread: its silence in that time is no silence. */
  #forgive(ms: number, nowMs: number): void {
    this.#lastHeardOfMs = Math.min(nowMs, this.#lastHeardOfMs + ms);
    if (this.#suspectMs !== null) this.#suspectMs = Math.min(nowMs, this.#suspectMs + ms);
    if (this.#probeSentMs !== null) this.#probeSentMs = Math.min(nowMs, this.#probeSentMs + ms);
  }

  close(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#socket.close(1000, "done");
  }

  // --- from the socket ------------------------------------------------------------------------------

  opened(): void {
    if (this.#state === "dialing") this.#state = "configuring";
  }

  closed(failure: UpstreamClose): void {
    if (this.#state === "over") return;
    this.#lose(closeFailure(failure));
  }

  message(message: Uint8Array): void {
    if (this.#state === "over") return;
    this.#lastHeardOfMs = this.#nowMs();
    this.#suspectMs = null;
    if (this.#probeSentMs !== null) {
      this.#probeSentMs = null;
      this.#events.probeAnswered();
    }
    if (scanDelta(message, scan)) {
      if (scan.kind === "audio") this.#audio(message);
      else this.#transcript(message);
      return;
    }
    if (!this.#attached && isIdleEvent(message)) return;
    let event: ServerEvent;
    try {
      event = parseServerEvent(message);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      this.#metrics.upstreamErrors.add(1, error.code);
      this.#log.warn("model message refused", { code: error.code }, error);
      return;
    }
    this.#handle(event);
    if (this.#state === "ready") this.#sendDue(this.#lastHeardOfMs);
  }

  #audio(message: Uint8Array): void {
    let speech = this.#speech;
    if (
      speech === null ||
      !sameText(message, scan.itemIdStart, scan.itemIdEnd, speech.itemIdBytes)
    ) {
      const itemIdBytes = message.slice(scan.itemIdStart, scan.itemIdEnd);
      const responseId = text(message, scan.responseIdStart, scan.responseIdEnd) as ResponseId;
      speech = {
        itemId: text(itemIdBytes, 0, itemIdBytes.length) as ItemId,
        itemIdBytes,
        responseId,
        contentIndex: scan.contentIndex,
        muted: this.#interrupted.includes(responseId),
      };
      this.#speech = speech;
      if (speech.muted) this.#unheardItems.push(speech.itemId);
    }
    if (speech.muted) return;
    this.#spoke = true;
    this.#events.audio(speech, message, scan.deltaStart, scan.deltaEnd);
  }

  #transcript(message: Uint8Array): void {
    const { itemIdStart, itemIdEnd, deltaStart, deltaEnd } = scan;
    const speech = this.#speech;
    const itemId =
      speech !== null && sameText(message, itemIdStart, itemIdEnd, speech.itemIdBytes)
        ? speech.itemId
        : (text(message, itemIdStart, itemIdEnd) as ItemId);
    this.#events.agentText(itemId, decoder.decode(message.subarray(deltaStart, deltaEnd)), false);
  }

  #handle(event: ServerEvent): void {
    switch (event.type) {
      case "session.created":
        this.#configure();
        return;
      case "session.updated":
        this.#configured();
        return;
      case "input_audio_buffer.speech_started":
        this.#sequencer.speechStarted();
        this.#events.callerSpeech("started", event.itemId, event.audioStartMs);
        return;
      case "input_audio_buffer.speech_stopped":
        this.#sequencer.speechStopped();
        this.#events.callerSpeech("stopped", event.itemId, event.audioEndMs);
        return;
      case "input_audio_buffer.committed":
        this.#sequencer.committed(this.#lastHeardOfMs);
        this.#events.callerTurn(event.itemId);
        return;
      case "input_audio_buffer.timeout_triggered":
        this.#events.idleTimeout();
        return;
      case "input_audio_buffer.dtmf_event_received":
        this.#events.key?.(event.digit);
        return;
      case "output_audio_buffer.started":
        this.#events.playback?.("started");
        return;
      case "output_audio_buffer.stopped":
        this.#events.playback?.("stopped");
        return;
      case "output_audio_buffer.cleared":
        this.#events.playback?.("cleared");
        return;
      case "conversation.item.truncated":
        this.#events.cut?.(event.itemId, event.audioEndMs);
        return;
      case "conversation.item.input_audio_transcription.completed":
        this.#events.callerText(event.itemId, event.transcript);
        if (event.usage !== null) {
          const model = this.#profile.transcription?.model ?? "unknown";
          if (event.usage.type === "tokens")
            this.#events.transcriptionUsage(model, event.usage.totalTokens, 0);
          else this.#events.transcriptionUsage(model, 0, event.usage.seconds);
        }
        return;
      case "conversation.item.input_audio_transcription.failed":
        this.#metrics.upstreamErrors.add(1, "upstream_rejected");
        this.#log.info("caller transcription failed", { code: event.error.code });
        return;
      case "response.created":
        this.#activeResponse = event.response.id;
        this.#spoke = false;
        this.#sequencer.created();
        this.#events.responseStarted(event.response.id);
        return;
      case "response.output_audio.delta": {
        // A layout that the scanner does not read: the same audio by the slow way.
        const bytes = new TextEncoder().encode(event.delta);
        const muted = this.#interrupted.includes(event.responseId);
        if (muted) this.#unheardItems.push(event.itemId);
        else {
          this.#spoke = true;
          this.#events.audio(event, bytes, 0, bytes.length);
        }
        return;
      }
      case "response.output_audio.done":
        if (!this.#interrupted.includes(event.responseId)) this.#events.audioDone(event.itemId);
        return;
      case "response.output_audio_transcript.delta":
        this.#events.agentText(event.itemId, event.delta, false);
        return;
      case "response.output_audio_transcript.done":
        this.#events.agentText(event.itemId, event.transcript, true);
        return;
      case "response.done":
        this.#responseDone(event.response);
        return;
      case "rate_limits.updated":
        for (const { name, remaining, limit, resetSeconds } of event.limits) {
          if (name === "tokens" && remaining !== null && limit !== null) {
            this.#events.tokensRemaining(remaining, limit, resetSeconds ?? 0);
          }
        }
        return;
      case "error":
        this.#error(event.error.code, event.error.eventId, event.error.type ?? "error");
        return;
      case "unknown":
        this.#metrics.unknownMessages.add(1, "upstream");
        return;
      default:
        // Known events that carry nothing we act on.
        return;
    }
  }

  #configure(): void {
    if (this.#state !== "dialing" && this.#state !== "configuring") return;
    this.#state = "configuring";
    if (this.#attached) {
      this.#configured();
      return;
    }
    this.#send({
      type: "session.update",
      event_id: "configure",
      session: sessionConfig(this.#profile),
    });
  }

  #configured(): void {
    if (this.#state !== "configuring") return;
    this.#state = "ready";
    for (const past of this.#history) {
      for (const item of recalled(past)) {
        this.#send({ type: "conversation.item.create", event_id: this.#eventId("recall"), item });
      }
    }
    this.#life.ready();
  }

  #responseDone(response: ResponseObject): void {
    this.#sequencer.done();
    if (this.#activeResponse === response.id) this.#activeResponse = null;
    const calls: ToolCall[] = [];
    for (const item of response.output) {
      if (item.type === "function_call" && item.status === "completed") {
        calls.push({
          callId: item.callId as ToolCallId,
          name: item.name,
          arguments: item.arguments,
        });
      } else if (
        item.type === "message" &&
        item.id !== null &&
        !this.#interrupted.includes(response.id)
      ) {
        this.#events.audioDone(item.id as ItemId);
      }
    }
    // What the model said and nobody heard must not stay in its memory.
    for (const itemId of new Set(this.#unheardItems)) {
      this.#send({
        type: "conversation.item.delete",
        event_id: this.#eventId("unheard"),
        item_id: itemId,
      });
    }
    this.#unheardItems.length = 0;
    if (response.usage !== null)
      this.#events.usage(this.#profile.model, usageToTokens(response.usage));
    const problem = response.statusDetails?.errorCode ?? response.statusDetails?.reason ?? null;
    // A status that did not exist when this was written: the response is over, and that is what counts.
    const { status: said } = response;
    const status = said === "in_progress" || said === "unknown" ? "completed" : said;
    if (status === "failed") {
      const account = accountTrouble(problem);
      if (account !== null) {
        this.#lose({ code: account, retryable: false, detail: problem ?? "failed" });
        return;
      }
    }
    this.#events.responseDone({
      responseId: response.id,
      status,
      calls,
      spoke: this.#spoke,
      problem,
      retryAfterMs: null,
      textOnly: null,
      mcpCalls: [],
      phase: null,
    });
    this.#spoke = false;
  }

  #error(code: string | null, eventId: string | null, type: string): void {
    const account = accountTrouble(code);
    if (account !== null) {
      this.#lose({ code: account, retryable: false, detail: code ?? type });
      return;
    }
    if (code === "session_expired") {
      this.#lose({ code: "upstream_session_expired", retryable: true, detail: code });
      return;
    }
    if (eventId === "configure") {
      this.#lose({ code: "upstream_rejected", retryable: false, detail: code ?? type });
      return;
    }
    if (this.#sequencer.refused(eventId, code)) {
      if (code !== "conversation_already_has_active_response") {
        this.#events.responseDone({
          responseId: "" as ResponseId,
          status: "failed",
          calls: [],
          spoke: false,
          problem: code ?? type,
          retryAfterMs: null,
          textOnly: null,
          mcpCalls: [],
          phase: null,
        });
      }
      return;
    }
    this.#events.warning(
      code ?? type,
      eventId?.startsWith("truncate-") === true ? "truncate" : "other",
    );
  }

  // --- to the socket --------------------------------------------------------------------------------

  #want(instructions: string | null, opening: boolean): void {
    this.#sequencer.want({ instructions, opening });
    this.#sendDue(this.#nowMs());
  }

  #sendDue(nowMs: number): void {
    if (!this.#sequencer.wishes) return;
    const eventId = `create-${this.#eventCount + 1}`;
    const wish = this.#sequencer.next(eventId, nowMs);
    if (wish === null) return;
    this.#eventCount++;
    this.#lastHeardOfMs = nowMs;
    this.#send({
      type: "response.create",
      event_id: eventId,
      ...(wish.instructions === null ? {} : { response: { instructions: wish.instructions } }),
    });
  }

  #cancel(): void {
    if (this.#activeResponse === null) return;
    this.#send({
      type: "response.cancel",
      event_id: this.#eventId("cancel"),
      response_id: this.#activeResponse,
    });
  }

  #mute(responseId: ResponseId): void {
    if (this.#interrupted.includes(responseId)) return;
    this.#interrupted.push(responseId);
    if (this.#interrupted.length > INTERRUPTED_KEPT) this.#interrupted.shift();
    if (this.#speech?.responseId === responseId) this.#speech = { ...this.#speech, muted: true };
  }

  #eventId(what: string): string {
    return `${what}-${++this.#eventCount}`;
  }

  #send(event: ClientEvent): void {
    if (this.#state === "over") return;
    this.#socket.send(encodeClientEvent(event));
  }

  #hung(): void {
    this.#lose({
      code: "upstream_hung",
      retryable: true,
      detail: `nothing heard for ${HUNG_MS} ms`,
    });
  }

  #lose(failure: { code: ErrorCode; retryable: boolean; detail: string }): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#socket.close(1000, "lost");
    this.#life.lost(failure);
  }
}

function audioChange({ turnDetection, voice }: SessionChange) {
  if (turnDetection === undefined && voice === undefined) return {};
  return {
    audio: {
      ...(turnDetection === undefined
        ? {}
        : { input: { turn_detection: turnDetectionConfig(turnDetection) } }),
      ...(voice === undefined ? {} : { output: { voice } }),
    },
  };
}

function sameText(bytes: Uint8Array, start: number, end: number, other: Uint8Array): boolean {
  if (end - start !== other.length) return false;
  for (let i = 0; i < other.length; i++) if (bytes[start + i] !== other[i]) return false;
  return true;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  let out = "";
  for (let i = start; i < end; i++) out += String.fromCharCode(bytes[i]!);
  return out;
}
