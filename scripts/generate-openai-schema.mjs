// Writes test/schema/openai-realtime.json: JSON Schemas of the Realtime events, made from the types of
// the installed `openai` package. Run it after an update of that package; a test says when it is due.
// The generator needs a TypeScript version of its own, so it is fetched for the run and not installed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const GENERATOR = "ts-json-schema-generator@2.9.0";
const ROOTS = ["RealtimeClientEvent", "RealtimeServerEvent", "RealtimeSessionCreateRequest"];

const root = fileURLToPath(new URL("../", import.meta.url));
const types = join(root, "node_modules/openai/resources/realtime/realtime.d.ts");
const { version, license } = JSON.parse(
  readFileSync(join(root, "node_modules/openai/package.json"), "utf8"),
);

const folder = mkdtempSync(join(tmpdir(), "openai-schema-"));
const definitions = {};
try {
  const tsconfig = join(folder, "tsconfig.json");
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    strict: true,
    skipLibCheck: true,
    types: [],
  };
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files: [types] }));
  for (const type of ROOTS) {
    const text = execFileSync(
      "npx",
      [
        ...["--yes", "--package", GENERATOR, "ts-json-schema-generator"],
        ...["--path", types, "--tsconfig", tsconfig, "--type", type],
        ...["--no-type-check", "--jsDoc", "none"],
      ],
      { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, stdio: ["ignore", "pipe", "inherit"] },
    );
    Object.assign(definitions, JSON.parse(text).definitions);
  }
} finally {
  rmSync(folder, { recursive: true });
}

const names = Object.keys(definitions).sort();
const lines = names.map(
  (name) => `    ${JSON.stringify(name)}: ${JSON.stringify(definitions[name])}`,
);
const comment =
  `Made by scripts/generate-openai-schema.mjs from the type definitions of openai@${version} ` +
  `(Copyright OpenAI, ${license} licence). Do not edit.`;
writeFileSync(
  join(root, "test/schema/openai-realtime.json"),
  [
    "{",
    `  "$comment": ${JSON.stringify(comment)},`,
    `  "openai": ${JSON.stringify(version)},`,
    '  "definitions": {',
    lines.join(",\n"),
    "  }",
    "}",
    "",
  ].join("\n"),
);
console.log(`written: test/schema/openai-realtime.json, ${names.length} definitions`);
