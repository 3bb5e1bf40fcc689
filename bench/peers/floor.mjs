/**
 * The no-features floor: what it costs a Node process merely to move a call's audio, with the cheapest means that its
 * public interfaces allow. There are no signatures, tokens, records, metrics, marks, voice detection, tools, transfers,
 * limits or recovery. It is a yardstick for the cost of audio, and no relay to put callers on.
 *
 * Every caller frame is forwarded at once, and playout leaves in messages of 20 ms. Whatever is frequent is a copy of
 * bytes between buffers that exist already. Frames to the model are masked with zero, which servers accept and RFC 6455
 * forbids: it spares this relay a pass over the bytes that murelay pays for.
 */

import uws from "uWebSockets.js";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

const { PORT = "5052", PUBLIC_URL, OPENAI_REALTIME_URL, OPENAI_API_KEY } = process.env;
if (!PUBLIC_URL || !OPENAI_REALTIME_URL || !OPENAI_API_KEY) {
  console.error("PUBLIC_URL, OPENAI_REALTIME_URL and OPENAI_API_KEY must be set");
  process.exit(2);
}
const MODEL = new URL(`${OPENAI_REALTIME_URL}?model=gpt-realtime`);
const SECURE = MODEL.protocol === "wss:";
const STREAM_URL = `${PUBLIC_URL.replace(/^http/, "ws")}/media-stream`;
const TWIML = `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="${STREAM_URL}"/></Connect></Response>`;
const SETUP = JSON.stringify({
  type: "session.update",
  session: {
    type: "realtime",
    output_modalities: ["audio"],
    instructions: "You are a friendly phone agent. Answer briefly.",
    audio: {
      input: { format: { type: "audio/pcmu" }, turn_detection: { type: "server_vad" } },
      output: { format: { type: "audio/pcmu" }, voice: "marin" },
    },
  },
});
const GREET = '{"type":"response.create"}';
const FRAME_MS = 20;
const FRAME_BYTES = 160;
const BYTES_PER_MS = 8;
/** Playout ahead of real time, as at the phone of a murelay with default settings. */
const LEAD_MS = 160;
const QUOTE = 34;
const BRACE = 125;

const latin1 = (text) => Buffer.from(text, "latin1");
const PAYLOAD = latin1('"payload":"');
const DELTA_KEY = latin1('"delta":"');
const ITEM_KEY = latin1('"item_id":"');
const APPEND = latin1('{"type":"input_audio_buffer.append","audio":"');
const AUDIO_DELTA = latin1('{"type":"response.output_audio.delta"');
const TEXT_DELTA = latin1('{"type":"response.output_audio_transcript.delta"');
const HEADER_BYTES = 8;

// --- base64 by tables ---------------------------------------------------------------------------

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 61;
const codes = Uint8Array.from(ALPHABET, (char) => char.charCodeAt(0));
const values = new Uint8Array(256);
for (let i = 0; i < 64; i++) values[codes[i]] = i;
/** Two characters at once. */
const pairs = Uint16Array.from({ length: 4096 }, (_, i) => codes[i >> 6] | (codes[i & 63] << 8));

function decode(from, start, chars, to, at) {
  let n = chars;
  while (n > 0 && from[start + n - 1] === PAD) n--;
  let i = start;
  const whole = start + (n & ~3);
  for (; i < whole; i += 4) {
    const bits =
      (values[from[i]] << 18) |
      (values[from[i + 1]] << 12) |
      (values[from[i + 2]] << 6) |
      values[from[i + 3]];
    to[at++] = bits >> 16;
    to[at++] = bits >> 8;
    to[at++] = bits;
  }
  const rest = n & 3;
  if (rest > 1) to[at++] = (values[from[i]] << 2) | (values[from[i + 1]] >> 4);
  if (rest > 2) to[at++] = (values[from[i + 1]] << 4) | (values[from[i + 2]] >> 2);
  return at;
}

function encode(from, start, bytes, to, at) {
  let i = start;
  const whole = start + bytes - (bytes % 3);
  for (; i < whole; i += 3) {
    const bits = (from[i] << 16) | (from[i + 1] << 8) | from[i + 2];
    const first = pairs[bits >> 12];
    const second = pairs[bits & 4095];
    to[at++] = first;
    to[at++] = first >> 8;
    to[at++] = second;
    to[at++] = second >> 8;
  }
  const rest = bytes % 3;
  if (rest > 0) {
    const next = rest === 2 ? from[i + 1] : 0;
    to[at++] = codes[from[i] >> 2];
    to[at++] = codes[((from[i] & 3) << 4) | (next >> 4)];
    to[at++] = rest === 2 ? codes[(next & 15) << 2] : PAD;
    to[at++] = PAD;
  }
  return at;
}

