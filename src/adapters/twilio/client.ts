/**
 * The client of Twilio's own library with the relay's settings, and its failures as RelayErrors.
 * Only the other files of this folder use it.
 */
import twilio from "twilio";
import type RequestClient from "twilio/lib/base/RequestClient.js";
import type Response from "twilio/lib/http/response.js";
import { RelayError } from "../../domain/errors.js";
import { Network } from "../network/network.js";

export interface TwilioAccount {
  readonly accountSid: string;
  readonly authToken: string;
  /** With `apiSecret`, replaces the token. */
  readonly apiKey: string | null;
  readonly apiSecret: string | null;
  /** `https://api.twilio.com`, a region's own host, a gateway or a test's fake. */
  readonly baseUrl: string;
  /** Default: direct connections. */
  readonly network?: Network;
}

/**
 * Under Twilio's limit of concurrent requests. The library's default of 20 would queue them here.
 */
const MAX_SOCKETS = 50;
/**
 * From the request to the end of its answer. Twilio mostly answers in 200 ms; a caller waits in
 * silence.
 */
const TIMEOUT_MS = 10_000;
/** A page of the longest list is far below. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

type TwilioClient = ReturnType<typeof twilio>;
type HttpOptions = RequestClient.RequestClientOptions;

/**
 * Sends the requests of every product to one base, over the given network. Under twilio.com the
 * product stays in front (api.dublin.ie1.twilio.com → taskrouter.dublin.ie1.twilio.com); any other
 * base gets them all with unchanged paths.
 */
class BasedRequestClient extends twilio.RequestClient {
  readonly #base: URL;

  constructor(
    baseUrl: string,
    network: Network,
    options: HttpOptions & { readonly timeout: number },
  ) {
    super(options);
    this.#base = new URL(baseUrl);
    const { http, https } = network.agents(options);
    const { defaults, interceptors } = this.axios;
    defaults.httpAgent = http;
    defaults.httpsAgent = https;
    defaults.maxContentLength = MAX_ANSWER_BYTES;
    // The library's own time-out ends when an answer begins, and each byte of it begins a new one.
    interceptors.request.use((config) => {
      config.signal = AbortSignal.timeout(options.timeout);
      return config;
    });
  }

  override request<TData>(
    options: RequestClient.RequestOptions<TData>,
  ): Promise<Response.default<TData>> {
    return super.request<TData>({ ...options, uri: rebase(options.uri, this.#base) });
  }
}

/** Exported for its test. */
export function rebase(uri: string, base: URL): string {
  const target = new URL(uri);
  const product = target.hostname.split(".")[0] ?? "api";
  const host = base.hostname.endsWith(".twilio.com")
    ? base.hostname.replace(/^[^.]+/, product) + (base.port === "" ? "" : `:${base.port}`)
    : base.host;
  const prefix = base.pathname.replace(/\/+$/, "");
  return `${base.protocol}//${host}${prefix}${target.pathname}${target.search}`;
}

export function createTwilioClient(account: TwilioAccount, timeoutMs = TIMEOUT_MS): TwilioClient {
  const { accountSid, authToken, apiKey, apiSecret } = account;
  const byKey = apiKey !== null && apiSecret !== null;
  const options = {
    timeout: timeoutMs,
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    // After 429 only: Twilio did nothing then, so a second try is safe. Full jitter, at most 3
    // times.
    autoRetry: true,
    maxRetries: 3,
    maxRetryDelay: 1000,
  };
  return twilio(byKey ? apiKey : accountSid, byKey ? apiSecret : authToken, {
    ...options,
    accountSid,
    // Empty, not absent: otherwise TWILIO_EDGE or TWILIO_REGION of the environment would send the
    // credentials to another region.
    edge: "",
    region: "",
    logLevel: "",
    httpClient: new BasedRequestClient(account.baseUrl, account.network ?? new Network(), options),
  });
}

export type TwilioObserver = (
  operation: string,
  outcome: "ok" | RelayError["code"],
  seconds: number,
) => void;

/**
 * Runs one request. Failures become RelayErrors as `CallControl` documents them. Their messages
 * hold Twilio's code, never its text, which repeats phone numbers.
 */
export async function observed<T>(
  operation: string,
  observe: TwilioObserver,
  nowMs: () => number,
  request: () => Promise<T>,
): Promise<T> {
  const startedMs = nowMs();
  try {
    const result = await request();
    observe(operation, "ok", (nowMs() - startedMs) / 1000);
    return result;
  } catch (error) {
    const failure = toRelayError(operation, error);
    observe(operation, failure.code, (nowMs() - startedMs) / 1000);
    throw failure;
  }
}

/** 21220: the call is not in a state for this, that is, it is over. 20404: no such resource. */
const GONE = new Set([21220, 20404]);
/** The last one is axios' code of a request whose signal was aborted. */
const TIMED_OUT = new Set(["ECONNABORTED", "ETIMEDOUT", "ESOCKETTIMEDOUT", "ERR_CANCELED"]);

function toRelayError(operation: string, error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  // RestException and TwilioServiceException are read alike. Network faults are axios errors, whose
  // `config` holds the credentials. Neither is kept as the cause.
  const status = numberOf(error, "status");
  const code = numberOf(error, "code");
  const networkCode = stringOf(error, "code");
  if (status === null || networkCode !== null) {
    const why = networkCode ?? (error instanceof Error ? error.name : "unknown");
    if (networkCode !== null && TIMED_OUT.has(networkCode))
      return new RelayError("twilio_timeout", `${operation}: no answer in time (${why})`, {
        retryable: true,
      });
    if (networkCode !== null)
      return new RelayError("twilio_unavailable", `${operation}: network (${why})`, {
        retryable: true,
      });
    return new RelayError("internal", `${operation}: ${why}`, { cause: error });
  }
  const text = `${operation}: HTTP ${status}${code === null ? "" : `, code ${code}`}`;
  if (status === 404 || (code !== null && GONE.has(code)))
    return new RelayError("caller_gone", text);
  if (status === 401) return new RelayError("twilio_unauthorized", text);
  if (status === 429) return new RelayError("twilio_busy", text, { retryable: true });
  if (status >= 500) return new RelayError("twilio_unavailable", text, { retryable: true });
  return new RelayError("twilio_rejected", text);
}

function numberOf(error: unknown, key: string): number | null {
  const value = propertyOf(error, key);
  return typeof value === "number" ? value : null;
}

function stringOf(error: unknown, key: string): string | null {
  const value = propertyOf(error, key);
  return typeof value === "string" ? value : null;
}

function propertyOf(error: unknown, key: string): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, key) : undefined;
}
