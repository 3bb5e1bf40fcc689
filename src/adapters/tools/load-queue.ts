/** Loading a module can occupy a core, and the relay carries sound on the same machine. */
const MAX_AT_ONCE = 2;

/** Loads modules for a version of an agents file: a few at a time, in order. */
export class LoadQueue {
  readonly #waiting: ((done: () => void) => void)[] = [];
  #loading = 0;

  /** @param load  starts to load a module; must call `done` once that is over or has failed. */
  add(load: (done: () => void) => void): void {
    this.#waiting.push(load);
    this.#next();
  }

  #next(): void {
    const load = this.#loading < MAX_AT_ONCE ? this.#waiting.shift() : undefined;
    if (load === undefined) return;
    this.#loading++;
    let isOver = false;
    load(() => {
      if (isOver) return;
      isOver = true;
      this.#loading--;
      this.#next();
    });
  }
}
