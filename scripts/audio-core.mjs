// Builds assembly/ into WebAssembly. The result is the same on every machine: the compiler's version is pinned.
import { readFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
export const target = "src/codec/audio-core-module.ts";

/** @returns the text of src/codec/audio-core-module.ts. */
export async function audioCoreModule() {
  const { default: asc } = await import("assemblyscript/asc");
  let binary = null;
  const { error, stderr } = await asc.main(
    [
      "assembly/index.ts",
      ...["--outFile", "audio-core.wasm", "--runtime", "stub", "--enable", "simd"],
      ...["--optimizeLevel", "3", "--noAssert", "--initialMemory", "4", "--maximumMemory", "4"],
    ],
    {
      readFile: (name) => {
        try {
          return readFileSync(new URL(name, root), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === null) throw new Error(`assembly: ${error}\n${stderr}`);
  const text = Buffer.from(binary).toString("base64");
  const lines = text.match(/.{1,96}/g).map((line) => `  "${line}",`);
  return [
    "/** WebAssembly of assembly/, as base64: written by `npm run generate`, not by hand. */",
    "export const AUDIO_CORE: readonly string[] = [",
    ...lines,
    "];",
    "",
  ].join("\n");
}
