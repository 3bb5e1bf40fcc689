/** Keeps which functions were called, as lines of text: the name, then the plain arguments. */
export class Told {
  readonly lines: string[] = [];

  /** A function that keeps its calls under this name, and returns `result`. */
  keep<Result = undefined>(name: string, result?: Result) {
    return (...args: readonly unknown[]): Result => {
      this.lines.push([name, ...args.filter(isPlain)].join(" "));
      return result as Result;
    };
  }

  /** Several such functions, as an object. Lines name the object, too. */
  all<Name extends string>(object: string, ...names: readonly Name[]) {
    const functions = names.map((name) => [name, this.keep(`${object}.${name}`)] as const);
    return Object.fromEntries(functions) as Record<
      Name,
      (...args: readonly unknown[]) => undefined
    >;
  }

  /** The lines so far, which are then forgotten. */
  take(): readonly string[] {
    return this.lines.splice(0);
  }
}

function isPlain(value: unknown): boolean {
  return value === null || !["object", "function", "undefined"].includes(typeof value);
}
