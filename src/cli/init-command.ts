import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { numberProblem } from "../config/agents/dial-target.js";
import { isLanguageTag, isTimeZone } from "../config/locale.js";
import { url } from "../config/setting-values.js";
import { type ProjectAnswers, type ProjectFile, projectFiles } from "./init-files.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";

export interface InitOptions {
  readonly business?: string;
  readonly language?: string;
  readonly timeZone?: string;
  readonly human?: string;
  readonly publicUrl?: string;
  readonly json?: boolean;
}

interface Question {
  readonly name: keyof ProjectAnswers;
  readonly flag: string;
  readonly text: string;
  readonly fallback: string;
  /** What is wrong with an answer, or null. */
  problem(answer: string): string | null;
}

const QUESTIONS: readonly Question[] = [
  {
    name: "business",
    flag: "--business",
    text: "Which business does the agent answer for?",
    fallback: "Acme Store",
    problem: (answer) => {
      if (answer.length > 200) return "is longer than 200 characters";
      return answer.includes("{{") ? "contains {{, which begins a placeholder" : null;
    },
  },
  {
    name: "language",
    flag: "--language",
    text: "Which language does it speak? (en-US, es, …)",
    fallback: "en-US",
    problem: (answer) => (isLanguageTag(answer) ? null : "is not a language tag such as en-US"),
  },
  {
    name: "timeZone",
    flag: "--time-zone",
    text: "In which time zone?",
    fallback: Intl.DateTimeFormat().resolvedOptions().timeZone,
    problem: (answer) => (isTimeZone(answer) ? null : "is no time zone such as America/New_York"),
  },
  {
    name: "human",
    flag: "--human",
    text: "To which number are callers transferred who want a human? (+1555…; empty: none)",
    fallback: "",
    problem: (answer) => (answer === "" ? null : numberProblem(answer)),
  },
  {
    name: "publicUrl",
    flag: "--public-url",
    text: "Under which address does Twilio reach this relay? (https://…; empty: not known yet)",
    fallback: "",
    problem: (answer) =>
      answer === ""
        ? null
        : (url({ secure: "https", originOnly: true }).safeParse(answer).error?.issues[0]?.message ??
          null),
  },
];

/**
 * Writes a project into a folder: an agent, settings, a tool with its test. Files that exist are
 * left as they are. Asks on a terminal what no flag answers.
 */
export async function init(io: CliIo, folder: string, options: InitOptions): Promise<number> {
  const answers = await collectAnswers(io, options);
  if (answers === null) return EXIT_USAGE;
  const written: string[] = [];
  const kept: string[] = [];
  for (const file of projectFiles(answers, schemasFrom(folder))) {
    try {
      (write(folder, file) ? written : kept).push(file.path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      io.err(`${join(folder, file.path)} cannot be written: ${reason}`);
      return EXIT_FAILED;
    }
  }
  if (isExposed(folder, kept))
    io.err(`${join(folder, ".gitignore")} does not name .env, which holds secrets: add it`);
  if (options.json === true) io.out(JSON.stringify({ folder, written, kept }, null, 2));
  else for (const line of report(folder, written, kept)) io.out(line);
  return EXIT_OK;
}

/** A .gitignore that was there before would let the secrets into the repository. */
function isExposed(folder: string, kept: readonly string[]): boolean {
  if (!kept.includes(".gitignore")) return false;
  const lines = readFileSync(join(folder, ".gitignore"), "utf8").split(/\r?\n/);
  return !lines.some((line) => /^(?:\*\*\/|\/)?(?:\.env\*?|\.\*|\*\.env)\s*$/.test(line));
}

/** Where the package is installed, in the folder or above it, with its schemas. */
function schemasFrom(folder: string): string {
  const project = resolve(folder);
  for (let above = project; ; above = dirname(above)) {
    const installed = join(above, "node_modules", "murelay");
    if (existsSync(installed)) return relative(project, installed).replaceAll("\\", "/");
    // Not yet: it will be in the folder itself.
    if (above === dirname(above)) return "node_modules/murelay";
  }
}

async function collectAnswers(io: CliIo, options: InitOptions): Promise<ProjectAnswers | null> {
  const answers: Record<string, string> = {};
  for (const question of QUESTIONS) {
    const { name, flag, fallback } = question;
    const given = options[name];
    const answer =
      given ?? (io.ask === undefined ? fallback : await askUntilValid(io, io.ask, question));
    const problem = question.problem(answer.trim());
    if (problem !== null) {
      io.err(`${flag} ${problem}`);
      return null;
    }
    answers[name] = answer.trim();
  }
  const { business = "", language = "", timeZone = "", human = "", publicUrl = "" } = answers;
  return {
    business,
    language,
    timeZone,
    human: human === "" ? null : human,
    publicUrl: publicUrl === "" ? null : publicUrl,
  };
}

async function askUntilValid(
  io: CliIo,
  ask: NonNullable<CliIo["ask"]>,
  { text, fallback, problem }: Question,
): Promise<string> {
  for (;;) {
    const answer = (await ask(`${text}${fallback === "" ? "" : ` [${fallback}]`} `)).trim();
    const found = problem(answer || fallback);
    if (found === null) return answer || fallback;
    io.err(`this ${found}`);
  }
}

/** @returns false when there is such a file already. */
function write(folder: string, { path, text, secret }: ProjectFile): boolean {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, text, { flag: "wx", mode: secret === true ? 0o600 : 0o666 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function report(
  folder: string,
  written: readonly string[],
  kept: readonly string[],
): readonly string[] {
  const place = (path: string) => join(folder, path);
  return [
    ...written.map((path) => `written  ${place(path)}`),
    ...kept.map((path) => `kept     ${place(path)} (it exists already)`),
    "",
    "Next:",
    ...(folder === "." ? [] : [`  cd ${folder}`]),
    "  npx murelay config check",
    "  npx murelay test            # run the conversations in conversations/",
    "  npx murelay dev             # talk to the agent in the browser",
    "  fill in .env, then: npx murelay doctor",
  ];
}
