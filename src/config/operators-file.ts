/** OPERATORS_FILE: who may use the operator listener, with which role. YAML or JSON. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { RelayError } from "../domain/errors.js";
import { OPERATOR_ROLES, type OperatorRole } from "../domain/operator.js";
import { SourceText } from "./agents/source-text.js";

export interface OperatorEntry {
  readonly name: string;
  readonly role: OperatorRole;
  /** SHA-256 of the token, in lower-case hex. */
  readonly tokenSha256: string;
}

/** Names stand in call records and in the audit log. */
export const OPERATOR_NAME = /^[A-Za-z][\w.@-]{0,39}$/;

const schema = z.strictObject({
  operators: z
    .record(
      z
        .string()
        .regex(OPERATOR_NAME, "is no name: a letter, then letters, digits and _ . @ -")
        .refine((name) => name !== "admin", "is the name of the operator of ADMIN_TOKEN"),
      z.strictObject({
        role: z.enum(OPERATOR_ROLES),
        token_sha256: z.string().regex(/^[0-9a-f]{64}$/, "is not 64 lower-case hex digits"),
      }),
    )
    .nullable(),
});

/** @throws RelayError config_invalid with every fault of the text. */
export function parseOperators(text: string, path: string): readonly OperatorEntry[] {
  const source = new SourceText(text);
  const [syntax] = source.faults;
  if (syntax !== undefined) throw invalid(path, [`line ${syntax.line}: ${syntax.problem}`]);
  const parsed = schema.safeParse(source.value ?? { operators: null });
  if (!parsed.success)
    throw invalid(
      path,
      parsed.error.issues.map((issue) => `${issue.path.join(".") || "the file"}: ${textOf(issue)}`),
    );
  const entries = Object.entries(parsed.data.operators ?? {});
  const seen = new Map<string, string>();
  for (const [name, { token_sha256 }] of entries) {
    const other = seen.get(token_sha256);
    if (other !== undefined) throw invalid(path, [`${other} and ${name} have the same token`]);
    seen.set(token_sha256, name);
  }
  return entries.map(([name, { role, token_sha256 }]) => ({
    name,
    role,
    tokenSha256: token_sha256,
  }));
}

/**
 * @param path  OPERATORS_FILE; null: there are no named operators.
 * @throws RelayError config_invalid, also when the file cannot be read.
 */
export function readOperators(path: string | null): readonly OperatorEntry[] {
  if (path === null) return [];
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw invalid(path, [error instanceof Error ? error.message : String(error)]);
  }
  return parseOperators(text, path);
}

/** A name that is refused has its reason inside. */
function textOf(issue: z.core.$ZodIssue): string {
  return issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

function invalid(path: string, problems: readonly string[]): RelayError {
  return new RelayError(
    "config_invalid",
    [`OPERATORS_FILE ${path}:`, ...problems.map((problem) => `  ${problem}`)].join("\n"),
  );
}
