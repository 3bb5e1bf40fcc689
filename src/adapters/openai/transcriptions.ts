import { randomBytes } from "node:crypto";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { RelayError, WireError } from "../../domain/errors.js";
import type { TranscriptWord } from "../../domain/record-event.js";
import type { Transcriber, Transcript } from "../../ports/recordings.js";
import { WavFile } from "../journal/wav-file.js";

/** The API takes 25 MB a file. */
const MAX_PIECE_BYTES = 24_000_000;
/** Some models take no more than 25 minutes, and a failed request is repeated as a whole. */
const MAX_PIECE_S = 600;
/** A piece ends at the quietest moment of its last seconds, so that no word is cut. */
const CUT_WITHIN_S = 15;
const CUT_WINDOW_S = 0.2;
const TIMEOUT_MS = 5 * 60_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Only this model is certain to give word times. */
const WORD_TIMES_MODEL = /^whisper-1$/;
/** Words of one speaker that are further apart begin a new line. */
const LINE_GAP_MS = 2_000;

export interface TranscriptionsSettings {
  /** As OPENAI_BASE_URL. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Where the recordings are. */
  readonly directory: string;
}

interface Piece {
  readonly channel: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Transcribes recordings through OpenAI's REST, each channel by itself, so that it is certain who spoke. Audio is streamed from the
 * file into the request, all of it through the same 48 KB of memory.
 */
export class OpenAiTranscriptions implements Transcriber {
  readonly #settings: TranscriptionsSettings;

  constructor(settings: TranscriptionsSettings) {
    this.#settings = settings;
  }

