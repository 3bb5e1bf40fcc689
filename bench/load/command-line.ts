/** Reads the command line of a harness. Errors say what to write instead. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./usage-error.js";

export class CommandLine {
  readonly #values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

  /** @throws UsageError for an unknown option, or one that lacks its value. */
  constructor(argv: readonly string[], options: NonNullable<ParseArgsConfig["options"]>) {
    try {
      this.#values = parseArgs({ args: [...argv], allowPositionals: false, options }).values;
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | null {
    const value = this.#values[name];
    return typeof value === "string" ? value : null;
  }

  /** The values of an option that may be given several times. */
  texts(name: string): readonly string[] {
    const values = this.#values[name];
    return Array.isArray(values) ? values.map(String) : [];
  }

  /**
   * @throws UsageError when the value is not a number from `min` to `max`. Without the option:
   *                    `fallback`.
   */
  number(name: string, fallback: number, min: number, max: number): number {
    const given = this.text(name);
    return given === null ? fallback : inRange(name, given, given, min, max);
  }

  /** As `number`, but `10/s` may be written for 10. */
  rate(name: string, fallback: number, min: number, max: number): number {
    const given = this.text(name);
    return given === null ? fallback : inRange(name, given, given.replace(/\/s$/, ""), min, max);
  }

  /** "60" for both directions, or "20,100": up, down. Null without the option. */
  bothWays(name: string, min: number, max: number): readonly [number, number] | null {
    const given = this.text(name);
    if (given === null) return null;
    const [up = "", down = up, more] = given.split(",");
    if (more !== undefined) throw new UsageError(`--${name} ${given}: give one number or two`);
    return [inRange(name, given, up, min, max), inRange(name, given, down, min, max)];
  }

  whole(name: string, fallback: number, min: number, max: number): number {
    const value = this.number(name, fallback, min, max);
    if (!Number.isInteger(value)) throw new UsageError(`--${name} ${value}: give a whole number`);
    return value;
  }
}

function inRange(name: string, given: string, digits: string, min: number, max: number): number {
  const value = Number(digits);
  if (digits.trim() === "" || !(value >= min && value <= max))
    throw new UsageError(`--${name} ${given}: give a number from ${min} to ${max}`);
  return value;
}
