/** Lets one caller in at a time, in the order in which they came. */
export class Mutex {
  readonly #waiting: (() => void)[] = [];
  #locked = false;

  async lock(): Promise<void> {
    if (!this.#locked) {
      this.#locked = true;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  unlock(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#locked = false;
    else next();
  }
}
