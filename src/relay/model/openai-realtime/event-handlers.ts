/**
 * What a session does when it receives an event of the server. Events without a handler are known,
 * but carry nothing that another event does not carry.
 */
import type { Log } from "../../../ports/log.js";
import type { Metrics } from "../../../ports/metrics.js";
import type { ServerEvent } from "../../../wire/realtime-events.js";
import type { ResponseObject, ServerFault, SessionInfo } from "../../../wire/realtime-objects.js";
import type { ModelSessionEvents } from "../model-session.js";
import type { CallerItems } from "./caller-items.js";
import type { McpCalls } from "./mcp-calls.js";
import type { ModelSpeech } from "./model-speech.js";
import type { RateLimits } from "./rate-limit.js";
import type { ResponseSequencer } from "./response-sequencer.js";
import type { Responses } from "./responses.js";
import type { TextLimit } from "./text-limit.js";
import { cutText } from "./text-limit.js";

/** The parts of a session that its events act on. */
export interface SessionParts {
  readonly events: ModelSessionEvents;
  readonly sequencer: ResponseSequencer;
  readonly responses: Responses;
  readonly callerItems: CallerItems;
  readonly speech: ModelSpeech;
  readonly texts: TextLimit;
  readonly mcp: McpCalls;
  readonly limits: RateLimits;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly transcriptionModel: string;
  sessionCreated(): void;
  sessionUpdated(session: SessionInfo): void;
  responseCreated(response: ResponseObject): void;
  responseDone(response: ResponseObject): void;
  error(fault: ServerFault): void;
}

type Of<T extends ServerEvent["type"]> = ServerEvent & { readonly type: T };
type Handlers = {
  readonly [T in ServerEvent["type"]]?: (s: SessionParts, event: Of<T>, nowMs: number) => void;
};

const HANDLERS: Handlers = {
  "session.created": (s) => s.sessionCreated(),
  "session.updated": (s, { session }) => s.sessionUpdated(session),

  "input_audio_buffer.speech_started": (s, { itemId, audioStartMs }) => {
    if (!s.callerItems.started(itemId, audioStartMs)) return;
    s.sequencer.speechStarted();
    s.events.callerSpeech("started", itemId, audioStartMs);
  },
  "input_audio_buffer.speech_stopped": (s, { itemId, audioEndMs }, nowMs) => {
    if (!s.callerItems.stopped(itemId, audioEndMs)) return;
    s.sequencer.speechStopped(nowMs);
    s.events.callerSpeech("stopped", itemId, audioEndMs);
  },
  "input_audio_buffer.committed": (s, { itemId }, nowMs) => {
    const commit = s.callerItems.committed(itemId);
    if (commit === "repeated") return;
    // After a forced commit the server makes no response by itself: the session asks for it.
    if (commit === "turn") s.sequencer.committed(nowMs);
    s.events.callerTurn(itemId);
  },
  "input_audio_buffer.timeout_triggered": (s, { itemId }) => {
    if (s.callerItems.timedOut(itemId)) s.events.idleTimeout();
  },
  "input_audio_buffer.dtmf_event_received": (s, { digit }) => s.events.key?.(digit),

  "output_audio_buffer.started": (s, event) => {
    s.responses.hasSound();
    s.events.playback?.("started", event.responseId);
  },
  "output_audio_buffer.stopped": (s, event) => s.events.playback?.("stopped", event.responseId),
  "output_audio_buffer.cleared": (s, event) => s.events.playback?.("cleared", event.responseId),

  "conversation.item.truncated": (s, { itemId, audioEndMs }) => s.events.cut?.(itemId, audioEndMs),
  "conversation.item.added": (s, { item }, nowMs) => s.mcp.item(item, nowMs),
  "conversation.item.done": (s, { item }, nowMs) => s.mcp.item(item, nowMs),
  "conversation.item.input_audio_transcription.completed": transcribed,
  "conversation.item.input_audio_transcription.failed": (s, { itemId, error }) => {
    s.events.callerTextFailed(itemId, error.code ?? error.type ?? "unknown");
  },

  "response.created": (s, { response }) => s.responseCreated(response),
  "response.done": (s, { response }) => s.responseDone(response),
  "response.output_item.added": (s, { item }, nowMs) => s.mcp.item(item, nowMs),
  "response.output_item.done": (s, { responseId, item }, nowMs) => {
    if (item.type === "function_call") s.responses.toldCall(responseId, item);
    else s.mcp.item(item, nowMs);
  },
  "response.output_audio.delta": (s, event) => s.speech.parsedAudio(event, event.delta),
  "response.output_audio.done": (s, { responseId, itemId }) => {
    if (!s.responses.isInterrupted(responseId)) s.events.audioDone(itemId);
  },
  "response.output_audio_transcript.delta": (s, { itemId, delta }) =>
    s.speech.parsedTranscript(itemId, delta),
  "response.output_audio_transcript.done": (s, { itemId, transcript }) => {
    s.responses.hasSound();
    s.events.agentText(itemId, s.texts.whole(itemId, transcript), true);
  },
  "response.output_text.done": (s, { itemId, text }) => {
    s.responses.wroteText(itemId, text);
    s.events.agentWrote(itemId, s.texts.whole(itemId, text));
  },

  "mcp_list_tools.failed": (s, { itemId }) => s.mcp.toolsFailed(itemId),
  "response.mcp_call.in_progress": (s, { itemId }, nowMs) => s.mcp.started(itemId, nowMs),
  "response.mcp_call.completed": (s, { itemId }, nowMs) => s.mcp.ended(itemId, false, nowMs),
  "response.mcp_call.failed": (s, { itemId }, nowMs) => s.mcp.ended(itemId, true, nowMs),

  "rate_limits.updated": (s, { limits }, nowMs) => {
    s.limits.updated(limits, nowMs);
    for (const { name, remaining, limit, resetSeconds } of limits) {
      if (name === "tokens" && remaining !== null && limit !== null)
        s.events.tokensRemaining(remaining, limit, resetSeconds ?? 0);
    }
  },
  error: (s, { error }) => s.error(error),
  unknown: (s) => s.metrics.unknownMessages.add(1, "upstream"),
};

export function handleEvent<T extends ServerEvent["type"]>(
  s: SessionParts,
  event: Of<T>,
  nowMs: number,
): void {
  const handle = HANDLERS[event.type as T] as Handlers[T];
  handle?.(s, event, nowMs);
}

function transcribed(
  s: SessionParts,
  event: Of<"conversation.item.input_audio_transcription.completed">,
): void {
  const { itemId, transcript, usage } = event;
  if (!s.callerItems.transcribed(itemId)) return;
  s.events.callerText(itemId, cutText(transcript));
  if (usage === null) return;
  const tokens = usage.type === "tokens" ? usage.totalTokens : 0;
  const seconds = usage.type === "duration" ? usage.seconds : 0;
  s.events.transcriptionUsage(s.transcriptionModel, tokens, seconds);
}
