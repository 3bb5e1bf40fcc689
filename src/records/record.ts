import { assertNever } from "../errors.js";
import type { CallSid, ItemId } from "../ports.js";
import type { CallRecord, RecordedEvent, RecordedTransfer, RecordedTurn } from "./call-record.js";
import { heardText, speechWeight } from "./heard-text.js";
import type { RecordEvent, TokenUsage } from "./record-event.js";

/** A record is read as a whole, so each list in it has an end. What is beyond is left out. */
const MAX_TURNS = 2_000;
const MAX_TOOLS = 500;
const MAX_EVENTS = 500;
const MAX_STEPS = 100;
/** Less text than this says nothing about a voice's pace. */
const PACE_WEIGHT = 60;

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

/**
 * The record after one more event. Pure; the record passed in stays as it was. Events may come in any order that a call can
 * produce: a transcript after the end of its turn, a transfer's outcome or a recording after the end of the call.
 */
export function applyEvent(record: CallRecord, event: RecordEvent): CallRecord {
  switch (event.type) {
    case "opened":
      // A second `opened` is a call that came back from a transfer: it keeps its beginning, and lives again.
      return record.startedAt === null
        ? {
            ...record,
            startedAt: iso(event.epochMs),
            agent: event.agent,
            direction: event.direction,
            from: event.from,
            to: event.to,
            path: event.path,
            node: event.node,
          }
        : { ...record, agent: event.agent, node: event.node };
    case "stream_started":
      return {
        ...withEvent(record, { atMs: event.atMs, name: "stream_started", fields: {} }),
        streamSid: event.streamSid,
        answeredAt: record.answeredAt ?? at(record, event.atMs),
        state: "live",
      };
    case "caller_turn":
      return withTurn(record, "caller", event.itemId, (turn) => ({
        ...turn,
        startedMs: turn.startedMs ?? event.startedMs,
        endedMs: event.endedMs ?? turn.endedMs,
      }));
    case "caller_text":
      return withTurn(record, "caller", event.itemId, (turn) => ({ ...turn, text: event.text }));
    case "agent_turn":
      return withTurn(record, "agent", event.itemId, (turn) => ({
        ...turn,
        startedMs: turn.startedMs ?? event.startedMs,
        voiceToVoiceMs: turn.voiceToVoiceMs ?? event.voiceToVoiceMs,
      }));
    case "agent_text":
      return withTurn(record, "agent", event.itemId, (turn) => {
        const progress = event.progress ?? turn.progress;
        return withHeardText(record, {
          ...turn,
          text: event.text,
          complete: event.complete ?? true,
          ...(progress === undefined ? {} : { progress }),
        });
      });
    case "agent_heard":
      return withTurn(record, "agent", event.itemId, (turn) =>
        withHeardText(record, {
          ...turn,
          endedMs: event.endedMs,
          heardMs: event.heardMs,
          receivedMs: event.receivedMs,
          interruptedAtMs: event.interruptedAtMs,
        }),
      );
    case "tool": {
      const { type: _, ...tool } = event;
      return { ...record, tools: bounded(record.tools, tool, MAX_TOOLS) };
    }
    case "usage": {
      const before = record.usage.models[event.model];
      const sum = addTokens(before, event.tokens);
      return {
        ...record,
        usage: {
          ...record.usage,
          models: {
            ...record.usage.models,
            [event.model]: { ...sum, responses: (before?.responses ?? 0) + 1 },
          },
        },
      };
    }
    case "transcription_usage": {
      const before = record.usage.transcription[event.model];
      const sum = {
        tokens: (before?.tokens ?? 0) + event.tokens,
        seconds: (before?.seconds ?? 0) + event.seconds,
      };
      return {
        ...record,
        usage: { ...record.usage, transcription: { ...record.usage.transcription, [event.model]: sum } },
      };
    }
    case "transfer_requested": {
      const transfer: RecordedTransfer = {
        destination: event.destination,
        kind: event.kind,
        reason: event.reason,
        summary: event.summary,
        urgency: event.urgency,
        by: event.by,
        requestedMs: event.atMs,
        outcome: null,
        steps: [],
      };
      const earlier =
        record.transfer === null ? record.earlierTransfers : [...record.earlierTransfers, record.transfer];
      return { ...record, transfer, earlierTransfers: earlier };
    }
    case "transfer_step": {
      const { type: _, ...step } = event;
      if (record.transfer === null) {
        return withEvent(record, { atMs: event.atMs, name: event.step, fields: { detail: event.detail } });
      }
      const steps = bounded(record.transfer.steps, step, MAX_STEPS);
      return { ...record, transfer: { ...record.transfer, steps } };
    }
    case "transfer_outcome":
      return withTransferOutcome(record, event);
    case "recording": {
      const known = record.recording?.sid === event.sid ? record.recording : null;
      const { file = null, transcript = null, words = null } = known ?? {};
      return { ...record, recording: { sid: event.sid, file: event.file ?? file, transcript, words } };
    }
    case "recording_transcript":
      return {
        ...record,
        recording: {
          sid: event.sid,
          file: record.recording?.file ?? null,
          transcript: event.transcript,
          words: event.words,
        },
      };
    case "recording_removed":
      return record.recording?.sid === event.sid ? { ...record, recording: null } : record;
    case "moved":
      return record;
    case "note":
      return withEvent(record, { atMs: event.atMs, name: event.name, fields: event.fields });
    case "ended":
      return {
        ...record,
        state: "ended",
        endedAt: at(record, event.atMs),
        outcome: event.outcome,
        endReason: event.reason,
        turns: record.turns.map(({ progress: _, ...turn }) => turn),
      };
    default:
      return assertNever(event);
  }
}

