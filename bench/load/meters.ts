import { Histogram } from "./histogram.js";
import type { ListenerWindows } from "./listener-windows.js";
import type { Scraper } from "./scraper.js";
import { newTally, type Tally } from "./stream-checker.js";

/** Everything that a run measures. One object for all calls. */
export class Meters {
  /**
   * Caller → model, from the phone's write to the frame's arrival in an append: while the caller
   * talks.
   */
  readonly uplink = new Histogram();
  /** The same while the caller is silent: a relay may join such frames. */
  readonly uplinkIdle = new Histogram();
  /**
   * Model → caller: a delta's departure to its first byte leaving the relay, when nothing was
   * queued before it.
   */
  readonly downlink = new Histogram();
  /** `speech_started` → `clear` leaves the relay. */
  readonly clear = new Histogram();
  /** `speech_started` → the phone falls silent by that `clear`. */
  readonly bargeInSilence = new Histogram();
  /**
   * The caller's first loud frame → the last audio at the phone before the model had noticed: the
   * relay's own voice detection.
   */
  readonly hold = new Histogram();
  /** |audio_end_ms − what the phone has played of the item when the clear arrives|. */
  readonly truncation = new Histogram();
  /** What a caller waits in silence while a reply is owed. */
  readonly silence = new Histogram();
  /** Un-played audio at the phone, at every arrival while the harness itself was in time. */
  readonly lead = new Histogram();
  /** Voice webhook → accepted stream. */
  readonly setup = new Histogram();
  /** Accepted stream → first byte of the greeting. */
  readonly greeting = new Histogram();
  /** Since the last line of progress. */
  readonly recentUplink = new Histogram();
  readonly recentDownlink = new Histogram();
  /** While the relay's metrics are scraped every other second. */
  scraper: Scraper | null = null;
  /** While operators listen to one call in every other window. */
  listened: ListenerWindows | null = null;

  readonly up: Tally = newTally();
  readonly down: Tally = newTally();

  framesSent = 0;
  /** Sent in the last second of a call and dropped with it: no loss. */
  framesCutOff = 0;
  callsStarted = 0;
  callsLive = 0;
  callsEnded = 0;
  /** Reason → calls. */
  readonly failures = new Map<string, number>();
  /** Integral of the live calls, in call-seconds. */
  callSeconds = 0;

  underruns = 0;
  /** Underruns while the harness itself was late: not certainly the relay's fault. */
  underrunsUnsure = 0;
  underrunMs = 0;

  responses = 0;
  /**
   * Responses that failed, ended incomplete, were silent or hit a rate limit, as the scenario asks.
   */
  faults = 0;
  toolCalls = 0;
  toolAnswers = 0;
  unanswered = 0;
  bargeIns = 0;
  clearsMissing = 0;
  /** Clears without an interruption. */
  clearsUnasked = 0;
  truncates = 0;
  truncatesMissing = 0;
  truncatesRejected = 0;
  /** Beyond the audio that the relay had received. */
  truncatesAbove = 0;
  /** Earliest and latest, signed: negative = less than was heard. */
  truncationLowMs = 0;
  truncationHighMs = 0;
  /** Audio missing in the caller's stream, in bytes. */
  gapBytes = 0;
  /** Error events that the model sent, by code and message. */
  readonly modelErrors = new Map<string, number>();
  sessions = 0;
  /** Model sessions still open 3 s after the last call. */
  sessionsLeaked = 0;
  sessionsUnclaimed = 0;
  marks = 0;
  restRequests = 0;

  fail(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  get callsFailed(): number {
    let n = 0;
    for (const count of this.failures.values()) n += count;
    return n;
  }

  modelError(what: string): void {
    this.modelErrors.set(what, (this.modelErrors.get(what) ?? 0) + 1);
  }
}
