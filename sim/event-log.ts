/** What happened in a call, in order, with times: tests and demo read it and wait for it. */
export type CallEventKind =
  | "webhook"
  | "webhook_failed"
  | "twiml"
  | "application_error"
  | "answered"
  | "say"
  | "play"
  | "pause"
  | "stream_connecting"
  | "stream_started"
  | "stream_refused"
  | "stream_closed"
  // Of a stream that forks the audio of the leg.
  | "fork_started"
  | "fork_refused"
  | "fork_closed"
  | "first_media"
  | "clear"
  | "key"
  // Tones that came into the leg.
  | "digits"
  | "dial"
  // Twilio would not dial: `code` says why.
  | "dial_refused"
  | "dial_answered"
  | "dial_bridged"
  | "dial_ended"
  | "enqueued"
  | "queue_wait"
  | "queue_left"
  | "conference_joined"
  | "conference_left"
  | "gather"
  | "redirect"
  | "rest"
  | "status_callback"
  | "recording"
  | "hang_up"
  // Of a call as the model's SIP end sees it:
  | "invite"
  | "delivery"
  | "accepted"
  | "sideband"
  | "speaking"
  | "refer"
  | "ended";

export type CallEventDetail = Readonly<Record<string, string | number | boolean | null>>;

export interface CallEvent {
  /** Since the call began. */
  readonly atMs: number;
  readonly kind: CallEventKind;
  readonly detail: CallEventDetail;
}

export class EventLog {
  readonly entries: CallEvent[] = [];
  readonly #nowMs: () => number;
  readonly #startMs: number;
  readonly #watchers = new Set<(entry: CallEvent) => void>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  get elapsedMs(): number {
    return this.#nowMs() - this.#startMs;
  }

  /** The instant the call began, on the simulator's clock. */
  get startMs(): number {
    return this.#startMs;
  }

  add(kind: CallEventKind, detail: CallEventDetail = {}): void {
    const entry = { atMs: this.elapsedMs, kind, detail };
    this.entries.push(entry);
    for (const watcher of [...this.#watchers]) watcher(entry);
  }

  /** Every entry from now on. @returns the way to stop. */
  watch(watcher: (entry: CallEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  find(kind: CallEventKind, where: CallEventDetail = {}): CallEvent | undefined {
    return this.entries.find((entry) => matches(entry, kind, where));
  }

  all(kind: CallEventKind): readonly CallEvent[] {
    return this.entries.filter((entry) => entry.kind === kind);
  }

  /**
   * The first such entry, past or to come.
   *
   * @throws Error after `limitMs` of real time, with the events so far.
   */
  until(kind: CallEventKind, where: CallEventDetail = {}, limitMs = 10_000): Promise<CallEvent> {
    const there = this.find(kind, where);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve, reject) => {
      const stop = this.watch((entry) => {
        if (!matches(entry, kind, where)) return;
        clearTimeout(timer);
        stop();
        resolve(entry);
      });
      const timer = setTimeout(() => {
        stop();
        reject(
          new Error(
            `no ${kind} ${JSON.stringify(where)} in ${limitMs} ms; so far:\n${this.text()}`,
          ),
        );
      }, limitMs);
    });
  }

  text(): string {
    return this.entries
      .map(
        (entry) =>
          `${(entry.atMs / 1000).toFixed(3)} ${entry.kind} ${JSON.stringify(entry.detail)}`,
      )
      .join("\n");
  }
}

function matches(entry: CallEvent, kind: CallEventKind, where: CallEventDetail): boolean {
  return (
    entry.kind === kind &&
    Object.entries(where).every(([key, value]) => entry.detail[key] === value)
  );
}
