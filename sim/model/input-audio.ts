/** The caller's audio as the server has it: the input buffer, server VAD, commits, transcripts. */

import type { JsonObject } from "./check.js";
import { at, type TurnDetection, textAt, transcriptBilledByTokens } from "./config.js";
import { newItem, type StoredItem, wireItem } from "./items.js";
import type { Script } from "./script.js";
import type { SessionContext } from "./session-context.js";
import { EnergyVad, type VadSettings } from "./vad.js";

export interface InputAudioEvents {
  /** After `speech_started` has left. */
  speechStarted(): void;
  /** After the turn was committed. */
  turnEnded(): void;
}

const MIN_COMMIT_MS = 100;
/** Of a session that begins as push-to-talk, until an update says otherwise. */
const DEFAULT_VAD: VadSettings = { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 200 };
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

export class InputAudio {
  /** Caller turns committed so far. */
  userTurns = 0;
  readonly #session: SessionContext;
  readonly #transcripts: NonNullable<Script["transcripts"]>;
  readonly #events: InputAudioEvents;
  readonly #vad: EnergyVad;
  #turns: TurnDetection | null;
  #uncommittedBytes = 0;
  #speechItem: string | null = null;
  #lateTranscripts: (() => void)[] = [];

  constructor(
    session: SessionContext,
    fields: {
      readonly turns: TurnDetection | null;
      readonly transcripts: NonNullable<Script["transcripts"]>;
    },
    events: InputAudioEvents,
  ) {
    this.#session = session;
    this.#transcripts = fields.transcripts;
    this.#events = events;
    this.#turns = fields.turns;
    this.#vad = new EnergyVad(fields.turns?.vad ?? DEFAULT_VAD, {
      started: (audioStartMs) => this.#started(audioStartMs),
      stopped: (audioEndMs) => this.#stopped(audioEndMs),
    });
  }

  get callerSpeaks(): boolean {
    return this.#vad.speaking;
  }

  configure(turns: TurnDetection | null): void {
    this.#turns = turns;
    if (turns !== null) this.#vad.configure(turns.vad);
  }

  /** `input_audio_buffer.append`. */
  append(bytes: Buffer): void {
    const session = this.#session;
    if (!session.carriesAudio) session.violation("audio appended on a sideband socket");
    if (session.configuredAtMs === null) session.violation("audio before session.updated");
    else if (textAt(session.config, "audio", "input", "format", "type") !== "audio/pcmu")
      session.violation("audio while the input format is not audio/pcmu");
    // The model ignores what is appended to a call whose sound runs elsewhere.
    if (session.carriesAudio) this.callerAudio(bytes);
  }

  /** Sound of the caller, over the socket or over the line of a SIP call. */
  callerAudio(bytes: Buffer): void {
    const session = this.#session;
    const nowMs = session.clock.nowMs();
    const { received } = session;
    received.appends++;
    received.bytes += bytes.length;
    received.firstAtMs ??= nowMs;
    this.#uncommittedBytes += bytes.length;
    if (session.options.keepAudio) received.audio.push(bytes);
    session.identity?.push(bytes, nowMs);
    if (this.#turns !== null && session.configuredAtMs !== null) this.#vad.push(bytes);
  }

  clear(): void {
    this.#uncommittedBytes = 0;
    this.#session.send({ type: "input_audio_buffer.cleared" });
  }

  /** `input_audio_buffer.commit`. */
  commitByClient(event: JsonObject): void {
    const ms = Math.floor(this.#uncommittedBytes / 8);
    if (ms >= MIN_COMMIT_MS) {
      this.commit(this.#session.nextId("item"));
      return;
    }
    this.#session.refuse(
      event,
      "input_audio_buffer_commit_empty",
      "Error committing input audio buffer: buffer too small. " +
        `Expected at least ${MIN_COMMIT_MS}ms of audio, but buffer only has ${ms}.00ms of audio.`,
      null,
    );
  }

  commit(itemId: string): void {
    const session = this.#session;
    const seconds = this.#uncommittedBytes / 8000;
    this.#uncommittedBytes = 0;
    const turn = this.userTurns++;
    const transcripts = this.#transcripts;
    const transcript =
      typeof transcripts === "function"
        ? transcripts(turn, textAt(session.config, "instructions"))
        : (transcripts[turn] ?? "");
    const item = newItem({
      id: itemId,
      type: "message",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    });
    const before = session.conversation.add(item) ?? null;
    session.send({
      type: "input_audio_buffer.committed",
      previous_item_id: before,
      item_id: itemId,
    });
    const shown = { previous_item_id: before, item: wireItem(item) };
    session.send({ type: "conversation.item.added", ...shown });
    session.send({ type: "conversation.item.done", ...shown });
    if (at(session.config, "audio", "input", "transcription") === null) return;
    const delayMs = session.options.transcriptDelayMs;
    const send = () => this.#transcribe(item, transcript, seconds);
    if (delayMs === Number.POSITIVE_INFINITY) this.#lateTranscripts.push(send);
    else session.clock.after(delayMs, send);
  }

  /** A response is done: sends the transcripts that waited for one. */
  flushTranscripts(): void {
    for (const send of this.#lateTranscripts.splice(0)) send();
  }

  #started(audioStartMs: number): void {
    const session = this.#session;
    const atMs = session.clock.nowMs();
    const itemId = session.nextId("item");
    this.#speechItem = itemId;
    session.speech.push({
      itemId,
      audioStartMs,
      startedAtMs: atMs,
      stoppedAtMs: null,
      interrupted: session.responding,
    });
    session.options.onSpeechStarted(atMs);
    session.send({
      type: "input_audio_buffer.speech_started",
      audio_start_ms: audioStartMs,
      item_id: itemId,
    });
    this.#events.speechStarted();
  }

  #stopped(audioEndMs: number): void {
    const session = this.#session;
    const itemId = this.#speechItem ?? session.nextId("item");
    this.#speechItem = null;
    const span = session.speech.at(-1);
    if (span !== undefined) span.stoppedAtMs = session.clock.nowMs();
    const tell = () =>
      session.send({
        type: "input_audio_buffer.speech_stopped",
        audio_end_ms: audioEndMs,
        item_id: itemId,
      });
    const end = () => {
      this.commit(itemId);
      this.#events.turnEnded();
    };
    const lagMs = session.options.pace.commitLagMs;
    if (lagMs === 0)
      session.inOnePacket(() => {
        tell();
        end();
      });
    else {
      tell();
      session.clock.after(lagMs, end);
    }
  }

  #transcribe(item: StoredItem, transcript: string, seconds: number): void {
    const session = this.#session;
    const address = { item_id: item.id, content_index: 0 };
    const { transcription } = session.options;
    if (transcription === "failed") {
      const error = {
        type: "transcription_error",
        code: "audio_unintelligible",
        message: "The audio could not be transcribed.",
        param: null,
      };
      session.send({ type: `${TRANSCRIPTION}.failed`, ...address, error });
      return;
    }
    item.content = [{ type: "input_audio", transcript }];
    if (transcript !== "") {
      const obfuscation = session.obfuscation();
      session.send({ type: `${TRANSCRIPTION}.delta`, ...address, delta: transcript, obfuscation });
    }
    const byTokens =
      transcription === "auto"
        ? transcriptBilledByTokens(session.config)
        : transcription === "tokens";
    const usage = byTokens ? tokenUsage(transcript, seconds) : { type: "duration", seconds };
    session.send({ type: `${TRANSCRIPTION}.completed`, ...address, transcript, usage });
  }
}

function tokenUsage(transcript: string, seconds: number): JsonObject {
  const audioTokens = Math.ceil(seconds * 10);
  const textTokens = Math.ceil(transcript.length / 4);
  return {
    type: "tokens",
    input_tokens: audioTokens,
    output_tokens: textTokens,
    total_tokens: audioTokens + textTokens,
    input_token_details: { audio_tokens: audioTokens, text_tokens: 0 },
  };
}
