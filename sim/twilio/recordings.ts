/** What was said in a leg, as two channels on the leg's own time line, and the recordings REST makes of it. */
import { ULAW_SILENCE } from "../audio/mulaw.js";
import { stereoWav } from "../audio/wav.js";
import type { TwilioContext } from "./context.js";
import type { Leg } from "./leg.js";

export interface LegAudio {
  /** Mu-law since the leg began; silence where no stream was open. */
  readonly caller: Buffer;
  /** What the caller heard from streams: cleared audio is not in it. */
  readonly agent: Buffer;
}

/** Empty unless audio is kept. */
export function legAudio(leg: Leg): LegAudio {
  const caller: { readonly atByte: number; readonly bytes: Uint8Array }[] = [];
  const agent: typeof caller = [];
  for (const stream of leg.streams) {
    if (stream.startedAtMs === null) continue;
    let at = byteAt(leg, stream.startedAtMs);
    for (const bytes of stream.sent) {
      caller.push({ atByte: at, bytes });
      at += bytes.length;
    }
    for (const run of stream.playout.runs) {
      at = byteAt(leg, run.startMs);
      for (const bytes of run.chunks) {
        agent.push({ atByte: at, bytes });
        at += bytes.length;
      }
    }
  }
  return { caller: laid(caller), agent: laid(agent) };
}

/** The part of a MediaStream that knows what was played. */
export interface PlayedStream {
  readonly playout: { readonly runs: readonly { readonly chunks: readonly Uint8Array[] }[] };
}

/** All that was played to the caller in one stream, in order, without the pauses. */
export function playedAudio(stream: PlayedStream): Buffer {
  return Buffer.concat(stream.playout.runs.flatMap((run) => run.chunks));
}

/**
 * How much of an item the caller has heard: the longest beginning of `item` that stands in what was played.
 *
 * @returns ms, or null when not even 20 ms of it were played.
 */
export function heardMs(stream: PlayedStream, item: Uint8Array): number | null {
  const played = playedAudio(stream);
  const head = Buffer.from(item.subarray(0, 160));
  let best: number | null = null;
  for (let at = played.indexOf(head); at >= 0; at = played.indexOf(head, at + 1)) {
    let length = head.length;
    while (length < item.length && played[at + length] === item[length]) length++;
    best = Math.max(best ?? 0, length / 8);
  }
  return best;
}

function byteAt(leg: Leg, instantMs: number): number {
  return Math.max(0, Math.round((instantMs - leg.events.startMs) * 8));
}

function laid(parts: readonly { readonly atByte: number; readonly bytes: Uint8Array }[]): Buffer {
  const end = parts.reduce((most, part) => Math.max(most, part.atByte + part.bytes.length), 0);
  const track = Buffer.alloc(end, ULAW_SILENCE);
  for (const { atByte, bytes } of parts) track.set(bytes, atByte);
  return track;
}

export interface Recording {
  readonly sid: string;
  readonly leg: Leg;
  readonly channels: number;
  status: "in-progress" | "paused" | "stopped" | "completed";
  readonly startedAtMs: number;
  readonly startedAt: Date;
  durationS: number;
  /** The media exists from then on: Twilio says `completed` a little earlier. */
  mediaFromMs: number;
}

export class Recordings {
  readonly all: Recording[] = [];
  readonly #twilio: TwilioContext;
  readonly #apiBase: () => string;

  constructor(twilio: TwilioContext, apiBase: () => string) {
    this.#twilio = twilio;
    this.#apiBase = apiBase;
  }

  start(
    leg: Leg,
    channels: number,
    callback: { readonly url: string; readonly events: readonly string[] } | null,
    mediaDelayMs: number,
  ): Recording {
    const recording: Recording = {
      sid: this.#twilio.sid("RE"),
      leg,
      channels,
      status: "in-progress",
      startedAtMs: this.#twilio.clock.nowMs(),
      startedAt: new Date(),
      durationS: 0,
      mediaFromMs: Number.POSITIVE_INFINITY,
    };
    this.all.push(recording);
    leg.events.add("recording", { status: "in-progress", sid: recording.sid });
    this.#tell(recording, callback, "in-progress");
    leg.onEnd(() => {
      const nowMs = this.#twilio.clock.nowMs();
      recording.status = "completed";
      recording.durationS = Math.round((nowMs - recording.startedAtMs) / 1000);
      recording.mediaFromMs = nowMs + mediaDelayMs;
      leg.events.add("recording", { status: "completed", sid: recording.sid });
      this.#tell(recording, callback, "completed");
    });
    return recording;
  }

  /** The WAV, or null while it does not exist. */
  media(sid: string): Buffer | null {
    const recording = this.all.find((candidate) => candidate.sid === sid);
    if (recording === undefined || this.#twilio.clock.nowMs() < recording.mediaFromMs) return null;
    const { caller, agent } = legAudio(recording.leg);
    const from = byteAt(recording.leg, recording.startedAtMs);
    return stereoWav(caller.subarray(from), agent.subarray(from));
  }

  #tell(
    recording: Recording,
    callback: { readonly url: string; readonly events: readonly string[] } | null,
    status: "in-progress" | "completed",
  ): void {
    if (callback === null || !callback.events.includes(status)) return;
    const { accountSid } = this.#twilio;
    this.#twilio.callback(
      recording.leg,
      callback.url,
      {
        AccountSid: accountSid,
        CallSid: recording.leg.sid,
        RecordingSid: recording.sid,
        RecordingUrl: `${this.#apiBase()}/2010-04-01/Accounts/${accountSid}/Recordings/${recording.sid}`,
        RecordingStatus: status,
        RecordingDuration: String(recording.durationS),
        RecordingChannels: String(recording.channels),
        RecordingStartTime: recording.startedAt.toUTCString().replace("GMT", "+0000"),
        RecordingSource: "StartCallRecordingAPI",
        RecordingTrack: "both",
      },
      `recording ${status}`,
    );
  }
}
