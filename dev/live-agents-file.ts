/**
 * The agents file of `murelay dev`: read again on each save. A faulty file changes nothing; its
 * faults are shown until the file is right again.
 */
import { type FSWatcher, readFileSync, realpathSync, statSync, watch } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import type { PhoneSetup } from "../demo/softphone.js";
import { AgentsFileError } from "../src/config/agents/agents-file.js";
import { RelayError } from "../src/domain/errors.js";
import { type LocalAgents, namedNumbers } from "./local-relay.js";
import { moduleFiles } from "./module-files.js";

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
  /** A change was noticed, and is not in force yet. */
  readonly reading: boolean;
  /** What the model refuses of the agents in force, with what to do about it. */
  readonly notices: readonly string[];
}

export interface LiveAgentsFileParts {
  /** Absolute. */
  readonly path: string;
  /** As it is shown: "simulated", or a model's name. */
  readonly model: string;
  /** @throws AgentsFileError with every fault. */
  readonly read: () => LocalAgents;
  /** Puts it in force. @throws RelayError config_invalid when a tool cannot be built. */
  readonly use: (file: LocalAgents) => Promise<void>;
  /**
   * Asks the model whether it takes the agents, once they are in force: what it refuses, in words.
   * Null: the model is simulated.
   */
  readonly check: ((file: LocalAgents["file"]) => Promise<readonly string[]>) | null;
  readonly print: (line: string) => void;
}

/** An editor writes a file in several steps. */
const SETTLE_MS = 120;
/**
 * Folders that are replaced or mounted from another machine send no events. Reading the state of a
 * few files costs nothing that one notices.
 */
const LOOK_MS = 1_000;

export class LiveAgentsFile implements PhoneSetup {
  readonly #parts: LiveAgentsFileParts;
  readonly #listeners = new Set<() => void>();
  readonly #first: LocalAgents["file"];
  #setup: DevSetup;
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | null = null;
  #looking: NodeJS.Timeout | null = null;
  #state = "";
  #reading: Promise<void> = Promise.resolve();
  /** Of the tool modules. */
  #files: readonly string[] = [];

  /** @param first  the file that is in force. */
  constructor(parts: LiveAgentsFileParts, first: LocalAgents) {
    this.#parts = parts;
    this.#first = first.file;
    this.#setup = {
      model: parts.model,
      file: relative(process.cwd(), parts.path) || parts.path,
      version: 1,
      ...listed(first),
      faults: [],
      reading: false,
      notices: [],
    };
    this.#files = moduleFiles(modulesOf(first));
    this.#state = this.#onDisk();
  }

  get current(): DevSetup {
    return this.#setup;
  }

  watch(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Watches the file, its tool modules and what they import, until `stop`. */
  start(): void {
    void this.#checkModel(this.#first);
    this.#watchFolders();
    this.#looking = setInterval(() => this.#changed(), LOOK_MS);
  }

  stop(): void {
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#looking = null;
    this.#closeWatchers();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** A save often replaces the file: its folder is what stays. */
  #watchFolders(): void {
    const { path } = this.#parts;
    const files = [path, realPath(path), ...this.#files];
    for (const folder of new Set(files.map((file) => dirname(file))))
      try {
        const watcher = watch(folder, () => this.#changed());
        // The next look at the files takes its place.
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // The folder is not there, or there are too many watchers on this machine.
      }
  }

  #closeWatchers(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  /** Reads the file now. Resolves once it is in force, or its faults are shown. */
  async reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#reload());
    await this.#reading;
  }

  #changed(): void {
    if (this.#onDisk() === this.#state) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (!this.#setup.reading) this.#show({ reading: true });
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const state = this.#onDisk();
      if (state === this.#state) {
        this.#show({ reading: false });
        return;
      }
      this.#state = state;
      void this.reload();
    }, SETTLE_MS);
  }

  async #reload(): Promise<void> {
    const { path, read, use, print } = this.#parts;
    let parsed: LocalAgents | null = null;
    try {
      // What is saved from here on is another change.
      const content = this.#content();
      parsed = read();
      this.#watchModules(modulesOf(parsed), content);
      await use(parsed);
      this.#show({
        ...listed(parsed),
        version: this.#setup.version + 1,
        faults: [],
        reading: false,
      });
      print(`${basename(path)} is in force: calls from now on have it`);
      void this.#checkModel(parsed.file);
    } catch (error) {
      const faults = faultsOf(error, parsed);
      this.#show({ faults, reading: false });
      print(`${basename(path)} has faults; the version before stays in force:`);
      for (const { line, path: at, problem } of faults)
        print(`  ${line === null ? "" : `line ${line}: `}${at} ${problem}`);
    }
  }

  /** A wrong key would otherwise show only as a call that goes to a human at once. */
  async #checkModel(file: LocalAgents["file"]): Promise<void> {
    const { check, print } = this.#parts;
    if (check === null) return;
    const { version } = this.#setup;
    let notices: readonly string[];
    try {
      notices = await check(file);
    } catch (error) {
      notices = [`could not be asked: ${error instanceof Error ? error.message : String(error)}`];
    }
    // A later version has a check of its own.
    if (this.#setup.version !== version) return;
    for (const notice of notices) print(`model: ${notice}`);
    this.#show({ notices });
  }

  /** Also those of a file that is then refused: a module may be what is wrong with it. */
  #watchModules(modules: readonly string[], content: string): void {
    this.#files = moduleFiles(modules);
    // Otherwise the next event in a folder would look like a change, because the list has changed.
    this.#state = [content, ...this.#times()].join("\n");
    if (this.#looking === null) return;
    this.#closeWatchers();
    this.#watchFolders();
  }

  #show(change: Partial<DevSetup>): void {
    this.#setup = { ...this.#setup, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** The content of the file, and when the files of the modules were written. */
  #onDisk(): string {
    return [this.#content(), ...this.#times()].join("\n");
  }

  #content(): string {
    const { path } = this.#parts;
    try {
      return [realPath(path), readFileSync(path, "utf8")].join("\n");
    } catch {
      // Between two steps of a save, or removed: reading it says what is wrong.
      return "";
    }
  }

  #times(): readonly string[] {
    return this.#files.map((file) => {
      const stats = statSync(file, { throwIfNoEntry: false });
      return stats === undefined ? "-" : `${stats.mtimeMs} ${stats.size}`;
    });
  }
}

function listed({ file }: LocalAgents): Pick<DevSetup, "agents" | "numbers"> {
  return { agents: [...file.agents.keys()], numbers: namedNumbers(file) };
}

function modulesOf({ places }: LocalAgents): readonly string[] {
  return [...places.values()].flatMap(({ module }) => (module === null ? [] : [resolve(module)]));
}

/** Where a link leads; the path itself while nothing is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What is wrong, with its place in the file where it has one. */
export function faultsOf(
  error: unknown,
  parsed: Pick<LocalAgents, "places"> | null,
): readonly ShownFault[] {
  if (error instanceof AgentsFileError)
    return error.faults.map(({ line, path, problem }) => ({ line, path, problem }));
  const message = error instanceof Error ? error.message : String(error);
  // A fault of the relay must not end the session of the one who edits: it is shown like any other.
  if (!(error instanceof RelayError) || error.code !== "config_invalid")
    return [{ line: null, path: "", problem: `could not be put in force: ${message}` }];
  const name = /^tool ([^:\s]+): /.exec(message)?.[1];
  const place = name === undefined ? undefined : parsed?.places.get(name);
  return [{ line: place?.line ?? null, path: place?.path ?? "", problem: message }];
}
