/** The caller as the server hears them: the input buffer, server VAD, commits, transcripts. */
import type { SimClock } from "../clock.js";
import type { JsonObject } from "./check.js";
import { at, type TurnDetection, textAt } from "./config.js";
import { newItem, wireItem } from "./items.js";
import type { Script } from "./script.js";
import type { ModelSession } from "./session.js";
import type { SessionOptions } from "./session-types.js";
import { EnergyVad, type VadSettings } from "./vad.js";

export interface InputAudioEvents {
  /** After `speech_started` has left. */
  speechStarted(): void;
  /** After the turn was committed. */
  turnEnded(): void;
}

const MIN_COMMIT_MS = 100;
/** Of a session that begins as push-to-talk, until it is told otherwise. */
const QUIET_VAD: VadSettings = { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 200 };

export class InputAudio {
  /** Turns of the caller committed so far. */
  userTurns = 0;
  readonly #session: ModelSession;
  readonly #clock: SimClock;
  readonly #options: SessionOptions;
  readonly #hears: NonNullable<Script["transcripts"]>;
  readonly #events: InputAudioEvents;
  readonly #vad: EnergyVad;
  #turns: TurnDetection | null;
  #uncommittedBytes = 0;
  #speechItem: string | null = null;
  #lateTranscripts: (() => void)[] = [];

  constructor(
    session: ModelSession,
    options: SessionOptions,
    fields: {
      readonly turns: TurnDetection | null;
      readonly hears: NonNullable<Script["transcripts"]>;
    },
    events: InputAudioEvents,
  ) {
    this.#session = session;
    this.#clock = options.clock;
    this.#options = options;
    this.#hears = fields.hears;
    this.#events = events;
    this.#turns = fields.turns;
    this.#vad = new EnergyVad(fields.turns?.vad ?? QUIET_VAD, {
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

  audio(bytes: Buffer): void {
    const session = this.#session;
    if (!session.carriesAudio) session.violation("audio appended on a sideband socket");
    if (session.configuredAtMs === null) session.violation("audio before session.updated");
    else if (textAt(session.config, "audio", "input", "format", "type") !== "audio/pcmu")
      session.violation("audio while the input format is not audio/pcmu");
    // What is appended to a call whose sound runs elsewhere reaches nobody.
    if (session.carriesAudio) this.line(bytes);
  }

  /** Sound of the caller, by whichever way it came. */
  line(bytes: Buffer): void {
    const session = this.#session;
    const nowMs = this.#clock.nowMs();
    const { received } = session;
    received.appends++;
    received.bytes += bytes.length;
    received.firstAtMs ??= nowMs;
    this.#uncommittedBytes += bytes.length;
    if (this.#options.keepAudio) received.audio.push(bytes);
    session.identity?.push(bytes, nowMs);
    this.#options.hooks.onAudio?.(session, bytes, nowMs);
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
    const hears = this.#hears;
    const heard =
      typeof hears === "function"
        ? hears(turn, textAt(session.config, "instructions"))
        : (hears[turn] ?? "");
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
    const send = () => this.#transcribe(itemId, heard, seconds);
    if (this.#options.transcriptDelayMs === Number.POSITIVE_INFINITY)
      this.#lateTranscripts.push(send);
    else this.#clock.after(this.#options.transcriptDelayMs, send);
  }

  /** A response is done: transcripts that waited for one. */
  flushTranscripts(): void {
    for (const send of this.#lateTranscripts.splice(0)) send();
  }

  #started(audioStartMs: number): void {
    const session = this.#session;
    const atMs = this.#clock.nowMs();
    const itemId = session.nextId("item");
    this.#speechItem = itemId;
    session.speech.push({
      itemId,
      audioStartMs,
      startedAtMs: atMs,
      stoppedAtMs: null,
      interrupted: session.active !== null,
    });
    this.#options.hooks.onSpeechStarted?.(session, atMs);
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
    if (span !== undefined) span.stoppedAtMs = this.#clock.nowMs();
    session.send({
      type: "input_audio_buffer.speech_stopped",
      audio_end_ms: audioEndMs,
      item_id: itemId,
    });
    this.commit(itemId);
    this.#events.turnEnded();
  }

  #transcribe(itemId: string, transcript: string, seconds: number): void {
    const session = this.#session;
    const head = "conversation.item.input_audio_transcription";
    const where = { item_id: itemId, content_index: 0 };
    if (this.#options.transcription === "failed") {
      const error = {
        type: "transcription_error",
        code: "audio_unintelligible",
        message: "The audio could not be transcribed.",
        param: null,
      };
      session.send({ type: `${head}.failed`, ...where, error });
      return;
    }
    if (transcript !== "") session.send({ type: `${head}.delta`, ...where, delta: transcript });
    const audioTokens = Math.ceil(seconds * 10);
    const words = Math.ceil(transcript.length / 4);
    session.send({
      type: `${head}.completed`,
      ...where,
      transcript,
      usage:
        this.#options.transcription === "duration"
          ? { type: "duration", seconds }
          : {
              type: "tokens",
              input_tokens: audioTokens,
              output_tokens: words,
              total_tokens: audioTokens + words,
              input_token_details: { audio_tokens: audioTokens, text_tokens: 0 },
            },
    });
  }
}
