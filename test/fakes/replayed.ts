import { type Comparison, compare } from "../../src/recorder/compare.js";
import { FlightReader } from "../../src/recorder/reader.js";
import { readRecordedReplies } from "../../src/recorder/recorded-replies.js";
import { replayPart } from "../../src/recorder/replay.js";
import { FakeMetrics } from "./fake-metrics.js";
import { FakeLog } from "./fake-ports.js";

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
    const again = await replayPart(part, {
      metrics: new FakeMetrics().metrics,
      log,
      version: "again",
    });
    const found = compare(readRecordedReplies(part.lines), readRecordedReplies(again.part.lines));
    differences.push(...found.differences);
    unused.push(...again.unused);
    offMs = Math.max(offMs, found.offMs);
  }
  return { differences, unused, offMs, log: log.lines.filter((line) => line.startsWith("error")) };
}