function begins(bytes, at, pattern, end) {
  if (at + pattern.length > end) return false;
  for (let i = 0; i < pattern.length; i++) if (bytes[at + i] !== pattern[i]) return false;
  return true;
}

// --- memory that all calls share ----------------------------------------------------------------

const received = new Uint8Array(64 * 1024);
const message = Buffer.allocUnsafeSlow(8 * 1024);
let frame = Buffer.allocUnsafeSlow(8 * 1024);
/** Views of `frame` by length. */
const views = new Map();

/** The kernel has not taken the last frame: it keeps that memory. */
function renewFrame() {
  frame = Buffer.allocUnsafeSlow(8 * 1024);
  APPEND.copy(frame, HEADER_BYTES);
  views.clear();
}
renewFrame();

/** A text frame whose payload is 126 bytes or longer. */
function writeHeader(to, payloadBytes) {
  to[0] = 0x81;
  to[1] = 0x80 | 126;
  to[2] = payloadBytes >> 8;
  to[3] = payloadBytes & 255;
  to.fill(0, 4, HEADER_BYTES);
}

const calls = new Set();

class Call {
  #phone;
  #model;
  #open = false;
  #prefix = null;
  #streamSid = "";
  #payloadAt = 0;
  /** What came of a frame that is not complete. */
  #carry = null;
  #item = "";
  #itemBytes = Buffer.alloc(128);
  #waiting = Buffer.allocUnsafe(64 * 1024);
  #from = 0;
  #to = 0;
  #startedMs = 0;
  #sentBytes = 0;

  constructor(phone) {
    this.#phone = phone;
    const options = {
      host: MODEL.hostname,
      port: Number(MODEL.port || (SECURE ? 443 : 80)),
      onread: {
        buffer: received,
        callback: (length) => {
          this.#read(Buffer.from(received.buffer, 0, length));
          return true;
        },
      },
    };
    this.#model = SECURE ? connectTls(options) : connect(options);
    this.#model.setNoDelay(true);
    this.#model.once(SECURE ? "secureConnect" : "connect", () => this.#upgrade());
    this.#model.on("error", (error) => console.error(error.message));
    this.#model.on("close", () => this.end());
    calls.add(this);
  }

  get waits() {
    return this.#to > this.#from;
  }

  #upgrade() {
    this.#model.write(
      `GET ${MODEL.pathname}${MODEL.search} HTTP/1.1\r\nHost: ${MODEL.host}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
        `Sec-WebSocket-Version: 13\r\nAuthorization: Bearer ${OPENAI_API_KEY}\r\n\r\n`,
    );
  }

  fromPhone(bytes) {
    // {"event":"med…
    if (bytes[10] === 109 && bytes[11] === 101 && bytes[12] === 100) {
      if (!this.#open) return;
      if (!begins(bytes, this.#payloadAt, PAYLOAD, bytes.length))
        this.#payloadAt = bytes.indexOf(PAYLOAD);
      const start = this.#payloadAt + PAYLOAD.length;
      this.#append(bytes, start, bytes.indexOf(QUOTE, start));
      return;
    }
    const told = JSON.parse(bytes.toString("latin1"));
    if (told.event !== "start") return;
    this.#streamSid = told.start.streamSid;
    this.#prefix = latin1(`{"event":"media","streamSid":"${this.#streamSid}","media":{"payload":"`);
  }

  #append(bytes, start, end) {
    let at = HEADER_BYTES + APPEND.length;
    at += bytes.copy(frame, at, start, end);
    frame[at++] = QUOTE;
    frame[at++] = BRACE;
    writeHeader(frame, at - HEADER_BYTES);
    let view = views.get(at);
    if (view === undefined) {
      view = frame.subarray(0, at);
      views.set(at, view);
    }
    this.#model.write(view);
    if (this.#model.writableLength > 0) renewFrame();
  }

  #text(text) {
    const payload = latin1(text);
    const header = Buffer.alloc(payload.length < 126 ? 6 : HEADER_BYTES);
    if (payload.length < 126) header.set([0x81, 0x80 | payload.length]);
    else writeHeader(header, payload.length);
    this.#model.write(Buffer.concat([header, payload]));
  }

