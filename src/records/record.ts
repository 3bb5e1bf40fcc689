import type { CallRecord } from "../domain/call-record.js";
import { assertNever } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent, TokenUsage } from "../domain/record-event.js";
import {
  addEvent,
  draftOf,
  fitText,
  insertByTime,
  LIMITS,
  type RecordDraft,
  recordOf,
  timeOf,
} from "./record-draft.js";
import {
  applyTransferOutcome,
  applyTransferRequested,
  applyTransferStep,
} from "./record-transfers.js";
import { applyTurnEvent, dropProgress } from "./record-turns.js";

type Of<Type extends RecordEvent["type"]> = Extract<RecordEvent, { readonly type: Type }>;

/** A call of which nothing is known yet. */
export function emptyRecord(callSid: CallSid): CallRecord {
  return {
    callSid,
    streamSid: null,
    state: "live",
    node: null,
    agent: null,
    direction: "inbound",
    from: null,
    to: null,
    path: "media-stream",
    startedAt: null,
    answeredAt: null,
    endedAt: null,
    outcome: null,
    endReason: null,
    transfer: null,
    earlierTransfers: [],
    turns: [],
    tools: [],
    usage: { models: {}, transcription: {} },
    costUsd: null,
    unpriced: [],
    recording: null,
    events: [],
  };
}

/** The record after one more event: see `applyEvents`. */
export function applyEvent(record: CallRecord, event: RecordEvent): CallRecord {
  return applyEvents(record, [event]);
}

/**
 * The record after some more events. Pure: the record passed in is unchanged. Events may come in
 * any order that a call can produce: a transcript after the end of its turn, a transfer's outcome
 * or a recording after the end of the call.
 */
export function applyEvents(record: CallRecord, more: readonly RecordEvent[]): CallRecord {
  if (more.length === 0) return record;
  const draft = draftOf(record);
  for (const event of more) apply(draft, event);
  if (draft.state === "ended") endAfterLastEvent(draft);
  return recordOf(draft);
}

/** A call does not end before anything that its record mentions. */
function endAfterLastEvent(draft: RecordDraft): void {
  const last = at(draft, lastKnownMs(draft));
  if (last !== null && draft.endedAt !== null && last > draft.endedAt) draft.endedAt = last;
}

function apply(draft: RecordDraft, event: RecordEvent): void {
  switch (event.type) {
    case "opened":
      applyOpened(draft, event);
      return;
    case "stream_started":
      applyStreamStarted(draft, event);
      return;
    case "caller_turn":
    case "caller_text":
    case "agent_turn":
    case "agent_text":
    case "agent_heard":
      applyTurnEvent(draft, event);
      return;
    case "tool":
      applyTool(draft, event);
      return;
    case "usage":
      addModelUsage(draft, event);
      return;
    case "transcription_usage":
      addTranscriptionUsage(draft, event);
      return;
    case "transfer_requested":
      applyTransferRequested(draft, event, timeOf(draft, event));
      return;
    case "transfer_step":
      applyTransferStep(draft, event, timeOf(draft, event));
      return;
    case "transfer_outcome":
      applyTransferOutcome(draft, event, timeOf(draft, event));
      return;
    case "recording":
    case "recording_transcript":
    case "recording_removed":
      applyRecordingEvent(draft, event);
      return;
    case "moved":
      return;
    case "note":
      addEvent(draft, { atMs: timeOf(draft, event), name: event.name, fields: event.fields });
      return;
    case "ended":
      applyEnded(draft, event);
      return;
    default:
      assertNever(event);
  }
}

function applyOpened(draft: RecordDraft, event: Of<"opened">): void {
  draft.agent = event.agent;
  draft.node = event.node;
  // A second `opened` is a call that came back from a transfer. It keeps its beginning.
  if (draft.startedAt !== null) return;
  draft.startedAt = iso(event.epochMs);
  draft.direction = event.direction;
  draft.from = event.from;
  draft.to = event.to;
  draft.path = event.path;
}

