/**
 * The agents file of `murelay dev`: read again on each save. A faulty file changes nothing; its
 * faults are shown until the file is right again.
 */
import { type FSWatcher, readFileSync, statSync, watch } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import type { PhoneSetup } from "../demo/softphone.js";
import { AgentsFileError } from "../src/config/agents/agents-file.js";
import type { ReadAgents } from "../src/config/agents/read-apart.js";
import { RelayError } from "../src/domain/errors.js";
import { namedNumbers } from "./local-relay.js";

export interface ShownFault {
  /** Null: the fault has no place in the file. */
  readonly line: number | null;
  readonly path: string;
  readonly problem: string;
}

/** What the page shows of the project. */
export interface DevSetup {
  readonly model: string;
  readonly file: string;
  /** How often the file was put into force. */
  readonly version: number;
  readonly agents: readonly string[];
  readonly numbers: readonly string[];
  /** Empty: the file on disk is in force. */
  readonly faults: readonly ShownFault[];
}

export interface LiveAgentsFileParts {
  /** Absolute. */
  readonly path: string;
  /** As it is shown: "simulated", or a model's name. */
  readonly model: string;
  /** @throws AgentsFileError with every fault. */
  readonly read: () => Promise<ReadAgents>;
  /** Puts it in force. @throws RelayError config_invalid when a tool cannot be built. */
  readonly use: (file: ReadAgents) => Promise<void>;
  readonly print: (line: string) => void;
}

/** An editor writes a file in several steps. */
const SETTLE_MS = 120;

export class LiveAgentsFile implements PhoneSetup {
  readonly #parts: LiveAgentsFileParts;
  readonly #listeners = new Set<() => void>();
  #setup: DevSetup;
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | null = null;
  #state = "";
  #reading: Promise<void> = Promise.resolve();
  #modules: readonly string[] = [];

  /** @param first  the file that is in force. */
  constructor(parts: LiveAgentsFileParts, first: Pick<ReadAgents, "file" | "places">) {
    this.#parts = parts;
    this.#setup = {
      model: parts.model,
      file: relative(process.cwd(), parts.path) || parts.path,
      version: 1,
      ...listed(first),
      faults: [],
    };
    this.#modules = modulesOf(first);
    this.#state = this.#onDisk();
  }

  get current(): DevSetup {
    return this.#setup;
  }

  watch(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Watches the file and its tool modules until `stop`. */
  start(): void {
    const files = [this.#parts.path, ...this.#modules];
    // A save often replaces the file: its folder is what stays.
    this.#watchers = [...new Set(files.map((file) => dirname(file)))].map((folder) =>
      watch(folder, () => this.#changed()).on("error", ({ message }) =>
        this.#parts.print(`${folder} is no longer watched: ${message}`),
      ),
    );
  }

  stop(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Reads the file now. Resolves once it is in force, or its faults are shown. */
  async reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#reload());
    await this.#reading;
  }

  #changed(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const state = this.#onDisk();
      if (state === this.#state) return;
      this.#state = state;
      void this.reload();
    }, SETTLE_MS);
  }

  async #reload(): Promise<void> {
    const { path, read, use, print } = this.#parts;
    let parsed: ReadAgents | null = null;
    try {
      parsed = await read();
      this.#watchModules(modulesOf(parsed));
      await use(parsed);
      this.#show({ ...listed(parsed), version: this.#setup.version + 1, faults: [] });
      print(`${basename(path)} is in force: calls from now on have it`);
    } catch (error) {
      const faults = faultsOf(error, parsed);
      if (faults === null) throw error;
      this.#show({ faults });
      print(`${basename(path)} has faults; the version before stays in force:`);
      for (const { line, path: at, problem } of faults)
        print(`  ${line === null ? "" : `line ${line}: `}${at} ${problem}`);
    }
  }

  /** Also those of a file that is then refused: a module may be what is wrong with it. */
  #watchModules(modules: readonly string[]): void {
    this.#modules = modules;
    // Otherwise the next event in a folder would look like a change, because the list has changed.
    this.#state = this.#onDisk();
    if (this.#watchers.length === 0) return;
    this.stop();
    this.start();
  }

  #show(change: Partial<DevSetup>): void {
    this.#setup = { ...this.#setup, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** The content of the file, and when the modules were written. */
  #onDisk(): string {
    const times = this.#modules.map((file) => {
      const stats = statSync(file, { throwIfNoEntry: false });
      return stats === undefined ? "-" : `${stats.mtimeMs} ${stats.size}`;
    });
    try {
      return [readFileSync(this.#parts.path, "utf8"), ...times].join("\n");
    } catch {
      // Between two steps of a save, or removed: reading it says what is wrong.
      return "";
    }
  }
}

function listed({ file }: Pick<ReadAgents, "file">): Pick<DevSetup, "agents" | "numbers"> {
  return { agents: [...file.agents.keys()], numbers: namedNumbers(file) };
}

function modulesOf({ places }: Pick<ReadAgents, "places">): readonly string[] {
  return [...places.values()].flatMap(({ module }) => (module === null ? [] : [resolve(module)]));
}

/** Null: the error is none of the file. */
export function faultsOf(
  error: unknown,
  parsed: Pick<ReadAgents, "places"> | null,
): readonly ShownFault[] | null {
  if (error instanceof AgentsFileError)
    return error.faults.map(({ line, path, problem }) => ({ line, path, problem }));
  if (!(error instanceof RelayError) || error.code !== "config_invalid") return null;
  const name = /^tool ([^:\s]+): /.exec(error.message)?.[1];
  const place = name === undefined ? undefined : parsed?.places.get(name);
  return [{ line: place?.line ?? null, path: place?.path ?? "", problem: error.message }];
}
