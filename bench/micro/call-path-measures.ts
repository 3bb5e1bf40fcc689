/** What the path of a call-frame costs, beside its time, and where: for call-path.bench.ts. */
import { readFileSync, writeFileSync } from "node:fs";
import type { HeapProfiler, Profiler, Session } from "node:inspector/promises";

/** Stage of a source file, first match wins. */
const STAGES: readonly (readonly [RegExp, string])[] = [
  [/\/src\/wire\/(twilio-media|media-layout|json-scan)/, "Twilio's messages"],
  [/\/src\/wire\/realtime|\/relay\/model\//, "model's messages and session"],
  [/\/src\/codec\/base64/, "base64"],
  [/\/src\/(vad|codec)\//, "voice detection and echo gate"],
  [/\/src\/playout\//, "playout, gaps, joining"],
  [/\/frame-writer|\/websocket-frames/, "framing to the model"],
  [/\/src\/relay\/media\//, "leg and audio path"],
  [/\/src\//, "other"],
  [/\/bench\//, "this benchmark"],
];

function stageOf(url: string): string {
  return STAGES.find(([pattern]) => pattern.test(url))?.[1] ?? "engine, clock, garbage collector";
}

/** Share of the time by stage. */
export async function profiled(session: Session, run: () => void): Promise<Map<string, number>> {
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 100 });
  await session.post("Profiler.start");
  run();
  const { profile } = await session.post("Profiler.stop");
  return shares(profile);
}

function shares(profile: Profiler.Profile): Map<string, number> {
  const found = new Map<string, number>();
  let whole = 0;
  for (const { callFrame, hitCount = 0 } of profile.nodes) {
    if (callFrame.functionName === "(program)" || callFrame.functionName === "(idle)") continue;
    const stage = stageOf(callFrame.url);
    found.set(stage, (found.get(stage) ?? 0) + hitCount);
    whole += hitCount;
  }
  for (const [stage, hits] of found) found.set(stage, hits / whole);
  return found;
}

/** Functions of the relay that are entered, by stage. Counting them makes V8 inline none. */
export async function entered(session: Session, run: () => void): Promise<Map<string, number>> {
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  run();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  await session.post("Profiler.stopPreciseCoverage");
  const found = new Map<string, number>();
  for (const { url, functions } of result) {
    if (!url.includes("/src/")) continue;
    const count = functions.reduce((sum, { ranges }) => sum + (ranges[0]?.count ?? 0), 0);
    found.set(stageOf(url), (found.get(stageOf(url)) ?? 0) + count);
  }
  return found;
}

/** Objects in the heap, as its snapshot counts them. */
export async function objects(session: Session): Promise<number> {
  let head = "";
  const keep = ({ params }: { params: HeapProfiler.AddHeapSnapshotChunkEventDataType }): void => {
    if (head.length < 4096) head += params.chunk;
  };
  session.on("HeapProfiler.addHeapSnapshotChunk", keep);
  await session.post("HeapProfiler.takeHeapSnapshot");
  session.off("HeapProfiler.addHeapSnapshotChunk", keep);
  return Number(/"node_count":(\d+)/.exec(head)?.[1] ?? Number.NaN);
}

/** Memory that `run` touches, in KiB; NaN where the system does not say. */
export function touchedKiB(run: () => void): number {
  try {
    writeFileSync("/proc/self/clear_refs", "1");
    run();
    const rollup = readFileSync("/proc/self/smaps_rollup", "utf8");
    return Number(/^Referenced:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}

/** Bytes that sources of the relay allocate. */
export async function allocated(session: Session, run: () => void): Promise<number> {
  await session.post("HeapProfiler.enable");
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 512,
    includeObjectsCollectedByMinorGC: true,
    includeObjectsCollectedByMajorGC: true,
  });
  run();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  const sum = (node: HeapProfiler.SamplingHeapProfileNode): number =>
    (node.callFrame.url.includes("/src/") ? node.selfSize : 0) +
    node.children.reduce((total, child) => total + sum(child), 0);
  return sum(profile.head);
}