function applyStreamStarted(draft: RecordDraft, event: Of<"stream_started">): void {
  const atMs = timeOf(draft, event);
  addEvent(draft, { atMs, name: "stream_started", fields: {} });
  draft.streamSid = event.streamSid;
  draft.answeredAt = draft.answeredAt ?? at(draft, atMs);
  draft.state = "live";
  // The call came back: what was its end no longer is.
  draft.endedAt = null;
  draft.outcome = null;
  draft.endReason = null;
}

function applyEnded(draft: RecordDraft, event: Of<"ended">): void {
  draft.state = "ended";
  draft.endedAt = at(draft, timeOf(draft, event));
  dropProgress(draft);
  // A caller who was not admitted stays "rejected", wherever their overflow destination took them.
  if (draft.outcome === "rejected") return;
  draft.outcome = event.outcome;
  draft.endReason = event.reason;
}

function applyTool(draft: RecordDraft, event: Of<"tool">): void {
  const { name, ms, outcome } = event;
  const tool = {
    name,
    atMs: timeOf(draft, event),
    arguments: fitText(draft, event.arguments),
    output: fitText(draft, event.output),
    ms,
    outcome,
  };
  insertByTime(draft.tools, tool, LIMITS.tools);
}

function applyRecordingEvent(
  draft: RecordDraft,
  event: Of<"recording"> | Of<"recording_transcript"> | Of<"recording_removed">,
): void {
  const { sid } = event;
  switch (event.type) {
    case "recording": {
      const known = draft.recording?.sid === sid ? draft.recording : null;
      const { file = null, transcript = null, words = null } = known ?? {};
      draft.recording = { sid, file: event.file ?? file, transcript, words };
      return;
    }
    case "recording_transcript": {
      const { transcript, words } = event;
      draft.recording = { sid, file: draft.recording?.file ?? null, transcript, words };
      return;
    }
    case "recording_removed":
      if (draft.recording?.sid === sid) draft.recording = null;
      return;
  }
}

function addTranscriptionUsage(draft: RecordDraft, event: Of<"transcription_usage">): void {
  const { transcription } = draft.usage;
  const before = transcription[event.model];
  const sum = {
    tokens: (before?.tokens ?? 0) + event.tokens,
    seconds: (before?.seconds ?? 0) + event.seconds,
  };
  draft.usage = { ...draft.usage, transcription: { ...transcription, [event.model]: sum } };
}

function addModelUsage(draft: RecordDraft, event: Of<"usage">): void {
  const { models } = draft.usage;
  const sum = addResponse(models[event.model], event.tokens);
  draft.usage = { ...draft.usage, models: { ...models, [event.model]: sum } };
}

type ModelUsage = CallRecord["usage"]["models"][string];

function addResponse(sum: ModelUsage | undefined, more: TokenUsage): ModelUsage {
  return {
    inputText: (sum?.inputText ?? 0) + more.inputText,
    inputAudio: (sum?.inputAudio ?? 0) + more.inputAudio,
    inputImage: (sum?.inputImage ?? 0) + more.inputImage,
    cachedText: (sum?.cachedText ?? 0) + more.cachedText,
    cachedAudio: (sum?.cachedAudio ?? 0) + more.cachedAudio,
    cachedImage: (sum?.cachedImage ?? 0) + more.cachedImage,
    outputText: (sum?.outputText ?? 0) + more.outputText,
    outputAudio: (sum?.outputAudio ?? 0) + more.outputAudio,
    responses: (sum?.responses ?? 0) + 1,
  };
}

/** The latest moment that a record mentions, in ms since its beginning. */
export function lastKnownMs(record: CallRecord): number {
  const times = [
    ...record.turns.flatMap((turn) => [turn.startedMs ?? 0, turn.endedMs ?? 0]),
    ...record.tools.map((tool) => tool.atMs),
    ...record.events.map((event) => event.atMs),
    ...(record.transfer?.steps.map((step) => step.atMs) ?? []),
    record.transfer?.requestedMs ?? 0,
  ];
  return times.reduce((latest, ms) => Math.max(latest, ms), 0);
}

function at(record: Pick<CallRecord, "startedAt">, atMs: number): string | null {
  return record.startedAt === null ? null : iso(Date.parse(record.startedAt) + atMs);
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
