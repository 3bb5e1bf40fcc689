import type { CallParties } from "../../domain/call-parties.js";
import type { CallSid, ItemId, StreamSid, ToolCallId } from "../../domain/ids.js";
import type {
  CallJournal,
  CallOutcome,
  CallPath,
  RecordEvent,
  TokenUsage,
  ToolOutcome,
  TurnParts,
} from "../../domain/record-event.js";
import type { PlaybackReport } from "../../playout/playout-ledger.js";
import type { HistoryItem } from "../model/model-session.js";
import { Conversation } from "./conversation.js";
import { TranscriptProgress } from "./transcript-progress.js";
import { TurnTiming, voiceToVoiceMs } from "./turn-timing.js";

/**
 * Writes a call's events to its record (by the journal), and keeps the conversation for a session
 * that joins during the call. One place does both, so that they agree.
 */
export class CallEventLog {
  readonly #callSid: CallSid;
  readonly #journal: CallJournal;
  readonly #nowMs: () => number;
  readonly #openedMs: number;
  readonly #conversation = new Conversation();
  readonly #timing = new TurnTiming();
  #ended = false;
  #turns = 0;
  #worstVoiceToVoiceMs: number | null = null;
  readonly #texts = new TranscriptProgress();

  /** @param openedMs  when the call began, on the call's clock. */
  constructor(callSid: CallSid, journal: CallJournal, nowMs: () => number, openedMs = nowMs()) {
    this.#callSid = callSid;
    this.#journal = journal;
    this.#nowMs = nowMs;
    this.#openedMs = openedMs;
  }

