/** Reads the lines of the journal: one entry per line, as JSON. */
import { readFile } from "node:fs/promises";
import type { SpoolEntry } from "../../ports/spool.js";

/** Entries that are parsed and handed over together. */
export const ENTRIES_PER_READ = 256;

/**
 * Yields the entries of a file in slices. A last line without its line feed is left out: the
 * process died while it wrote the line, and never reported it as safe.
 */
export async function* readEntries(path: string): AsyncGenerator<readonly SpoolEntry[]> {
  const text = await readFile(path, "utf8");
  const lines = text.split("\n");
  lines.pop();
  for (let i = 0; i < lines.length; i += ENTRIES_PER_READ)
    yield lines.slice(i, i + ENTRIES_PER_READ).flatMap(parseEntry);
}

/** One entry, or none where the line is damaged. */
export function parseEntry(line: string): readonly SpoolEntry[] {
  try {
    // Written by this program, in this or an older version.
    const entry = JSON.parse(line) as SpoolEntry;
    return typeof entry.seq === "number" && typeof entry.callSid === "string" ? [entry] : [];
  } catch {
    // A power cut can lose single blocks of the disk. The lines around them are still good.
    return [];
  }
}
