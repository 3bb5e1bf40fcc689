/** Everything that is known of a call, on one clock: for the inspector. Pure. */
import { BYTES_PER_MS } from "../codec/frame.js";
import { ulawToLinear } from "../codec/ulaw.js";
import type { CallRecord } from "../domain/call-record.js";
import { CallerVad } from "../vad/caller-vad.js";
import {
  type AudioSink,
  bytesOf,
  CallAudio,
  type Json,
  jsonOf,
  type Speaker,
} from "./call-audio.js";
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

/** The loudest sample of each step, 0 to 100 % of full scale; the agent's as a phone plays it. */
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
const STEP_SAMPLES = STEP_MS * BYTES_PER_MS;

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
    const durationMs = Math.max(0, (steps.at(-1)?.atMs ?? requestedMs) - requestedMs);
    events.push({ atMs: requestedMs, lane: "transfer", name: "requested", durationMs, detail });
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
  readonly #vad = new CallerVad();
  readonly #offsetMs: number;
  readonly #audio: CallAudio;
  #events: TimelineEvent[] = [];

  /**
   * @param startedMs  when the call's record begins; ms since the epoch.
   * @param loudness   gets the audio's: one of all parts of a call.
   */
  constructor(
    { header }: Pick<FlightPart, "header">,
    startedMs: number,
    loudness: AudioSink = new Loudness(),
  ) {
    this.#offsetMs = header.epochMs - startedMs;
    this.#audio = new CallAudio(this.#offsetMs, loudness);
  }

  /** The events since the last time. */
  take(): TimelineEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  line(line: FlightLine): void {
    this.#audio.line(line);
    const atMs = Math.round(line.at + this.#offsetMs);
    if ("in" in line) this.#input(line, atMs);
    else if ("out" in line) this.#output(line, atMs);
    else this.#add(atMs, "relay", line.is);
  }

  #input(line: Extract<FlightLine, { in: string }>, atMs: number): void {
    switch (line.in) {
      case "phone":
        if (line.event === "message") this.#phoneSaid(jsonOf(line.message), atMs);
        else this.#add(atMs, "phone", line.event);
        return;
      case "model":
        if (line.event === "message") this.#modelSaid(jsonOf(line.message), atMs);
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
    const ulaw = bytesOf(message["media"], "payload");
    const endpoint = this.#vad.hear(ulaw, 0, ulaw.length, atMs);
    if (endpoint !== null) this.#add(atMs, "caller", `local_${endpoint}`);
  }

  #modelSaid(message: Json, atMs: number): void {
    const type = text(message, "type") ?? "unknown";
    if (type === "response.output_audio.delta") {
      const ms = bytesOf(message, "delta").length / BYTES_PER_MS;
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
      const ulaw = bytesOf(message["media"], "payload");
      this.#vad.played(ulaw, 0, ulaw.length, atMs);
      this.#add(atMs, "agent", "sent", { ms: ulaw.length / BYTES_PER_MS });
    } else this.#add(atMs, "phone", `${event}_sent`);
  }

  #toModel(message: Json, atMs: number): void {
    const type = text(message, "type") ?? "unknown";
    if (type === "input_audio_buffer.append")
      this.#add(atMs, "uplink", "append", { ms: bytesOf(message, "audio").length / BYTES_PER_MS });
    else if (type === "conversation.item.truncate")
      this.#add(atMs, "agent", "truncated", {
        itemId: text(message, "item_id"),
        heardMs: Number(message["audio_end_ms"] ?? 0),
      });
    else this.#add(atMs, "model", `${type}_sent`);
  }

  #add(atMs: number, lane: TimelineLane, name: string, detail?: Detail): void {
    this.#events.push({ atMs, lane, name, ...(detail === undefined ? {} : { detail }) });
  }
}

/** The loudness of a whole call. */
export class Loudness implements AudioSink {
  readonly #levels: Readonly<Record<Speaker, number[]>> = { caller: [], agent: [] };

  get envelope(): Envelope {
    return { stepMs: STEP_MS, ...this.#levels };
  }

  put(who: Speaker, atSample: number, ulaw: Uint8Array): void {
    const levels = this.#levels[who];
    for (let i = 0; i < ulaw.length; i++) {
      const step = Math.floor((atSample + i) / STEP_SAMPLES);
      if (step < 0 || step >= MAX_STEPS) continue;
      while (levels.length <= step) levels.push(0);
      const sample = Math.abs(ulawToLinear[ulaw[i] ?? 0xff] ?? 0);
      const level = Math.round((sample * 100) / FULL_SCALE);
      if (level > (levels[step] ?? 0)) levels[step] = level;
    }
  }

  silence(who: Speaker, fromSample: number, toSample: number): void {
    const levels = this.#levels[who];
    const end = Math.min(levels.length, Math.ceil(toSample / STEP_SAMPLES));
    for (let step = Math.max(0, Math.ceil(fromSample / STEP_SAMPLES)); step < end; step++)
      levels[step] = 0;
  }
}

function text(json: Json, name: string): string | null {
  const value = json[name];
  return typeof value === "string" ? value : null;
}

/** What ties an event of the model to others. */
function ids(message: Json): Detail {
  const itemId = text(message, "item_id");
  const responseId = text(message, "response_id");
  return { ...(itemId === null ? {} : { itemId }), ...(responseId === null ? {} : { responseId }) };
}

/** Where Twilio's recording begins on the call's clock: it is started when the stream runs. */
export function recordingStartMs({ events, answeredAt, startedAt }: CallRecord): number {
  const started = events.find(({ name }) => name === "recording_started");
  if (started !== undefined) return started.atMs;
  if (answeredAt === null || startedAt === null) return 0;
  return Math.max(0, Date.parse(answeredAt) - Date.parse(startedAt));
}
