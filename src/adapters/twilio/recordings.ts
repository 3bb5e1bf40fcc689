import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { RelayError, WireError } from "../../domain/errors.js";
import type { RecordingSource } from "../../ports/recordings.js";
import type { Envelope } from "../../recorder/timeline.js";
import { boundedDownload, type DownloadResult } from "../http-client/bounded-download.js";
import { isMissing } from "../journal/file-errors.js";
import { wavEnvelope } from "../journal/wav-envelope.js";
import { requestText } from "../network/http-request.js";
import { Network } from "../network/network.js";

/** More than four hours of dual 16-bit audio: longer than any recording that Twilio makes. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** From a request to its last byte; shorter than the lease of the job that makes it. */
const TIMEOUT_MS = 20 * 60_000;
const DELETE_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 2;

export interface TwilioRecordingsSettings {
  /** As TWILIO_API_BASE_URL. No other host ever gets the credentials. */
  readonly baseUrl: string;
  readonly accountSid: string;
  /** With `password`: an API key's SID and secret, or the account's SID and token. */
  readonly user: string;
  readonly password: string;
  readonly directory: string;
  readonly maxBytes?: number;
  /** Default: direct connections. */
  readonly network?: Network;
}

/** Recordings of calls, fetched from Twilio's REST into a directory. */
export class TwilioRecordings implements RecordingSource {
  readonly #settings: TwilioRecordingsSettings;
  readonly #network: Network;

  constructor(settings: TwilioRecordingsSettings) {
    this.#settings = settings;
    this.#network = settings.network ?? new Network();
  }

  async download(recordingSid: string, channels: "dual" | "mono"): Promise<string> {
    const { directory } = this.#settings;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = `${safeName(recordingSid)}.wav`;
    const part = join(directory, `${file}.part`);
    const wanted = channels === "dual" ? "2" : "1";
    try {
      const answer = await this.#get(`${recordingSid}.wav?RequestedChannels=${wanted}`);
      try {
        await this.#store(answer, part);
      } finally {
        answer.close();
      }
      await rename(part, join(directory, file));
      return file;
    } catch (error) {
      await rm(part, { force: true });
      throw toRelayError(error);
    }
  }

  /**
   * The next piece is read when the last is written, so that memory holds the socket's buffer
   * alone.
   */
  async #store(answer: DownloadResult, path: string): Promise<void> {
    const maxBytes = this.#settings.maxBytes ?? MAX_BYTES;
    const declared = Number(answer.head.headers.get("content-length") ?? 0);
    const file = await open(path, "w", 0o600);
    try {
      let bytes = 0;
      await answer.read(async (piece) => {
        bytes += piece.length;
        if (Math.max(bytes, declared) > maxBytes) {
          throw new RelayError("limit_exceeded", `a recording is larger than ${maxBytes} bytes`);
        }
        for (let done = 0; done < piece.length; ) {
          done += (await file.write(piece, done, piece.length - done)).bytesWritten;
        }
      });
    } finally {
      await file.close();
    }
  }

  async removeRemote(recordingSid: string): Promise<void> {
    try {
      await this.#delete(`${recordingSid}.json`);
    } catch (error) {
      if (error instanceof NotFound) return;
      throw toRelayError(error);
    }
  }

  async removeFile(file: string): Promise<void> {
    await rm(join(this.#settings.directory, safeName(file)), { force: true });
  }

  /**
   * @returns  at most `maxBytes` from `fromByte` on, and the size of the file; null: the file is
   *           not on this machine.
   */
  async read(
    file: string,
    fromByte: number,
    maxBytes: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly sizeBytes: number } | null> {
    let opened: FileHandle;
    try {
      opened = await open(join(this.#settings.directory, safeName(file)), "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    try {
      const { size: sizeBytes } = await opened.stat();
      const bytes = Buffer.alloc(Math.max(0, Math.min(maxBytes, sizeBytes - fromByte)));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await opened.read(
          bytes,
          filled,
          bytes.length - filled,
          fromByte + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return { bytes: bytes.subarray(0, filled), sizeBytes };
    } finally {
      await opened.close();
    }
  }

  /**
   * How loud a recording is over the call's time.
   *
   * @returns  null: the file is not on this machine, or is no WAV file.
   */
  async envelope(file: string, startMs: number): Promise<Envelope | null> {
    try {
      return await wavEnvelope(join(this.#settings.directory, safeName(file)), startMs);
    } catch (error) {
      if (error instanceof WireError || isMissing(error)) return null;
      throw error;
    }
  }

  #address(name: string): URL {
    const { baseUrl, accountSid } = this.#settings;
    return new URL(
      `${baseUrl.replace(/\/+$/, "")}/2010-04-01/Accounts/${accountSid}/Recordings/${name}`,
    );
  }

  get #credentials(): Readonly<Record<string, string>> {
    const { user, password } = this.#settings;
    return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  }

  /** Follows redirects. Resolves with a 2xx whose body is still to be read. */
  async #get(name: string): Promise<DownloadResult> {
    const home = this.#address(name);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    let url = home;
    for (let redirects = 0; ; redirects++) {
      const answer = await boundedDownload(
        url,
        url.origin === home.origin ? this.#credentials : {},
        signal,
        this.#network,
      );
      const { status, headers } = answer.head;
      if (status >= 200 && status < 300) return answer;
      answer.close();
      const location = headers.get("location");
      if (status < 300 || status >= 400 || location === undefined) throw failureOf(status);
      const next = new URL(location, url);
      // Media may lie with a storage service behind a signed address, which gets no credentials.
      if (redirects >= MAX_REDIRECTS || next.protocol !== home.protocol) throw redirectRefused();
      url = next;
    }
  }

  async #delete(name: string): Promise<void> {
    const { status } = await requestText(
      {
        method: "DELETE",
        url: this.#address(name),
        headers: this.#credentials,
        timeoutMs: DELETE_TIMEOUT_MS,
        maxBytes: MAX_ANSWER_BYTES,
      },
      this.#network.agents(),
    );
    if (status >= 300 && status < 400) throw redirectRefused();
    if (status < 200 || status >= 300) throw failureOf(status);
  }
}

function redirectRefused(): RelayError {
  return new RelayError("twilio_rejected", "a recording's address leads somewhere else");
}

/** 404: directly after the callback the media may not exist yet. */
class NotFound extends RelayError {
  constructor() {
    super("twilio_unavailable", "the recording does not exist yet", { retryable: true });
  }
}

function failureOf(status: number): RelayError {
  if (status === 404) return new NotFound();
  if (status === 401 || status === 403) {
    return new RelayError("twilio_unauthorized", `Twilio answered ${status} for a recording`);
  }
  const retryable = status === 429 || status >= 500;
  const code =
    status === 429 ? "twilio_busy" : retryable ? "twilio_unavailable" : "twilio_rejected";
  return new RelayError(code, `Twilio answered ${status} for a recording`, { retryable });
}

function toRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError("twilio_unavailable", "a recording could not be fetched", {
    retryable: true,
    cause: error,
  });
}

/** Names come from records. A name that leads out of the directory is refused. */
function safeName(name: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name))
    throw new RelayError("internal", "not a recording's name");
  return name;
}
