/** Short, bounded requests for commands that a person runs. A failure is an answer. */
import { requestText, type TextRequest } from "../network/http-request.js";
import { Network } from "../network/network.js";

export interface ProbeAnswer {
  /** 0: no answer came; `body` then says why. */
  readonly status: number;
  /** The first 64 KiB. */
  readonly body: string;
  /** The server's own time, ms since the epoch; null when it sends no Date. */
  readonly dateEpochMs: number | null;
}

const TIMEOUT_MS = 8000;
const MAX_CHARACTERS = 65_536;
/** A longer answer is no answer to a probe. */
const MAX_BYTES = 8 * 1024 * 1024;

export function probe(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  network?: Network,
): Promise<ProbeAnswer> {
  return send({ method: "GET", url, headers }, network);
}

export function postJson(
  url: string,
  body: unknown,
  bearer: string | null,
  network?: Network,
): Promise<ProbeAnswer> {
  const headers = { "content-type": "application/json", ...authorization(bearer) };
  return send({ method: "POST", url, headers, body: JSON.stringify(body) }, network);
}

export function postText(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  network?: Network,
): Promise<ProbeAnswer> {
  return send({ method: "POST", url, headers, body }, network);
}

type Probe = Pick<TextRequest, "method" | "headers" | "body"> & { readonly url: string };

async function send(
  { url, ...probe }: Probe,
  network: Network = new Network(),
): Promise<ProbeAnswer> {
  try {
    // Redirects are not followed: credentials go to the address that was given and to no other.
    const { status, headers, body } = await requestText(
      { ...probe, url: new URL(url), timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES },
      network.agents(),
    );
    const date = Date.parse(headers.date ?? "");
    return {
      status,
      body: body.slice(0, MAX_CHARACTERS),
      dateEpochMs: Number.isNaN(date) ? null : date,
    };
  } catch (error) {
    return { status: 0, body: reason(error), dateEpochMs: null };
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer in ${TIMEOUT_MS / 1000} s`;
  // Node's error for several addresses has a code and no message.
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return code !== "" && code !== "EPROXY" ? code : error.message;
}

function authorization(bearer: string | null): Record<string, string> {
  return bearer === null ? {} : { authorization: `Bearer ${bearer}` };
}
