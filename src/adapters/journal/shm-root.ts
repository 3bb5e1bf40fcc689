import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode, isMissing } from "./file-errors.js";

/** Linux keeps the files of this directory in memory. They outlive a process, not the machine. */
export const SHARED_MEMORY = "/dev/shm";
/** `TMPFS_MAGIC` of linux/magic.h: a write to such a file system never waits for a disk. */
const TMPFS = 0x01021994;
/** The two files of a writer's buffer; see `ShmJournal`. */
export const SHM_FILES = ["a.jsonl", "b.jsonl"] as const;
const OWNER_FILE = "owner.json";

/** Names the spool directory that a directory in memory belongs to. */
interface Owner {
  /** The spool's directory on disk. */
  readonly journal: string;
  /**
   * The mount namespace in which that path is valid. Containers may share memory although each has
   * its own disk.
   */
  readonly mounts: string;
}

/**
 * One spool's directory in shared memory, with a subdirectory for each writer. Every process of the
 * machine that uses the spool finds the same directory.
 */
export class ShmRoot {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * @param memory     `SHARED_MEMORY`, or another directory for tests.
   * @param spoolRoot  the spool's directory on disk, which exists.
   * @throws           an error that says why no shared memory can be used here.
   */
  static open(memory: string, spoolRoot: string): ShmRoot {
    if (statfsSync(memory).type !== TMPFS) throw new Error(`${memory} is not memory`);
    const owner = { journal: realpathSync(spoolRoot), mounts: readlinkSync("/proc/self/ns/mnt") };
    const user = process.getuid?.() ?? 0;
    const prefix = `murelay-${user}-`;
    const path = join(memory, prefix + keyOf(owner.journal, spoolRoot));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // Every user may write to /dev/shm: a directory of this name may belong to another user.
    if (!isOwnDirectory(path, user) || (lstatSync(path).mode & 0o077) !== 0)
      throw new Error(`${path} is not this user's alone`);
    writeFileSync(join(path, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 });
    for (const name of readdirSync(memory)) {
      const other = join(memory, name);
      if (name.startsWith(prefix) && isOwnDirectory(other, user))
        removeIfOrphaned(other, owner.mounts);
    }
    return new ShmRoot(path);
  }

  /** The writers' directories. */
  names(): readonly string[] {
    try {
      return readdirSync(this.path).filter((name) => name !== OWNER_FILE);
    } catch (error) {
      // The last writer removes the directory.
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async move(from: string, to: string): Promise<void> {
    await rename(join(this.path, from), join(this.path, to));
  }

  /**
   * The lines of a writer's two files. They are not in order: only the entries' numbers tell which
   * file is older. A torn line may be among them.
   */
  read(name: string): readonly string[] {
    const texts = SHM_FILES.map((file) => {
      try {
        return readFileSync(join(this.path, name, file), "utf8");
      } catch (error) {
        if (isMissing(error)) return "";
        throw error;
      }
    });
    return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  }

  /** Removes a writer's directory, and the spool's own directory after the last one. */
  remove(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true });
    if (this.names().length > 0) return;
    rmSync(join(this.path, OWNER_FILE), { force: true });
    try {
      // Not recursively: another process may have begun to use the directory a moment ago.
      rmdirSync(this.path);
    } catch (error) {
      if (!isMissing(error) && !hasErrorCode(error, "ENOTEMPTY")) throw error;
    }
  }
}

/** The path alone is the same in all containers of an image, and inode numbers are reused. */
function keyOf(realPath: string, spoolRoot: string): string {
  const { dev, ino } = statSync(spoolRoot);
  return createHash("sha256").update(`${realPath} ${dev} ${ino}`).digest("hex").slice(0, 24);
}

function isOwnDirectory(path: string, user: number): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === user;
}

/** Removes the lines of a spool that no longer exists on disk: no process will read them. */
function removeIfOrphaned(path: string, mounts: string): void {
  try {
    // `open` wrote this file.
    const owner = JSON.parse(readFileSync(join(path, OWNER_FILE), "utf8")) as Owner;
    if (owner.mounts === mounts && !existsSync(owner.journal))
      rmSync(path, { recursive: true, force: true });
  } catch (error) {
    // Another process is creating or removing the directory at this moment.
    if (!isMissing(error) && !(error instanceof SyntaxError)) throw error;
  }
}
