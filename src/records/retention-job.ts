import type { CallSid } from "../domain/ids.js";
import type { CallJournal } from "../domain/record-event.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { RecordingSource } from "../ports/recordings.js";
import type { CallStore, JobQueue } from "../ports/store.js";

const DAY_MS = 86_400_000;
const SWEEP_EVERY_MS = 3_600_000;
const CALLS_A_PIECE = 100;

export interface RetentionJobParts {
  readonly store: CallStore & JobQueue;
  readonly source: RecordingSource;
  /** Deletes a call's flight recording, if there is one. */
  readonly removeFlight: (callSid: CallSid) => Promise<void>;
  /** Deletes the flight recordings here that ended before then. @returns how many. */
  readonly removeFlightsBefore: (epochMs: number) => Promise<number>;
  readonly journal: CallJournal;
  readonly clock: Clock;
  readonly log: Log;
}

/** Days that records, and recordings, are kept; null = for ever. */
export interface Retention {
  readonly recordsDays: number | null;
  readonly recordingsDays: number | null;
}

/** Removes calls: on demand, and when their time is over. */
export class RetentionJob {
  readonly #parts: RetentionJobParts;
  readonly #retention: Retention;
  #timer: Timer | null = null;
  #working: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: RetentionJobParts, retention: Retention) {
    this.#parts = parts;
    this.#retention = retention;
  }

  start(): void {
    this.#timer = this.#parts.clock.after(SWEEP_EVERY_MS / 60, () => this.#round());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#working;
  }

  #round(): void {
    this.#working = this.sweep().catch((error: unknown) =>
      this.#parts.log.warn("removing what is past its time has to wait", {}, error),
    );
    void this.#working.then(() => {
      if (!this.#stopped)
        this.#timer = this.#parts.clock.after(SWEEP_EVERY_MS, () => this.#round());
    });
  }

  /**
   * Removes all of a call: record, turns, jobs, shared state, files here, and the recording at Twilio. Files go first: as long as
   * one cannot be removed, the record that names it stays. False: nothing was known of the call.
   */
  async remove(callSid: CallSid): Promise<boolean> {
    const { store, source, removeFlight } = this.#parts;
    const recording = (await store.load(callSid))?.record.recording ?? null;
    if (recording !== null) {
      if (recording.file !== null) await source.removeFile(recording.file);
      await this.#removeAtTwilio(callSid, recording.sid);
    }
    await removeFlight(callSid);
    return await store.remove(callSid);
  }

  async #removeAtTwilio(callSid: CallSid, recordingSid: string): Promise<void> {
    const payload = { recordingSid };
    await this.#parts.store.addJob({
      kind: "recording_remove",
      callSid,
      key: `remove:${recordingSid}`,
      payload,
    });
  }

  /** One round of the retention job. */
  async sweep(): Promise<void> {
    const { store, log, clock, removeFlightsBefore } = this.#parts;
    const { recordsDays, recordingsDays } = this.#retention;
    const before = (days: number) => clock.epochMs() - days * DAY_MS;
    let calls = 0;
    let recordings = 0;
    if (recordsDays !== null) {
      for (;;) {
        const expired = await store.expiredCalls(before(recordsDays), CALLS_A_PIECE);
        for (const callSid of expired) await this.remove(callSid);
        calls += expired.length;
        if (expired.length < CALLS_A_PIECE || this.#stopped) break;
      }
    }
    if (recordingsDays !== null) {
      const expired = await store.expiredRecordings(before(recordingsDays), CALLS_A_PIECE * 10);
      for (const callSid of expired) await this.#removeRecording(callSid);
      recordings += expired.length + (await removeFlightsBefore(before(recordingsDays)));
    }
    await store.sweep();
    if (calls + recordings > 0) log.info("removed what was past its time", { calls, recordings });
  }

  async #removeRecording(callSid: CallSid): Promise<void> {
    const recording = (await this.#parts.store.load(callSid))?.record.recording ?? null;
    if (recording === null) return;
    if (recording.file !== null) await this.#parts.source.removeFile(recording.file);
    await this.#removeAtTwilio(callSid, recording.sid);
    this.#parts.journal.write(callSid, { type: "recording_removed", sid: recording.sid });
  }
}
