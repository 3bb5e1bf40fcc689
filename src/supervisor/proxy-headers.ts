/** The headers that the operator proxy passes on. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { PEER_ADDRESS_HEADER } from "../http/exchange.js";

/** They describe one connection and not the message. Source: RFC 9110, 7.6.1. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "proxy-connection",
]);

/**
 * Headers of a request to a worker. `Host` stays, so that the worker judges the request as if it
 * had received it itself. The client's address is added: refused requests are limited per address.
 */
export function forwardedHeaders(incoming: IncomingMessage): IncomingHttpHeaders {
  const address = incoming.socket.remoteAddress ?? "";
  return { ...endToEnd(incoming.headers), [PEER_ADDRESS_HEADER]: address };
}

export function responseHeaders(response: IncomingMessage): IncomingHttpHeaders {
  return endToEnd(response.headers);
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
