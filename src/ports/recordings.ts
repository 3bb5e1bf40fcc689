/** What fetching and transcribing recordings asks of the outside. Types only. */
import type { TranscriptWord } from "../domain/record-event.js";

export interface RecordingSource {
  /**
   * Fetches a recording's audio into the recordings directory, by way of a name that nobody takes for a whole file.
   *
   * @returns the file's name there.
   * Rejects with a RelayError: `twilio_unavailable` (retryable: not there yet, or Twilio is away), `limit_exceeded` (too large),
   * `twilio_unauthorized`, `twilio_rejected`.
   */
  download(recordingSid: string, channels: "dual" | "mono"): Promise<string>;
  /** Deletes the recording at Twilio; one that is gone already is deleted. */
  removeRemote(recordingSid: string): Promise<void>;
  /** Deletes the file here, if it is there. */
  removeFile(file: string): Promise<void>;
}

export interface Transcript {
  readonly text: string;
  /** Empty when the model gives no times. */
  readonly words: readonly TranscriptWord[];
  /** What it is billed by; either may be 0. */
  readonly usage: { readonly tokens: number; readonly seconds: number };
}

export interface Transcriber {
  /** Rejects with a RelayError: `upstream_unreachable`, `upstream_refused` (retryable or not), `wire_invalid`. */
  transcribe(
    file: string,
    settings: { readonly model: string; readonly words: boolean; readonly dual: boolean },
  ): Promise<Transcript>;
}
