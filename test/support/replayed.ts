import { type Comparison, compare } from "../../src/replay/compare.js";
import { readConduct } from "../../src/replay/conduct.js";
import { FlightReader } from "../../src/replay/flight-reader.js";
import { replayPart } from "../../src/replay/replay.js";
import { FakeLog, FakeMetrics } from "./fake-ports.js";

/** Plays a recording again; all parts in one account. */
export async function replayed(
  lines: readonly string[],
): Promise<Comparison & { readonly unused: readonly string[]; readonly log: readonly string[] }> {
  const reader = new FlightReader();
  for (const line of lines) reader.line(line);
  const log = new FakeLog();
  const differences: string[] = [];
  const unused: string[] = [];
  let offMs = 0;
  for (const part of reader.end().parts) {
    const again = await replayPart(part, { metrics: new FakeMetrics().metrics, log, version: "again" });
    const found = compare(readConduct(part.lines), readConduct(again.part.lines));
    differences.push(...found.differences);
    unused.push(...again.unused);
    offMs = Math.max(offMs, found.offMs);
  }
  return { differences, unused, offMs, log: log.lines.filter((line) => line.startsWith("error")) };
}
