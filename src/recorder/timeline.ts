/** Everything that is known of a call, on one clock: for the inspector. Pure. */
import { ulawToLinear } from "../codec/ulaw.js";
import type { CallRecord } from "../domain/call-record.js";
import { CallerVad } from "../vad/caller-vad.js";
import type { FlightLine } from "./format.js";
import type { FlightPart } from "./reader.js";

export type TimelineLane =
  | "caller"
  | "agent"
  | "uplink"
  | "model"
  | "phone"
  | "tool"
  | "transfer"
  | "operator"
  | "relay";

export interface TimelineEvent {
  /** Since the start of the call, in ms. */
  readonly atMs: number;
  readonly lane: TimelineLane;
  readonly name: string;
  readonly durationMs?: number;
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The loudest sample of each step, 0 to 100 % of full scale; the agent's when it was sent. */
export interface Envelope {
  readonly stepMs: number;
  readonly caller: readonly number[];
  readonly agent: readonly number[];
}

type Detail = NonNullable<TimelineEvent["detail"]>;

const STEP_MS = 50;
const FULL_SCALE = 32_124;
/** A call of two hours. */
const MAX_STEPS = (2 * 3_600_000) / STEP_MS;
const BYTES_PER_MS = 8;

/** What the record tells. */
export function recordEvents(record: CallRecord): TimelineEvent[] {
  const events: TimelineEvent[] = record.turns.flatMap((turn) => {
    const { who, startedMs, endedMs, itemId, heardMs, receivedMs, interruptedAtMs } = turn;
    if (startedMs === null) return [];
    const detail: Detail = { itemId, heardMs, receivedMs, interruptedAtMs };
    const durationMs = endedMs === null ? {} : { durationMs: Math.max(0, endedMs - startedMs) };
    return [{ atMs: startedMs, lane: who, name: "turn", ...durationMs, detail }];
  });
  for (const { name, atMs, ms, outcome } of record.tools)
    events.push({ atMs, lane: "tool", name, durationMs: ms, detail: { outcome } });
  for (const transfer of [...record.earlierTransfers, record.transfer]) {
    if (transfer === null) continue;
    const { destination, requestedMs, kind, outcome, steps } = transfer;
    const detail: Detail = { destination, kind, outcome };
    events.push({ atMs: requestedMs, lane: "transfer", name: "requested", detail });
    for (const { atMs, step } of steps) events.push({ atMs, lane: "transfer", name: step });
  }
  for (const { atMs, name, fields } of record.events) {
    const lane = /^(?:supervisor|listener)_/.test(name) ? "operator" : "relay";
    events.push({ atMs, lane, name, detail: fields });
  }
  return events;
}

/** What one process recorded of the call, line by line. */
export class FlightTimeline {
  readonly events: TimelineEvent[] = [];
  readonly #caller = new Loudness();
  readonly #agent = new Loudness();
  readonly #vad = new CallerVad();
  readonly #offsetMs: number;

  /** @param startedMs  when the call's record begins; ms since the epoch. */
  constructor({ header }: Pick<FlightPart, "header">, startedMs: number) {
    this.#offsetMs = header.epochMs - startedMs;
  }

  get envelope(): Envelope {
    return { stepMs: STEP_MS, caller: this.#caller.steps, agent: this.#agent.steps };
  }

  line(line: FlightLine): void {
    const atMs = Math.round(line.at + this.#offsetMs);
    if ("in" in line) this.#input(line, atMs);
    else if ("out" in line) this.#output(line, atMs);
    else this.#add(atMs, "relay", line.is);
  }

  #input(line: Extract<FlightLine, { in: string }>, atMs: number): void {
    switch (line.in) {
      case "phone":
        if (line.event === "message") this.#phoneSaid(parsed(line.message), atMs);
        else this.#add(atMs, "phone", line.event);
        return;
      case "model":
        if (line.event === "message") this.#modelSaid(parsed(line.message), atMs);
        else this.#add(atMs, "model", line.event);
        return;
      case "command":
        this.#add(atMs, line.type === "supervisor_audio" ? "operator" : "relay", line.type);
        return;
      case "clock":
        if (line.event === "timer") this.#add(atMs, "relay", "timer", { timer: line.timer });
        else this.#add(atMs, "relay", line.event);
        return;
      case "tools":
        this.#add(atMs, "tool", line.event);
        return;
      default:
        this.#add(atMs, "relay", line.in);
    }
  }

  #phoneSaid(message: Json, atMs: number): void {
    const event = text(message, "event") ?? "unknown";
    if (event !== "media") {
      this.#add(atMs, "phone", event);
      return;
    }
    const ulaw = bytes(message["media"], "payload");
    this.#caller.heard(ulaw, atMs);
    const endpoint = this.#vad.hear(ulaw, 0, ulaw.length, atMs);
    if (endpoint !== null) this.#add(atMs, "caller", `local_${endpoint}`);
  }

