/** Reads a V8 CPU profile: how much of the time was spent in, or on behalf of, certain sources. */
import { readFileSync } from "node:fs";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** µs of the machine's monotonic clock, the same for all processes. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfileShare {
  /** Time in which the thread did anything, garbage collection included. */
  readonly busyMs: number;
  /** Of that, the time with one of the sources anywhere on the stack. */
  readonly ofMs: number;
  /** Of that, by the function on top of the stack, most first. */
  readonly functions: readonly (readonly [name: string, ms: number])[];
}

/**
 * @param file           a `.cpuprofile` of a main thread.
 * @param sources        tried on the address of every function on the stack.
 * @param fromUs, toUs   the part of it that counts, on the machine's monotonic clock (`process.hrtime`).
 */
export function profileShare(file: string, sources: RegExp, fromUs: number, toUs: number): ProfileShare {
  // V8 wrote it.
  const profile = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const mine = new Set<number>();
  const mark = (node: ProfileNode, below: boolean): void => {
    const own = below || sources.test(node.callFrame.url);
    if (own) mine.add(node.id);
    for (const child of node.children ?? []) mark(nodes.get(child)!, own);
  };
  if (profile.nodes[0] !== undefined) mark(profile.nodes[0], false);

  let atUs = profile.startTime;
  let busyUs = 0;
  let ofUs = 0;
  const functions = new Map<string, number>();
  for (const [i, id] of profile.samples.entries()) {
    // A delta is the time since the sample before; the sample stands for the time until the next.
    atUs += profile.timeDeltas[i] ?? 0;
    const lastsUs = profile.timeDeltas[i + 1] ?? 0;
    if (atUs < fromUs || atUs > toUs) continue;
    const { functionName, url } = nodes.get(id)!.callFrame;
    if (functionName === "(idle)") continue;
    busyUs += lastsUs;
    if (!mine.has(id)) continue;
    ofUs += lastsUs;
    const name = `${functionName || "(anonymous)"} ${url.split("/").slice(-2).join("/")}`.trim();
    functions.set(name, (functions.get(name) ?? 0) + lastsUs);
  }
  return {
    busyMs: busyUs / 1000,
    ofMs: ofUs / 1000,
    functions: [...functions].sort((a, b) => b[1] - a[1]).map(([name, us]) => [name, us / 1000] as const),
  };
}
