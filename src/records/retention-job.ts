import type { CallSid } from "../domain/ids.js";
import type { CallJournal } from "../domain/record-event.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { RecordingSource } from "../ports/recordings.js";
import type { AuditStore, CallStore, JobQueue, SharedState } from "../ports/store.js";
import { RetentionClock } from "./retention-clock.js";

const DAY_MS = 86_400_000;
const SWEEP_EVERY_MS = 3_600_000;
/** After the start: later than the work that callers wait for. */
const FIRST_SWEEP_MS = 60_000;
const CALLS_PER_BATCH = 100;
const ACTS_PER_BATCH = 500;
const RECORDINGS_PER_SWEEP = 1_000;

export interface RetentionJobParts {
  readonly store: CallStore &
    JobQueue &
    Pick<AuditStore, "removeAudit"> &
    Pick<SharedState, "getState" | "putState">;
  readonly source: RecordingSource;
  /** Deletes a call's flight recording, if one exists. */
  readonly removeFlight: (callSid: CallSid) => Promise<void>;
  /** Deletes the flight recordings on this machine that ended earlier. @returns how many. */
  readonly removeFlightsBefore: (epochMs: number) => Promise<number>;
  readonly journal: CallJournal;
  readonly clock: Clock;
  readonly log: Log;
}

/** Days for which records, recordings and the audit log are kept; null: without limit. */
export interface Retention {
  readonly auditDays: number | null;
  readonly recordsDays: number | null;
  readonly recordingsDays: number | null;
}

/** Deletes calls: on request, and when they are older than `retention` allows. */
export class RetentionJob {
  readonly #parts: RetentionJobParts;
  readonly #retention: Retention;
  readonly #clock: RetentionClock;
  #timer: Timer | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: RetentionJobParts, retention: Retention) {
    this.#parts = parts;
    this.#retention = retention;
    this.#clock = new RetentionClock(parts.store, parts.log);
  }

  start(): void {
    this.#sweepIn(FIRST_SWEEP_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#sweeping;
  }

  #sweepIn(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#sweeping = this.sweep()
        .catch((error: unknown) => this.#parts.log.warn("retention: sweep failed", {}, error))
        .then(() => {
          if (!this.#stopped) this.#sweepIn(SWEEP_EVERY_MS);
        });
    });
  }

  /**
   * Deletes all data of a call: record, turns, jobs, shared state, local files, and the recording
   * at Twilio. Files go first: while one cannot be deleted, the record that names it stays.
   *
   * @returns  false when nothing was known of the call.
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
    const key = `remove:${recordingSid}`;
    const payload = { recordingSid };
    await this.#parts.store.addJob({ kind: "recording_remove", callSid, key, payload });
  }

  /** One round. Rejects when the database or a disk fails; the next round continues. */
  async sweep(): Promise<void> {
    const { clock } = this.#parts;
    const isLimited = Object.values(this.#retention).some((days) => days !== null);
    if (isLimited && !(await this.#clock.isTrusted(clock.epochMs()))) return;
    const calls = await this.#removeOldCalls();
    const recordings = await this.#removeOldRecordings();
    const acts = await this.#removeOldActs();
    await this.#parts.store.sweep();
    if (calls + recordings + acts > 0)
      this.#parts.log.info("retention: old data deleted", { calls, recordings, acts });
  }

  /** @returns how many. */
  async #removeOldActs(): Promise<number> {
    const { auditDays } = this.#retention;
    if (auditDays === null) return 0;
    for (let acts = 0; ; ) {
      const removed = await this.#parts.store.removeAudit(this.#daysAgo(auditDays), ACTS_PER_BATCH);
      acts += removed;
      if (removed < ACTS_PER_BATCH || this.#stopped) return acts;
    }
  }

  /** @returns how many. */
  async #removeOldCalls(): Promise<number> {
    const { recordsDays } = this.#retention;
    if (recordsDays === null) return 0;
    for (let calls = 0; ; ) {
      const old = await this.#parts.store.expiredCalls(this.#daysAgo(recordsDays), CALLS_PER_BATCH);
      for (const callSid of old) await this.remove(callSid);
      calls += old.length;
      if (old.length < CALLS_PER_BATCH || this.#stopped) return calls;
    }
  }

  /** @returns how many, flight recordings included. */
  async #removeOldRecordings(): Promise<number> {
    const { recordingsDays } = this.#retention;
    if (recordingsDays === null) return 0;
    const { store, removeFlightsBefore } = this.#parts;
    const untilMs = this.#daysAgo(recordingsDays);
    const old = await store.expiredRecordings(untilMs, RECORDINGS_PER_SWEEP);
    for (const callSid of old) await this.#removeRecording(callSid);
    return old.length + (await removeFlightsBefore(untilMs));
  }

  async #removeRecording(callSid: CallSid): Promise<void> {
    const recording = (await this.#parts.store.load(callSid))?.record.recording ?? null;
    if (recording === null) return;
    if (recording.file !== null) await this.#parts.source.removeFile(recording.file);
    await this.#removeAtTwilio(callSid, recording.sid);
    this.#parts.journal.write(callSid, { type: "recording_removed", sid: recording.sid });
  }

  #daysAgo(days: number): number {
    return this.#parts.clock.epochMs() - days * DAY_MS;
  }
}
