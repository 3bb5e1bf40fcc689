/** OPERATORS_FILE: who may use the operator listener, with which role. YAML or JSON. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { RelayError } from "../domain/errors.js";
import { OPERATOR_ROLES, type OperatorRole } from "../domain/operator.js";
import { SchemaIssues } from "./agents/schema-issues.js";
import { pathText, SourceText } from "./agents/source-text.js";
import type { Config } from "./load.js";
import { readProblem } from "./read-problem.js";

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

const ISSUES = new SchemaIssues(() => z.toJSONSchema(schema, { io: "input", target: "draft-7" }));

/** @throws RelayError config_invalid with every fault of the text. */
export function parseOperators(text: string, path: string): readonly OperatorEntry[] {
  const source = new SourceText(text);
  const [syntax] = source.faults;
  if (syntax !== undefined) throw invalid(path, [`line ${syntax.line}: ${syntax.problem}`]);
  const value = source.value ?? { operators: null };
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const problems: string[] = [];
    for (const issue of parsed.error.issues)
      ISSUES.report(issue, value, (at, problem, where) => {
        const name = at.length === 0 ? "the file" : pathText(at);
        problems.push(`line ${source.locate(at, where).line}: ${name} ${problem}`);
      });
    throw invalid(path, problems);
  }
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
    throw invalid(path, [`cannot be read: ${readProblem(error)}`]);
  }
  return parseOperators(text, path);
}

/**
 * The named operators of the settings.
 *
 * @throws RelayError config_invalid when OPERATORS_FILE cannot be used, or lists no operator while
 *         there is no ADMIN_TOKEN. Editors empty a file for a moment before they write it.
 */
export function configuredOperators({
  operatorsFile,
  adminToken,
}: Pick<Config, "operatorsFile" | "adminToken">): readonly OperatorEntry[] {
  const operators = readOperators(operatorsFile);
  if (operatorsFile === null || operators.length > 0 || adminToken !== null) return operators;
  // Without any token everyone who reaches the listener would be an admin.
  throw invalid(operatorsFile, [
    "has no operator, and ADMIN_TOKEN is not set: add one with murelay operator add, or remove " +
      "the setting",
  ]);
}

function invalid(path: string, problems: readonly string[]): RelayError {
  return new RelayError(
    "config_invalid",
    [`OPERATORS_FILE ${path}:`, ...problems.map((problem) => `  ${problem}`)].join("\n"),
  );
}
