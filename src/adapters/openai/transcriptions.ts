/**
 * Transcripts of recordings by OpenAI's REST. Source: OpenAI API reference, audio transcriptions.
 */
import { randomBytes } from "node:crypto";
import type { ClientRequest, IncomingMessage } from "node:http";
import { join } from "node:path";
import { RelayError, WireError } from "../../domain/errors.js";
import type { TranscriptWord } from "../../domain/record-event.js";
import type { Transcriber, Transcript } from "../../ports/recordings.js";
import { WavFile } from "../journal/wav-file.js";
import { AnswerTooLong, readBytes, startRequest } from "../network/http-request.js";
import { Network } from "../network/network.js";
import { authHeaders } from "./auth.js";
import {
  linesOf,
  parseTranscription,
  type TimedText,
  type TranscriptionAnswer,
} from "./transcription-answer.js";

/** The API takes 25 MB a file. */
const MAX_PIECE_BYTES = 24_000_000;
/** Some models take no more than 25 minutes, and a failed request is repeated as a whole. */
const MAX_PIECE_S = 600;
/** A piece ends at the quietest moment of its last seconds, so that no word is cut. */
const CUT_WITHIN_S = 15;
const CUT_WINDOW_S = 0.2;
/** From the first byte that is sent to the last that is read. */
const TIMEOUT_MS = 5 * 60_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** What is asked for, the best first. A model that refuses one is asked for the next. */
const DETAILS = ["word", "segment", "none"] as const;
type Detail = (typeof DETAILS)[number];

export interface TranscriptionsSettings {
  /** As OPENAI_BASE_URL. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Where the recordings are. */
  readonly directory: string;
  /** Default: direct connections. */
  readonly network?: Network;
}

interface Piece {
  readonly channel: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Transcribes recordings, each channel by itself, so that it is certain who spoke. Audio is
 * streamed from the file into the request, all of it through the same 48 KB of memory.
 */
export class OpenAiTranscriptions implements Transcriber {
  readonly #settings: TranscriptionsSettings;
  readonly #network: Network;
  /** By model: the best detail that it has not refused. */
  readonly #details = new Map<string, Detail>();

  constructor(settings: TranscriptionsSettings) {
    this.#settings = settings;
    this.#network = settings.network ?? new Network();
  }

