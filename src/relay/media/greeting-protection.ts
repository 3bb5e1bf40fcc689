/**
 * Whether the caller may interrupt yet: the first ms of a greeting can be protected
 * (`vad.greeting_protection_ms`). Pure.
 */
export class GreetingProtection {
  readonly #lastsMs: number;
  /** Null: the greeting has not begun. */
  #untilMs: number | null;
  #isOver: boolean;

  /** @param lastsMs  0: nothing is protected. */
  constructor(lastsMs: number) {
    this.#lastsMs = lastsMs;
    this.#isOver = lastsMs <= 0;
    this.#untilMs = null;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The first audio of the agent leaves for the caller. */
  greetingBegan(nowMs: number): void {
    this.#untilMs ??= nowMs + this.#lastsMs;
  }

  protects(nowMs: number): boolean {
    return !this.#isOver && (this.#untilMs === null || nowMs < this.#untilMs);
  }

  /** Asked at every tick. True, once: the protection has just ended. */
  ends(nowMs: number): boolean {
    if (this.#isOver || this.protects(nowMs)) return false;
    this.#isOver = true;
    return true;
  }
}
