import { configRows } from "../config/load.js";
import { schemaText } from "./generated-files.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadSettings } from "./load.js";

/** Every setting in force, secrets redacted; what differs from the default is marked. */
export function printConfig(io: CliIo): number {
  const config = loadSettings(io);
  if (config === null) return EXIT_USAGE;
  const rows = configRows(config);
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, value, isDefault } of rows)
    io.out(`${isDefault ? " " : "*"} ${name.padEnd(width)}  ${value}`);
  return EXIT_OK;
}

export function printSchema(io: CliIo): number {
  io.out(schemaText().trimEnd());
  return EXIT_OK;
}
