import { type EventStream, openEventStream } from "../adapters/http-client/event-stream.js";
import { requestText } from "../adapters/network/http-request.js";
import { Network } from "../adapters/network/network.js";
import type { CliIo } from "./io.js";
import { loadOperatorSettings } from "./load.js";

type OperatorSettings = NonNullable<ReturnType<typeof loadOperatorSettings>>;

export interface OperatorAnswer {
  /** 0: no answer came; `body` then says why. */
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 30_000;
/** A page of call records has 15 MB at most. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Talks to a running relay through its operator listener. */
export class OperatorClient {
  readonly #settings: OperatorSettings;
  /** The operator listener is asked directly, never through a proxy. */
  readonly #agents = new Network().agents();

  constructor(settings: OperatorSettings) {
    this.#settings = settings;
  }

  /** By the settings of the environment; null after their faults were printed. */
  static connect(io: CliIo): OperatorClient | null {
    const settings = loadOperatorSettings(io);
    return settings === null ? null : new OperatorClient(settings);
  }

  get(path: string): Promise<OperatorAnswer> {
    return this.#send("GET", path, null);
  }

  /** @param body  sent as JSON. */
  post(path: string, body: unknown = {}): Promise<OperatorAnswer> {
    return this.#send("POST", path, JSON.stringify(body));
  }

  /**
   * Opens a stream of server-sent events.
   *
   * @param signal  ends the stream; reading then throws.
   */
  async follow(path: string, signal: AbortSignal): Promise<EventStream> {
    try {
      return await openEventStream(this.#url(path), this.#headers(), this.#agents, signal);
    } catch (error) {
      return { status: 0, body: reasonOf(error) };
    }
  }

  /** Why a request was not answered as expected, with what to do about it. */
  explain({ status, body }: OperatorAnswer): string {
    const { adminHost, adminPort } = this.#settings;
    const where = `${adminHost}:${adminPort}`;
    if (status === 0) return `no relay answers on ${where} (${body}). Start one: npx murelay serve`;
    if (status === 429 && body.includes("too_many_tokens"))
      return `the relay on ${where} saw too many wrong tokens: try again in 2 s`;
    if (status === 401) return `the relay on ${where} expects another ADMIN_TOKEN`;
    return `the relay on ${where} refused: HTTP ${status} ${body}`;
  }

  async #send(method: string, path: string, body: string | null): Promise<OperatorAnswer> {
    const headers = {
      ...this.#headers(),
      ...(body === null ? {} : { "content-type": "application/json" }),
    };
    const request = { method, url: this.#url(path), headers, body };
    try {
      return await requestText(
        { ...request, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES },
        this.#agents,
      );
    } catch (error) {
      return { status: 0, body: reasonOf(error) };
    }
  }

  #headers(): Readonly<Record<string, string>> {
    const { adminToken } = this.#settings;
    return adminToken === null ? {} : { authorization: `Bearer ${adminToken}` };
  }

  #url(path: string): URL {
    const { adminHost, adminPort } = this.#settings;
    return new URL(`http://${connectable(adminHost)}:${adminPort}${path}`);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer in ${TIMEOUT_MS / 1000} s`;
  // Node's error for several addresses has a code and no message.
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

/** An address to connect to, for one to listen on. */
function connectable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "[::1]";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
