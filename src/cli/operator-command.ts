import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { OPERATOR_NAME, parseOperators } from "../config/operators-file.js";
import { RelayError } from "../domain/errors.js";
import { OPERATOR_ROLES } from "../domain/operator.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

export interface OperatorOptions {
  readonly role: string;
  /** Default: OPERATORS_FILE. */
  readonly file?: string;
  readonly json?: boolean;
}

/** Random bytes of a token: far more than can be guessed, so that a plain SHA-256 protects it. */
const TOKEN_BYTES = 32;

/** Adds an operator to OPERATORS_FILE and prints their token, which is kept nowhere. */
export async function addOperator(
  io: CliIo,
  name: string,
  { role, file = io.env["OPERATORS_FILE"], json = false }: OperatorOptions,
): Promise<number> {
  const problem = usageProblem(name, role, file);
  if (problem !== null || file === undefined) {
    io.err(problem ?? "");
    return EXIT_USAGE;
  }
  const token = `mur_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
  const digest = createHash("sha256").update(token).digest("hex");
  try {
    const before = existsSync(file) ? readFileSync(file, "utf8") : "operators:\n";
    if (parseOperators(before, file).some((one) => one.name === name)) {
      io.err(`${file} has an operator ${name} already: remove the entry first to give a new token`);
      return EXIT_USAGE;
    }
    const text = withEntry(before, name, role, digest);
    parseOperators(text, file);
    writeFileSync(file, text, { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    io.err(error.message);
    return EXIT_USAGE;
  }
  if (json) io.out(JSON.stringify({ name, role, file, token }));
  else {
    io.out(`${name} (${role}) was added to ${file}.`);
    io.out(`token: ${token}`);
    io.out("The token is shown only now. Reload the relay (SIGHUP) so that it is accepted.");
  }
  return EXIT_OK;
}

function usageProblem(name: string, role: string, file: string | undefined): string | null {
  if (!OPERATOR_NAME.test(name))
    return `${JSON.stringify(name)} is no name: a letter, then letters, digits and _ . @ -`;
  if (!OPERATOR_ROLES.some((one) => one === role))
    return `--role must be one of ${OPERATOR_ROLES.join(", ")}`;
  return file === undefined || file === "" ? "set OPERATORS_FILE, or name one with --file" : null;
}

/** `operators` is the file's only key, so that an entry at the end belongs to it. */
function withEntry(text: string, name: string, role: string, digest: string): string {
  const head = text.trim() === "" ? "operators:\n" : text.replace(/\s*$/, "\n");
  return `${head}  ${name}:\n    role: ${role}\n    token_sha256: ${digest}\n`;
}
