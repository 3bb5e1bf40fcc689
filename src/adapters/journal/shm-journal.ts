import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SHM_FILES, type ShmRoot } from "./shm-root.js";

/** Limit of each of the two files. A spool that is this far behind its disk needs the disk. */
const MAX_BYTES = 8 * 1024 * 1024;

interface BufferFile {
  readonly fd: number;
  bytes: number;
  lastSeq: number;
}

/**
 * Write-ahead buffer of one writer in shared memory. A line outlives the process as soon as
 * `append` returns, at a cost of some microseconds, and is dropped once the disk has it. The disk
 * can therefore be written to rarely.
 *
 * The buffer uses two files in turn: one takes new lines while the disk receives the lines of the
 * other.
 */
export class ShmJournal {
  readonly #files: readonly [BufferFile, BufferFile];
  #current: 0 | 1 = 0;

  constructor(root: ShmRoot, name: string) {
    const directory = join(root.path, name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#files = [
      openBuffer(join(directory, SHM_FILES[0])),
      openBuffer(join(directory, SHM_FILES[1])),
    ];
  }

  /**
   * @param lastSeq  the number of the last of the lines.
   * @param lines    each with its line feed.
   * @returns        false when there is no room. Throws the system's errors. In both cases the
   *                 buffer is unchanged.
   */
  append(lastSeq: number, lines: string): boolean {
    const file = this.#files[this.#current];
    const bytes = Buffer.byteLength(lines);
    if (file.bytes + bytes > MAX_BYTES) return false;
    const written = writeSync(file.fd, lines, file.bytes, "utf8");
    if (written < bytes) {
      ftruncateSync(file.fd, file.bytes);
      return false;
    }
    file.bytes += bytes;
    file.lastSeq = lastSeq;
    return true;
  }

  /** Call this before the disk is given all buffered lines: later lines go to the other file. */
  switchFiles(): void {
    const other = this.#current === 0 ? 1 : 0;
    if (this.#files[other].bytes === 0) this.#current = other;
  }

  /** Drops the lines up to `seq`, which are safe elsewhere. */
  discardThrough(seq: number): void {
    for (const file of this.#files) {
      if (file.bytes === 0 || file.lastSeq > seq) continue;
      ftruncateSync(file.fd, 0);
      file.bytes = 0;
    }
  }

  /** What is still buffered stays in memory for the next process. */
  close(): void {
    for (const file of this.#files) closeSync(file.fd);
  }
}

function openBuffer(path: string): BufferFile {
  return { fd: openSync(path, "w", 0o600), bytes: 0, lastSeq: 0 };
}
