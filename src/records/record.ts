import type { CallRecord, RecordedEvent, RecordedTurn } from "../domain/call-record.js";
import { assertNever } from "../domain/errors.js";
import type { CallSid, ItemId } from "../domain/ids.js";
import type { RecordEvent, TokenUsage } from "../domain/record-event.js";
import { heardText, speechWeight } from "./heard-text.js";

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

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/** A record that is being put together: its own lists, which nobody else holds. What is in the lists is never changed, but replaced; but see `OwnTurns`. */
type Draft = Mutable<CallRecord> & {
  turns: Mutable<RecordedTurn>[];
  tools: CallRecord["tools"][number][];
  events: RecordedEvent[];
};

/** Turns that were made while a record is put together: nobody else has them yet, so they are changed where they are. */
type OwnTurns = Set<RecordedTurn>;

/** The record after one more event: see `applyEvents`. */
export function applyEvent(record: CallRecord, event: RecordEvent): CallRecord {
  return applyEvents(record, [event]);
}

/**
 * The record after some more events. Pure; the record passed in stays as it was. Events may come in any order that a call can
 * produce: a transcript after the end of its turn, a transfer's outcome or a recording after the end of the call.
 */
export function applyEvents(record: CallRecord, more: readonly RecordEvent[]): CallRecord {
  if (more.length === 0) return record;
  const draft: Draft = {
    ...record,
    turns: record.turns.slice(),
    tools: record.tools.slice(),
    events: record.events.slice(),
  };
  const own: OwnTurns = new Set();
  for (const event of more) apply(draft, event, own);
  return draft;
}

