/**
 * Regular expressions that can take for ever: a group that is repeated and repeats something itself
 * can match a text in more ways than there are atoms, and the engine tries them all. One such text
 * would silence every call of the process. So they are found when a file is read, not when a caller
 * says the words.
 */
import { type Context, createContext, Script } from "node:vm";

/** A pattern that takes longer on a text of a few words takes years on one that is twice as long. */
const MOST_MS = 100;
/** The first time this process itself may not have had a core. */
const TRIES = 2;
const PUMPED_CHARS = 48;
/** What callers say and models write, beside the characters that the pattern names itself. */
const USUAL = "aA0 -.,_@/";
const MOST_CHARS = 30;
/** Ends of texts that a pattern hardly expects, so that it tries all that is before them again. */
const ENDS = ["", "\u0001", "\n!"];
/** Without one of these there are no more ways than the square of the length or so. */
const REPEATED_GROUP = /\)[*+{]/;

let box: Context | null = null;
let script: Script | null = null;

/**
 * A short text on which the pattern takes too long. Null: none was found, or it is no pattern.
 *
 * @param flags  with which it is used.
 */
export function slowText(source: string, flags: string): string | null {
  if (!REPEATED_GROUP.test(source)) return null;
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, flags);
  } catch {
    return null;
  }
  let tried = "";
  for (let i = 0; i < TRIES; i++) {
    const isInTime = endsInTime(() => {
      for (tried of textsFor(source)) {
        pattern.lastIndex = 0;
        pattern.test(tried);
      }
    });
    if (isInTime) return null;
  }
  return tried;
}

/** Texts of one or two characters over and over. */
function* textsFor(source: string): Generator<string> {
  const named = source.replace(/\\[\s\S]/g, "").replace(/[\\^$.|?*+()[\]{}]/g, "");
  const chars = [...new Set(USUAL + named)].slice(0, MOST_CHARS);
  const [, begin = ""] = /^\^?([^\\^$.|?*+()[\]{}]*)/.exec(source) ?? [];
  for (const first of chars)
    for (const second of chars) {
      const pumped = (first + second).repeat(PUMPED_CHARS / 2);
      for (const end of ENDS) yield begin + pumped + end;
    }
}

/** Never call it on a thread that carries sound. */
function endsInTime(run: () => void): boolean {
  box ??= createContext({});
  script ??= new Script("run()");
  box["run"] = run;
  try {
    script.runInContext(box, { timeout: MOST_MS });
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
