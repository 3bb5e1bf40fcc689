/**
 * The client end of one WebSocket on a raw socket: cheap enough for a thousand of them in a
 * process. Source: RFC 6455.
 */
import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface PhoneSocketEvents {
  opened(): void;
  /** One text message; `bytes` is valid until this returns. */
  text(bytes: Buffer, start: number, end: number): void;
  /** Once, last. `refused` is the HTTP status of a refused upgrade, else null. */
  closed(code: number, refused: number | null): void;
}

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** All sockets are read through this one: what comes in is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class PhoneSocket {
  readonly #events: PhoneSocketEvents;
  readonly #socket: Socket;
  readonly #accept: string;
  #state: "handshake" | "open" | "closed" = "handshake";
  #rest: Buffer | null = null;
  /** Pieces of a fragmented message. */
  #fragments: Buffer[] | null = null;
  #closeCode = 1006;
  #refused: number | null = null;

  constructor(url: URL, headers: Readonly<Record<string, string>>, events: PhoneSocketEvents) {
    this.#events = events;
    const key = randomBytes(16).toString("base64");
    this.#accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    const secure = url.protocol === "wss:";
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (secure) {
      this.#socket = connectTls({ host, port, servername: host });
      this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    } else {
      this.#socket = connect({
        host,
        port,
        onread: {
          buffer: readBuffer,
          callback: (n) => {
            this.#read(readBuffer.subarray(0, n));
            return true;
          },
        },
      });
    }
    this.#socket.setNoDelay(true);
    // An error is always followed by close, which says what matters here.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#closed());
    const lines = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${key}`,
      "Sec-WebSocket-Version: 13",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * A whole WebSocket frame as it goes onto the wire. False: it is not out yet, and the buffer must
   * be left alone.
   */
  sendFrame(frame: Buffer): boolean {
    if (this.#state !== "open") return true;
    this.#socket.write(frame);
    return this.#socket.writableLength === 0;
  }

  sendText(text: string): void {
    this.#sendFrame(0x1, Buffer.from(text));
  }

  /** Twilio's way: a close frame, then the end of the connection. */
  close(code: number): void {
    if (this.#state === "open") {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      this.#sendFrame(0x8, payload);
      this.#closeCode = code;
    }
    this.#socket.end();
    // A relay that never closes its end must not keep the run from ending.
    setTimeout(() => this.#socket.destroy(), 2000).unref();
  }

  #sendFrame(opcode: number, payload: Buffer): void {
    if (this.#state === "open") this.#socket.write(clientFrame(opcode, payload));
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#events.closed(this.#closeCode, this.#refused);
  }

  #read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#rest !== null) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = null;
    }
    let at = 0;
    if (this.#state === "handshake") {
      at = this.#readHandshake(bytes);
      if (at < 0) {
        this.#rest = Buffer.from(bytes);
        return;
      }
    }
    while (this.#state === "open") {
      const next = this.#readFrame(bytes, at);
      if (next < 0) break;
      at = next;
    }
    if (this.#state === "open" && at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  /** @returns where frames begin, or -1: more is needed. */
  #readHandshake(bytes: Buffer): number {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return -1;
    const head = bytes.toString("latin1", 0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
    const accept = /^sec-websocket-accept: *(\S+)/im.exec(head)?.[1];
    if (status !== 101 || accept !== this.#accept) {
      this.#refused = status;
      this.#socket.destroy();
      return bytes.length;
    }
    this.#state = "open";
    this.#events.opened();
    return end + 4;
  }

  /** @returns where the next frame begins, or -1: this one is incomplete. */
  #readFrame(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return -1;
    const first = bytes[at]!;
    let length = bytes[at + 1]! & 0x7f;
    let start = at + 2;
    if (length === 126) {
      if (bytes.length - at < 4) return -1;
      length = bytes.readUInt16BE(at + 2);
      start = at + 4;
    } else if (length === 127) {
      if (bytes.length - at < 10) return -1;
      length = Number(bytes.readBigUInt64BE(at + 2));
      start = at + 10;
    }
    if (length > MAX_MESSAGE_BYTES || (bytes[at + 1]! & 0x80) !== 0) {
      this.#closeCode = 1002;
      this.#socket.destroy();
      return bytes.length;
    }
    const end = start + length;
    if (end > bytes.length) return -1;
    if (first === 0x81) this.#events.text(bytes, start, end);
    else this.#rareFrame(first, bytes, start, end);
    return end;
  }

  #rareFrame(first: number, bytes: Buffer, start: number, end: number): void {
    const final = (first & 0x80) !== 0;
    switch (first & 0xf) {
      case 0x0:
      case 0x1: {
        this.#fragments ??= [];
        this.#fragments.push(Buffer.from(bytes.subarray(start, end)));
        if (!final) return;
        const whole = Buffer.concat(this.#fragments);
        this.#fragments = null;
        this.#events.text(whole, 0, whole.length);
        return;
      }
      case 0x8:
        this.#closeCode = end - start >= 2 ? bytes.readUInt16BE(start) : 1005;
        this.#sendFrame(0x8, Buffer.from(bytes.subarray(start, Math.min(end, start + 2))));
        this.#socket.end();
        return;
      case 0x9:
        this.#sendFrame(0xa, Buffer.from(bytes.subarray(start, end)));
        return;
      case 0xa:
        return;
      default:
        // Twilio takes text only.
        this.#closeCode = 1003;
        this.#socket.destroy();
    }
  }
}

/** One text message as it goes onto the wire. */
export function textFrame(text: string): Buffer {
  return clientFrame(0x1, Buffer.from(text));
}

/** Masked with zeros; up to 65,535 bytes. */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const extended = payload.length > 125;
  const frame = Buffer.alloc((extended ? 8 : 6) + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended ? 126 : payload.length);
  if (extended) frame.writeUInt16BE(payload.length, 2);
  payload.copy(frame, frame.length - payload.length);
  return frame;
}