  #read(piece) {
    let bytes = piece;
    let at = 0;
    if (this.#carry !== null) {
      bytes = Buffer.concat([this.#carry, piece]);
      this.#carry = null;
    }
    if (!this.#open) {
      const headEnd = bytes.indexOf("\r\n\r\n");
      if (headEnd < 0) {
        this.#carry = Buffer.from(bytes);
        return;
      }
      this.#open = true;
      at = headEnd + 4;
      this.#text(SETUP);
      this.#text(GREET);
    }
    while (bytes.length - at >= 10) {
      let length = bytes[at + 1] & 127;
      let header = 2;
      if (length === 126) {
        length = bytes.readUInt16BE(at + 2);
        header = 4;
      } else if (length === 127) {
        length = bytes.readUIntBE(at + 4, 6);
        header = 10;
      }
      if (bytes.length - at < header + length) break;
      if ((bytes[at] & 15) === 8) this.end();
      else this.#fromModel(bytes, at + header, at + header + length);
      at += header + length;
    }
    // Every message of the model is longer than ten bytes.
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at));
  }

  #fromModel(bytes, start, end) {
    if (begins(bytes, start, AUDIO_DELTA, end)) this.#delta(bytes, start + AUDIO_DELTA.length);
    else if (!begins(bytes, start, TEXT_DELTA, end)) {
      const event = JSON.parse(bytes.toString("utf8", start, end));
      if (event.type === "input_audio_buffer.speech_started") this.#interrupt();
    }
  }

  #delta(bytes, start) {
    const item = bytes.indexOf(ITEM_KEY, start) + ITEM_KEY.length;
    const known = this.#item.length;
    if (known === 0 || bytes.compare(this.#itemBytes, 0, known, item, item + known) !== 0) {
      const itemEnd = bytes.indexOf(QUOTE, item);
      this.#item = bytes.toString("latin1", item, itemEnd);
      bytes.copy(this.#itemBytes, 0, item, itemEnd);
      this.#startedMs = performance.now();
      this.#sentBytes = 0;
      this.#from = 0;
      this.#to = 0;
    }
    const from = bytes.indexOf(DELTA_KEY, start) + DELTA_KEY.length;
    const chars = bytes.indexOf(QUOTE, from) - from;
    this.#reserve(chars);
    this.#to = decode(bytes, from, chars, this.#waiting, this.#to);
    this.pump(performance.now());
  }

  #reserve(bytes) {
    if (this.#to + bytes <= this.#waiting.length) return;
    this.#waiting.copyWithin(0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    if (this.#to + bytes <= this.#waiting.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#waiting.length + bytes);
    this.#waiting.copy(larger, 0, 0, this.#to);
    this.#waiting = larger;
  }

  pump(nowMs) {
    while (this.waits && this.#sentBytes / BYTES_PER_MS - (nowMs - this.#startedMs) < LEAD_MS) {
      const bytes = Math.min(FRAME_BYTES, this.#to - this.#from);
      let at = this.#prefix.copy(message, 0);
      at = encode(this.#waiting, this.#from, bytes, message, at);
      message[at++] = QUOTE;
      message[at++] = BRACE;
      message[at++] = BRACE;
      this.#from += bytes;
      this.#sentBytes += bytes;
      this.#phone?.send(message.subarray(0, at), false, false);
    }
  }

  #interrupt() {
    const elapsedMs = performance.now() - this.#startedMs;
    const sentMs = this.#sentBytes / BYTES_PER_MS;
    if (this.#item === "" || (!this.waits && elapsedMs >= sentMs)) return;
    this.#from = 0;
    this.#to = 0;
    this.#phone?.send(`{"event":"clear","streamSid":"${this.#streamSid}"}`);
    this.#text(
      JSON.stringify({
        type: "conversation.item.truncate",
        item_id: this.#item,
        content_index: 0,
        audio_end_ms: Math.floor(Math.min(elapsedMs, sentMs)),
      }),
    );
    this.#item = "";
  }

  phoneClosed() {
    this.#phone = null;
    this.end();
  }

  end() {
    if (!calls.delete(this)) return;
    this.#phone?.end();
    this.#model.destroy();
  }
}

uws
  .App()
  .get("/health", (response) => response.end("ok"))
  .post("/incoming-call", (response) => {
    let gone = false;
    response.onAborted(() => {
      gone = true;
    });
    response.onData((_chunk, isLast) => {
      if (isLast && !gone)
        response.cork(() => response.writeHeader("content-type", "text/xml").end(TWIML));
    });
  })
  .ws("/media-stream", {
    compression: 0,
    idleTimeout: 120,
    maxBackpressure: 8 * 1024 * 1024,
    upgrade: (response, request, context) =>
      response.upgrade({ call: null }, request.getHeader("sec-websocket-key"), "", "", context),
    open: (socket) => {
      socket.getUserData().call = new Call(socket);
    },
    message: (socket, bytes) => socket.getUserData().call.fromPhone(Buffer.from(bytes)),
    close: (socket) => socket.getUserData().call.phoneClosed(),
  })
  .listen("127.0.0.1", Number(PORT), (token) => {
    if (!token) process.exit(1);
  });

setInterval(() => {
  const nowMs = performance.now();
  for (const call of calls) if (call.waits) call.pump(nowMs);
}, FRAME_MS);
process.on("SIGTERM", () => process.exit(0));
