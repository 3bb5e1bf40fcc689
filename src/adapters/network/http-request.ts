/** Plain requests over HTTP: bounded in time and size, no redirects, no retries. */
import {
  type ClientRequest,
  type Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { type Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

export interface TextRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body?: string | null;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  /** More than this of an answer is an error. */
  readonly maxBytes: number;
}

export interface TextReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Starts a request that takes the road of `agents`; its body is still to be written. */
export function startRequest(url: URL, options: RequestOptions, agents: Agents): ClientRequest {
  return url.protocol === "https:"
    ? httpsRequest(url, { ...options, agent: agents.https })
    : httpRequest(url, { ...options, agent: agents.http });
}

/**
 * @returns  whatever status the server answered with, redirects included.
 * @throws   the socket's error; a DOMException "TimeoutError"; AnswerTooLong.
 */
export function requestText(request: TextRequest, agents: Agents): Promise<TextReply> {
  const { method, url, headers = {}, body = null, timeoutMs, maxBytes } = request;
  const bytes = body === null ? null : Buffer.from(body);
  const signal = AbortSignal.timeout(timeoutMs);
  const length = bytes === null ? {} : { "content-length": bytes.length };
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(signal.aborted ? signal.reason : error);
    const outgoing = startRequest(
      url,
      { method, headers: { ...headers, ...length }, signal },
      agents,
    );
    outgoing.on("error", failed);
    outgoing.on("response", (response) => {
      readBytes(response, maxBytes).then(
        (answer) =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: answer.toString("utf8"),
          }),
        (error: unknown) => {
          outgoing.destroy();
          failed(error);
        },
      );
    });
    outgoing.end(bytes ?? undefined);
  });
}

/** An answer that was longer than its limit. */
export class AnswerTooLong extends Error {}

/** @throws AnswerTooLong when there is more. */
export async function readBytes(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > maxBytes) throw new AnswerTooLong(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
