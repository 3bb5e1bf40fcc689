/**
 * One HTTP request from its head to its answer. uWebSockets.js's rules for handlers are kept in
 * this one place: the request object is invalid once the handler has returned, body chunks are
 * taken back after each callback, and an aborted response must not be touched.
 */
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import type { LoopTimer } from "../ports/loop-timer.js";
import type { BodyBudget } from "./body-budget.js";
import { type Reply, text, write, writeHead } from "./reply.js";

export interface RequestHead {
  /** Upper case. */
  readonly method: string;
  /** Raw: neither decoded nor normalised. */
  readonly path: string;
  /** Raw, without the question mark; "" when there is none. */
  readonly query: string;
  /** The peer's network address as text; a proxy's where there is one in front. */
  readonly address: string;
  /** @param name lower case. @returns "" when absent. */
  header(name: string): string;
}

/** A body that goes on. */
export interface ExchangeStream {
  /** Does nothing when the peer has gone. */
  write(chunk: string): void;
  /** Ends the connection. Does nothing when the peer has gone. */
  close(): void;
}

/**
 * In this header the supervisor names the client's address, in requests that it forwards to the
 * operator listener of a worker.
 */
export const PEER_ADDRESS_HEADER = "x-murelay-peer-address";

/** The head of a request that becomes a WebSocket. Call it before the handler returns. */
export function readHead(
  response: HttpResponse,
  request: HttpRequest,
  behindSupervisor: boolean,
): RequestHead {
  const headers = new Map<string, string>();
  readHeaders(request, headers);
  return headOf(response, request, headers, behindSupervisor);
}

/** @returns whether a header that says how long the body is was repeated. */
function readHeaders(request: HttpRequest, headers: Map<string, string>): boolean {
  let ambiguous = false;
  // Of a repeated header the first one counts: the sender signs or authorises with that one.
  request.forEach((name, value) => {
    if (!headers.has(name)) headers.set(name, value);
    else if (name === "content-length" || name === "transfer-encoding") ambiguous = true;
  });
  return ambiguous;
}

function headOf(
  response: HttpResponse,
  request: HttpRequest,
  headers: ReadonlyMap<string, string>,
  behindSupervisor: boolean,
): RequestHead {
  return {
    method: request.getCaseSensitiveMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery() ?? "",
    address:
      (behindSupervisor ? headers.get(PEER_ADDRESS_HEADER) : undefined) ??
      Buffer.from(response.getRemoteAddressAsText()).toString("latin1"),
    header: (name) => headers.get(name) ?? "",
  };
}

export interface ExchangeOptions {
  /** Trust `PEER_ADDRESS_HEADER`: only the supervisor can reach this listener from elsewhere. */
  readonly behindSupervisor?: boolean;
  /** Asked at the answer; true: no more requests are wanted on this connection. */
  readonly last?: () => boolean;
  /** Times what the handler of a body does. */
  readonly timer?: LoopTimer;
  /** Called once, when the request has been answered. */
  readonly answered?: (exchange: Exchange, status: number) => void;
}

export interface BodyLimits {
  /** A longer body is answered with 413. */
  readonly maxBytes: number;
  /** Bounds what all peers together may have under way. Absent: the peer is trusted. */
  readonly budget?: BodyBudget;
}

const RETRY_AFTER_S = 1;
/**
 * A packet brings one piece of a body of unknown length, with hundreds of bytes. A peer that sends
 * chunks of a byte each makes the relay work for every one of them.
 */
const SMALL_PIECES = 32;
const AVERAGE_PIECE_BYTES = 256;
/** What a body of unknown length gets at first. */
const FIRST_CHUNKED_BYTES = 4 * 1024;

