import type { AgentProfile, RecordingSettings } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { RecordingSource, Transcriber } from "../ports/recordings.js";
import type { CallStore, Job, JobQueue, NewJob, WriterId } from "../ports/store.js";
import type { CallControl } from "../ports/twilio.js";

/** Longest that one try may take; then another process may have the job. An hour of dual audio is 230 MB. */
const LEASE_MS = 30 * 60_000;
const LOOK_EVERY_MS = 5_000;
/** Recordings whose callback came while the database was away are found this often. */
const SEARCH_EVERY_LOOKS = 60;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 3_600_000;
/** With the waits above: given up after some nine hours. */
const MAX_ATTEMPTS = 18;

export interface RecordingsParts {
  readonly store: CallStore & JobQueue;
  readonly source: RecordingSource;
  /** Null: no key, or transcription is off everywhere. */
  readonly transcriber: Transcriber | null;
  readonly journal: CallJournal;
  /** Resolves when all that was written to the journal is in the database. */
  readonly flush: () => Promise<void>;
  readonly agents: ReadonlyMap<string, Pick<AgentProfile, "recording">>;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: WriterId;
}

/**
 * From a finished recording at Twilio to its file and its transcript in the record. Each step is a job in the database: a process
 * that dies in the middle loses nothing, a step that fails is tried again later, and one that can never succeed is kept as dead.
 */
export class Recordings {
  readonly #parts: RecordingsParts;
  #timer: Timer | null = null;
  #working: Promise<void> = Promise.resolve();
  #looks = 0;
  #stopped = false;

  constructor(parts: RecordingsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#arm(0);
  }

  /** Resolves when the step that is running has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#working;
  }

  /**
   * A form of POST /recording-status. Twilio repeats them, and several nodes may get them; the address in it is not used: the
   * recording's own is made from its sid.
   */
  callback(callSid: CallSid, form: Readonly<Record<string, string>>): void {
    const recordingSid = form["RecordingSid"] ?? "";
    if (form["RecordingStatus"] !== "completed" || !isRecordingSid(recordingSid)) return;
    this.#parts.journal.write(callSid, { type: "recording", sid: recordingSid, file: null });
    this.#parts.store.addJob(downloadJob(callSid, recordingSid)).then(
      () => this.#arm(0),
      // The record holds the sid: the search finds it when the database is back.
      (error: unknown) =>
        this.#parts.log.warn("a recording has to wait", { call_sid: callSid }, error),
    );
  }

  #arm(ms: number): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = null;
      this.#working = this.#working.then(async () => await this.#look());
    });
  }

  async #look(): Promise<void> {
    try {
      if (this.#looks++ % SEARCH_EVERY_LOOKS === 0) await this.#search();
      let more = true;
      while (more && !this.#stopped) more = await this.work();
    } catch (error) {
      this.#parts.log.warn("recordings have to wait for the database", {}, error);
    }
    if (this.#timer === null) this.#arm(LOOK_EVERY_MS);
  }

  async #search(): Promise<void> {
    const { store } = this.#parts;
    for (const { callSid, recordingSid } of await store.unfetchedRecordings(100)) {
      await store.addJob(downloadJob(callSid, recordingSid));
    }
  }

  /** Takes one job, if one is due, and does it. False: there was none. */
  async work(): Promise<boolean> {
    const { store, writer, log } = this.#parts;
    const job = await store.takeJob(writer, LEASE_MS);
    if (job === null) return false;
    try {
      await this.#run(job);
      await store.finishJob(job.id);
    } catch (error) {
      const retry = error instanceof RelayError && error.retryable && job.attempts < MAX_ATTEMPTS;
      const afterMs = retry
        ? Math.min(FIRST_RETRY_MS * 2 ** (job.attempts - 1), LONGEST_RETRY_MS)
        : null;
      const fields = { call_sid: job.callSid, job: job.kind, attempts: job.attempts };
      if (retry) log.info("a recording's step failed and is tried again", fields);
      else log.error("a recording's step is given up", fields, error);
      await store.failJob(job.id, describe(error), afterMs);
    }
    return true;
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
    await this.#tell(callSid, { type: "recording", sid: recordingSid, file });
    if ((await store.load(callSid)) === null) {
      // Deleted while it was being fetched.
      await source.removeFile(file);
      return;
    }
    const transcribe = settings?.transcribe ?? null;
    if (transcribe === null) return;
    const payload = { recordingSid, file, ...transcribe, dual: settings?.channels !== "mono" };
    await store.addJob({
      kind: "recording_transcribe",
      callSid,
      key: `transcribe:${recordingSid}`,
      payload,
    });
  }

  async #transcribe(job: Job, recordingSid: string): Promise<void> {
    const { transcriber } = this.#parts;
    if (transcriber === null) throw new RelayError("config_invalid", "there is no transcriber");
    const { file, model, words, dual } = job.payload;
    const settings = { model: String(model), words: words === true, dual: dual === true };
    const transcript = await transcriber.transcribe(String(file), settings);
    await this.#tell(
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
    if (stored === null) {
      throw new RelayError("store_unavailable", "the call is not stored yet", { retryable: true });
    }
    return this.#parts.agents.get(stored.record.agent ?? "")?.recording ?? null;
  }

  /** The job may be finished only when the database has what came of it. */
  async #tell(callSid: CallSid, ...events: RecordEvent[]): Promise<void> {
    for (const event of events) this.#parts.journal.write(callSid, event);
    await this.#parts.flush();
  }
}