  #modelSaid(message: Json, atMs: number): void {
    const type = text(message, "type") ?? "unknown";
    if (type === "response.output_audio.delta") {
      const ms = bytes(message, "delta").length / BYTES_PER_MS;
      this.#add(atMs, "agent", "delta_received", { ms, itemId: text(message, "item_id") });
    } else this.#add(atMs, "model", type, ids(message));
  }

  #output(line: Extract<FlightLine, { out: string }>, atMs: number): void {
    if (line.out === "host" || line.event !== "message") {
      this.#add(atMs, line.out === "host" ? "relay" : line.out, line.event);
      return;
    }
    const message: Json = line.message;
    if (line.out === "phone") this.#toPhone(message, atMs);
    else this.#toModel(message, atMs);
  }

  #toPhone(message: Json, atMs: number): void {
    const event = text(message, "event") ?? "unknown";
    if (event === "media") {
      const ulaw = bytes(message["media"], "payload");
      this.#agent.heard(ulaw, atMs);
      this.#vad.played(ulaw, 0, ulaw.length, atMs);
      this.#add(atMs, "agent", "sent", { ms: ulaw.length / BYTES_PER_MS });
    } else this.#add(atMs, "phone", `${event}_sent`);
  }

  #toModel(message: Json, atMs: number): void {
    const type = text(message, "type") ?? "unknown";
    if (type === "input_audio_buffer.append")
      this.#add(atMs, "uplink", "append", { ms: bytes(message, "audio").length / BYTES_PER_MS });
    else if (type === "conversation.item.truncate")
      this.#add(atMs, "agent", "truncated", {
        itemId: text(message, "item_id"),
        heardMs: Number(message["audio_end_ms"] ?? 0),
      });
    else this.#add(atMs, "model", `${type}_sent`);
  }

  #add(atMs: number, lane: TimelineLane, name: string, detail?: Detail): void {
    this.events.push({ atMs, lane, name, ...(detail === undefined ? {} : { detail }) });
  }
}

/** The loudest of several parts of a call, which went from one process to another. */
export function mergedEnvelope(parts: readonly Envelope[]): Envelope | null {
  if (parts.length === 0) return null;
  const merged = (of: (part: Envelope) => readonly number[]): number[] => {
    const length = Math.max(...parts.map((part) => of(part).length));
    return Array.from({ length }, (_, i) => Math.max(...parts.map((part) => of(part)[i] ?? 0)));
  };
  return {
    stepMs: STEP_MS,
    caller: merged(({ caller }) => caller),
    agent: merged(({ agent }) => agent),
  };
}

class Loudness {
  readonly steps: number[] = [];

  heard(ulaw: Uint8Array, atMs: number): void {
    for (let i = 0; i < ulaw.length; i++) {
      const step = Math.floor((atMs + i / BYTES_PER_MS) / STEP_MS);
      if (step < 0 || step >= MAX_STEPS) continue;
      while (this.steps.length <= step) this.steps.push(0);
      const sample = Math.abs(ulawToLinear[ulaw[i] ?? 0xff] ?? 0);
      const level = Math.round((sample * 100) / FULL_SCALE);
      if (level > (this.steps[step] ?? 0)) this.steps[step] = level;
    }
  }
}

type Json = Readonly<Record<string, unknown>>;

/** An object without fields when it is none: a peer may have sent anything. */
function parsed(message: Uint8Array): Json {
  try {
    return Object(JSON.parse(Buffer.from(message).toString("utf8"))) as Json;
  } catch {
    // It was recorded as it came; the relay refused it, too.
    return {};
  }
}

function text(json: Json, name: string): string | null {
  const value = json[name];
  return typeof value === "string" ? value : null;
}

function bytes(json: unknown, name: string): Buffer {
  const value: unknown = Object(json)[name];
  return Buffer.from(typeof value === "string" ? value : "", "base64");
}

/** What ties an event of the model to others. */
function ids(message: Json): Detail {
  const itemId = text(message, "item_id");
  const responseId = text(message, "response_id");
  return { ...(itemId === null ? {} : { itemId }), ...(responseId === null ? {} : { responseId }) };
}
