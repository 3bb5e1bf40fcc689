import type { CallSid, ItemId } from "../domain/ids.js";
import type { RecordEvent, TurnParts } from "../domain/record-event.js";
import type { Span, SpanAttributes, SpanEvent } from "../domain/span.js";

type Of<Type extends RecordEvent["type"]> = Extract<RecordEvent, { readonly type: Type }>;

/** Ids of a call's spans. */
export interface SpanIds {
  /** The same in every process, so that all of them write into one trace. */
  of(callSid: CallSid): { readonly traceId: string; readonly rootId: string };
  next(): string;
}

/** An item of the agent's speech, from its first audio until it was heard. Times: call's ms. */
interface Answer {
  readonly startedMs: number;
  readonly voiceToVoiceMs: number | null;
  readonly parts: TurnParts | null;
  /** What it answers; null: nothing that the caller said. */
  readonly turn: Turn | null;
}

interface Turn {
  readonly spanId: string;
  readonly startedMs: number;
  endedMs: number | null;
}

interface OpenSpan {
  readonly spanId: string;
  readonly name: string;
  readonly startMs: number;
  readonly attributes: SpanAttributes;
  readonly events: SpanEvent[];
}

interface CallTrace {
  readonly opened: Of<"opened">;
  readonly traceId: string;
  readonly rootId: string;
  readonly events: SpanEvent[];
  readonly answers: Map<ItemId, Answer>;
  stream: OpenSpan | null;
  session: OpenSpan | null;
  transfer: OpenSpan | null;
  turn: Turn | null;
}

interface SpanParts {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly spanId?: string;
  readonly parentId?: string;
  readonly kind?: Span["kind"];
  readonly attributes?: SpanAttributes;
  readonly events?: readonly SpanEvent[];
  readonly failed?: boolean;
}

/** Items that never end are forgotten beyond this many. */
const MAX_ANSWERS = 100;

/**
 * Makes the spans of calls from their record events, each when it has ended. Nothing happens here
 * between the turns of a call.
 */
export class CallSpans {
  readonly #ids: SpanIds;
  readonly #write: (span: Span) => void;
  readonly #calls = new Map<CallSid, CallTrace>();

  constructor(ids: SpanIds, write: (span: Span) => void) {
    this.#ids = ids;
    this.#write = write;
  }

  /** Calls with spans that have not ended. */
  get size(): number {
    return this.#calls.size;
  }

