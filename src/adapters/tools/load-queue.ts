/** Loading a module can occupy a core, and the relay carries sound on the same machine. */
const MAX_AT_ONCE = 2;

export interface Load {
  /** A module of one version of an agents file. */
  readonly module: object;
  readonly version: number;
  /** Starts to load it; must call `done` once that is over or has failed. */
  load(done: () => void): void;
  /** Called in place of `load`: a later version has come first. */
  replaced(): void;
}

/**
 * Loads the modules of an agents file: a few at a time, in order. A later version does not wait for
 * an earlier one, whose modules may all take until their time-out.
 */
export class LoadQueue {
  #version = Number.NEGATIVE_INFINITY;
  /** By module: what waits for the same one begins together, because it is loaded once. */
  #waiting = new Map<object, Load[]>();
  #loading = new Set<object>();

  add(load: Load): void {
    const { module, version } = load;
    if (version > this.#version) this.#begin(version);
    if (version < this.#version) load.replaced();
    else if (this.#loading.has(module)) load.load(() => undefined);
    else {
      const same = this.#waiting.get(module);
      if (same === undefined) this.#waiting.set(module, [load]);
      else same.push(load);
      this.#next();
    }
  }

  #begin(version: number): void {
    const replaced = [...this.#waiting.values()].flat();
    this.#version = version;
    this.#waiting = new Map();
    this.#loading = new Set();
    for (const load of replaced) load.replaced();
  }

  #next(): void {
    const [first] = this.#loading.size < MAX_AT_ONCE ? this.#waiting : [];
    if (first === undefined) return;
    const [module, loads] = first;
    const loading = this.#loading;
    this.#waiting.delete(module);
    loading.add(module);
    let isOver = false;
    const done = (): void => {
      if (isOver) return;
      isOver = true;
      loading.delete(module);
      this.#next();
    };
    for (const { load } of loads) load(done);
  }
}
