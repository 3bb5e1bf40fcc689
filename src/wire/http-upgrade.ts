/**
 * The opening handshake of a WebSocket on the client's side: one HTTP/1.1 request, one answer.
 * Source: RFC 6455, section 4.1; RFC 9112.
 */
import { WireError } from "../domain/errors.js";

/** RFC 6455, section 1.3, appends this to the key before it is hashed. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The limit of Node's own HTTP client. */
const MAX_HEAD_BYTES = 16 * 1024;
/** The most bytes kept of the body of a refusal: enough for the error's code. */
const MAX_BODY_BYTES = 8 * 1024;

const HEADER_NAME = /^[!#$%&'*+.^`|~\w-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/;

/** The server must answer this key with the base64 of the SHA-1 of the returned text. */
export function acceptSource(key: string): string {
  return key + ACCEPT_GUID;
}

/**
 * The request as latin1 text.
 *
 * @param host  with the port, unless it is the default of the scheme.
 * @param path  with the query.
 * @throws      WireError when a header does not fit on one line; the error does not hold its value.
 */
export function upgradeRequest(
  host: string,
  path: string,
  key: string,
  headers: Readonly<Record<string, string>>,
): string {
  let text =
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) {
      throw new WireError(`a value of the header ${JSON.stringify(name)} cannot be sent`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

export type UpgradeAnswer =
  /** The connection is a WebSocket now; frames begin at `next`. */
  | { readonly kind: "accepted"; readonly next: number }
  /** The server refused. `body` may be cut. */
  | { readonly kind: "refused"; readonly status: number; readonly body: string }
  /** Not an answer to a WebSocket request; `fault` is a stable text. */
  | { readonly kind: "invalid"; readonly fault: string };

/** Reads the answer, in pieces of any size. */
export class UpgradeReader {
  readonly #accept: string;
  #head = "";
  #body = "";
  #refused: { readonly status: number; readonly headers: ReadonlyMap<string, string> } | null =
    null;

  /** @param accept  the expected Sec-WebSocket-Accept. */
  constructor(accept: string) {
    this.#accept = accept;
  }

  /** @returns null: more is needed. After an answer nothing may be fed any more. */
  read(bytes: Uint8Array, start: number, end: number): UpgradeAnswer | null {
    let at = start;
    while (this.#refused === null) {
      const headEnd = this.#readHead(bytes, at, end);
      if (headEnd === null) {
        return this.#head.length > MAX_HEAD_BYTES ? invalid("head too long") : null;
      }
      at = headEnd;
      const lines = this.#head.slice(0, -4).split("\r\n");
      this.#head = "";
      const status = Number(STATUS_LINE.exec(lines[0] ?? "")?.[1] ?? 0);
      if (status === 0) return invalid("status line");
      const headers = readHeaders(lines.slice(1));
      if (headers === null) return invalid("header line");
      if (status === 101) {
        const fault = faultOf(headers, this.#accept);
        return fault === null ? { kind: "accepted", next: at } : invalid(fault);
      }
      // Other 1xx responses precede the answer.
      if (status >= 200) this.#refused = { status, headers };
    }
    this.#body += latin1(bytes, at, end);
    const { status, headers } = this.#refused;
    return isWhole(headers, this.#body, status) || this.#body.length > MAX_BODY_BYTES
      ? this.#refusal()
      : null;
  }

  /** The connection has ended. @returns what is known of the answer; null: not even its status. */
  ended(): UpgradeAnswer | null {
    return this.#refused === null ? null : this.#refusal();
  }

  #refusal(): UpgradeAnswer {
    const { status, headers } = this.#refused!;
    const body = isChunked(headers) ? withoutChunks(this.#body) : this.#body;
    return { kind: "refused", status, body: Buffer.from(body, "latin1").toString("utf8") };
  }

  /** Adds to the head. @returns where it ends in `bytes`, if it does. */
  #readHead(bytes: Uint8Array, start: number, end: number): number | null {
    const before = this.#head.length;
    this.#head += latin1(bytes, start, Math.min(end, start + MAX_HEAD_BYTES + 1));
    const stop = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (stop < 0) return null;
    this.#head = this.#head.slice(0, stop + 4);
    return start + stop + 4 - before;
  }
}

function invalid(fault: string): UpgradeAnswer {
  return { kind: "invalid", fault: `handshake: ${fault}` };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** By lower-case name; several of one name joined by commas. */
function readHeaders(lines: readonly string[]): Map<string, string> | null {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) return null;
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function faultOf(headers: ReadonlyMap<string, string>, accept: string): string | null {
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") return "upgrade";
  const connection = headers.get("connection")?.toLowerCase().split(",") ?? [];
  if (!connection.some((token) => token.trim() === "upgrade")) return "connection";
  if (headers.get("sec-websocket-accept") !== accept) return "sec-websocket-accept";
  if (headers.has("sec-websocket-extensions")) return "sec-websocket-extensions";
  return headers.has("sec-websocket-protocol") ? "sec-websocket-protocol" : null;
}

function isChunked(headers: ReadonlyMap<string, string>): boolean {
  return headers.get("transfer-encoding")?.toLowerCase().endsWith("chunked") ?? false;
}

function isWhole(headers: ReadonlyMap<string, string>, body: string, status: number): boolean {
  if (status === 204 || status === 304) return true;
  if (isChunked(headers))
    return /(?:^|\r\n)0+[^\S\r\n]*(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(body);
  const length = headers.get("content-length");
  // Without either header the body ends with the connection.
  return length !== undefined && body.length >= Number(length);
}

function withoutChunks(body: string): string {
  let text = "";
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    if (lineEnd < 0) return text;
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (!(size > 0)) return text;
    text += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
