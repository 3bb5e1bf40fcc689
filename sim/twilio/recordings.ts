/** What was said in a leg, as two channels on the leg's own time line, and recordings of it. */
import { ULAW_SILENCE } from "../audio/mulaw.js";
import { stereoWav } from "../audio/wav.js";
import type { CallLeg } from "./call-leg.js";
import type { TwilioContext } from "./context.js";

export interface LegAudio {
  /** Mu-law since the leg began; silence where no stream was open. */
  readonly caller: Buffer;
  /** What the caller heard from streams: cleared audio is not in it. */
  readonly agent: Buffer;
}

/** Empty unless audio is kept. */
export function legAudio(leg: CallLeg): LegAudio {
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

function byteAt(leg: CallLeg, instantMs: number): number {
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
  readonly leg: CallLeg;
  readonly channels: number;
  status: "in-progress" | "paused" | "stopped" | "completed";
  readonly startedAtMs: number;
  readonly startedAt: Date;
  durationS: number;
  /** The media exists from then on; Twilio reports `completed` a little earlier. */
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
    leg: CallLeg,
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
    const account = `${this.#apiBase()}/2010-04-01/Accounts/${accountSid}`;
    this.#twilio.callback(
      recording.leg,
      callback.url,
      {
        AccountSid: accountSid,
        CallSid: recording.leg.sid,
        RecordingSid: recording.sid,
        RecordingUrl: `${account}/Recordings/${recording.sid}`,
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
