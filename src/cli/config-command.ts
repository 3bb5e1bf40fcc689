import { readSettings } from "../config/load.js";
import { configRows } from "../config/print.js";
import { agentsSchemaText } from "./agents-schema-text.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

/**
 * Prints every setting in force, secrets redacted. `*` marks what differs from the default, `!` what has a fault.
 *
 * @returns 2 when a setting has a fault; all others are printed all the same.
 */
export function printConfig(io: CliIo, options: { readonly json?: boolean } = {}): number {
  const { values, publicUrl, faults } = readSettings(io.env);
  const rows = configRows({ ...values, ...(publicUrl === null ? {} : { publicUrl }) });
  if (options.json === true)
    io.out(JSON.stringify({ settings: rows, faults, notices: io.notices ?? [] }, null, 2));
  else {
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const { name, value, isDefault } of rows) {
      const mark = value === null || faults.some((fault) => fault.name === name) ? "!" : null;
      io.out(`${mark ?? (isDefault ? " " : "*")} ${name.padEnd(width)}  ${value ?? "(invalid)"}`);
    }
    for (const { name, problem, fix } of faults) io.err(`${name} ${problem}. ${fix}`);
    for (const notice of io.notices ?? []) io.err(notice);
  }
  return faults.length === 0 ? EXIT_OK : EXIT_USAGE;
}

export function printSchema(io: CliIo): number {
  io.out(agentsSchemaText().trimEnd());
  return EXIT_OK;
}
