/** The sound of recorded calls, rebuilt from their flight recordings. */
import { setImmediate } from "node:timers/promises";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";
import { CallAudio } from "../../recorder/call-audio.js";
import { FlightParser } from "../../recorder/reader.js";
import { CallWav } from "./call-wav.js";
import type { FlightFiles } from "./flight-files.js";

/** Calls whose sound is kept or waits to be built. An hour has 58 MB, on disk. */
const MAX_KEPT = 4;
/** From the last part that was read to the end of the file. */
const KEEP_MS = 10 * 60_000;
/** Between two of these the calls of this process go on. */
const LINES_PER_TURN = 100;
/** Every other line is of the model's leg, whose audio is the same: it is not even parsed. */
const RELEVANT = /^\{"at":[\d.]+,"(?:is|in":"phone|out":"phone)"/;

type Files = Pick<FlightFiles, "read" | "version">;

interface Kept {
  /** Of the flight recording that it was built from. */
  readonly version: string;
  /** Null: the flight recording cannot be read. */
  readonly wav: Promise<CallWav | null>;
  usedMs: number;
  /** Requests that wait for it or read it. Its file is closed after the last. */
  readers: number;
  /** What is still being built is broken off. */
  isDropped: boolean;
}

export interface AudioPart {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

export class FlightAudio {
  readonly #files: Files;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #kept = new Map<CallSid, Kept>();
  /** One is built at a time. */
  #building: Promise<unknown> = Promise.resolve();
  #timer: Timer | null = null;
  #closed = false;

  constructor(files: Files, directory: string, clock: Clock) {
    this.#files = files;
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * @param startedMs  when the call's record begins; ms since the epoch: the file's first sample.
   * @returns          null: there is no flight recording here, or one that cannot be read.
   * @throws RelayError limit_exceeded (retryable: as many are being read as may be, or this one
   *                   has changed meanwhile).
   */
  async read(
    callSid: CallSid,
    startedMs: number,
    fromByte: number,
    maxBytes: number,
  ): Promise<AudioPart | null> {
    const version = await this.#files.version(callSid);
    // From here to the next await, what is kept does not change.
    let kept = this.#kept.get(callSid);
    if (kept !== undefined && kept.version !== version) {
      void this.#drop(callSid);
      kept = undefined;
    }
    if (version === null) return null;
    if (this.#closed) throw tryAgain("this process is stopping");
    kept ??= this.#begin(callSid, version, startedMs);
    kept.usedMs = this.#clock.nowMs();
    this.#tidyLater();
    kept.readers += 1;
    try {
      const wav = await kept.wav;
      if (wav === null) return null;
      return { bytes: await wav.read(fromByte, maxBytes), sizeBytes: wav.sizeBytes };
    } catch (error) {
      if (this.#kept.get(callSid) === kept) this.#kept.delete(callSid);
      kept.isDropped = true;
      throw error;
    } finally {
      kept.readers -= 1;
      if (kept.isDropped) await closeUnread(kept);
    }
  }

  /** Breaks off what is being built. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all([...this.#kept.keys()].map((callSid) => this.#drop(callSid)));
  }

  #begin(callSid: CallSid, version: string, startedMs: number): Kept {
    this.#makeRoom();
    const stopIfDropped = (): void => {
      if (kept.isDropped) throw tryAgain("its flight recording has changed, or this process stops");
    };
    const wav = this.#building.then(
      async () => await this.#build(callSid, startedMs, stopIfDropped),
    );
    // A failure is told to those who wait for this file, not to those of the next.
    this.#building = wav.catch(() => undefined);
    const kept: Kept = { version, wav, usedMs: 0, readers: 0, isDropped: false };
    this.#kept.set(callSid, kept);
    return kept;
  }

  /** @param stopIfDropped  throws when the recording has changed, or this process stops. */
  async #build(
    callSid: CallSid,
    startedMs: number,
    stopIfDropped: () => void,
  ): Promise<CallWav | null> {
    stopIfDropped();
    const lines = await this.#files.read(callSid);
    if (lines === null) return null;
    const wav = await CallWav.create(this.#directory);
    try {
      await rebuild(lines, startedMs, wav, stopIfDropped);
      await wav.finish();
      return wav;
    } catch (error) {
      await wav.close();
      if (error instanceof RelayError && error.code === "config_invalid") return null;
      throw error;
    }
  }

  /** Forgets it at once, and closes its file when it is not being read. */
  async #drop(callSid: CallSid): Promise<void> {
    const kept = this.#kept.get(callSid);
    if (kept === undefined) return;
    this.#kept.delete(callSid);
    kept.isDropped = true;
    await closeUnread(kept);
  }

  /** @throws RelayError limit_exceeded when all that is kept is being read. */
  #makeRoom(): void {
    if (this.#kept.size < MAX_KEPT) return;
    const idle = [...this.#kept].filter(([, { readers }]) => readers === 0);
    const [oldest] = idle.sort(([, a], [, b]) => a.usedMs - b.usedMs);
    if (oldest === undefined) throw tryAgain(`${MAX_KEPT} others are being read`);
    void this.#drop(oldest[0]);
  }

  #tidyLater(): void {
    this.#timer ??= this.#clock.after(KEEP_MS, () => {
      this.#timer = null;
      const before = this.#clock.nowMs() - KEEP_MS;
      for (const [callSid, { usedMs, readers }] of this.#kept)
        if (usedMs <= before && readers === 0) void this.#drop(callSid);
      if (this.#kept.size > 0) this.#tidyLater();
    });
  }
}

async function closeUnread(kept: Kept): Promise<void> {
  // What failed has closed its file itself.
  const wav = await kept.wav.catch(() => null);
  if (kept.readers > 0) return;
  // The file has no name: nothing is left of it, whatever closing says.
  await wav?.close().catch(() => undefined);
}

function tryAgain(why: string): RelayError {
  return new RelayError("limit_exceeded", `the sound is not rebuilt now: ${why}`, {
    retryable: true,
  });
}

/**
 * Reads a flight recording once, keeping none of it in memory. The sound ends where the file is
 * damaged.
 *
 * @throws RelayError config_invalid when it is none.
 */
async function rebuild(
  lines: AsyncIterable<string>,
  startedMs: number,
  wav: CallWav,
  stopIfDropped: () => void,
): Promise<void> {
  const parser = new FlightParser();
  const parts: CallAudio[] = [];
  let count = 0;
  for await (const text of lines) {
    if (++count % LINES_PER_TURN === 0) {
      await setImmediate();
      stopIfDropped();
    }
    if (!RELEVANT.test(text)) continue;
    const parsed = parsedOf(parser, text, parts.length);
    if (parsed === "unreadable") return;
    if (parsed === null) continue;
    const { part, line } = parsed;
    if ("is" in line && line.is === "call")
      parts.push(new CallAudio(line.epochMs - startedMs, wav));
    else parts[part]?.line(line);
    await wav.write();
  }
  parser.end();
}

function parsedOf(parser: FlightParser, text: string, parts: number) {
  try {
    return parser.line(text);
  } catch (error) {
    if (parts > 0 && errorCodeOf(error) === "config_invalid") return "unreadable";
    throw error;
  }
}
