/**
 * What a call tells its record, as it happens. `record.ts` folds these into a CallRecord; the relay emits them
 * and never waits for anybody to read them. All `atMs`/`…Ms` are ms since the call's `opened` event. Types only.
 */
import type { Urgency } from "./agent-profile.js";
import type { CallSid, ItemId, StreamSid } from "./ids.js";

export type CallPath = "media-stream" | "sip";
export type CallDirection = "inbound" | "outbound";
export type CallOutcome = "completed" | "transferred" | "abandoned" | "failed" | "rejected";
export type TransferKind = "dial" | "enqueue" | "workflow" | "warm" | "refer";
export type TransferOutcome =
  | "answered"
  | "busy"
  | "no_answer"
  | "failed"
  | "declined"
  | "caller_gone"
  | "denied";

/** Tokens of one response; missing details count as 0. */
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
  | { readonly type: "stream_started"; readonly atMs: number; readonly streamSid: StreamSid }
  /** What the caller said. `text` null: no transcript (off, failed or not yet there). */
  | {
      readonly type: "caller_turn";
      readonly itemId: ItemId;
      readonly startedMs: number;
      readonly endedMs: number | null;
    }
  | { readonly type: "caller_text"; readonly itemId: ItemId; readonly text: string }
  /** First audio of an item left for the caller. */
  | {
      readonly type: "agent_turn";
      readonly itemId: ItemId;
      readonly startedMs: number;
      readonly voiceToVoiceMs: number | null;
    }
  /**
   * The text generated for an item so far; a later one takes its place. `complete` false: the model was cut off or is not through
   * yet, so there may be more text than audio. Absent means true. `progress`: `chars` of it were there when `receivedMs` of its
   * audio had come; it makes `heardText` more exact.
   */
  | {
      readonly type: "agent_text";
      readonly itemId: ItemId;
      readonly text: string;
      readonly complete?: boolean;
      readonly progress?: readonly (readonly [chars: number, receivedMs: number])[];
    }
  /**
   * The item's playout ended: `heardMs` of `receivedMs` reached the caller's ear. `interruptedAtMs` is set when
   * the caller cut it off.
   */
  | {
      readonly type: "agent_heard";
      readonly itemId: ItemId;
      readonly endedMs: number;
      readonly heardMs: number;
      readonly receivedMs: number;
      readonly interruptedAtMs: number | null;
    }
  | {
      readonly type: "tool";
      readonly atMs: number;
      readonly name: string;
      readonly arguments: string;
      readonly output: string;
      readonly ms: number;
      readonly outcome: ToolOutcome;
    }
  | { readonly type: "usage"; readonly model: string; readonly tokens: TokenUsage }
  | {
      readonly type: "transcription_usage";
      readonly model: string;
      readonly tokens: number;
      readonly seconds: number;
    }
  | {
      readonly type: "transfer_requested";
      readonly atMs: number;
      readonly destination: string;
      readonly kind: TransferKind;
      readonly reason: string | null;
      readonly summary: string | null;
      readonly urgency: Urgency | null;
      /** "agent" the model's tool, "key" the caller's key, "supervisor" the API, "failure" the fallback. */
      readonly by: "agent" | "key" | "supervisor" | "failure" | "limit";
    }
  | {
      readonly type: "transfer_step";
      readonly atMs: number;
      readonly step: string;
      readonly detail: string | null;
    }
  | {
      readonly type: "transfer_outcome";
      readonly atMs: number;
      readonly destination: string;
      readonly outcome: TransferOutcome;
    }
  | { readonly type: "recording"; readonly sid: string; readonly file: string | null }
  | {
      readonly type: "recording_transcript";
      readonly sid: string;
      readonly transcript: string;
      readonly words: readonly TranscriptWord[];
    }
  /** Past its time: audio and transcript are gone, the call stays. */
  | { readonly type: "recording_removed"; readonly sid: string }
  | {
      readonly type: "note";
      readonly atMs: number;
      readonly name: string;
      readonly fields: Readonly<Record<string, string | number | boolean | null>>;
    }
  /** The call goes on in another process, which tells the rest. */
  | { readonly type: "moved" }
  | {
      readonly type: "ended";
      readonly atMs: number;
      readonly outcome: CallOutcome;
      readonly reason: string;
    };

/** One word of a recording; times are ms since the recording began. */
export interface TranscriptWord {
  readonly who: "caller" | "agent" | "unknown";
  readonly word: string;
  readonly startMs: number;
  readonly endMs: number;
}

export type ToolOutcome = "ok" | "error" | "timeout" | "invalid" | "denied" | "cancelled";

/** Where the relay puts its events. Never throws, never blocks; a full queue is the journal's problem and is counted. */
export interface CallJournal {
  write(callSid: CallSid, event: RecordEvent): void;
}
