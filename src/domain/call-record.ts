/**
 * The record of a call, with the field names of its JSON in the database, in the operator API and
 * in `crm.call_completed`. Times ending in `At` are ISO 8601 in UTC. Times ending in `Ms` count
 * from `startedAt`. Types only.
 */
import type { Urgency } from "./agent-profile.js";
import type { CallSid, ItemId, StreamSid } from "./ids.js";
import type {
  CallDirection,
  CallOutcome,
  CallPath,
  TokenUsage,
  ToolOutcome,
  TranscriptWord,
} from "./record-event.js";
import type { TransferBy, TransferKind, TransferOutcome } from "./transfer-request.js";

export interface RecordedTurn {
  readonly who: "caller" | "agent";
  readonly itemId: ItemId;
  /** What was said or generated; null without a transcript. */
  readonly text: string | null;
  /**
   * The part of an agent's `text` that was played to the caller, in whole words. Null while
   * unknown, and for the caller's turns.
   */
  readonly heardText: string | null;
  /** Null when nothing of the turn was played. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly heardMs: number | null;
  /** Length of the audio that the model generated for the turn. */
  readonly receivedMs: number | null;
  readonly interruptedAtMs: number | null;
  readonly voiceToVoiceMs: number | null;
  /** False when the model was cut off in this turn. */
  readonly complete: boolean;
  /**
   * Pairs of characters generated and audio received by then, in ms; only until `heardText`
   * is known.
   */
  readonly progress?: readonly (readonly [chars: number, receivedMs: number])[];
}

export interface RecordedTool {
  readonly name: string;
  readonly atMs: number;
  readonly arguments: string;
  readonly output: string;
  readonly ms: number;
  readonly outcome: ToolOutcome;
}

export interface RecordedTransfer {
  readonly destination: string;
  readonly kind: TransferKind;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly urgency: Urgency | null;
  readonly by: TransferBy;
  readonly requestedMs: number;
  /** Null while the transfer is under way. */
  readonly outcome: TransferOutcome | null;
  readonly steps: readonly {
    readonly atMs: number;
    readonly step: string;
    readonly detail: string | null;
  }[];
}

export interface RecordedUsage {
  /** Sums over the call, by model. The input tokens include the cached tokens. */
  readonly models: Readonly<Record<string, TokenUsage & { readonly responses: number }>>;
  /** Transcription by model, billed by tokens or by seconds. */
  readonly transcription: Readonly<
    Record<string, { readonly tokens: number; readonly seconds: number }>
  >;
}

export interface RecordedRecording {
  readonly sid: string;
  /** Name of the file in the recordings directory; null until it is downloaded. */
  readonly file: string | null;
  readonly transcript: string | null;
  readonly words: readonly TranscriptWord[] | null;
}

export interface RecordedEvent {
  readonly atMs: number;
  readonly name: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

export interface CallRecord {
  readonly callSid: CallSid;
  readonly streamSid: StreamSid | null;
  readonly state: "live" | "ended";
  readonly node: string | null;
  readonly agent: string | null;
  readonly direction: CallDirection;
  readonly from: string | null;
  readonly to: string | null;
  readonly path: CallPath;
  readonly startedAt: string | null;
  readonly answeredAt: string | null;
  readonly endedAt: string | null;
  readonly outcome: CallOutcome | null;
  readonly endReason: string | null;
  /** The last transfer of the call; those before it are in `earlierTransfers`. */
  readonly transfer: RecordedTransfer | null;
  readonly earlierTransfers: readonly RecordedTransfer[];
  readonly turns: readonly RecordedTurn[];
  readonly tools: readonly RecordedTool[];
  readonly usage: RecordedUsage;
  /** Null when no model that was used has a price. */
  readonly costUsd: number | null;
  /** Models that were used and have no price: `costUsd` does not include them. */
  readonly unpriced: readonly string[];
  readonly recording: RecordedRecording | null;
  readonly events: readonly RecordedEvent[];
}
