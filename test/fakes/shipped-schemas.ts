import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

/** The schemas as they are shipped. They are read from the disk, where editors and scripts find them. */

const output = new Ajv2020({ strict: false, formats: { "date-time": true } });
output.addSchema(JSON.parse(readFileSync("output.schema.json", "utf8")), "output");

/**
 * Reads what a command printed with `--json`: one document.
 *
 * @param command  "calls list"; "failure": of any command.
 * @throws         where it is not as output.schema.json says.
 */
export function readOutput(command: string, text: string): Record<string, unknown> {
  const value = JSON.parse(text) as Record<string, unknown>;
  const validate = output.getSchema(`output#/$defs/${command.replaceAll(" ", "-")}`);
  if (validate === undefined) throw new Error(`output.schema.json does not describe ${command}`);
  if (validate(value) !== true)
    throw new Error(`${command}: ${output.errorsText(validate.errors)}\n${text}`);
  return value;
}

/** What is wrong with a file's data by a shipped schema; empty: nothing. */
export function schemaFaults(schema: "agents" | "conversations", data: unknown): string {
  const ajv = new Ajv({ strict: false, allErrors: true });
  const validate = ajv.compile(JSON.parse(readFileSync(`${schema}.schema.json`, "utf8")));
  return validate(data) === true ? "" : ajv.errorsText(validate.errors);
}