function withTurn(
  record: CallRecord,
  who: "caller" | "agent",
  itemId: ItemId,
  change: (turn: RecordedTurn) => RecordedTurn,
): CallRecord {
  // From the end: it is nearly always the newest turn.
  const index = record.turns.findLastIndex((turn) => turn.itemId === itemId);
  const old = record.turns[index];
  if (old === undefined && record.turns.length >= MAX_TURNS) return record;
  const turn = change(old ?? newTurn(who, itemId));
  const turns = record.turns.slice();
  if (old !== undefined && old.startedMs === turn.startedMs) {
    turns[index] = turn;
    return { ...record, turns };
  }
  if (old !== undefined) turns.splice(index, 1);
  const startedMs = turn.startedMs;
  const place = startedMs === null ? -1 : turns.findIndex((other) => (other.startedMs ?? 0) > startedMs);
  turns.splice(place === -1 ? turns.length : place, 0, turn);
  return { ...record, turns };
}

function newTurn(who: "caller" | "agent", itemId: ItemId): RecordedTurn {
  return {
    who,
    itemId,
    text: null,
    heardText: null,
    startedMs: null,
    endedMs: null,
    heardMs: null,
    receivedMs: null,
    interruptedAtMs: null,
    voiceToVoiceMs: null,
    complete: true,
  };
}

function withHeardText(record: CallRecord, turn: RecordedTurn): RecordedTurn {
  const { text, heardMs, receivedMs } = turn;
  if (text === null || heardMs === null || receivedMs === null) return turn;
  const heard = heardText({
    text,
    heardMs,
    receivedMs,
    complete: turn.complete,
    progress: turn.progress ?? [],
    weightPerMs: turn.complete ? null : paceOf(record.turns),
  });
  return { ...turn, heardText: heard };
}

/** What the voice of this call speaks in a ms, from the turns that were generated to their end. */
function paceOf(turns: readonly RecordedTurn[]): number | null {
  let weight = 0;
  let ms = 0;
  for (const turn of turns) {
    if (turn.who !== "agent" || !turn.complete || turn.text === null || turn.receivedMs === null) continue;
    weight += speechWeight(turn.text);
    ms += turn.receivedMs;
  }
  return weight < PACE_WEIGHT || ms === 0 ? null : weight / ms;
}

function withTransferOutcome(
  record: CallRecord,
  event: RecordEvent & { readonly type: "transfer_outcome" },
): CallRecord {
  if (record.transfer?.destination === event.destination) {
    return { ...record, transfer: { ...record.transfer, outcome: event.outcome } };
  }
  const { transfer, earlierTransfers } = record;
  // The next destination may have been asked for already when the last one's outcome arrives.
  const named = earlierTransfers.findLastIndex(
    (earlier) => earlier.destination === event.destination && earlier.outcome === null,
  );
  // A transfer is named by what was asked for, its outcome by the rung of the ladder that it ended on.
  const index = named >= 0 ? named : earlierTransfers.findIndex((earlier) => earlier.outcome === null);
  const earlier = earlierTransfers[index];
  if (earlier === undefined) {
    if (transfer !== null && transfer.outcome === null)
      return { ...record, transfer: { ...transfer, outcome: event.outcome } };
    const fields = { destination: event.destination, outcome: event.outcome };
    return withEvent(record, { atMs: event.atMs, name: "transfer_outcome", fields });
  }
  const transfers = earlierTransfers.slice();
  transfers[index] = { ...earlier, outcome: event.outcome };
  return { ...record, earlierTransfers: transfers };
}

function withEvent(record: CallRecord, event: RecordedEvent): CallRecord {
  return { ...record, events: bounded(record.events, event, MAX_EVENTS) };
}

function bounded<T>(list: readonly T[], item: T, max: number): readonly T[] {
  return list.length >= max ? list : [...list, item];
}

function addTokens(sum: TokenUsage | undefined, more: TokenUsage): TokenUsage {
  if (sum === undefined) return more;
  return {
    inputText: sum.inputText + more.inputText,
    inputAudio: sum.inputAudio + more.inputAudio,
    inputImage: sum.inputImage + more.inputImage,
    cachedText: sum.cachedText + more.cachedText,
    cachedAudio: sum.cachedAudio + more.cachedAudio,
    cachedImage: sum.cachedImage + more.cachedImage,
    outputText: sum.outputText + more.outputText,
    outputAudio: sum.outputAudio + more.outputAudio,
  };
}

function at(record: CallRecord, atMs: number): string | null {
  return record.startedAt === null ? null : iso(Date.parse(record.startedAt) + atMs);
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