/** A journal that starts a recording when the stream of a call runs whose agent wants one; all goes on to the journal behind it. */
export class RecordingStarter implements CallJournal {
  readonly #journal: CallJournal;
  readonly #agents: ReadonlyMap<string, Pick<AgentProfile, "recording">>;
  readonly #control: Pick<CallControl, "startRecording">;
  readonly #callback: string;
  readonly #log: Log;
  readonly #wanted = new Map<CallSid, RecordingSettings>();

  /** @param callback  absolute URL of POST /recording-status. */
  constructor(
    journal: CallJournal,
    agents: ReadonlyMap<string, Pick<AgentProfile, "recording">>,
    control: Pick<CallControl, "startRecording">,
    callback: string,
    log: Log,
  ) {
    this.#journal = journal;
    this.#agents = agents;
    this.#control = control;
    this.#callback = callback;
    this.#log = log;
  }

  write(callSid: CallSid, event: RecordEvent): void {
    this.#journal.write(callSid, event);
    if (event.type === "opened") {
      const settings = this.#agents.get(event.agent)?.recording;
      // A trunk call has no SID of Twilio's to record it by: its recording is set on the trunk.
      if (settings?.enabled === true && callSid.startsWith("CA"))
        this.#wanted.set(callSid, settings);
    } else if (event.type === "ended" || event.type === "moved") {
      this.#wanted.delete(callSid);
    } else if (event.type === "stream_started") {
      const settings = this.#wanted.get(callSid);
      // Once a call: a recording goes on through transfers and back.
      this.#wanted.delete(callSid);
      if (settings !== undefined) void this.#start(callSid, event.atMs, settings);
    }
  }

  async #start(callSid: CallSid, atMs: number, settings: RecordingSettings): Promise<void> {
    try {
      const sid = await this.#control.startRecording(callSid, settings.channels, this.#callback);
      this.#journal.write(callSid, { type: "recording", sid, file: null });
    } catch (error) {
      const code = error instanceof RelayError ? error.code : "internal";
      this.#journal.write(callSid, {
        type: "note",
        atMs,
        name: "recording_failed",
        fields: { code },
      });
      this.#log.warn("a call is not recorded", { call_sid: callSid, code }, error);
    }
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

/** Fixed text and codes only: what failed may hold an address or speech. */
function describe(error: unknown): string {
  if (error instanceof RelayError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.name : "unknown";
}
