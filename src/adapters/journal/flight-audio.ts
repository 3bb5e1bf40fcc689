/** The sound of recorded calls, rebuilt from their flight recordings. */
import { setImmediate } from "node:timers/promises";
import { RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";
import { CallAudio } from "../../recorder/call-audio.js";
import { FlightParser } from "../../recorder/reader.js";
import { CallWav } from "./call-wav.js";
import type { FlightFiles } from "./flight-files.js";

/** Calls whose sound is kept. An hour has 58 MB, on disk. */
const MAX_KEPT = 4;
/** From the last part that was read to the end of the file. */
const KEEP_MS = 10 * 60_000;
/** Between two of these the calls of this process go on. */
const LINES_PER_TURN = 100;
/** Every other line is of the model's leg, whose audio is the same: it is not even parsed. */
const RELEVANT = /^\{"at":[\d.]+,"(?:is|in":"phone|out":"phone)"/;

interface Kept {
  /** Of the flight recording that it was built from. */
  readonly version: string;
  /** Null: the flight recording cannot be read. */
  readonly wav: Promise<CallWav | null>;
  usedMs: number;
}

export interface AudioPart {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

export class FlightAudio {
  readonly #files: FlightFiles;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #kept = new Map<CallSid, Kept>();
  /** One is built at a time. */
  #building: Promise<unknown> = Promise.resolve();
  #timer: Timer | null = null;

  constructor(files: FlightFiles, directory: string, clock: Clock) {
    this.#files = files;
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * @param startedMs  when the call's record begins; ms since the epoch: the file's first sample.
   * @returns          null: there is no flight recording here, or one that cannot be read.
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
    if (kept === undefined) {
      this.#makeRoom();
      const wav = this.#building.then(async () => await this.#build(callSid, startedMs));
      // A failure is told to those who wait for this file, not to those of the next.
      this.#building = wav.catch(() => undefined);
      kept = { version, wav, usedMs: 0 };
      this.#kept.set(callSid, kept);
    }
    kept.usedMs = this.#clock.nowMs();
    this.#tidyLater();
    try {
      const wav = await kept.wav;
      if (wav === null) return null;
      return { bytes: await wav.read(fromByte, maxBytes), sizeBytes: wav.sizeBytes };
    } catch (error) {
      if (this.#kept.get(callSid) === kept) this.#kept.delete(callSid);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all([...this.#kept.keys()].map((callSid) => this.#drop(callSid)));
  }

  async #build(callSid: CallSid, startedMs: number): Promise<CallWav | null> {
    const lines = await this.#files.read(callSid);
    if (lines === null) return null;
    const wav = await CallWav.create(this.#directory);
    try {
      await rebuild(lines, startedMs, wav);
      await wav.finish();
      return wav;
    } catch (error) {
      await wav.close();
      if (error instanceof RelayError && error.code === "config_invalid") return null;
      throw error;
    }
  }

  /** Forgets it at once, and closes its file. */
  async #drop(callSid: CallSid): Promise<void> {
    const kept = this.#kept.get(callSid);
    if (kept === undefined) return;
    this.#kept.delete(callSid);
    // What failed has closed its file itself.
    const wav = await kept.wav.catch(() => null);
    // The file has no name: nothing is left of it, whatever closing says.
    await wav?.close().catch(() => undefined);
  }

  #makeRoom(): void {
    if (this.#kept.size < MAX_KEPT) return;
    const [oldest] = [...this.#kept].sort(([, a], [, b]) => a.usedMs - b.usedMs);
    if (oldest !== undefined) void this.#drop(oldest[0]);
  }

  #tidyLater(): void {
    this.#timer ??= this.#clock.after(KEEP_MS, () => {
      this.#timer = null;
      const before = this.#clock.nowMs() - KEEP_MS;
      for (const [callSid, { usedMs }] of this.#kept)
        if (usedMs <= before) void this.#drop(callSid);
      if (this.#kept.size > 0) this.#tidyLater();
    });
  }
}

/** Reads a flight recording once, keeping none of it in memory. */
async function rebuild(
  lines: AsyncIterable<string>,
  startedMs: number,
  wav: CallWav,
): Promise<void> {
  const parser = new FlightParser();
  const parts: CallAudio[] = [];
  let count = 0;
  for await (const text of lines) {
    if (++count % LINES_PER_TURN === 0) await setImmediate();
    if (!RELEVANT.test(text)) continue;
    const parsed = parser.line(text);
    if (parsed === null) continue;
    const { part, line } = parsed;
    if ("is" in line && line.is === "call")
      parts.push(new CallAudio(line.epochMs - startedMs, wav));
    else parts[part]?.line(line);
    await wav.write();
  }
  parser.end();
}
