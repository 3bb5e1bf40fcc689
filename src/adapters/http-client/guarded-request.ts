/**
 * HTTP requests whose destination or contents are influenced by a model, a caller or a settings
 * file: bounded in time and size, no redirects, no way into the private network.
 */
import type { IncomingMessage, RequestOptions } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import { RelayError } from "../../domain/errors.js";
import type { ResolvedAddress } from "../network/hosts-file.js";
import { AnswerTooLong, readBytes, startRequest } from "../network/http-request.js";
import { Network } from "../network/network.js";
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

/**
 * One request, no retry.
 *
 * @param network  default: direct connections.
 * @returns  whatever status the server answered with, 3xx excepted.
 * @throws   RelayError `tool_blocked` (address or redirect), `tool_timeout`, `tool_failed`
 *           (network: retryable; size; aborted). Messages hold neither URL nor body: both may be
 *           personal.
 */
export async function guardedRequest(
  wanted: GuardedRequest,
  network: Network = new Network(),
): Promise<GuardedReply> {
  const url = new URL(wanted.url);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new RelayError("tool_blocked", "only http and https can be requested");
  const deadline = AbortSignal.timeout(wanted.timeoutMs);
  const signal =
    wanted.signal === undefined ? deadline : AbortSignal.any([deadline, wanted.signal]);
  try {
    const address = await abortable(checkedAddress(url, wanted, network), signal);
    return await exchange(url, address, wanted, network, signal);
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

/**
 * The address to connect to; null: the proxy resolves the name. All addresses of the name must be
 * allowed, because a server that gives several decides which one is used.
 */
export async function checkedAddress(
  url: URL,
  { allowPrivateHosts }: Pick<GuardedRequest, "allowPrivateHosts">,
  { proxies, resolver }: Network,
): Promise<ResolvedAddress | null> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isListed = allowPrivateHosts.some((allowed) => allowed.toLowerCase() === host);
  const isProxied = proxies.proxyFor(host, portOf(url)) !== null;
  let addresses: readonly ResolvedAddress[];
  try {
    addresses = await resolver.resolve(host);
  } catch (error) {
    // Behind a proxy this machine may know no public names. The proxy decides what it reaches.
    if (isProxied && isIP(host) === 0) return null;
    throw error;
  }
  const [first] = addresses;
  if (first === undefined)
    throw new RelayError("tool_failed", "the server's name has no address", { retryable: true });
  if (!isListed && !addresses.every(({ address }) => isPublicAddress(address)))
    throw new RelayError(
      "tool_blocked",
      "the server's address is private and its host is not listed",
    );
  return isProxied ? null : first;
}

function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}

async function exchange(
  url: URL,
  address: ResolvedAddress | null,
  wanted: GuardedRequest,
  network: Network,
  signal: AbortSignal,
): Promise<GuardedReply> {
  const body = wanted.body === null ? null : Buffer.from(wanted.body);
  const options: RequestOptions = {
    method: wanted.method,
    headers: {
      accept: "application/json, text/*",
      "user-agent": "murelay",
      ...wanted.headers,
      ...(body === null ? {} : { "content-length": body.length }),
    },
    signal,
  };
  const agents = network.agents(address === null ? {} : { lookup: lookupOf(address) });
  return new Promise((resolve, reject) => {
    const outgoing = startRequest(url, options, agents);
    outgoing.on("response", (response) => {
      readReply(response, wanted.maxResponseBytes).then(resolve, (error: unknown) => {
        outgoing.destroy();
        reject(error);
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body ?? undefined);
  });
}

/**
 * Answers with the very address that was checked: a resolver may give another one when it is asked
 * again. Connections are not kept, for the same reason.
 */
function lookupOf({ address, family }: ResolvedAddress): LookupFunction {
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

async function readReply(response: IncomingMessage, maxBytes: number): Promise<GuardedReply> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400)
    throw new RelayError(
      "tool_blocked",
      "the server answered with a redirect, which is not followed",
    );
  const type = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  try {
    const body = await readBytes(response, maxBytes);
    return { status, type, body: body.toString("utf8") };
  } catch (error) {
    if (!(error instanceof AnswerTooLong)) throw error;
    throw new RelayError("tool_failed", `the server's answer is larger than ${maxBytes} bytes`);
  }
}

/** Name resolution cannot be aborted, but the request does not have to wait for it. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
