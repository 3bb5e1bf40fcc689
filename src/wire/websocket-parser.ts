import {
  BINARY,
  CLOSE,
  CONTINUATION,
  isCloseCode,
  MAX_CONTROL_BYTES,
  PING,
  PONG,
  TEXT,
} from "./websocket-frames.js";

/**
 * A violation by the server, with the close code that answers it. Source: RFC 6455, sections 5,
 * 7.4.
 */
export const FRAME_FAULTS = {
  reserved_bits: 1002,
  opcode_unknown: 1002,
  masked: 1002,
  control_fragmented: 1002,
  control_too_long: 1002,
  continuation_without_start: 1002,
  message_unfinished: 1002,
  close_payload: 1002,
  close_code: 1002,
  message_too_long: 1009,
} as const;

export type FrameFault = keyof typeof FRAME_FAULTS;

/** Every `payload` is valid only until the call returns. */
export interface FrameSink {
  /** One whole message. Text is not checked: decoding it replaces bad UTF-8. */
  message(payload: Uint8Array, binary: boolean): void;
  ping(payload: Uint8Array): void;
  pong(): void;
  /** The last event. 1005: the close frame held no code. */
  closeFrame(code: number, reason: string): void;
  /** The last event: what follows cannot be read. */
  faulted(fault: FrameFault): void;
}