  async transcribe(
    file: string,
    settings: { readonly model: string; readonly words: boolean; readonly dual: boolean },
  ): Promise<Transcript> {
    const wav = await WavFile.open(join(this.#settings.directory, file));
    try {
      const words: TranscriptWord[] = [];
      const segments: TranscriptWord[] = [];
      const texts = Array.from({ length: wav.channels }, () => [] as string[]);
      const usage = { tokens: 0, seconds: 0 };
      for (const piece of await piecesOf(wav)) {
        const answer = await this.#transcribePiece(wav, piece, settings);
        const who = speakerOf(piece.channel, wav.channels, settings.dual);
        const offsetMs = (piece.from * 1000) / wav.sampleRate;
        words.push(...answer.words.map((word) => placed(word, who, offsetMs)));
        segments.push(...answer.segments.map((segment) => placed(segment, who, offsetMs)));
        if (answer.text.trim() !== "") texts[piece.channel]?.push(answer.text.trim());
        usage.tokens += answer.tokens;
        usage.seconds +=
          answer.tokens > 0 ? 0 : answer.seconds || (piece.to - piece.from) / wav.sampleRate;
      }
      words.sort(byStart);
      segments.sort(byStart);
      const timed = words.length > 0 ? words : segments;
      const text = timed.length > 0 ? linesOf(timed) : textByChannel(texts, settings.dual);
      return { text, words, usage };
    } finally {
      await wav.close();
    }
  }

  /** A model without word times gives segments, or the plain text, in place of an error. */
  async #transcribePiece(
    wav: WavFile,
    piece: Piece,
    { model, words }: { readonly model: string; readonly words: boolean },
  ): Promise<TranscriptionAnswer> {
    let detail: Detail = words ? (this.#details.get(model) ?? "word") : "none";
    for (;;) {
      try {
        return await this.#request(wav, piece, model, detail);
      } catch (error) {
        const next: Detail | undefined = DETAILS[DETAILS.indexOf(detail) + 1];
        if (!(error instanceof Refused) || error.status !== 400 || next === undefined) throw error;
        detail = next;
        this.#details.set(model, detail);
      }
    }
  }

  async #request(
    wav: WavFile,
    piece: Piece,
    model: string,
    detail: Detail,
  ): Promise<TranscriptionAnswer> {
    const fields: [string, string][] = [
      ["model", model],
      ["response_format", detail === "none" ? "json" : "verbose_json"],
    ];
    if (detail !== "none") fields.push(["timestamp_granularities[]", detail]);
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
    return parseTranscription(await this.#post(body(), length, boundary));
  }

  async #post(body: AsyncIterable<Uint8Array>, length: number, boundary: string): Promise<string> {
    const { baseUrl, apiKey } = this.#settings;
    const url = new URL(`${baseUrl.replace(/\/+$/, "")}/audio/transcriptions`);
    try {
      const request = startRequest(
        url,
        {
          method: "POST",
          headers: {
            ...authHeaders(url.hostname, apiKey),
            "content-type": `multipart/form-data; boundary=${boundary}`,
            "content-length": length,
          },
          signal: AbortSignal.timeout(TIMEOUT_MS),
        },
        this.#network.agents(),
      );
      // Once there is an answer, a socket that breaks is noticed by its reader.
      request.on("error", () => undefined);
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        request.once("response", resolve).once("error", reject);
      });
      // A refusal may come while the audio is still being sent. Then sending ends and the answer
      // counts. Where a failure to send counts, it is awaited below.
      const sent = sendAll(request, body);
      sent.catch(() => undefined);
      const response = await Promise.race([answered, sent.then(() => answered)]);
      const text = (await readBytes(response, MAX_ANSWER_BYTES)).toString("utf8");
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        request.destroy();
        throw new Refused(status);
      }
      await sent;
      return text;
    } catch (error) {
      if (error instanceof RelayError) throw error;
      if (error instanceof AnswerTooLong)
        throw new WireError("the answer to a transcription is too large");
      throw new RelayError(
        "upstream_unreachable",
        "a recording could not be sent for transcription",
        { retryable: true, cause: error },
      );
    }
  }
}

/** A transcription that was answered with another status than 200. */
class Refused extends RelayError {
  readonly status: number;

  constructor(status: number) {
    const isAccount = status === 401 || status === 403;
    const retryable = status === 408 || status === 429 || status >= 500;
    super(
      isAccount ? "upstream_account" : retryable ? "upstream_refused" : "upstream_rejected",
      `transcription was answered ${status}`,
      { retryable },
    );
    this.status = status;
  }
}

async function piecesOf(wav: WavFile): Promise<Piece[]> {
  const maxFrames = Math.min(
    MAX_PIECE_S * wav.sampleRate,
    Math.floor((MAX_PIECE_BYTES - 44) / wav.bytesPerSample),
  );
  const pieces: Piece[] = [];
  for (let channel = 0; channel < wav.channels; channel++) {
    for (let from = 0; from < wav.frames; ) {
      let to = Math.min(wav.frames, from + maxFrames);
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

/** The first of the two channels that Twilio records is the caller's. */
function speakerOf(channel: number, channels: number, dual: boolean): TranscriptWord["who"] {
  if (!dual || channels !== 2) return "unknown";
  return channel === 0 ? "caller" : "agent";
}

function placed(
  { text, start, end }: TimedText,
  who: TranscriptWord["who"],
  offsetMs: number,
): TranscriptWord {
  return {
    who,
    word: text,
    startMs: Math.round(offsetMs + start * 1000),
    endMs: Math.round(offsetMs + end * 1000),
  };
}

function byStart(a: TranscriptWord, b: TranscriptWord): number {
  return a.startMs - b.startMs;
}

/** Without times: all that one speaker said, then all of the other. */
function textByChannel(texts: readonly (readonly string[])[], dual: boolean): string {
  return texts
    .flatMap((parts, channel) => {
      if (parts.length === 0) return [];
      const who = speakerOf(channel, texts.length, dual);
      return `${who === "unknown" ? "" : `${who}: `}${parts.join(" ")}`;
    })
    .join("\n");
}

/** Each piece is sent before the next is made: they lie in the same memory. */
async function sendAll(request: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of body) {
    await new Promise<void>((resolve, reject) => {
      request.write(piece, (error) => (error == null ? resolve() : reject(error)));
    });
  }
  request.end();
}
