/** The evaluation's command line. */
import { parseArgs } from "node:util";
import { SILERO_HELP } from "./silero.js";

export interface EvalOptions {
  readonly quick: boolean;
  readonly check: boolean;
  readonly write: boolean;
  readonly speechDir: string | null;
  readonly jsonFile: string | null;
  /** Where Silero's VAD is installed; null: it is not asked. */
  readonly sileroDir: string | null;
  readonly seed: number;
}

export const HELP = `Usage: npm run eval:vad -- [options]

Measures the VAD on recorded telephone prompts in five languages, mixed with noise, through mu-law, beside WebRTC's VAD in its
four modes. Debian's recordings are installed with apt-get where they are missing, which takes root.

  --quick        a tenth of the lines: some 20 s; its figures are coarse
  --check        exit status 1 where a promise does not hold
  --speech DIR   WAV files of your own instead; each subfolder is a language
  --json FILE    every figure as JSON
  --silero DIR   Silero's VAD beside them, after ${SILERO_HELP}
                 (300 MB); takes some minutes more
  --write        puts the tables into docs/vad.md and the plots into docs/images
  --seed N       another draw of noise, pauses and levels (default 7)
`;

const DEFAULT_SEED = 7;

/** The message is for the user. */
export class UsageError extends Error {}

export function parseOptions(args: readonly string[]): EvalOptions | "help" {
  const values = parse(args);
  if (values.help === true) return "help";
  const seed = Number(values.seed ?? DEFAULT_SEED);
  if (!Number.isInteger(seed)) throw new UsageError(`--seed ${values.seed}: needs a whole number`);
  const write = values.write === true;
  if (write && (values.quick === true || values.speech !== undefined))
    throw new UsageError("--write is for the whole evaluation on its own recordings");
  return {
    quick: values.quick === true,
    check: values.check === true,
    write,
    speechDir: values.speech ?? null,
    jsonFile: values.json ?? null,
    sileroDir: values.silero ?? null,
    seed,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: false,
      options: {
        quick: { type: "boolean" },
        check: { type: "boolean" },
        write: { type: "boolean" },
        speech: { type: "string" },
        json: { type: "string" },
        silero: { type: "string" },
        seed: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  }
}
