// Writes the generated files: agents.schema.json, .env.example, docs/config.md, docs/metrics.md. A test compares the
// files with the sources; run this script when it says that one is outdated.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";

const root = new URL("../", import.meta.url);
const unregister = register();
const { generatedFiles } = await import(new URL("src/cli/generated-files.ts", root).href);
for (const { path, text } of await generatedFiles()) {
  writeFileSync(new URL(path, root), text);
  console.log(`written: ${fileURLToPath(new URL(path, root))}`);
}
await unregister();
