import type { AgentProfile, RecordingSettings } from "../domain/agent-profile.js";
import { doublingPauses } from "../domain/backoff.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { RecordingSource, Transcriber } from "../ports/recordings.js";
import type { CallStore, Job, JobQueue, NewJob, WriterId } from "../ports/store.js";
import { LOST_AFTER_MS } from "./orphan-recovery.js";

/**
 * Longest duration of one try; afterwards another process may take the job. An hour of dual-channel
 * audio is 230 MB. When the process dies, its jobs are due again as soon as it counts as lost.
 */
const LEASE_MS = 30 * 60_000;
/** After the start: the writer's first heartbeat must be stored before it takes a job. */
const FIRST_POLL_MS = 1_000;
const POLL_MS = 5_000;
/** Recordings whose callback came while the database was away are searched for this often. */
const POLLS_PER_SEARCH = 60;
const MAX_FOUND = 100;
/** From a failed try to the next one. The job is given up after about nine hours. */
const pauseAfter = doublingPauses(5_000, 3_600_000, 18);

export interface RecordingsParts {
  readonly store: CallStore & JobQueue;
  readonly source: RecordingSource;
  /** Null without an API key. */
  readonly transcriber: Transcriber | null;
  readonly journal: CallJournal;
  /** Resolves when everything that was written to the journal is in the database. */
  readonly flush: () => Promise<void>;
  readonly agentOf: (name: string) => Pick<AgentProfile, "recording"> | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: WriterId;
}

/**
 * Brings a finished recording from Twilio into a file, and its transcript into the record. Each
 * step is a job in the database: nothing is lost when the process dies, a failed step is tried
 * again later, and a step that can never succeed is kept as dead.
 */
export class Recordings {
  readonly #parts: RecordingsParts;
  #timer: Timer | null = null;
  #working: Promise<void> = Promise.resolve();
  #polls = 0;
  #stopped = false;

  constructor(parts: RecordingsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#pollIn(FIRST_POLL_MS);
  }

  /** Resolves when the step that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#working;
  }

  /**
   * Handles a form of POST /recording-status. Twilio repeats them, and several nodes may get them.
   * The URL in the form is not used: it is derived from the recording's SID.
   */
  callback(callSid: CallSid, form: Readonly<Record<string, string>>): void {
    const recordingSid = form["RecordingSid"] ?? "";
    if (form["RecordingStatus"] !== "completed" || !isRecordingSid(recordingSid)) return;
    this.#parts.journal.write(callSid, { type: "recording", sid: recordingSid, file: null });
    this.#parts.store.addJob(downloadJob(callSid, recordingSid)).then(
      () => this.#pollIn(0),
      // The record has the SID: the search finds the recording when the database is back.
      (error: unknown) =>
        this.#parts.log.warn("recording: job not stored, will be searched for", { callSid }, error),
    );
  }

  #pollIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = null;
      this.#working = this.#working.then(async () => await this.#poll());
    });
  }

  async #poll(): Promise<void> {
    try {
      if (this.#polls++ % POLLS_PER_SEARCH === 0) await this.#search();
      let more = true;
      while (more && !this.#stopped) more = await this.work();
    } catch (error) {
      this.#parts.log.warn("recording: database is away, will retry", {}, error);
    }
    if (this.#timer === null) this.#pollIn(POLL_MS);
  }

  async #search(): Promise<void> {
    const { store } = this.#parts;
    for (const { callSid, recordingSid } of await store.unfetchedRecordings(MAX_FOUND))
      await store.addJob(downloadJob(callSid, recordingSid));
  }

  /** Takes one job that is due and does it. False when none is due. */
  async work(): Promise<boolean> {
    const { store, writer } = this.#parts;
    const job = await store.takeJob(writer, LEASE_MS, LOST_AFTER_MS);
    if (job === null) return false;
    try {
      await this.#run(job);
      await store.finishJob(job.id);
    } catch (error) {
      await this.#failed(job, error);
    }
    return true;
  }

  async #failed(job: Job, error: unknown): Promise<void> {
    const { store, log } = this.#parts;
    const retryable = error instanceof RelayError && error.retryable;
    const pauseMs = retryable ? pauseAfter(job.attempts) : null;
    const fields = { callSid: job.callSid, job: job.kind, attempts: job.attempts };
    if (pauseMs === null) log.error("recording: job given up", fields, error);
    else log.info("recording: job failed, will retry", { ...fields, pauseMs });
    await store.failJob(job.id, describe(error), pauseMs);
  }

  async #run(job: Job): Promise<void> {
    const recordingSid = String(job.payload["recordingSid"] ?? "");
    switch (job.kind) {
      case "recording_download":
        return await this.#download(job.callSid, recordingSid);
      case "recording_transcribe":
        return await this.#transcribe(job, recordingSid);
      case "recording_remove":
        return await this.#parts.source.removeRemote(recordingSid);
    }
  }

  async #download(callSid: CallSid, recordingSid: string): Promise<void> {
    const { store, source } = this.#parts;
    const settings = await this.#settingsOf(callSid);
    const file = await source.download(recordingSid, settings?.channels ?? "dual");
    await this.#record(callSid, { type: "recording", sid: recordingSid, file });
    if ((await store.load(callSid)) === null) {
      // The call was deleted during the download.
      await source.removeFile(file);
      return;
    }
    const transcribe = settings?.transcribe ?? null;
    if (transcribe === null) return;
    const payload = { recordingSid, file, ...transcribe, dual: settings?.channels !== "mono" };
    const key = `transcribe:${recordingSid}`;
    await store.addJob({ kind: "recording_transcribe", callSid, key, payload });
  }

  async #transcribe(job: Job, recordingSid: string): Promise<void> {
    const { transcriber } = this.#parts;
    if (transcriber === null)
      throw new RelayError("config_invalid", "no transcriber is configured");
    const { file, model, words, dual } = job.payload;
    const settings = { model: String(model), words: words === true, dual: dual === true };
    const transcript = await transcriber.transcribe(String(file), settings);
    await this.#record(
      job.callSid,
      {
        type: "recording_transcript",
        sid: recordingSid,
        transcript: transcript.text,
        words: transcript.words,
      },
      { type: "transcription_usage", model: settings.model, ...transcript.usage },
    );
  }

  async #settingsOf(callSid: CallSid): Promise<RecordingSettings | null> {
    const stored = await this.#parts.store.load(callSid);
    if (stored === null)
      throw new RelayError("store_unavailable", "the call is not stored yet", { retryable: true });
    return this.#parts.agentOf(stored.record.agent ?? "")?.recording ?? null;
  }

  /** Resolves when the database has the events: only then may the job be finished. */
  async #record(callSid: CallSid, ...events: RecordEvent[]): Promise<void> {
    for (const event of events) this.#parts.journal.write(callSid, event);
    await this.#parts.flush();
  }
}

function downloadJob(callSid: CallSid, recordingSid: string): NewJob {
  return {
    kind: "recording_download",
    callSid,
    key: `download:${recordingSid}`,
    payload: { recordingSid },
  };
}

export function isRecordingSid(text: string): boolean {
  return /^RE[0-9A-Za-z]{1,62}$/.test(text);
}

/** Fixed text and codes only: an error may contain a URL or speech. */
function describe(error: unknown): string {
  if (error instanceof RelayError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.name : "unknown";
}
