/**
 * The recorded lines in the order in which a replay gives them to the call: what came while
 * the call's host was being told something is given when the replay tells it the same.
 */
import type { FlightInput, FlightLine, FlightOutput } from "./format.js";
import type { RecordedTimers } from "./replay-clock.js";

/** Calls to the host that may come back to the call before they return. */
export type HostCall = "hand_over" | "announce" | "fall_back" | "caller_gone";

export interface Script {
  readonly inputs: readonly FlightInput[];
  /** One entry for each such call, from the first. */
  readonly inputsDuring: Readonly<Record<HostCall, readonly (readonly FlightInput[])[]>>;
  /** Of the last line. */
  readonly endMs: number;
}

export function readTimers(lines: readonly FlightLine[]): RecordedTimers {
  const ran = new Set<string>();
  const cancelled = new Map<string, number>();
  for (const line of lines) {
    if ("in" in line && line.in === "clock" && line.event === "timer") ran.add(line.timer);
    if ("is" in line && line.is === "cancelled") cancelled.set(line.timer, line.at);
  }
  return { ran, cancelled };
}

export function readScript(lines: readonly FlightLine[]): Script {
  const inputs: FlightInput[] = [];
  const inputsDuring: Record<HostCall, FlightInput[][]> = {
    hand_over: [],
    announce: [],
    fall_back: [],
    caller_gone: [],
  };
  const told = toldIndexes(lines);
  let endMs = 0;
  let index = 0;
  while (index < lines.length) {
    const line = lines[index]!;
    endMs = Math.max(endMs, line.at);
    if ("in" in line) inputs.push(line);
    else if ("out" in line && line.out === "host" && isHostCall(line.event)) {
      const end = told.get(index) ?? index;
      inputsDuring[line.event].push(lines.slice(index, end).filter((inner) => "in" in inner));
      index = end;
    }
    index++;
  }
  return { inputs, inputsDuring, endMs };
}

/** Index of what was told → index of the line that says that the host returned. */
function toldIndexes(lines: readonly FlightLine[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  for (const [index, line] of lines.entries()) {
    if ("out" in line && line.out === "host" && isHostCall(line.event)) open.push(index);
    if (!("is" in line) || line.is !== "returned") continue;
    // Entries above it have no `returned` line.
    const at = open.findLastIndex((told) => eventOf(lines[told]!) === line.from);
    if (at >= 0) found.set(open.splice(at)[0]!, index);
  }
  return found;
}

function eventOf(line: FlightLine): string | null {
  return "out" in line && line.out === "host" ? line.event : null;
}

function isHostCall(event: (FlightOutput & { out: "host" })["event"]): event is HostCall {
  return (
    event === "hand_over" ||
    event === "announce" ||
    event === "fall_back" ||
    event === "caller_gone"
  );
}