  /** Ms since the call began: the time of a record event. */
  get atMs(): number {
    return Math.round(this.#nowMs() - this.#openedMs);
  }

  /** Turns of caller and agent so far. */
  get turns(): number {
    return this.#turns;
  }

  /** The longest time from the end of the caller's speech to the answer; null: no answer yet. */
  get worstVoiceToVoiceMs(): number | null {
    return this.#worstVoiceToVoiceMs;
  }

  history(): HistoryItem[] {
    return this.#conversation.history();
  }

  /** Takes over the conversation from another process. */
  restoreHistory(history: readonly HistoryItem[]): void {
    this.#conversation.restore(history);
  }

  opened(parties: CallParties, agent: string, path: CallPath, node: string, epochMs: number): void {
    const { direction, from, to } = parties;
    this.write({ type: "opened", epochMs, agent, direction, from, to, path, node });
  }

  write(event: RecordEvent): void {
    if (this.#ended) return;
    this.#journal.write(this.#callSid, event);
  }

  streamStarted(streamSid: StreamSid): void {
    this.write({ type: "stream_started", atMs: this.atMs, streamSid });
  }

  /** Times are on the call's clock. @param endedMs  null: the caller is still speaking. */
  callerSpoke(itemId: ItemId, startedMs: number, endedMs: number | null): void {
    if (endedMs === null) this.#turns++;
    else this.#timing.callerStopped(endedMs, this.#nowMs());
    this.write({
      type: "caller_turn",
      itemId,
      startedMs: Math.round(startedMs - this.#openedMs),
      endedMs: endedMs === null ? null : Math.round(endedMs - this.#openedMs),
    });
  }

  callerTurn(itemId: ItemId): void {
    this.#conversation.callerTurn(itemId);
  }

  callerText(itemId: ItemId, text: string): void {
    this.#conversation.callerText(itemId, text);
    this.write({ type: "caller_text", itemId, text });
  }

  /**
   * The first audio of an item leaves for the caller.
   *
   * @returns the parts of the voice-to-voice time; null: the item answers no turn of the caller.
   */
  agentBegan(itemId: ItemId): TurnParts | null {
    this.#turns++;
    const parts = this.#timing.answered(this.#nowMs());
    const startedMs = this.atMs;
    if (parts === null) {
      this.write({ type: "agent_turn", itemId, startedMs, voiceToVoiceMs: null });
      return null;
    }
    const totalMs = Math.round(voiceToVoiceMs(parts));
    this.#worstVoiceToVoiceMs = Math.max(this.#worstVoiceToVoiceMs ?? 0, totalMs);
    this.write({
      type: "agent_turn",
      itemId,
      startedMs,
      voiceToVoiceMs: totalMs,
      parts: {
        endOfTurnMs: Math.round(parts.endOfTurnMs),
        modelMs: Math.round(parts.modelMs),
        toolMs: Math.round(parts.toolMs),
        relayMs: Math.round(parts.relayMs),
      },
    });
    return parts;
  }

  /** The first audio of an item has come from the model. */
  audioArrived(): void {
    this.#timing.audioArrived(this.#nowMs());
  }

  /** The model waits for the answers of tools. */
  toolsBegan(): void {
    this.#timing.toolsBegan(this.#nowMs());
  }

  toolsEnded(): void {
    this.#timing.toolsEnded(this.#nowMs());
  }

  /** The model that waited for tools is gone. */
  toolsForgotten(): void {
    this.#timing.toolsForgotten(this.#nowMs());
  }

  /** @param receivedMs  how much of the item's audio has arrived. */
  agentText(itemId: ItemId, text: string, final: boolean, receivedMs: number): void {
    const told = final
      ? this.#texts.whole(itemId, text)
      : this.#texts.grew(itemId, text, receivedMs, this.#nowMs());
    this.#conversation.agentText(itemId, final ? text : this.#texts.textOf(itemId));
    if (told !== null) this.write(told);
  }

  /** Words that came as text instead of audio: the caller hears nothing of them. */
  agentWrote(itemId: ItemId, text: string): void {
    this.#conversation.agentText(itemId, text);
    this.#conversation.agentHeard(itemId, 0);
    this.write({ type: "agent_text", itemId, text, complete: true });
    this.write({
      type: "agent_heard",
      itemId,
      endedMs: this.atMs,
      heardMs: 0,
      receivedMs: 0,
      interruptedAtMs: null,
    });
  }

  agentHeard(report: PlaybackReport, interrupted: boolean): void {
    const { itemId, heardMs, receivedMs } = report;
    const told = this.#texts.heard(itemId, report.cut);
    if (told !== null) this.write(told);
    this.#conversation.agentHeard(itemId, receivedMs === 0 ? 0 : heardMs / receivedMs);
    this.write({
      type: "agent_heard",
      itemId,
      endedMs: this.atMs,
      heardMs,
      receivedMs,
      interruptedAtMs: interrupted && report.cut ? this.atMs : null,
    });
  }

  tool(
    callId: ToolCallId,
    name: string,
    args: string,
    output: string,
    ms: number,
    outcome: ToolOutcome,
  ): void {
    this.#conversation.tool(callId, name, args, output);
    this.write({ type: "tool", atMs: this.atMs, name, arguments: args, output, ms, outcome });
  }

  /** Keeps a fact for a session that joins later. */
  remember(text: string): void {
    this.#conversation.note(text);
  }

  usage(model: string, tokens: TokenUsage): void {
    this.write({ type: "usage", model, tokens });
  }

  note(
    name: string,
    fields: Readonly<Record<string, string | number | boolean | null>> = {},
  ): void {
    this.write({ type: "note", atMs: this.atMs, name, fields });
  }

  /** Shown while the call is live; not part of the record. @param ms  how long the dial took. */
  sessionReady(ms: number): void {
    const { atMs } = this;
    this.#journal.show?.(this.#callSid, {
      type: "note",
      atMs,
      name: "session_ready",
      fields: { ms },
    });
  }

  /** Another process writes the rest of the record. */
  moved(): void {
    for (const told of this.#texts.rest()) this.write(told);
    this.write({ type: "moved" });
    this.#ended = true;
  }

  /** The last event. @param atMs  when the call was over; transcripts may have come since. */
  ended(outcome: CallOutcome, reason: string, atMs = this.atMs): void {
    for (const told of this.#texts.rest()) this.write(told);
    this.write({ type: "ended", atMs, outcome, reason });
    this.#ended = true;
  }
}
