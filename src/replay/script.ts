/**
 * The recorded lines in the order in which a replay gives them to the call: what came while a neighbour was being told something is
 * given when the replay tells it the same.
 */
import type { FlightInput, FlightLine, FlightOutput } from "../relay/flight-lines.js";

/** What may call back before it returns. */
export type Asking = "hand_over" | "announce" | "caller_gone";

export type Step =
  | { readonly do: "input"; readonly input: FlightInput }
  | { readonly do: "stand_still"; readonly untilMs: number };

export interface Script {
  readonly steps: readonly Step[];
  /** Per time that the neighbour is told, from the first. */
  readonly within: Readonly<Record<Asking, readonly (readonly FlightInput[])[]>>;
  /** Of the last line. */
  readonly endMs: number;
}

export function readScript(lines: readonly FlightLine[]): Script {
  const steps: Step[] = [];
  const within: Record<Asking, FlightInput[][]> = { hand_over: [], announce: [], caller_gone: [] };
  const told = toldIndexes(lines);
  let endMs = 0;
  let index = 0;
  while (index < lines.length) {
    const line = lines[index]!;
    endMs = Math.max(endMs, line.at);
    if ("in" in line) steps.push({ do: "input", input: line });
    else if ("is" in line && line.is === "standstill") steps.push({ do: "stand_still", untilMs: line.at });
    else if ("out" in line && line.out === "desk" && isAsking(line.event)) {
      const end = told.get(index) ?? index;
      within[line.event].push(lines.slice(index, end).filter((inner) => "in" in inner));
      index = end;
    }
    index++;
  }
  return { steps, within, endMs };
}

/** Index of what was told → index of the line that says that its neighbour returned. */
function toldIndexes(lines: readonly FlightLine[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  for (const [index, line] of lines.entries()) {
    if ("out" in line && line.out === "desk" && isAsking(line.event)) open.push(index);
    if (!("is" in line) || line.is !== "returned") continue;
    // Those above it returned without a word.
    const at = open.findLastIndex((told) => eventOf(lines[told]!) === line.from);
    if (at >= 0) found.set(open.splice(at)[0]!, index);
  }
  return found;
}

function eventOf(line: FlightLine): string | null {
  return "out" in line && line.out === "desk" ? line.event : null;
}

function isAsking(event: (FlightOutput & { out: "desk" })["event"]): event is Asking {
  return event === "hand_over" || event === "announce" || event === "caller_gone";
}
