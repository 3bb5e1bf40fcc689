import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { OrphanSpool, SpoolEntry } from "../../ports/spool.js";
import type { WriterId } from "../../ports/store.js";
import { isMissing } from "./file-errors.js";
import type { ShmRoot } from "./shm-root.js";
import { ENTRIES_PER_SLICE, parseEntry, readEntries } from "./spool-lines.js";
import { isAbandoned } from "./spool-owner.js";

/** Records that the database refuses are kept here, one file each. No writer has this name. */
export const QUARANTINE = "quarantine";

/** Claims the journals of dead processes: of several that try, exactly one process gets each. */
export class OrphanFinder {
  readonly #root: string;
  readonly #writer: WriterId;
  readonly #memory: ShmRoot | null;
  readonly #epochMs: () => number;

  /** @param writer  this process, which claims what it finds. */
  constructor(root: string, writer: WriterId, memory: ShmRoot | null, epochMs: () => number) {
    this.#root = root;
    this.#writer = writer;
    this.#memory = memory;
    this.#epochMs = epochMs;
  }

  async find(): Promise<readonly OrphanSpool[]> {
    // Read the memory first: a writer creates its directory on disk before the one in memory, and
    // removes it later.
    const inMemory = this.#memory?.names() ?? [];
    const entries = await readdir(this.#root, { withFileTypes: true });
    const directories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const found: OrphanSpool[] = [];
    for (const name of directories) {
      if (name === this.#writer || name === QUARANTINE) continue;
      const orphan = await this.#claimDirectory(name);
      if (orphan !== null) found.push(orphan);
    }
    const onDisk = new Set(entries.map(({ name }) => nameParts(name).writer));
    for (const name of inMemory) {
      const orphan = onDisk.has(nameParts(name).writer) ? null : await this.#claimMemory(name);
      if (orphan !== null) found.push(orphan);
    }
    return found;
  }

  async #claimDirectory(name: string): Promise<OrphanSpool | null> {
    const { writer, claimant } = nameParts(name);
    const ownerDirectory = join(this.#root, claimant ?? writer);
    if (!(await isAbandoned(ownerDirectory, claimant !== undefined, this.#epochMs()))) return null;
    const claimed = join(this.#root, `${writer}~${this.#writer}`);
    try {
      // Several processes may try. Only one rename finds the directory.
      await rename(join(this.#root, name), claimed);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    return new OrphanFiles(writer, claimed, this.#memory, writer);
  }

  /**
   * Claims buffered lines whose journal on disk was taken over by a process that cannot see this
   * memory: on another machine, or in another container.
   */
  async #claimMemory(name: string): Promise<OrphanSpool | null> {
    const { writer, claimant } = nameParts(name);
    if (this.#memory === null || claimant === this.#writer) return null;
    const ownerDirectory = join(this.#root, claimant ?? "");
    if (claimant !== undefined && !(await isAbandoned(ownerDirectory, true, this.#epochMs())))
      return null;
    const claimed = `${writer}~${this.#writer}`;
    try {
      await this.#memory.move(name, claimed);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    return new OrphanFiles(writer, null, this.#memory, claimed);
  }
}

/** "writer~claimant": the claimant was taking the writer's journal over. */
function nameParts(name: string): { readonly writer: string; readonly claimant?: string } {
  const [writer = "", claimant] = name.split("~");
  return claimant === undefined ? { writer } : { writer, claimant };
}

class OrphanFiles implements OrphanSpool {
  readonly writer: WriterId;
  /** Null when only the memory has lines. */
  readonly #directory: string | null;
  readonly #memory: ShmRoot | null;
  readonly #nameInMemory: string;

  constructor(
    writer: WriterId,
    directory: string | null,
    memory: ShmRoot | null,
    nameInMemory: string,
  ) {
    this.writer = writer;
    this.#directory = directory;
    this.#memory = memory;
    this.#nameInMemory = nameInMemory;
  }

  async *read(): AsyncGenerator<readonly SpoolEntry[]> {
    let lastSeq = 0;
    for (const path of await this.#segments()) {
      for await (const entries of readEntries(path)) {
        lastSeq = entries.at(-1)?.seq ?? lastSeq;
        yield entries;
      }
    }
    // The numbers of a call's entries must rise, so the buffered lines come after those of the
    // disk.
    const buffered = this.#memory?.read(this.#nameInMemory).flatMap(parseEntry) ?? [];
    const newer = buffered.filter((entry) => entry.seq > lastSeq).sort((a, b) => a.seq - b.seq);
    for (let i = 0; i < newer.length; i += ENTRIES_PER_SLICE)
      yield newer.slice(i, i + ENTRIES_PER_SLICE);
  }

  async #segments(): Promise<readonly string[]> {
    const directory = this.#directory;
    if (directory === null) return [];
    const names = (await readdir(directory)).filter((name) => name.endsWith(".jsonl"));
    return names.sort().map((name) => join(directory, name));
  }

  async remove(): Promise<void> {
    this.#memory?.remove(this.#nameInMemory);
    if (this.#directory !== null) await rm(this.#directory, { recursive: true, force: true });
  }
}
