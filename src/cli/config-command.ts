import { readSettings } from "../config/load.js";
import { didYouMean } from "../config/nearest.js";
import { configRows } from "../config/print.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";
import { SCHEMA_NAMES, schemaText } from "./schema-text.js";

/**
 * Prints every setting in force, secrets redacted. `*` marks what differs from the default, `!`
 * what has a fault.
 *
 * @returns 2 when a setting has a fault; all others are printed all the same.
 */
export function printConfig(io: CliIo, options: { readonly json?: boolean } = {}): number {
  const { values, publicUrl, faults: found } = readSettings(io.env);
  const faults = [...(io.settingsFault === undefined ? [] : [io.settingsFault]), ...found];
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

/** @param name  of the schema; undefined: the agents file's. */
export function printSchema(io: CliIo, name: string | undefined): number {
  const known = SCHEMA_NAMES.find((one) => one === (name ?? "agents"));
  if (known === undefined) {
    io.err(
      `there is no schema ${name}${didYouMean(name ?? "", SCHEMA_NAMES)}: ${SCHEMA_NAMES.join(", ")}`,
    );
    return EXIT_USAGE;
  }
  io.out(schemaText(known).trimEnd());
  return EXIT_OK;
}
