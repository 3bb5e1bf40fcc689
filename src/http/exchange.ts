/**
 * One HTTP request from its first line to its answer, with what uWebSockets.js asks of a handler kept in one place:
 * the request object is dead after the first return, chunks are neutered, and an aborted response may not be touched.
 */
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { type Reply, text, write } from "./reply.js";

export interface RequestHead {
  /** Upper case. */
  readonly method: string;
  /** Raw: neither decoded nor normalised. */
  readonly path: string;
  /** Raw, without the question mark; "" when there is none. */
  readonly query: string;
  /** @param name lower case. "" when absent. */
  header(name: string): string;
}

/** A body that goes on. */
export interface ExchangeStream {
  /** Nothing happens when the other side has gone. */
  write(chunk: string): void;
}

export class Exchange {
  readonly head: RequestHead;
  readonly #response: HttpResponse;
  readonly #last: () => boolean;
  #open = true;

  /**
   * Must be called before the route handler returns for the first time.
   *
   * @param last  asked when it is answered: no more requests are wanted on this connection.
   */
  constructor(response: HttpResponse, request: HttpRequest, last: () => boolean = () => false) {
    this.#last = last;
    const headers = new Map<string, string>();
    // A repeated header counts once, as the first says: whoever signs or authorises signs that one.
    request.forEach((name, value) => {
      if (!headers.has(name)) headers.set(name, value);
    });
    this.head = {
      method: request.getCaseSensitiveMethod().toUpperCase(),
      path: request.getUrl(),
      query: request.getQuery() ?? "",
      header: (name) => headers.get(name) ?? "",
    };
    this.#response = response;
    response.onAborted(() => {
      this.#open = false;
    });
  }

  /** False once answered or aborted. */
  get open(): boolean {
    return this.#open;
  }

  /** Answers, once; an aborted or answered exchange stays as it is. */
  answer(reply: Reply): void {
    if (!this.#open) return;
    this.#open = false;
    write(
      this.#response,
      this.#last() ? { ...reply, close: true } : reply,
      this.head.method === "HEAD",
    );
  }

  /**
   * Answers 200 with a body that goes on until the other side goes, or falls behind.
   *
   * @param maxBacklogBytes  written and not yet taken by the other side; with more it is let go.
   * @param closed           runs once, after which nothing is written any more.
   */
  stream(type: string, maxBacklogBytes: number, closed: () => void): ExchangeStream {
    const response = this.#response;
    if (!this.#open) {
      closed();
      return { write: () => undefined };
    }
    const over = (): void => {
      this.#open = false;
      closed();
    };
    response.onAborted(over);
    const headers = {
      "Content-Type": type,
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    };
    response.cork(() => {
      for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    });
    /** Since something began to wait: the most that may wait now, for how much has been taken since is not told. */
    let written = 0;
    response.onWritable(() => {
      written = 0;
      return true;
    });
    return {
      write: (chunk) => {
        if (!this.#open) return;
        const bytes = Buffer.from(chunk);
        let keepsUp = true;
        response.cork(() => {
          keepsUp = response.write(bytes);
        });
        written = keepsUp ? 0 : written + bytes.length;
        if (written > maxBacklogBytes) response.close();
      },
    };
  }

  /**
   * Reads the whole body, at most `maxBytes`; a longer one is answered with 413 and `done` never runs. Call it at once.
   */
  readBody(maxBytes: number, done: (body: Buffer) => void): void {
    const declared = Number(this.head.header("content-length"));
    if (declared > maxBytes) {
      this.#tooLarge(maxBytes);
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    this.#response.onData((chunk, isLast) => {
      if (!this.#open) return;
      bytes += chunk.byteLength;
      if (bytes > maxBytes) {
        chunks.length = 0;
        this.#tooLarge(maxBytes);
        return;
      }
      // Copied: uWebSockets.js takes the memory back when this returns.
      chunks.push(Buffer.from(Buffer.from(chunk)));
      if (isLast) done(Buffer.concat(chunks, bytes));
    });
  }

  #tooLarge(maxBytes: number): void {
    this.answer(text(413, `the body is larger than ${maxBytes} bytes`, { close: true }));
  }
}