  event(callSid: CallSid, event: RecordEvent): void {
    if (event.type === "opened") {
      this.#calls.set(callSid, this.#begin(callSid, event));
      return;
    }
    const call = this.#calls.get(callSid);
    if (call === undefined) return;
    switch (event.type) {
      case "stream_started":
        this.#streamStarted(call, event);
        return;
      case "caller_turn":
        callerTurn(call, event, this.#ids);
        return;
      case "agent_turn":
        agentTurn(call, event);
        return;
      case "agent_heard":
        this.#heard(call, event);
        return;
      case "tool":
        this.#tool(call, event);
        return;
      case "transfer_requested":
        call.transfer = this.#open(`transfer ${event.kind}`, event.atMs, {
          "murelay.destination": event.destination,
          "murelay.by": event.by,
        });
        return;
      case "transfer_step":
        call.transfer?.events.push(at(call, event.step, event.atMs));
        return;
      case "transfer_outcome":
        this.#transferEnded(call, event);
        return;
      case "note":
        this.#note(call, event);
        return;
      case "moved":
        this.#calls.delete(callSid);
        return;
      case "ended":
        this.#ended(call, event);
        this.#calls.delete(callSid);
        return;
      default:
        return;
    }
  }

  #begin(callSid: CallSid, opened: Of<"opened">): CallTrace {
    return {
      opened,
      ...this.#ids.of(callSid),
      events: [],
      answers: new Map(),
      stream: null,
      session: null,
      transfer: null,
      turn: null,
    };
  }

  #open(name: string, startMs: number, attributes: SpanAttributes = {}): OpenSpan {
    return { spanId: this.#ids.next(), name, startMs, attributes, events: [] };
  }

  #streamStarted(call: CallTrace, { atMs }: Of<"stream_started">): void {
    if (call.stream === null) this.#span(call, { name: "webhook", startMs: 0, endMs: atMs });
    else this.#close(call, call.stream, atMs);
    call.stream = this.#open("stream", atMs);
  }

  #heard(call: CallTrace, event: Of<"agent_heard">): void {
    const answer = call.answers.get(event.itemId);
    if (answer === undefined) return;
    call.answers.delete(event.itemId);
    const { startedMs, turn, parts, voiceToVoiceMs } = answer;
    const attributes: SpanAttributes = {
      "murelay.heard_ms": Math.round(event.heardMs),
      "murelay.interrupted": event.interruptedAtMs !== null,
      ...(voiceToVoiceMs === null ? {} : { "murelay.voice_to_voice_ms": voiceToVoiceMs }),
      ...(parts === null ? {} : { "murelay.tool_ms": parts.toolMs }),
    };
    if (turn === null || parts === null) {
      this.#span(call, { name: "speech", startMs: startedMs, endMs: event.endedMs, attributes });
      return;
    }
    const parentId = turn.spanId;
    const { spanId, startedMs: from } = turn;
    this.#span(call, { name: "turn", spanId, startMs: from, endMs: event.endedMs, attributes });
    const spokenMs = turn.endedMs ?? from;
    const noticedMs = spokenMs + parts.endOfTurnMs;
    const arrivedMs = startedMs - parts.relayMs;
    const part = (name: string, startMs: number, endMs: number): void =>
      this.#span(call, { name, startMs, endMs, parentId });
    part("caller speaks", from, spokenMs);
    part("end of turn", spokenMs, noticedMs);
    // Tools run inside it and have spans of their own.
    part("model", noticedMs, arrivedMs);
    part("relay", arrivedMs, startedMs);
    part("playback", startedMs, event.endedMs);
  }

  #tool(call: CallTrace, { atMs, ms, name, outcome }: Of<"tool">): void {
    this.#span(call, {
      name: `tool ${name}`,
      startMs: atMs - ms,
      endMs: atMs,
      kind: "client",
      ...(call.turn === null ? {} : { parentId: call.turn.spanId }),
      attributes: { "murelay.outcome": outcome },
      failed: outcome !== "ok",
    });
  }

  #transferEnded(call: CallTrace, { atMs, outcome, destination }: Of<"transfer_outcome">): void {
    if (call.transfer === null) return;
    const attributes = { "murelay.outcome": outcome, "murelay.destination": destination };
    this.#close(call, call.transfer, atMs, attributes, outcome !== "answered");
    call.transfer = null;
  }

  #note(call: CallTrace, { name, atMs, fields }: Of<"note">): void {
    call.events.push(at(call, name, atMs));
    if (name === "session_ready") {
      const dialMs = Number(fields["ms"] ?? 0);
      call.session = this.#open("session", atMs - dialMs);
      const parentId = call.session.spanId;
      this.#span(call, { name: "dial", startMs: atMs - dialMs, endMs: atMs, parentId });
    } else if (name === "session_lost" && call.session !== null) {
      this.#close(call, call.session, atMs, { "murelay.code": String(fields["code"]) }, true);
      call.session = null;
    }
  }

  #ended(call: CallTrace, { atMs, outcome, reason }: Of<"ended">): void {
    for (const open of [call.stream, call.session, call.transfer])
      if (open !== null) this.#close(call, open, atMs);
    const { agent, direction, path, node } = call.opened;
    this.#span(call, {
      name: "call",
      spanId: call.rootId,
      startMs: 0,
      endMs: atMs,
      kind: "server",
      attributes: {
        "murelay.agent": agent,
        "murelay.direction": direction,
        "murelay.path": path,
        "murelay.node": node,
        "murelay.outcome": outcome,
        "murelay.end_reason": reason,
      },
      events: call.events,
      failed: outcome === "failed",
    });
  }

  #close(
    call: CallTrace,
    { spanId, name, startMs, attributes, events }: OpenSpan,
    endMs: number,
    more: SpanAttributes = {},
    failed = false,
  ): void {
    const all = { ...attributes, ...more };
    this.#span(call, { name, spanId, startMs, endMs, attributes: all, events, failed });
  }

  #span(call: CallTrace, parts: SpanParts): void {
    const { traceId, rootId, opened } = call;
    const spanId = parts.spanId ?? this.#ids.next();
    this.#write({
      name: parts.name,
      traceId,
      spanId,
      parentSpanId: spanId === rootId ? null : (parts.parentId ?? rootId),
      kind: parts.kind ?? "internal",
      startEpochMs: opened.epochMs + parts.startMs,
      endEpochMs: opened.epochMs + Math.max(parts.startMs, parts.endMs),
      attributes: parts.attributes ?? {},
      events: parts.events ?? [],
      failed: parts.failed ?? false,
    });
  }
}

function callerTurn(call: CallTrace, event: Of<"caller_turn">, ids: SpanIds): void {
  const { startedMs, endedMs } = event;
  if (call.turn === null || endedMs === null)
    call.turn = { spanId: ids.next(), startedMs, endedMs };
  else call.turn.endedMs = endedMs;
}

function agentTurn(call: CallTrace, event: Of<"agent_turn">): void {
  const { itemId, startedMs, voiceToVoiceMs, parts = null } = event;
  const turn = parts === null ? null : call.turn;
  if (turn !== null) call.turn = null;
  call.answers.set(itemId, { startedMs, voiceToVoiceMs, parts, turn });
  if (call.answers.size <= MAX_ANSWERS) return;
  for (const oldest of call.answers.keys()) {
    call.answers.delete(oldest);
    return;
  }
}

function at({ opened }: CallTrace, name: string, atMs: number): SpanEvent {
  return { name, epochMs: opened.epochMs + atMs };
}
