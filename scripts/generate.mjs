// Writes the generated files: the JSON Schemas, .env.example, the pages docs/commands.md,
// docs/config.md and docs/metrics.md, and src/codec/audio-core-module.ts. Tests compare them with the
// sources; run this script when one says that a file is outdated.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";
import { audioCoreModule, target } from "./audio-core.mjs";

const root = new URL("../", import.meta.url);
// First, because the sources import it.
writeFileSync(new URL(target, root), await audioCoreModule());
console.log(`written: ${fileURLToPath(new URL(target, root))}`);
const unregister = register();
const { generatedFiles } = await import(new URL("src/cli/generated-files.ts", root).href);
for (const { path, text } of await generatedFiles()) {
  writeFileSync(new URL(path, root), text);
  console.log(`written: ${fileURLToPath(new URL(path, root))}`);
}
await unregister();
