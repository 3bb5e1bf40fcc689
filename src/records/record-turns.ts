import type { RecordedTurn } from "../domain/call-record.js";
import type { ItemId } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import { heardText, speechWeight } from "./heard-text.js";
import { fitText, LIMITS, type Mutable, type RecordDraft } from "./record-draft.js";

/** A text of less weight than this does not show the pace of a voice. */
const PACE_WEIGHT = 60;

type TurnEvent = Extract<
  RecordEvent,
  { readonly type: "caller_turn" | "caller_text" | "agent_turn" | "agent_text" | "agent_heard" }
>;

export function applyTurnEvent(draft: RecordDraft, event: TurnEvent): void {
  const who = event.type === "caller_turn" || event.type === "caller_text" ? "caller" : "agent";
  changeTurn(draft, who, event.itemId, (turn) => {
    switch (event.type) {
      case "caller_turn":
        turn.startedMs ??= event.startedMs;
        turn.endedMs = event.endedMs ?? turn.endedMs;
        return;
      case "caller_text":
        turn.text = fitText(draft, event.text);
        return;
      case "agent_turn":
        turn.startedMs ??= event.startedMs;
        turn.voiceToVoiceMs ??= event.voiceToVoiceMs;
        return;
      case "agent_text":
        turn.text = fitText(draft, event.text);
        turn.complete = event.complete ?? true;
        if (event.progress !== undefined) turn.progress = event.progress;
        setHeardText(draft.turns, turn);
        return;
      case "agent_heard":
        turn.endedMs = event.endedMs;
        turn.heardMs = event.heardMs;
        turn.receivedMs = event.receivedMs;
        turn.interruptedAtMs = event.interruptedAtMs;
        setHeardText(draft.turns, turn);
        return;
    }
  });
}

/** The progress of a text that was never heard to an end is of no use after the call. */
export function dropProgress(draft: RecordDraft): void {
  draft.turns = draft.turns.map((turn) => {
    if (turn.progress === undefined) return turn;
    const { progress: _, ...rest } = turn;
    return rest;
  });
}

/** @param change  receives a turn that belongs to the draft alone. */
function changeTurn(
  draft: RecordDraft,
  who: "caller" | "agent",
  itemId: ItemId,
  change: (turn: Mutable<RecordedTurn>) => void,
): void {
  const { turns, ownTurns } = draft;
  // Search from the end: the turn is nearly always the newest.
  const index = turns.findLastIndex((turn) => turn.itemId === itemId);
  const old = turns[index];
  if (old === undefined && turns.length >= LIMITS.turns) return;
  const startedBefore = old?.startedMs;
  let turn = old;
  if (turn === undefined || !ownTurns.has(turn)) {
    turn = old === undefined ? newTurn(who, itemId) : { ...old };
    ownTurns.add(turn);
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

function setHeardText(turns: readonly RecordedTurn[], turn: Mutable<RecordedTurn>): void {
  const { text, heardMs, receivedMs } = turn;
  if (text === null || heardMs === null || receivedMs === null) return;
  turn.heardText = heardText({
    text,
    heardMs,
    receivedMs,
    complete: turn.complete,
    progress: turn.progress ?? [],
    weightPerMs: turn.complete ? null : paceOf(turns),
  });
  // A text that still comes brings its progress along. A long call would keep a lot of it, and
  // every save of its record would write it again.
  delete turn.progress;
}

/** The weight that this call's voice speaks per ms, measured on its complete turns. */
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
