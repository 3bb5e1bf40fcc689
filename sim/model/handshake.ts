/**
 * The handshake of the simulated model. Faults of key, model and account are no HTTP statuses: the
 * server answers 101, sends one `error` event and closes in the same tick. Only what is no
 * Realtime request at all is answered over HTTP.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { GatewayStatus, SessionRejection } from "./faults.js";

/** The model names of the reference, as of 2026-11. */
export const MODELS: readonly string[] = [
  "gpt-realtime",
  "gpt-realtime-2025-08-28",
  "gpt-realtime-mini",
  "gpt-realtime-mini-2025-12-15",
  "gpt-realtime-1.5",
  "gpt-realtime-2",
  "gpt-realtime-2.1",
  "gpt-realtime-2.1-mini",
];

export type HandshakeFault =
  | { readonly kind: "http"; readonly status: number; readonly message: string }
  | { readonly kind: "session"; readonly rejection: SessionRejection };

/** What is wrong with an upgrade request, or null. */
export function handshakeFault(
  request: IncomingMessage,
  known: { readonly apiKey: string; readonly models: readonly string[] },
): HandshakeFault | null {
  const url = new URL(request.url ?? "/", "ws://sim");
  if (!/^(?:\/v1)?\/realtime$/.test(url.pathname)) return http(404, `no ${url.pathname}`);
  if (request.headers["sec-websocket-protocol"] !== undefined)
    return http(400, "a subprotocol was asked for");
  const { authorization } = request.headers;
  if (authorization === undefined || authorization === "") return rejected("missing_api_key");
  if (authorization !== `Bearer ${known.apiKey}`) return rejected("invalid_api_key");
  if (request.headers["openai-beta"] !== undefined) return rejected("beta_api_shape_disabled");
  const names = [...url.searchParams.keys()];
  const kinds = names.filter((name) => ["model", "call_id", "intent"].includes(name));
  const unknown = names.find((name) => !kinds.includes(name));
  if (unknown !== undefined) return http(400, `unknown query parameter ${unknown}`);
  if (kinds.length > 1)
    return http(400, `exactly one of model, call_id, intent; got ${kinds.length}`);
  const [kind] = kinds;
  const value = kind === undefined ? "" : (url.searchParams.get(kind) ?? "");
  if (value === "") return rejected("missing_model");
  return kind === "model" && !known.models.includes(value) ? rejected("invalid_model") : null;
}

function http(status: number, message: string): HandshakeFault {
  return { kind: "http", status, message };
}

function rejected(rejection: SessionRejection): HandshakeFault {
  return { kind: "session", rejection };
}

const MESSAGES: Readonly<Record<SessionRejection, string>> = {
  invalid_api_key:
    "Incorrect API key provided. " +
    "You can find your API key at https://platform.openai.com/account/api-keys.",
  missing_api_key: "You didn't provide an API key.",
  invalid_model: "The model does not exist or you do not have access to it.",
  missing_model: "You must provide a model parameter.",
  beta_api_shape_disabled: "The Realtime Beta API is no longer supported.",
};

/** One `error` and the close frame, both in the tick of the upgrade. */
export function rejectSession(socket: WebSocket, rejection: SessionRejection): void {
  const code = rejection === "missing_api_key" ? null : rejection;
  const type = "invalid_request_error";
  socket.on("error", () => {});
  socket.send(
    JSON.stringify({
      type: "error",
      event_id: "event_rejected",
      error: { type, code, message: MESSAGES[rejection], param: null, event_id: null },
    }),
  );
  const ofKey = rejection === "invalid_api_key" || rejection === "missing_api_key";
  socket.close(ofKey ? 3000 : 4000, code === null ? type : `${type}.${code}`);
}

const REASONS: Readonly<Record<GatewayStatus, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  407: "Proxy Authentication Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

/** Answers the upgrade with a status, as a gateway in between does. */
export function denyUpgrade(socket: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ error: { type: "invalid_request_error", message } });
  const reason = REASONS[status as GatewayStatus] ?? "Refused";
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
