import type { AgentProfile, RecordingSettings } from "../domain/agent-profile.js";
import { listedPauses } from "../domain/backoff.js";
import { errorCodeOf, RelayError } from "../domain/errors.js";
import { ExpiringMap } from "../domain/expiring-map.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { CallControl } from "../ports/twilio.js";

/** A caller can be with a human for four hours, the limit of `<Dial>`, and then come back. */
const REMEMBER_MS = 5 * 3_600_000;
const MAX_REMEMBERED = 10_000;
/** From a failed request to the next one. All together less than a minute: the call goes on. */
const pauseAfter = listedPauses([500, 2_000, 5_000, 15_000, 30_000]);

export interface RecordingStarterParts {
  readonly agentOf: (name: string) => Pick<AgentProfile, "recording"> | undefined;
  readonly control: Pick<CallControl, "startRecording">;
  /** Absolute URL of POST /recording-status. */
  readonly callbackUrl: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface Wanted {
  readonly settings: RecordingSettings;
  /** Monotonic ms at which the call began; null until its stream has started. */
  openedMs: number | null;
}

/**
 * A journal that starts the recording of a call when its stream starts, for agents that want one.
 * Every event goes on to the journal behind it.
 */
export class RecordingStarter implements CallJournal {
  readonly #journal: CallJournal;
  readonly #parts: RecordingStarterParts;
  /** Calls that are to be recorded and are not yet. */
  readonly #wanted = new Map<CallSid, Wanted>();
  /** Calls whose recording has started. It goes on through transfers and back. */
  readonly #started = new ExpiringMap<CallSid, true>({
    ttlMs: REMEMBER_MS,
    maxSize: MAX_REMEMBERED,
  });

  constructor(journal: CallJournal, parts: RecordingStarterParts) {
    this.#journal = journal;
    this.#parts = parts;
  }

  write(callSid: CallSid, event: RecordEvent): void {
    this.#journal.write(callSid, event);
    switch (event.type) {
      case "opened":
        this.#opened(callSid, event.agent);
        return;
      case "ended":
      case "moved":
        this.#wanted.delete(callSid);
        return;
      case "stream_started": {
        const wanted = this.#wanted.get(callSid);
        if (wanted === undefined || wanted.openedMs !== null) return;
        wanted.openedMs = this.#parts.clock.nowMs() - event.atMs;
        void this.#start(callSid, wanted, wanted.openedMs);
      }
    }
  }

  #opened(callSid: CallSid, agent: string): void {
    const settings = this.#parts.agentOf(agent)?.recording;
    // A SIP trunk call has no Twilio CallSid. Its recording is configured on the trunk.
    if (settings?.enabled !== true || !callSid.startsWith("CA")) return;
    if (!this.#started.has(callSid, this.#parts.clock.nowMs()))
      this.#wanted.set(callSid, { settings, openedMs: null });
  }

  async #start(callSid: CallSid, wanted: Wanted, openedMs: number): Promise<void> {
    const { control, clock, log, callbackUrl } = this.#parts;
    for (let failures = 1; this.#wanted.get(callSid) === wanted; failures++) {
      try {
        const sid = await control.startRecording(callSid, wanted.settings.channels, callbackUrl);
        this.#wanted.delete(callSid);
        this.#started.set(callSid, true, clock.nowMs());
        // The recording's own place on the call's clock, for those who hear it later.
        const atMs = Math.round(clock.nowMs() - openedMs);
        this.#journal.write(callSid, { type: "note", atMs, name: "recording_started", fields: {} });
        this.#journal.write(callSid, { type: "recording", sid, file: null });
        return;
      } catch (error) {
        const code = errorCodeOf(error);
        const retryable = error instanceof RelayError && error.retryable;
        const pauseMs = retryable ? pauseAfter(failures) : null;
        if (pauseMs === null) {
          this.#wanted.delete(callSid);
          const atMs = Math.round(clock.nowMs() - openedMs);
          const fields = { code };
          this.#journal.write(callSid, { type: "note", atMs, name: "recording_failed", fields });
          log.warn("recording: not started", { callSid, code, failures }, error);
          return;
        }
        log.info("recording: start failed, will retry", { callSid, code, failures, pauseMs });
        await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
      }
    }
  }
}