function apply(draft: Draft, event: RecordEvent, own: OwnTurns): void {
  switch (event.type) {
    case "opened":
      draft.agent = event.agent;
      draft.node = event.node;
      // A second `opened` is a call that came back from a transfer: it keeps its beginning, and lives again.
      if (draft.startedAt !== null) return;
      draft.startedAt = iso(event.epochMs);
      draft.direction = event.direction;
      draft.from = event.from;
      draft.to = event.to;
      draft.path = event.path;
      return;
    case "stream_started":
      addEvent(draft, { atMs: event.atMs, name: "stream_started", fields: {} });
      draft.streamSid = event.streamSid;
      draft.answeredAt = draft.answeredAt ?? at(draft, event.atMs);
      draft.state = "live";
      return;
    case "caller_turn":
      changeTurn(draft, own, "caller", event.itemId, (turn) => {
        turn.startedMs ??= event.startedMs;
        turn.endedMs = event.endedMs ?? turn.endedMs;
      });
      return;
    case "caller_text":
      changeTurn(draft, own, "caller", event.itemId, (turn) => {
        turn.text = event.text;
      });
      return;
    case "agent_turn":
      changeTurn(draft, own, "agent", event.itemId, (turn) => {
        turn.startedMs ??= event.startedMs;
        turn.voiceToVoiceMs ??= event.voiceToVoiceMs;
      });
      return;
    case "agent_text":
      changeTurn(draft, own, "agent", event.itemId, (turn) => {
        turn.text = event.text;
        turn.complete = event.complete ?? true;
        if (event.progress !== undefined) turn.progress = event.progress;
        setHeardText(draft, turn);
      });
      return;
    case "agent_heard":
      changeTurn(draft, own, "agent", event.itemId, (turn) => {
        turn.endedMs = event.endedMs;
        turn.heardMs = event.heardMs;
        turn.receivedMs = event.receivedMs;
        turn.interruptedAtMs = event.interruptedAtMs;
        setHeardText(draft, turn);
      });
      return;
    case "tool": {
      const { type: _, ...tool } = event;
      if (draft.tools.length < MAX_TOOLS) draft.tools.push(tool);
      return;
    }
    case "usage": {
      const { models } = draft.usage;
      const sum = addResponse(models[event.model], event.tokens);
      draft.usage = { ...draft.usage, models: { ...models, [event.model]: sum } };
      return;
    }
    case "transcription_usage": {
      const { transcription } = draft.usage;
      const before = transcription[event.model];
      const sum = {
        tokens: (before?.tokens ?? 0) + event.tokens,
        seconds: (before?.seconds ?? 0) + event.seconds,
      };
      draft.usage = { ...draft.usage, transcription: { ...transcription, [event.model]: sum } };
      return;
    }
    case "transfer_requested":
      if (draft.transfer !== null)
        draft.earlierTransfers = [...draft.earlierTransfers, draft.transfer];
      draft.transfer = {
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
      return;
    case "transfer_step": {
      const { type: _, ...step } = event;
      const { transfer } = draft;
      if (transfer === null)
        addEvent(draft, { atMs: event.atMs, name: event.step, fields: { detail: event.detail } });
      else if (transfer.steps.length < MAX_STEPS)
        draft.transfer = { ...transfer, steps: [...transfer.steps, step] };
      return;
    }
    case "transfer_outcome":
      setTransferOutcome(draft, event);
      return;
    case "recording": {
      const known = draft.recording?.sid === event.sid ? draft.recording : null;
      const { file = null, transcript = null, words = null } = known ?? {};
      draft.recording = { sid: event.sid, file: event.file ?? file, transcript, words };
      return;
    }
    case "recording_transcript":
      draft.recording = {
        sid: event.sid,
        file: draft.recording?.file ?? null,
        transcript: event.transcript,
        words: event.words,
      };
      return;
    case "recording_removed":
      if (draft.recording?.sid === event.sid) draft.recording = null;
      return;
    case "moved":
      return;
    case "note":
      addEvent(draft, { atMs: event.atMs, name: event.name, fields: event.fields });
      return;
    case "ended":
      draft.state = "ended";
      draft.endedAt = at(draft, event.atMs);
      draft.outcome = event.outcome;
      draft.endReason = event.reason;
      draft.turns = draft.turns.map((turn) =>
        turn.progress === undefined ? turn : withoutProgress(turn),
      );
      return;
    default:
      assertNever(event);
  }
}

/** @param change  is given a turn that nobody else has. */
function changeTurn(
  draft: Draft,
  own: OwnTurns,
  who: "caller" | "agent",
  itemId: ItemId,
  change: (turn: Mutable<RecordedTurn>) => void,
): void {
  const { turns } = draft;
  // From the end: it is nearly always the newest turn.
  const index = turns.findLastIndex((turn) => turn.itemId === itemId);
  const old = turns[index];
  if (old === undefined && turns.length >= MAX_TURNS) return;
  const startedBefore = old?.startedMs;
  let turn = old;
  if (turn === undefined || !own.has(turn)) {
    turn = old === undefined ? newTurn(who, itemId) : { ...old };
    own.add(turn);
  }
  change(turn);
  if (old !== undefined && startedBefore === turn.startedMs) {
    turns[index] = turn;
    return;
  }
  if (old !== undefined) turns.splice(index, 1);
  const { startedMs } = turn;
  const place =
    startedMs === null ? -1 : turns.findIndex((other) => (other.startedMs ?? 0) > startedMs);
  turns.splice(place === -1 ? turns.length : place, 0, turn);
}

function withoutProgress({ progress: _, ...turn }: RecordedTurn): RecordedTurn {
  return turn;
}

function newTurn(who: "caller" | "agent", itemId: ItemId): Mutable<RecordedTurn> {
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

function setHeardText(record: Pick<CallRecord, "turns">, turn: Mutable<RecordedTurn>): void {
  const { text, heardMs, receivedMs } = turn;
  if (text === null || heardMs === null || receivedMs === null) return;
  turn.heardText = heardText({
    text,
    heardMs,
    receivedMs,
    complete: turn.complete,
    progress: turn.progress ?? [],
    weightPerMs: turn.complete ? null : paceOf(record.turns),
  });
}

/** What the voice of this call speaks in a ms, from the turns that were generated to their end. */
function paceOf(turns: readonly RecordedTurn[]): number | null {
  let weight = 0;
  let ms = 0;
  for (const turn of turns) {
    if (turn.who !== "agent" || !turn.complete || turn.text === null || turn.receivedMs === null)
      continue;
    weight += speechWeight(turn.text);
    ms += turn.receivedMs;
  }
  return weight < PACE_WEIGHT || ms === 0 ? null : weight / ms;
}

function setTransferOutcome(
  draft: Draft,
  event: RecordEvent & { readonly type: "transfer_outcome" },
): void {
  const { transfer, earlierTransfers } = draft;
  if (transfer?.destination === event.destination) {
    draft.transfer = { ...transfer, outcome: event.outcome };
    return;
  }
  // The next destination may have been asked for already when the last one's outcome arrives.
  const named = earlierTransfers.findLastIndex(
    (earlier) => earlier.destination === event.destination && earlier.outcome === null,
  );
  // A transfer is named by what was asked for, its outcome by the rung of the ladder that it ended on.
  const index =
    named >= 0 ? named : earlierTransfers.findIndex((earlier) => earlier.outcome === null);
  const earlier = earlierTransfers[index];
  if (earlier !== undefined) {
    const transfers = earlierTransfers.slice();
    transfers[index] = { ...earlier, outcome: event.outcome };
    draft.earlierTransfers = transfers;
  } else if (transfer !== null && transfer.outcome === null) {
    draft.transfer = { ...transfer, outcome: event.outcome };
  } else {
    const fields = { destination: event.destination, outcome: event.outcome };
    addEvent(draft, { atMs: event.atMs, name: "transfer_outcome", fields });
  }
}

function addEvent(draft: Draft, event: RecordedEvent): void {
  if (draft.events.length < MAX_EVENTS) draft.events.push(event);
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

function at(record: CallRecord, atMs: number): string | null {
  return record.startedAt === null ? null : iso(Date.parse(record.startedAt) + atMs);
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
