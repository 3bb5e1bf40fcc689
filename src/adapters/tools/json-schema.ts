/**
 * The SchemaChecker. The only user of ajv.
 *
 * To compile a schema takes milliseconds. While calls run, another thread does it (`checkCode`),
 * and the thread that carries sound loads the result (`checkFromCode`).
 */
import { createRequire } from "node:module";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import standalone from "ajv/dist/standalone/index.js";
import { RelayError } from "../../domain/errors.js";
import type { SchemaCheck, SchemaChecker } from "../../tools/registry.js";
import type { JsonSchema } from "../../tools/schema-types.js";
import { slowText } from "../system/slow-pattern.js";

/**
 * Made when the first schema is compiled: it compiles the schema of schemas, which takes longest.
 */
let shared: Ajv | null = null;

export function createJsonSchemaChecker(): SchemaChecker {
  return { compile: (schema) => checkBy(compiled(schema, () => undefined)) };
}

/**
 * The source of a check, for `checkFromCode` in another thread or process of this program.
 *
 * @throws RelayError `config_invalid` when the schema itself is wrong.
 */
export function checkCode(schema: JsonSchema): string {
  let code = "";
  compiled(schema, (ajv, validate) => {
    code = standalone.default(ajv, validate);
  });
  return code;
}

/** @param code  of `checkCode`, and from nowhere else: it is run. */
export function checkFromCode(code: string): SchemaCheck {
  const module: { exports: unknown } = { exports: null };
  // As a CommonJS module: the code requires small parts of ajv.
  new Function("module", "require", code)(module, createRequire(import.meta.url));
  return checkBy(module.exports as ValidateFunction);
}

/**
 * @param use  while ajv knows the schema, which it forgets afterwards: agents files come and go.
 */
function compiled(
  schema: JsonSchema,
  use: (ajv: Ajv, validate: ValidateFunction) => void,
): ValidateFunction {
  // Schemas come from the agents file. Keywords and formats that ajv does not know are no faults.
  const options = { allErrors: true, strict: false, validateFormats: false } as const;
  shared ??= new Ajv({ ...options, code: { source: true } });
  refuseSlowPatterns(schema);
  try {
    const validate = shared.compile(schema);
    use(shared, validate);
    return validate;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RelayError("config_invalid", `not a JSON Schema: ${why}`, { cause: error });
  } finally {
    shared.removeSchema(schema);
  }
}

/** @throws RelayError `config_invalid`: checking a caller's words could hold up all calls. */
function refuseSlowPatterns(schema: unknown): void {
  for (const pattern of patternsOf(schema)) {
    const text = slowText(pattern, "u");
    if (text === null) continue;
    const which = `the pattern ${JSON.stringify(pattern)} takes too long on a text such as`;
    throw new RelayError(
      "config_invalid",
      `not a JSON Schema that can be used: ${which} ${JSON.stringify(text)}. In a group that is ` +
        "repeated, repeat nothing, or nothing that also fits what follows it",
    );
  }
}

/** Of the schema and all within it. A property that is named "pattern" is a schema and no text. */
function* patternsOf(schema: unknown): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === "pattern" && typeof value === "string") yield value;
    if (key === "patternProperties" && typeof value === "object" && value !== null)
      yield* Object.keys(value);
    yield* patternsOf(value);
  }
}

function checkBy(validate: ValidateFunction): SchemaCheck {
  return (value) => (validate(value) ? null : problem(validate.errors ?? []));
}

/** What is wrong, so that a model can correct it: the place and the rule, never the value. */
function problem(errors: readonly ErrorObject[]): string {
  const lines = errors.slice(0, 5).map(({ instancePath, message, params }) => {
    const place =
      instancePath === "" ? "The arguments" : instancePath.slice(1).replaceAll("/", ".");
    const extra: unknown = params["additionalProperty"] ?? params["allowedValues"];
    const named = extra === undefined ? "" : `: ${JSON.stringify(extra)}`;
    return `${place} ${message ?? "are wrong"}${named}`;
  });
  return `${lines.join("; ")}.`;
}
