/** Reads the lines of the journal: one entry per line, as JSON. */
import { open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { SpoolEntry } from "../../ports/spool.js";

/** Bytes that are read and parsed in one turn of the event loop: less than a millisecond. */
const READ_BYTES = 64 * 1024;
/** Entries that are handed over together when they come from memory. */
export const ENTRIES_PER_SLICE = 256;
const LINE_FEED = 0x0a;

/**
 * Yields the entries of a file in slices of some 64 KB, each in a turn of the event loop of its
 * own. A last line without its line feed is left out: the process died while it wrote the line, and
 * never reported it as safe.
 */
export async function* readEntries(path: string): AsyncGenerator<readonly SpoolEntry[]> {
  const file = await open(path, "r");
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await file.read(chunk, 0, READ_BYTES);
      if (bytesRead === 0) return;
      const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      rest = bytes.subarray(end);
      const entries = bytes.toString("utf8", 0, end).split("\n").flatMap(parseEntry);
      if (entries.length > 0) yield entries;
      await setImmediate();
    }
  } finally {
    await file.close();
  }
}

/** One entry, or none where the line is empty or damaged. */
export function parseEntry(line: string): readonly SpoolEntry[] {
  if (line === "") return [];
  try {
    // Written by this program, in this or another version.
    const entry = JSON.parse(line) as SpoolEntry;
    const { seq, callSid, event } = entry as Partial<SpoolEntry>;
    const isEntry = typeof seq === "number" && typeof callSid === "string";
    return isEntry && typeof event?.type === "string" ? [entry] : [];
  } catch {
    // A power cut can lose single blocks of the disk. The lines around them are still good.
    return [];
  }
}