export class Exchange {
  readonly head: RequestHead;
  /** The path as routes name it, for metrics; "other" until a route has been found. */
  route = "other";
  readonly #response: HttpResponse;
  readonly #options: ExchangeOptions;
  /** Null: the length of the body is not declared, or the head contradicts itself. */
  readonly #declaredBytes: number | null;
  readonly #ambiguous: boolean;
  #open = true;
  /** The peer has gone: the response must not be touched. */
  #gone = false;
  #isNew = true;
  /** Waits for the end of the turn. */
  #reply: Reply | null = null;
  #aborted: () => void = () => undefined;

  /** Must be constructed before the route handler returns for the first time. */
  constructor(response: HttpResponse, request: HttpRequest, options: ExchangeOptions = {}) {
    this.#options = options;
    const headers = new Map<string, string>();
    let ambiguous = readHeaders(request, headers);
    const length = headers.get("content-length");
    const encoding = headers.get("transfer-encoding");
    if (length !== undefined && !/^\d{1,15}$/.test(length)) ambiguous = true;
    if (encoding !== undefined && (length !== undefined || !/^chunked$/i.test(encoding)))
      ambiguous = true;
    this.#ambiguous = ambiguous;
    this.#declaredBytes =
      ambiguous || encoding !== undefined ? null : Number(headers.get("content-length") ?? 0);
    this.head = headOf(response, request, headers, options.behindSupervisor === true);
    this.#response = response;
    response.onAborted(() => {
      this.#open = false;
      this.#gone = true;
      this.#aborted();
    });
    this.#arrived();
  }

  /** False once answered or aborted. */
  get open(): boolean {
    return this.#open;
  }

  /**
   * The body's length does not follow from the head, for example because there are two different
   * Content-Lengths. A proxy in front may read another length: such a request is refused.
   */
  get ambiguous(): boolean {
    return this.#ambiguous;
  }

  /** The declared length of the body in bytes; null: unknown until it ends. */
  get declaredBytes(): number | null {
    return this.#declaredBytes;
  }