/** The most memory that is taken for a message in pieces on the word of its header alone. */
const FIRST_BYTES = 64 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * Reads what a server sends, in pieces of any size. A message that lies whole within a piece is not
 * copied. Any other message is put together in memory of its own, which is released with it: an
 * idle parser holds no memory.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #maxMessageBytes: number;

  /** The part of a frame that the next byte belongs to. */
  #state: "start" | "length" | "long_length" | "payload" | "over" = "start";
  /** Of the present frame. */
  #opcode = 0;
  #final = false;
  #frameBytes = 0;
  #lengthBytesLeft = 0;
  #frameBytesRead = 0;
  /** Opcode of the present message: TEXT or BINARY, or CONTINUATION when none has begun. */
  #kind: typeof TEXT | typeof BINARY | typeof CONTINUATION = CONTINUATION;
  #message = NOTHING;
  #messageBytes = 0;
  /** A control frame that came in pieces; it may stand between the frames of a message. */
  #control = NOTHING;

  constructor(sink: FrameSink, maxMessageBytes: number) {
    this.#sink = sink;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** True: no more events, not even for the present piece. */
  stop(): void {
    this.#state = "over";
    this.#message = NOTHING;
    this.#control = NOTHING;
  }

  /** @param bytes  the next piece is `bytes[start … end)`; it is used only until this returns. */
  read(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case "start":
          this.#onStart(bytes[at++]!);
          break;
        case "length":
          this.#onLength(bytes[at++]!);
          break;
        case "long_length":
          this.#frameBytes = this.#frameBytes * 256 + bytes[at++]!;
          if (--this.#lengthBytesLeft === 0) this.#onHeader();
          break;
        case "payload":
          at = this.#onPayload(bytes, at, end);
          break;
        case "over":
          return;
      }
    }
  }

  #onStart(byte: number): void {
    const opcode = byte & 0x0f;
    this.#opcode = opcode;
    this.#final = (byte & 0x80) !== 0;
    this.#state = "length";
    if ((byte & 0x70) !== 0) this.#fail("reserved_bits");
    else if (opcode === TEXT || opcode === BINARY) {
      if (this.#kind !== CONTINUATION) this.#fail("message_unfinished");
      else this.#kind = opcode;
    } else if (opcode === CONTINUATION) {
      if (this.#kind === CONTINUATION) this.#fail("continuation_without_start");
    } else if (opcode !== CLOSE && opcode !== PING && opcode !== PONG) this.#fail("opcode_unknown");
    else if (!this.#final) this.#fail("control_fragmented");
  }

  #onLength(byte: number): void {
    const length = byte & 0x7f;
    if ((byte & 0x80) !== 0) {
      this.#fail("masked");
    } else if (length < 126) {
      this.#frameBytes = length;
      this.#onHeader();
    } else if (this.#opcode >= CLOSE) {
      this.#fail("control_too_long");
    } else {
      this.#frameBytes = 0;
      this.#lengthBytesLeft = length === 126 ? 2 : 8;
      this.#state = "long_length";
    }
  }

  #onHeader(): void {
    this.#frameBytesRead = 0;
    if (this.#opcode < CLOSE && this.#messageBytes + this.#frameBytes > this.#maxMessageBytes) {
      this.#fail("message_too_long");
    } else if (this.#frameBytes === 0) {
      this.#state = "start";
      if (this.#opcode >= CLOSE) this.#onControl(NOTHING);
      else if (this.#final) this.#onMessage(this.#message.subarray(0, this.#messageBytes));
    } else {
      this.#state = "payload";
    }
  }

  #onPayload(bytes: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#frameBytes - this.#frameBytesRead);
    const whole = stop - at === this.#frameBytes;
    if (this.#opcode >= CLOSE) this.#onControlPayload(bytes, at, stop, whole);
    else if (whole && this.#final && this.#messageBytes === 0) {
      this.#state = "start";
      this.#onMessage(bytes.subarray(at, stop));
    } else {
      this.#keep(bytes, at, stop);
      if (this.#frameBytesRead === this.#frameBytes) {
        this.#state = "start";
        if (this.#final) this.#onMessage(this.#message.subarray(0, this.#messageBytes));
      }
    }
    return stop;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const from = this.#messageBytes;
    const until = from + end - start;
    if (until > this.#message.length) {
      const announced = from + this.#frameBytes - this.#frameBytesRead;
      const room = Math.max(
        until,
        Math.min(announced, Math.max(2 * this.#message.length, FIRST_BYTES)),
      );
      const larger = new Uint8Array(Buffer.allocUnsafeSlow(room).buffer);
      larger.set(this.#message.subarray(0, from));
      this.#message = larger;
    }
    this.#message.set(bytes.subarray(start, end), from);
    this.#messageBytes = until;
    this.#frameBytesRead += end - start;
  }

  #onMessage(payload: Uint8Array): void {
    const binary = this.#kind === BINARY;
    this.#kind = CONTINUATION;
    this.#message = NOTHING;
    this.#messageBytes = 0;
    this.#sink.message(payload, binary);
  }

  #onControlPayload(bytes: Uint8Array, start: number, end: number, whole: boolean): void {
    if (whole) {
      this.#state = "start";
      this.#onControl(bytes.subarray(start, end));
      return;
    }
    if (this.#control.length === 0) this.#control = new Uint8Array(MAX_CONTROL_BYTES);
    this.#control.set(bytes.subarray(start, end), this.#frameBytesRead);
    this.#frameBytesRead += end - start;
    if (this.#frameBytesRead < this.#frameBytes) return;
    const payload = this.#control.subarray(0, this.#frameBytes);
    this.#control = NOTHING;
    this.#state = "start";
    this.#onControl(payload);
  }

  #onControl(payload: Uint8Array): void {
    if (this.#opcode === PING) this.#sink.ping(payload);
    else if (this.#opcode === PONG) this.#sink.pong();
    else if (payload.length === 1) this.#fail("close_payload");
    else this.#onClose(payload);
  }

  #onClose(payload: Uint8Array): void {
    const code = payload.length === 0 ? null : payload[0]! * 256 + payload[1]!;
    if (code !== null && !isCloseCode(code)) {
      this.#fail("close_code");
      return;
    }
    this.stop();
    this.#sink.closeFrame(code ?? 1005, new TextDecoder().decode(payload.subarray(2)));
  }

  #fail(fault: FrameFault): void {
    this.stop();
    this.#sink.faulted(fault);
  }
}
