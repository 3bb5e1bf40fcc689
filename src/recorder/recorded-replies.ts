/**
 * What a relay did in one part of a call, taken out of its recording: audio as bytes, everything
 * else in order.
 */
import type { FlightLine } from "./format.js";

export type Json = Readonly<Record<string, unknown>>;

export interface RecordedAction {
  readonly atMs: number;
  /** "phone", "model 1", "host". */
  readonly where: string;
  readonly what: Json;
}

/** Audio to the phone between two events that end it. */
export interface Stretch {
  readonly atMs: number;
  readonly ulaw: Uint8Array;
  readonly endedBy: "clear" | "end";
}

export interface RecordedReplies {
  /** Per stream. */
  readonly streams: readonly { readonly stretches: readonly Stretch[] }[];
  /** Per session: the caller's audio that was appended. */
  readonly appended: readonly Uint8Array[];
  /** Everything but audio and marks, per place, in order. */
  readonly done: ReadonlyMap<string, readonly RecordedAction[]>;
  readonly counts: {
    readonly phoneIn: number;
    readonly phoneOut: number;
    readonly modelIn: number;
    readonly modelOut: number;
  };
}

export function readRecordedReplies(lines: readonly FlightLine[]): RecordedReplies {
  const streams: { stretches: Stretch[] }[] = [];
  const appended: Buffer[][] = [];
  const done = new Map<string, RecordedAction[]>();
  const counts = { phoneIn: 0, phoneOut: 0, modelIn: 0, modelOut: 0 };
  let audio: Buffer[] = [];
  let audioMs = 0;
  const note = (atMs: number, where: string, what: Json): void => {
    const there = done.get(where) ?? [];
    there.push({ atMs, where, what });
    done.set(where, there);
  };
  const endStretch = (endedBy: Stretch["endedBy"]): void => {
    if (audio.length > 0 || endedBy === "clear")
      streams.at(-1)?.stretches.push({ atMs: audioMs, ulaw: Buffer.concat(audio), endedBy });
    audio = [];
  };
  for (const line of lines) {
    if ("in" in line) {
      if (line.in === "phone" && line.event === "started") {
        endStretch("end");
        streams.push({ stretches: [] });
      } else if (line.in === "phone") counts.phoneIn++;
      else if (line.in === "model") counts.modelIn++;
    }
    if (!("out" in line)) continue;
    const { at, out, ...what } = line;
    if (line.out === "phone" && line.event === "message") {
      counts.phoneOut++;
      const { event } = line.message;
      if (event === "media") {
        if (audio.length === 0) audioMs = at;
        audio.push(Buffer.from(payloadOf(line.message), "base64"));
      } else if (event === "clear") {
        endStretch("clear");
        note(at, "phone", { event: "clear" });
      }
      continue;
    }
    if (line.out === "model" && line.event === "message") {
      counts.modelOut++;
      const { message, leg } = line;
      if (message["type"] === "input_audio_buffer.append") {
        const pieces = appended[leg - 1] ?? [];
        pieces.push(
          Buffer.from(typeof message["audio"] === "string" ? message["audio"] : "", "base64"),
        );
        appended[leg - 1] = pieces;
      } else note(at, `model ${leg}`, message);
      continue;
    }
    note(at, line.out === "model" ? `model ${line.leg}` : out, what);
  }
  endStretch("end");
  return {
    streams,
    appended: Array.from(appended, (pieces) => Buffer.concat(pieces ?? [])),
    done,
    counts,
  };
}

function payloadOf(message: Json): string {
  const { media } = message;
  if (typeof media !== "object" || media === null) return "";
  const payload: unknown = Reflect.get(media, "payload");
  return typeof payload === "string" ? payload : "";
}
