/**
 * The SchemaChecker. The only user of ajv.
 */
import { Ajv, type ErrorObject } from "ajv";
import { RelayError } from "../../domain/errors.js";
import type { SchemaChecker } from "../../tools/registry.js";

export function createJsonSchemaChecker(): SchemaChecker {
  // Schemas come from the agents file. Keywords and formats that ajv does not know are no faults.
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  return {
    compile: (schema) => {
      let validate: ReturnType<Ajv["compile"]>;
      try {
        validate = ajv.compile(schema);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new RelayError("config_invalid", `not a JSON Schema: ${why}`, { cause: error });
      }
      return (value) => (validate(value) ? null : problem(validate.errors ?? []));
    },
  };
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
