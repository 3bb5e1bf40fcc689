/**
 * Regular expressions that can take for ever: a group that is repeated and repeats something itself
 * can match a text in more ways than there are atoms, and several open repetitions one after the
 * other in a power of its length. The engine tries them all, and one such text would silence every
 * call of the process. So they are found when a file is read, not when a caller says the words.
 */
import { type Context, createContext, Script } from "node:vm";

/** CPU time of one text: others that need the core must not decide whether a pattern is good. */
const MAX_CPU_MS = 100;
/** Of all texts of a pattern. What was not found by then is not looked for. */
const MAX_ALL_CPU_MS = 1_000;
/** One that is interrupted after this, and had no core meanwhile, is tried again, for twice as long. */
const INTERRUPT_MS = 200;
const TRIES = 5;
/** Many combinations of a few characters are enough for what grows as a power of two. */
const PAIR_CHARS = 48;
/** What grows as a high power of the length needs longer texts. Longer ones refuse usual patterns. */
const LONG_CHARS = 100;
/** What callers say and models write, beside the characters that the pattern names itself. */
const USUAL = "aA0 -.,_@/";
const MAX_CHARS = 30;
/** Ends of texts that a pattern hardly expects, so that it tries all that is before them again. */
const ENDS = ["", "\u0001", "\n!"];
const REPEATED_GROUP = /\)[*+{]/;
/** With two of them there are no more ways than the square of the length. */
const MANY_REPETITIONS = 3;

let box: Context | null = null;
let script: Script | null = null;

/**
 * A text on which the pattern takes too long. Null: none was found, or it is no pattern.
 *
 * @param flags  with which it is used.
 */
export function slowText(source: string, flags: string): string | null {
  if (!REPEATED_GROUP.test(source) && openRepetitions(source) < MANY_REPETITIONS) return null;
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, flags);
  } catch {
    return null;
  }
  if (testsAllWithin(MAX_CPU_MS, pattern, source)) return null;
  let allMs = 0;
  for (const text of textsFor(source)) {
    const ms = cpuMsOf(pattern, text);
    if (ms > MAX_CPU_MS) return text;
    allMs += ms;
    if (allMs > MAX_ALL_CPU_MS) return null;
  }
  return null;
}

/** `*`, `+` and `{n,}` outside of classes. */
function openRepetitions(source: string): number {
  const bare = source.replace(/\\[\s\S]/g, "").replace(/\[[^\]]*\]/g, "c");
  return bare.match(/[*+]|\{\d+,\}/g)?.length ?? 0;
}

/** Texts of one or two characters over and over. */
function* textsFor(source: string): Generator<string> {
  const named = source.replace(/\\[\s\S]/g, "").replace(/[\\^$.|?*+()[\]{}]/g, "");
  const chars = [...new Set(USUAL + named)].slice(0, MAX_CHARS);
  const [, begin = ""] = /^\^?([^\\^$.|?*+()[\]{}]*)/.exec(source) ?? [];
  for (const first of chars)
    for (const second of chars) {
      const pumped = (first + second).repeat(PAIR_CHARS / 2);
      for (const end of ENDS) yield begin + pumped + end;
    }
  for (const char of chars) for (const end of ENDS) yield begin + char.repeat(LONG_CHARS) + end;
}

/** Most patterns take less for all texts than the clocks would take for one text after the other. */
function testsAllWithin(ms: number, pattern: RegExp, source: string): boolean {
  return endsWithin(ms, () => {
    for (const text of textsFor(source)) {
      pattern.lastIndex = 0;
      pattern.test(text);
    }
  });
}

/** Of this thread's process; more than MAX_CPU_MS when it was interrupted. */
function cpuMsOf(pattern: RegExp, text: string): number {
  let ms = 0;
  for (let i = 0; i < TRIES; i++) {
    pattern.lastIndex = 0;
    const before = process.cpuUsage();
    const isInTime = endsWithin(INTERRUPT_MS * 2 ** i, () => pattern.test(text));
    const { user, system } = process.cpuUsage(before);
    ms = (user + system) / 1000;
    if (isInTime || ms > MAX_CPU_MS) break;
  }
  return ms;
}

/** Never call it on a thread that carries sound. */
function endsWithin(timeout: number, run: () => void): boolean {
  box ??= createContext({});
  script ??= new Script("run()");
  box["run"] = run;
  try {
    script.runInContext(box, { timeout });
    return true;
  } catch (error) {
    if (isTimeout(error)) return false;
    throw error;
  } finally {
    box["run"] = null;
  }
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}
