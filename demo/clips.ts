import { readFileSync } from "node:fs";

/** Recorded human speech; `assets/ASSETS.md` says whose. */
export interface Clip {
  readonly text: string;
  /** Mu-law, 8 kHz. */
  readonly audio: Uint8Array;
}

export function loadClip(name: string): Clip {
  const folder = new URL("./assets/", import.meta.url);
  const texts: unknown = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8"));
  const text =
    typeof texts === "object" && texts !== null
      ? Object.entries(texts).find(([key]) => key === name)
      : undefined;
  if (typeof text?.[1] !== "string") throw new Error(`no clip ${name} in the manifest`);
  return { text: text[1], audio: readFileSync(new URL(`${name}.ulaw`, folder)) };
}
