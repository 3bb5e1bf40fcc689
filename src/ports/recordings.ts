/** What fetching and transcribing recordings needs from other services. Types only. */
import type { TranscriptWord } from "../domain/record-event.js";

export interface RecordingSource {
  /**
   * Downloads a recording's audio into the recordings directory. A file with the final name is
   * always complete.
   *
   * @returns the file's name in the directory. Rejects with a RelayError: `twilio_unavailable`
   *          (retryable: not available yet, or Twilio is away), `limit_exceeded` (too large),
   *          `twilio_unauthorized`, `twilio_rejected`.
   */
  download(recordingSid: string, channels: "dual" | "mono"): Promise<string>;
  /** Deletes the recording at Twilio. Succeeds when it is gone already. */
  removeRemote(recordingSid: string): Promise<void>;
  /** Deletes the local file, if it exists. */
  removeFile(file: string): Promise<void>;
}

export interface Transcript {
  readonly text: string;
  /** Empty when the model reports no times. */
  readonly words: readonly TranscriptWord[];
  /** What is billed; either may be 0. */
  readonly usage: { readonly tokens: number; readonly seconds: number };
}

export interface Transcriber {
  /**
   * Rejects with a RelayError: `upstream_unreachable`, `upstream_refused` (retryable or not),
   * `wire_invalid`.
   */
  transcribe(
    file: string,
    settings: { readonly model: string; readonly words: boolean; readonly dual: boolean },
  ): Promise<Transcript>;
}
