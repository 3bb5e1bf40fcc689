/**
 * One answer to one HTTP/1.1 request, read in pieces of any size. The body is not copied.
 * Source: RFC 9112, sections 4 to 7.
 */
import { WireError } from "../domain/errors.js";

/** The limit of Node's own HTTP client. */
const MAX_HEAD_BYTES = 16 * 1024;
/** The most bytes of a chunk's size line with extensions, or of a trailer line. */
const MAX_LINE_BYTES = 1024;

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/;
const HEADER_LINE = /^([!#$%&'*+.^`|~\w-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;
const CHUNK_SIZE = /^([0-9a-f]{1,12})[\t ]*(?:;.*)?$/i;
const LENGTH = /^\d{1,15}$/;

export interface HttpHead {
  readonly status: number;
  /** By lower-case name; several of one name joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

type Part =
  | "head"
  /** Bytes of the body, or of a chunk, that are still to come. */
  | "length"
  | "chunk"
  /** The body ends with the connection. */
  | "until_close"
  /** A line is read: a chunk's size, the empty line behind a chunk, or the trailer. */
  | "chunk_size"
  | "chunk_end"
  | "trailer"
  | "done";

export class HttpResponseReader {
  #part: Part = "head";
  #head: HttpHead | null = null;
  #text = "";
  #left = 0;

  /** Null until it is complete. */
  get head(): HttpHead | null {
    return this.#head;
  }

  get done(): boolean {
    return this.#part === "done";
  }

  /**
   * @param body   called for each part `bytes[from…to)` of the body, in order.
   * @returns      true: the answer is complete, and nothing may be fed any more.
   * @throws       WireError when this is not HTTP; what `body` was called with before remains
   *                         valid.
   */
  read(
    bytes: Uint8Array,
    start: number,
    end: number,
    body: (from: number, to: number) => void,
  ): boolean {
    let at = start;
    while (at < end && this.#part !== "done") {
      switch (this.#part) {
        case "head":
          at = this.#readHead(bytes, at, end);
          break;
        case "length":
        case "chunk": {
          const to = Math.min(end, at + this.#left);
          this.#left -= to - at;
          if (to > at) body(at, to);
          at = to;
          if (this.#left === 0) this.#part = this.#part === "chunk" ? "chunk_end" : "done";
          break;
        }
        case "until_close":
          body(at, end);
          at = end;
          break;
        default:
          at = this.#readLine(bytes, at, end);
      }
    }
    return this.#part === "done";
  }

  /** The connection has ended. @returns false: the answer is incomplete. */
  ended(): boolean {
    if (this.#part === "until_close") this.#part = "done";
    return this.#part === "done";
  }

  #readHead(bytes: Uint8Array, start: number, end: number): number {
    const before = this.#text.length;
    this.#text += latin1(bytes, start, Math.min(end, start + MAX_HEAD_BYTES));
    const stop = this.#text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (stop < 0) {
      if (this.#text.length >= MAX_HEAD_BYTES) throw new WireError("an answer's head is too long");
      return end;
    }
    const [first = "", ...lines] = this.#text.slice(0, stop).split("\r\n");
    const status = Number(STATUS_LINE.exec(first)?.[1] ?? 0);
    if (status === 0) throw new WireError("an answer has no status line");
    this.#text = "";
    // A 1xx response precedes the answer.
    if (status >= 200) this.#begin({ status, headers: readHeaders(lines) });
    return start + stop + 4 - before;
  }

  #begin(head: HttpHead): void {
    const { status, headers } = head;
    const coding = headers.get("transfer-encoding")?.toLowerCase();
    const length = headers.get("content-length");
    if (status === 204 || status === 304) this.#part = "done";
    else if (coding === "chunked") this.#part = "chunk_size";
    else if (coding !== undefined)
      throw new WireError("an answer comes in a coding that was not asked for");
    else if (length === undefined) this.#part = "until_close";
    else {
      if (!LENGTH.test(length)) throw new WireError("an answer's length is not a number");
      this.#left = Number(length);
      this.#part = this.#left === 0 ? "done" : "length";
    }
    this.#head = head;
  }

  #readLine(bytes: Uint8Array, start: number, end: number): number {
    const newline = bytes.indexOf(10, start);
    const stop = newline < 0 || newline >= end ? end : newline + 1;
    this.#text += latin1(bytes, start, stop);
    if (this.#text.length > MAX_LINE_BYTES) throw new WireError("a line of an answer is too long");
    if (!this.#text.endsWith("\n")) return stop;
    const line = this.#text.replace(/\r?\n$/, "");
    this.#text = "";
    if (this.#part === "trailer") {
      if (line === "") this.#part = "done";
    } else if (this.#part === "chunk_end") {
      if (line !== "") throw new WireError("a chunk is longer than it says");
      this.#part = "chunk_size";
    } else {
      const size = CHUNK_SIZE.exec(line)?.[1];
      if (size === undefined) throw new WireError("a chunk has no size");
      this.#left = Number.parseInt(size, 16);
      this.#part = this.#left === 0 ? "trailer" : "chunk";
    }
    return stop;
  }
}

function readHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = HEADER_LINE.exec(line) ?? [];
    if (name === "") throw new WireError("an answer has a header that is none");
    const key = name.toLowerCase();
    const earlier = headers.get(key);
    headers.set(key, earlier === undefined || earlier === value ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}
