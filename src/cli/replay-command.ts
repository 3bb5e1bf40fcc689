import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { MetricRegistry } from "../adapters/metrics/metric-registry.js";
import { createLog } from "../adapters/system/pino-log.js";
import { readProblem } from "../config/read-problem.js";
import { RelayError } from "../domain/errors.js";
import { VERSION } from "../domain/version.js";
import { type Comparison, compare } from "../recorder/compare.js";
import { type FlightPart, FlightReader, type FlightRecording } from "../recorder/reader.js";
import { type RecordedReplies, readRecordedReplies } from "../recorder/recorded-replies.js";
import { replayPart } from "../recorder/replay.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";

export interface ReplayOptions {
  readonly json?: boolean;
  /** Where the replay's own recording is kept. */
  readonly write?: string;
}

interface PartResult extends Comparison {
  readonly callSid: string;
  readonly agent: string;
  readonly recordedBy: string;
  readonly lengthMs: number;
  readonly leftOutLines: number;
  readonly counts: RecordedReplies["counts"];
}

/**
 * @returns 0 when the relay sent the same as in the recording, 1 when not, 2 when the file cannot
 * be replayed.
 */
export async function replayFile(io: CliIo, file: string, options: ReplayOptions): Promise<number> {
  let recording: FlightRecording;
  try {
    recording = await read(file);
  } catch (error) {
    const unread = error instanceof Error && "code" in error;
    if (!unread) throw error;
    io.err(
      error instanceof RelayError
        ? `${file}: ${error.message}`
        : `${file} cannot be read: ${readProblem(error)}`,
    );
    return EXIT_USAGE;
  }
  const written =
    options.write === undefined ? null : createWriteStream(options.write, { mode: 0o600 });
  // A file that cannot be written is noticed before the replay, not in the middle of it.
  if (written !== null) await once(written, "open");
  const results: PartResult[] = [];
  for (const part of recording.parts) {
    results.push(await replayOne(part, (json) => void written?.write(`${json}\n`)));
  }
  if (written !== null) {
    written.end();
    await once(written, "finish");
  }
  const same = results.every(({ differences }) => differences.length === 0);
  if (options.json === true)
    io.out(JSON.stringify({ same, cutOff: recording.cutOff, parts: results }, null, 2));
  else for (const line of report(results, recording.cutOff)) io.out(line);
  return same ? EXIT_OK : EXIT_FAILED;
}

async function read(file: string): Promise<FlightRecording> {
  const input = createReadStream(file, "utf8");
  // Reading lines would not report a file that cannot be opened.
  await once(input, "open");
  const reader = new FlightReader();
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
    reader.line(line);
  return reader.end();
}

async function replayOne(part: FlightPart, line: (json: string) => void): Promise<PartResult> {
  const { header, lines } = part;
  const recorded = readRecordedReplies(lines);
  const { part: again, unused } = await replayPart(part, {
    metrics: new MetricRegistry({ version: VERSION }).metrics,
    // Log lines are not compared. An error of the call appears as a difference.
    log: createLog({ level: "silent", pretty: false }),
    version: VERSION,
    line,
  });
  const { differences, offMs } = compare(recorded, readRecordedReplies(again.lines));
  const leftOut = lines.flatMap((one) => ("is" in one && one.is === "left_out" ? [one.lines] : []));
  return {
    callSid: header.parties.callSid,
    agent: header.agent.name,
    recordedBy: header.murelay,
    lengthMs: lines.reduce((most, { at }) => Math.max(most, at), 0),
    leftOutLines: leftOut.reduce((sum, n) => sum + n, 0),
    counts: recorded.counts,
    differences: [...differences, ...unused],
    offMs,
  };
}

function* report(results: readonly PartResult[], cutOff: boolean): Iterable<string> {
  for (const result of results) {
    const { callSid, agent, recordedBy, lengthMs, counts, leftOutLines, differences, offMs } =
      result;
    yield `${callSid}: agent ${agent}, ${(lengthMs / 1000).toFixed(1)} s, recorded by murelay ${recordedBy}`;
    yield `  phone  ${counts.phoneIn} messages in, ${counts.phoneOut} out`;
    yield `  model  ${counts.modelIn} messages in, ${counts.modelOut} out`;
    if (leftOutLines > 0)
      yield `  ${leftOutLines} lines are missing in the file because the disk was too slow. They may cause differences.`;
    if (differences.length === 0) yield `  the same, at most ${offMs.toFixed(1)} ms apart`;
    else for (const difference of differences) yield `  differs: ${difference}`;
  }
  if (cutOff) yield "A line is incomplete: the process was killed while it wrote it.";
}
