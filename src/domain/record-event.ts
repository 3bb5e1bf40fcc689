/**
 * The facts that a call adds to its record, as they happen. `records/record.ts` applies them to a
 * CallRecord. The call never waits for them to be stored. All `atMs` and `…Ms` are ms since the
 * call's `opened` event. Types only.
 */
import type { Urgency } from "./agent-profile.js";
import type { CallSid, ItemId, StreamSid } from "./ids.js";
import type {
  TransferBy,
  TransferKind,
  TransferOutcome,
  TransferStepName,
} from "./transfer-request.js";

export type CallPath = "media-stream" | "sip";
export type CallDirection = "inbound" | "outbound";
export type CallOutcome = "completed" | "transferred" | "abandoned" | "failed" | "rejected";

/** Tokens of one response. Details that the model leaves out count as 0. */
export interface TokenUsage {
  readonly inputText: number;
  readonly inputAudio: number;
  readonly inputImage: number;
  readonly cachedText: number;
  readonly cachedAudio: number;
  readonly cachedImage: number;
  readonly outputText: number;
  readonly outputAudio: number;
}

/** Where a voice-to-voice time went, in ms. Every moment belongs to one part. */
export interface TurnParts {
  /**
   * Until the relay knew that the caller had finished: the way to the model, and the silence that
   * its turn detection waits for.
   */
  readonly endOfTurnMs: number;
  /** The model generated, and nothing else was waited for. */
  readonly modelMs: number;
  /** Tools and MCP calls ran. */
  readonly toolMs: number;
  /** The answer's first audio waited in the relay. */
  readonly relayMs: number;
}

/** The time of an event whose sender may not know when the call began. */
interface Timed {
  readonly atMs: number;
  /**
   * The moment on the wall clock, when the sender does not know when the call began. `atMs` is
   * ignored then.
   */
  readonly epochMs?: number;
}

export type RecordEvent =
  | {
      readonly type: "opened";
      readonly epochMs: number;
      readonly agent: string;
      readonly direction: CallDirection;
      readonly from: string;
      readonly to: string;
      readonly path: CallPath;
      readonly node: string;
    }
  | (Timed & { readonly type: "stream_started"; readonly streamSid: StreamSid })
  /** The caller spoke. The words follow in `caller_text`, if the call is transcribed. */
  | {
      readonly type: "caller_turn";
      readonly itemId: ItemId;
      readonly startedMs: number;
      readonly endedMs: number | null;
    }
  | { readonly type: "caller_text"; readonly itemId: ItemId; readonly text: string }
  /** The first audio of an item was sent to the caller. */
  | {
      readonly type: "agent_turn";
      readonly itemId: ItemId;
      readonly startedMs: number;
      readonly voiceToVoiceMs: number | null;
      /** Of the voice-to-voice time; absent where that is null, and in older records. */
      readonly parts?: TurnParts;
    }
  /**
   * The text generated for an item so far; it replaces an earlier one. `complete` is false when the
   * model was cut off or has not finished, so that the text may be longer than the audio; absent
   * means true. `progress` says that `chars` of the text were there when `receivedMs` of the audio
   * had arrived; it makes `heardText` more exact.
   */
  | {
      readonly type: "agent_text";
      readonly itemId: ItemId;
      readonly text: string;
      readonly complete?: boolean;
      readonly progress?: readonly (readonly [chars: number, receivedMs: number])[];
    }
  /**
   * The item's playout ended: `heardMs` of `receivedMs` were played to the caller.
   * `interruptedAtMs` is set when the caller interrupted it.
   */
  | {
      readonly type: "agent_heard";
      readonly itemId: ItemId;
      readonly endedMs: number;
      readonly heardMs: number;
      readonly receivedMs: number;
      readonly interruptedAtMs: number | null;
    }
  /** A tool call has ended; MCP calls included, by the name of the tool on its server. */
  | (Timed & {
      readonly type: "tool";
      readonly name: string;
      readonly arguments: string;
      readonly output: string;
      readonly ms: number;
      readonly outcome: ToolOutcome;
    })
  | { readonly type: "usage"; readonly model: string; readonly tokens: TokenUsage }
  | {
      readonly type: "transcription_usage";
      readonly model: string;
      readonly tokens: number;
      readonly seconds: number;
    }
  | (Timed & {
      readonly type: "transfer_requested";
      readonly destination: string;
      readonly kind: TransferKind;
      readonly reason: string | null;
      readonly summary: string | null;
      readonly urgency: Urgency | null;
      readonly by: TransferBy;
    })
  | (Timed & {
      readonly type: "transfer_step";
      readonly step: TransferStepName;
      readonly detail: string | null;
    })
  | (Timed & {
      readonly type: "transfer_outcome";
      readonly destination: string;
      readonly outcome: TransferOutcome;
    })
  | { readonly type: "recording"; readonly sid: string; readonly file: string | null }
  | {
      readonly type: "recording_transcript";
      readonly sid: string;
      readonly transcript: string;
      readonly words: readonly TranscriptWord[];
    }
  /** Retention deleted the audio and its transcript. The call stays. */
  | { readonly type: "recording_removed"; readonly sid: string }
  | (Timed & {
      readonly type: "note";
      readonly name: string;
      readonly fields: Readonly<Record<string, string | number | boolean | null>>;
    })
  /** The call continues in another process, which writes the remaining events. */
  | { readonly type: "moved" }
  | (Timed & {
      readonly type: "ended";
      readonly outcome: CallOutcome;
      readonly reason: string;
    });

/** One word of a recording. Times are ms since the recording began. */
export interface TranscriptWord {
  readonly who: "caller" | "agent" | "unknown";
  readonly word: string;
  readonly startMs: number;
  readonly endMs: number;
}

export type ToolOutcome = "ok" | "error" | "timeout" | "invalid" | "denied" | "cancelled";

/**
 * Takes record events. `write` never throws and never blocks; events beyond its limit are counted.
 */
export interface CallJournal {
  write(callSid: CallSid, event: RecordEvent): void;
  /** Shows an event to those who watch live calls, and stores nothing. Absent: there are none. */
  show?(callSid: CallSid, event: RecordEvent): void;
}