  async transcribe(
    file: string,
    settings: { readonly model: string; readonly words: boolean; readonly dual: boolean },
  ): Promise<Transcript> {
    const wav = await WavFile.open(join(this.#settings.directory, file));
    try {
      const words: TranscriptWord[] = [];
      const texts = Array.from({ length: wav.channels }, () => [] as string[]);
      const usage = { tokens: 0, seconds: 0 };
      for (const piece of await piecesOf(wav)) {
        const answer = await this.#transcribePiece(wav, piece, settings);
        const who = whoSpeaks(piece.channel, wav.channels, settings.dual);
        const offsetMs = (piece.from * 1000) / wav.sampleRate;
        for (const word of answer.words) {
          words.push({
            who,
            word: word.word,
            startMs: Math.round(offsetMs + word.start * 1000),
            endMs: Math.round(offsetMs + word.end * 1000),
          });
        }
        if (answer.text.trim() !== "") texts[piece.channel]?.push(answer.text.trim());
        usage.tokens += answer.tokens;
        usage.seconds +=
          answer.tokens > 0 ? 0 : answer.seconds || (piece.to - piece.from) / wav.sampleRate;
      }
      words.sort((a, b) => a.startMs - b.startMs);
      const text =
        words.length > 0
          ? linesOf(words)
          : texts.flatMap((parts, channel) => {
              if (parts.length === 0) return [];
              const who = whoSpeaks(channel, wav.channels, settings.dual);
              return `${who === "unknown" ? "" : `${who}: `}${parts.join(" ")}`;
            });
      return { text: text.join("\n"), words, usage };
    } finally {
      await wav.close();
    }
  }

  async #transcribePiece(
    wav: WavFile,
    piece: Piece,
    settings: { readonly model: string; readonly words: boolean },
  ): Promise<Answer> {
    const withWords = settings.words && WORD_TIMES_MODEL.test(settings.model);
    const fields: [string, string][] = [
      ["model", settings.model],
      ["response_format", withWords ? "verbose_json" : "json"],
    ];
    if (withWords) fields.push(["timestamp_granularities[]", "word"]);
    const boundary = `murelay-${randomBytes(12).toString("hex")}`;
    const head = Buffer.from(
      [
        ...fields.map(
          ([name, value]) =>
            `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
        ),
        `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="audio.wav"\r\n`,
        "Content-Type: audio/wav\r\n\r\n",
      ].join(""),
    );
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    async function* body() {
      yield head;
      yield* wav.mono(piece.channel, piece.from, piece.to);
      yield tail;
    }
    const length = head.length + wav.monoBytes(piece.from, piece.to) + tail.length;
    return parseAnswer(await this.#post(body(), length, boundary));
  }

  async #post(body: AsyncIterable<Uint8Array>, length: number, boundary: string): Promise<string> {
    const { baseUrl, apiKey } = this.#settings;
    const url = new URL(`${baseUrl.replace(/\/+$/, "")}/audio/transcriptions`);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    try {
      const request = send(url, {
        method: "POST",
        headers: {
          authorization: `Bearer ${apiKey}`,
          "content-type": `multipart/form-data; boundary=${boundary}`,
          "content-length": length,
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      // Once the answer is there, a socket that then breaks is seen by who reads it.
      request.on("error", () => undefined);
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        request.once("response", resolve).once("error", reject);
      });
      // A refusal may come while the audio is still being sent; then sending ends and the answer counts.
      const sent = sendAll(request, body);
      // Where it counts it is awaited below.
      sent.catch(() => undefined);
      const response = await Promise.race([answered, sent.then(() => answered)]);
      const text = await readAll(response);
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        request.destroy();
        throw failureOf(status);
      }
      await sent;
      return text;
    } catch (error) {
      if (error instanceof RelayError) throw error;
      throw new RelayError(
        "upstream_unreachable",
        "a recording could not be sent for transcription",
        {
          retryable: true,
          cause: error,
        },
      );
    }
  }
}

async function piecesOf(wav: WavFile): Promise<Piece[]> {
  const most = Math.min(
    MAX_PIECE_S * wav.sampleRate,
    Math.floor((MAX_PIECE_BYTES - 44) / wav.bytesPerSample),
  );
  const pieces: Piece[] = [];
  for (let channel = 0; channel < wav.channels; channel++) {
    for (let from = 0; from < wav.frames; ) {
      let to = Math.min(wav.frames, from + most);
      if (to < wav.frames) {
        const window = Math.floor(CUT_WINDOW_S * wav.sampleRate);
        to = await wav.quietest(channel, to - CUT_WITHIN_S * wav.sampleRate, to, window);
      }
      pieces.push({ channel, from, to });
      from = to;
    }
  }
  return pieces;
}

/** Of a call that Twilio records in two channels the first is the caller's. */
function whoSpeaks(channel: number, channels: number, dual: boolean): TranscriptWord["who"] {
  if (!dual || channels !== 2) return "unknown";
  return channel === 0 ? "caller" : "agent";
}

function linesOf(words: readonly TranscriptWord[]): string[] {
  const lines: string[] = [];
  let before: TranscriptWord | null = null;
  for (const word of words) {
    const goesOn =
      before !== null && before.who === word.who && word.startMs - before.endMs < LINE_GAP_MS;
    if (goesOn) lines[lines.length - 1] += ` ${word.word.trim()}`;
    else lines.push(word.who === "unknown" ? word.word.trim() : `${word.who}: ${word.word.trim()}`);
    before = word;
  }
  return lines;
}

interface Answer {
  readonly text: string;
  readonly words: readonly {
    readonly word: string;
    readonly start: number;
    readonly end: number;
  }[];
  readonly tokens: number;
  readonly seconds: number;
}

function parseAnswer(json: string): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(json);
  } catch (error) {
    throw new WireError("the answer to a transcription is not JSON", { cause: error });
  }
  if (!isObject(answer) || typeof answer["text"] !== "string") {
    throw new WireError("the answer to a transcription has no text");
  }
  const usage = isObject(answer["usage"]) ? answer["usage"] : {};
  const words = Array.isArray(answer["words"]) ? answer["words"] : [];
  return {
    text: answer["text"],
    words: words.flatMap((word: unknown) => {
      if (!isObject(word) || typeof word["word"] !== "string") return [];
      const { start, end } = word;
      if (typeof start !== "number" || typeof end !== "number") return [];
      return { word: word["word"], start, end };
    }),
    tokens: numberOr0(usage["total_tokens"]),
    seconds: numberOr0(usage["seconds"]) || numberOr0(answer["duration"]),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOr0(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** Each piece is out of our hands before the next is made: they lie in the same memory. */
async function sendAll(request: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of body) {
    await new Promise<void>((resolve, reject) => {
      request.write(piece, (error) => (error == null ? resolve() : reject(error)));
    });
  }
  request.end();
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new WireError("the answer to a transcription is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function failureOf(status: number): RelayError {
  if (status === 401 || status === 403) {
    return new RelayError("upstream_account", `transcription was refused with ${status}`);
  }
  const retryable = status === 408 || status === 429 || status >= 500;
  return new RelayError(
    retryable ? "upstream_refused" : "upstream_rejected",
    `transcription was answered ${status}`,
    {
      retryable,
    },
  );
}
