import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";

/** Where Linux keeps files in memory. They are gone with the machine, not with the process. */
export const SHARED_MEMORY = "/dev/shm";
/** `TMPFS_MAGIC` of linux/magic.h: a write there is a copy in memory and never waits for a disk. */
const TMPFS = 0x01021994;
/** Of each of the two files. Whoever has told more than this since the disk was last reached is not helped by memory. */
const MAX_BYTES = 8 * 1024 * 1024;

/** In each journal's directory: whose it is. */
const OWNER_FILE = "owner.json";

interface Owner {
  /** The journal's directory on disk. */
  readonly journal: string;
  /** The mount namespace in which that path is to be read: containers may share memory, and have their own disks. */
  readonly mounts: string;
}

/** A journal's directories in memory: for the journal in one directory of a disk, seen from any process of the machine. */
export class ShmRoot {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * @param memory       `SHARED_MEMORY`, or another directory for tests.
   * @param journalRoot  the journal's directory on disk, which exists.
   * @throws             an error that says why there is no such memory here.
   */
  static open(memory: string, journalRoot: string): ShmRoot {
    if (statfsSync(memory).type !== TMPFS) throw new Error(`${memory} is not memory`);
    const owner = { journal: realpathSync(journalRoot), mounts: readlinkSync("/proc/self/ns/mnt") };
    // The path alone would be the same in all containers of an image, the inode alone is used again.
    const { dev, ino } = statSync(journalRoot);
    const key = createHash("sha256")
      .update(`${owner.journal} ${dev} ${ino}`)
      .digest("hex")
      .slice(0, 24);
    const user = process.getuid?.() ?? 0;
    const prefix = `murelay-${user}-`;
    const path = join(memory, prefix + key);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // Everybody may write to /dev/shm: what is there under this name may be somebody else's.
    if (!isOwn(path, user) || (lstatSync(path).mode & 0o077) !== 0)
      throw new Error(`${path} is not this user's alone`);
    writeFileSync(join(path, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 });
    for (const name of readdirSync(memory)) {
      const other = join(memory, name);
      if (name.startsWith(prefix) && isOwn(other, user)) removeIfOrphaned(other, owner.mounts);
    }
    return new ShmRoot(path);
  }

  /** Writers of which there are last words: the directories' names. */
  names(): readonly string[] {
    try {
      return readdirSync(this.path).filter((name) => name !== OWNER_FILE);
    } catch (error) {
      // The last who had something here took the directory along.
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async move(from: string, to: string): Promise<void> {
    await rename(join(this.path, from), join(this.path, to));
  }

  /** Lines in the order in which they were written; a torn one may be among them. */
  read(name: string): readonly string[] {
    const texts = FILES.map((file) => {
      try {
        return readFileSync(join(this.path, name, file), "utf8");
      } catch (error) {
        if (isMissing(error)) return "";
        throw error;
      }
    });
    // Which of the two is the older one, their numbers tell: whoever reads sorts by them.
    return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true });
    if (this.names().length > 0) return;
    rmSync(join(this.path, OWNER_FILE), { force: true });
    try {
      // Not what is in it: another process may just have begun to use it.
      rmdirSync(this.path);
    } catch (error) {
      if (!isMissing(error) && !hasCode(error, "ENOTEMPTY")) throw error;
    }
  }
}

function isOwn(path: string, user: number): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === user;
}

/** Last words of a journal that somebody has removed altogether: speech that nobody will ever read again. */
function removeIfOrphaned(path: string, mounts: string): void {
  try {
    // Written by `open`.
    const owner = JSON.parse(readFileSync(join(path, OWNER_FILE), "utf8")) as Owner;
    if (owner.mounts === mounts && !existsSync(owner.journal))
      rmSync(path, { recursive: true, force: true });
  } catch (error) {
    // Somebody is just making or removing it.
    if (!isMissing(error) && !(error instanceof SyntaxError)) throw error;
  }
}

const FILES = ["a.jsonl", "b.jsonl"] as const;

interface WordsFile {
  readonly fd: number;
  bytes: number;
  lastSeq: number;
}

/**
 * The newest lines of a process's journal, in memory that outlives it: they are there when `hold` returns, at a cost of some
 * microseconds, and are dropped when the disk has them. So the disk can be written to seldom.
 *
 * Two files by turns: one takes lines while the disk is given what is in the other.
 */
export class ShmJournal {
  readonly #files: readonly [WordsFile, WordsFile];
  #current: 0 | 1 = 0;

  constructor(root: ShmRoot, name: string) {
    const directory = join(root.path, name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = (path: string): WordsFile => ({
      fd: openSync(path, "w", 0o600),
      bytes: 0,
      lastSeq: 0,
    });
    this.#files = [file(join(directory, FILES[0])), file(join(directory, FILES[1]))];
  }

  /**
   * @param lastSeq  the number of the last of the lines.
   * @param lines    each with its line feed.
   * @returns        false: there is no room. Throws what the system says; has taken nothing in either case.
   */
  hold(lastSeq: number, lines: string): boolean {
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

  /** The disk is about to be given all that is held: what comes from now on is kept apart. */
  turn(): void {
    const other = this.#current === 0 ? 1 : 0;
    if (this.#files[other].bytes === 0) this.#current = other;
  }

  /** Lines up to `seq` are safe elsewhere. */
  release(seq: number): void {
    for (const file of this.#files) {
      if (file.bytes === 0 || file.lastSeq > seq) continue;
      ftruncateSync(file.fd, 0);
      file.bytes = 0;
    }
  }

  /** What is still held stays for the next process. */
  close(): void {
    for (const file of this.#files) closeSync(file.fd);
  }
}

function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