  /**
   * Answers, once; an aborted or answered exchange stays as it is.
   *
   * An answer that is given in the same turn of the event loop in which the request came leaves
   * in the next. uWebSockets.js ends a connection whose next request comes before the answer, so
   * that thousands of requests in one packet cost as much as one. No client of the relay
   * pipelines.
   */
  answer(reply: Reply): void {
    if (!this.#open) return;
    this.#open = false;
    const last = this.#options.last?.() === true;
    this.#reply = last ? { ...reply, close: true } : reply;
    this.#options.answered?.(this, reply.status);
    if (!this.#isNew) this.#send();
  }

  /** The rest of this turn belongs to the packet that brought the request, or its body's end. */
  #arrived(): void {
    this.#isNew = true;
    setImmediate(() => {
      this.#isNew = false;
      this.#send();
    });
  }

  #send(): void {
    const reply = this.#reply;
    this.#reply = null;
    if (reply !== null && !this.#gone) write(this.#response, reply, this.head.method === "HEAD");
  }

  /**
   * Answers with a body in parts, the next when the peer has taken the one before.
   *
   * @throws  what the first part fails with; nothing has been sent then. A later failure ends the
   *          connection, so that the peer notices, and is thrown too.
   */
  async answerInParts(reply: Reply, chunks: AsyncIterable<string | Uint8Array>): Promise<void> {
    const parts = chunks[Symbol.asyncIterator]();
    const first = await parts.next();
    if (!this.#open) {
      await parts.return?.();
      return;
    }
    if (this.head.method === "HEAD") {
      await parts.return?.();
      this.answer({ ...reply, body: "" });
      return;
    }
    const response = this.#response;
    let writable: (() => void) | null = null;
    this.#aborted = () => writable?.();
    response.onWritable(() => {
      writable?.();
      return true;
    });
    this.#options.answered?.(this, reply.status);
    try {
      response.cork(() => writeHead(response, reply));
      for (let part = first; part.done !== true; part = await parts.next()) {
        if (!this.#open) return;
        let keepsUp = true;
        response.cork(() => {
          keepsUp = response.write(part.value);
        });
        if (keepsUp) continue;
        await new Promise<void>((resolve) => {
          writable = resolve;
        });
        writable = null;
      }
      if (!this.#open) return;
      this.#open = false;
      response.cork(() => response.end("", this.#options.last?.() === true));
    } catch (error) {
      if (this.#open) response.close();
      throw error;
    } finally {
      await parts.return?.();
    }
  }

  /**
   * Answers 200 with a body that goes on until the peer goes or falls behind.
   *
   * @param maxBacklogBytes  written and not yet taken by the peer; beyond it the connection ends.
   * @param closed           runs once, after which nothing is written any more.
   */
  stream(type: string, maxBacklogBytes: number, closed: () => void): ExchangeStream {
    const response = this.#response;
    if (!this.#open) {
      closed();
      return { write: () => undefined, close: () => undefined };
    }
    const ended = (): void => {
      this.#open = false;
      closed();
    };
    response.onAborted(ended);
    const headers = {
      "Content-Type": type,
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    };
    response.cork(() => {
      for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    });
    this.#options.answered?.(this, 200);
    /** Bytes since something began to wait: an upper bound of the backlog, which is not exposed. */
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
      close: () => {
        if (!this.#open) return;
        ended();
        // To its end, so that a browser does not report a broken answer.
        response.cork(() => response.end());
      },
    };
  }

  /**
   * Reads the whole body. A longer one, one whose length is not clear and one for which the budget
   * has no room are answered here, and `done` never runs. Call it before the handler returns.
   */
  readBody({ maxBytes, budget }: BodyLimits, done: (body: Buffer) => void): void {
    if (this.#ambiguous) {
      this.answer(text(400, "the length of the body is not clear", { close: true }));
      return;
    }
    const declared = this.#declaredBytes;
    if (declared !== null && declared > maxBytes) {
      this.#tooLarge(maxBytes);
      return;
    }
    const release = budget?.reserve(this.head.address, declared ?? maxBytes);
    if (release === null) {
      const headers = { "Retry-After": String(RETRY_AFTER_S) };
      this.answer(text(503, "too many requests are being read", { headers, close: true }));
      return;
    }
    this.#aborted = () => release?.();
    let body = Buffer.allocUnsafe(declared ?? Math.min(maxBytes, FIRST_CHUNKED_BYTES));
    let bytes = 0;
    let pieces = 0;
    this.#response.onData((chunk, isLast) => {
      if (!this.#open) return;
      pieces++;
      if (declared === null && pieces > SMALL_PIECES + bytes / AVERAGE_PIECE_BYTES) {
        release?.();
        this.#cutOff();
        return;
      }
      const needed = bytes + chunk.byteLength;
      if (needed > maxBytes) {
        release?.();
        this.#tooLarge(maxBytes);
        return;
      }
      if (needed > body.length) body = grown(body, needed, maxBytes);
      // Copied: uWebSockets.js takes the memory back when this returns.
      body.set(new Uint8Array(chunk), bytes);
      bytes = needed;
      if (!isLast) return;
      release?.();
      this.#arrived();
      const { timer } = this.#options;
      const startedMs = timer?.start() ?? 0;
      done(body.subarray(0, bytes));
      timer?.end("http", startedMs);
    });
  }

  /** Without an answer: for that uWebSockets.js would read on. */
  #cutOff(): void {
    this.#open = false;
    this.#gone = true;
    this.#options.answered?.(this, 400);
    this.#response.close();
  }

  #tooLarge(maxBytes: number): void {
    this.answer(text(413, `the body is larger than ${maxBytes} bytes`, { close: true }));
  }
}

/** Twice as large, so that bytes which arrive one by one are not copied each time. */
function grown(body: Buffer, neededBytes: number, maxBytes: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(neededBytes, 2 * body.length)));
  larger.set(body);
  return larger;
}
