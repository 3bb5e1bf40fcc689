import { mkdir, open, rename, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { RelayError } from "../errors.js";
import type { RecordingSource } from "../records/recording-ports.js";

/** More than four hours of dual 16-bit audio: nothing that Twilio records of a call. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** One try; shorter than the lease of the job that makes it. */
const TIMEOUT_MS = 20 * 60_000;
const MAX_REDIRECTS = 2;

export interface TwilioRecordingsSettings {
  /** As TWILIO_API_BASE_URL: recordings are fetched from this host and no other is ever shown the credentials. */
  readonly baseUrl: string;
  readonly accountSid: string;
  /** An API key's sid and secret, or the account's sid and token. */
  readonly user: string;
  readonly password: string;
  readonly directory: string;
  readonly maxBytes?: number;
}

/** Recordings of calls, fetched from Twilio's REST into a directory. */
export class TwilioRecordings implements RecordingSource {
  readonly #settings: TwilioRecordingsSettings;

  constructor(settings: TwilioRecordingsSettings) {
    this.#settings = settings;
  }

  async download(recordingSid: string, channels: "dual" | "mono"): Promise<string> {
    const { directory } = this.#settings;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = `${safeName(recordingSid)}.wav`;
    const part = join(directory, `${file}.part`);
    const wanted = channels === "dual" ? "2" : "1";
    try {
      const response = await this.#request("GET", `${recordingSid}.wav?RequestedChannels=${wanted}`);
      await this.#store(response, part);
      await rename(part, join(directory, file));
      return file;
    } catch (error) {
      await rm(part, { force: true });
      throw toRelayError(error);
    }
  }

  /** Chunk by chunk, the next is read when the last is written: memory holds the socket's buffer and no more. */
  async #store(response: IncomingMessage, path: string): Promise<void> {
    const maxBytes = this.#settings.maxBytes ?? MAX_BYTES;
    const declared = Number(response.headers["content-length"] ?? 0);
    const file = await open(path, "w", 0o600);
    try {
      let bytes = 0;
      for await (const chunk of response) {
        if (!Buffer.isBuffer(chunk)) continue;
        bytes += chunk.length;
        if (Math.max(bytes, declared) > maxBytes) {
          throw new RelayError("limit_exceeded", `a recording is larger than ${maxBytes} bytes`);
        }
        await file.write(chunk);
      }
    } finally {
      await file.close();
      response.destroy();
    }
  }

  async removeRemote(recordingSid: string): Promise<void> {
    try {
      const response = await this.#request("DELETE", `${recordingSid}.json`);
      response.resume();
    } catch (error) {
      if (error instanceof NotThere) return;
      throw toRelayError(error);
    }
  }

  async removeFile(file: string): Promise<void> {
    await rm(join(this.#settings.directory, safeName(file)), { force: true });
  }

  async #request(method: "GET" | "DELETE", name: string): Promise<IncomingMessage> {
    const { baseUrl, accountSid, user, password } = this.#settings;
    const home = new URL(
      `${baseUrl.replace(/\/+$/, "")}/2010-04-01/Accounts/${accountSid}/Recordings/${name}`,
    );
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    let url = home;
    for (let redirects = 0; ; redirects++) {
      const response = await ask(method, url, url.origin === home.origin ? { authorization } : {});
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      response.resume();
      const { location } = response.headers;
      if (status < 300 || status >= 400 || location === undefined) throw failureOf(status);
      const next = new URL(location, url);
      // Media may lie with a storage service behind a signed address: it needs no credentials and gets none.
      if (method !== "GET" || redirects >= MAX_REDIRECTS || next.protocol !== home.protocol) {
        throw new RelayError("twilio_rejected", "a recording's address leads somewhere else");
      }
      url = next;
    }
  }
}

/** Resolves with the answer's head; its body is for the caller to read or to let go. Follows no redirect. */
async function ask(
  method: "GET" | "DELETE",
  url: URL,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return await new Promise((resolve, reject) => {
    send(url, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
      .on("response", resolve)
      .on("error", reject)
      .end();
  });
}

/** 404: just after the callback the media may not be there yet. */
class NotThere extends RelayError {
  constructor() {
    super("twilio_unavailable", "the recording is not there", { retryable: true });
  }
}

function failureOf(status: number): RelayError {
  if (status === 404) return new NotThere();
  if (status === 401 || status === 403) {
    return new RelayError("twilio_unauthorized", `Twilio answered ${status} for a recording`);
  }
  const retryable = status === 429 || status >= 500;
  const code = status === 429 ? "twilio_busy" : retryable ? "twilio_unavailable" : "twilio_rejected";
  return new RelayError(code, `Twilio answered ${status} for a recording`, { retryable });
}

function toRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError("twilio_unavailable", "a recording could not be fetched", {
    retryable: true,
    cause: error,
  });
}

/** Names come from records; none leads out of the directory. */
function safeName(name: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name))
    throw new RelayError("internal", "not a recording's name");
  return name;
}
