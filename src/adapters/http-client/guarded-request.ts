/**
 * HTTP requests whose destination or contents a model, a caller or a file of settings has a say in: bounded in time and
 * size, no redirects, no way into the private network.
 */
import { lookup as resolveName } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { RelayError } from "../../domain/errors.js";
import { isPublicAddress } from "./address-guard.js";

export interface GuardedRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8 text; null: none. */
  readonly body: string | null;
  /** Of the whole exchange, name resolution included. */
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  /** Hosts, as the URL names them, that may resolve to private addresses. */
  readonly allowPrivateHosts: readonly string[];
  readonly signal?: AbortSignal;
}

export interface GuardedReply {
  readonly status: number;
  /** Lower case, without parameters; "" when absent. */
  readonly type: string;
  readonly body: string;
}

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export type Resolver = (host: string) => Promise<readonly ResolvedAddress[]>;

const systemResolver: Resolver = (host) => resolveName(host, { all: true, verbatim: true });

/**
 * One request, no retry.
 *
 * @returns  whatever status the server answered with, 3xx excepted.
 * @throws   RelayError `tool_blocked` (address or redirect), `tool_timeout`, `tool_failed` (network: retryable; size;
 *           aborted). Messages hold neither URL nor body: both may be personal.
 */
export async function guardedRequest(
  wanted: GuardedRequest,
  resolve: Resolver = systemResolver,
): Promise<GuardedReply> {
  const url = new URL(wanted.url);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new RelayError("tool_blocked", "only http and https can be requested");
  const deadline = AbortSignal.timeout(wanted.timeoutMs);
  const signal =
    wanted.signal === undefined ? deadline : AbortSignal.any([deadline, wanted.signal]);
  try {
    const address = await abortable(checkedAddress(url, wanted, resolve), signal);
    return await exchange(url, address, wanted, signal);
  } catch (error) {
    if (error instanceof RelayError) throw error;
    if (deadline.aborted) throw new RelayError("tool_timeout", "the server did not answer in time");
    if (signal.aborted) throw new RelayError("tool_failed", "the request was given up");
    const why = error instanceof Error && "code" in error ? String(error.code) : "network";
    throw new RelayError("tool_failed", `the server could not be reached (${why})`, {
      retryable: true,
    });
  }
}

/** The address to connect to. All that the name stands for must be allowed: one of them is picked by others otherwise. */
async function checkedAddress(
  url: URL,
  { allowPrivateHosts }: GuardedRequest,
  resolve: Resolver,
): Promise<ResolvedAddress> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
  const [first] = addresses;
  if (first === undefined)
    throw new RelayError("tool_failed", "the server's name has no address", { retryable: true });
  const listed = allowPrivateHosts.some((allowed) => allowed.toLowerCase() === host);
  if (!listed && !addresses.every(({ address }) => isPublicAddress(address)))
    throw new RelayError(
      "tool_blocked",
      "the server's address is private and its host is not listed",
    );
  return first;
}

function exchange(
  url: URL,
  { address, family }: ResolvedAddress,
  wanted: GuardedRequest,
  signal: AbortSignal,
): Promise<GuardedReply> {
  // The very address that was checked: asked a second time, a resolver may say something else.
  const lookup: LookupFunction = (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
  const body = wanted.body === null ? null : Buffer.from(wanted.body);
  const options: RequestOptions = {
    method: wanted.method,
    headers: {
      accept: "application/json, text/*",
      "user-agent": "murelay",
      ...wanted.headers,
      ...(body === null ? {} : { "content-length": body.length }),
    },
    lookup,
    // A connection of its own: a kept one may lead to an address that was never checked for this request.
    agent: false,
    signal,
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send(url, options, (response) => {
      readReply(response, wanted.maxResponseBytes).then(resolve, (error: unknown) => {
        outgoing.destroy();
        reject(error);
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body ?? undefined);
  });
}

async function readReply(response: IncomingMessage, maxBytes: number): Promise<GuardedReply> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400)
    throw new RelayError(
      "tool_blocked",
      "the server answered with a redirect, which is not followed",
    );
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new RelayError("tool_failed", `the server's answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const type = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return { status, type, body: Buffer.concat(chunks).toString("utf8") };
}

/** Name resolution cannot be aborted, but nobody has to wait for it. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
