import type { CallSid } from "../domain/ids.js";
import type { Log } from "./log.js";

/** The Twilio side of one call: an accepted Media Streams WebSocket. */
export interface MediaSocket {
  /** Sends one text message. The bytes are copied before it returns. False: not sent. */
  send(message: Uint8Array): boolean;
  /** Runs `write` at once, so that all its sends leave in one system call. */
  cork(write: () => void): void;
  /** Bytes that the kernel has not taken yet. */
  bufferedBytes(): number;
  /** Idempotent. 1000 normal, 1008 refused, 1011 a fault of ours. */
  close(code: number, reason: string): void;
}

/** Gets what arrives on a MediaSocket. `message` is valid only until the call returns. */
export interface MediaReceiver {
  message(message: Uint8Array): void;
  /** Once, last. */
  closed(code: number): void;
  /** The log of the call that this stream belongs to; absent while that is not known. */
  readonly log?: Log | undefined;
}

export interface UpstreamSocket {
  /** Sends one text message. The bytes are copied before it returns. */
  send(message: Uint8Array): void;
  /** Bytes that were given to `send` and that the kernel has not taken yet. */
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

export interface UpstreamSocketEvents {
  opened(): void;
  /** `message` is valid only until the call returns. */
  message(message: Uint8Array): void;
  /** Once, last; also when the dial failed (then `opened` never came). */
  closed(failure: UpstreamClose): void;
  /** The log of the call that this socket belongs to; absent: it belongs to none. */
  readonly log?: Log;
}

export interface UpstreamClose {
  /** WebSocket close code; 1006 when there was no close frame; 0 when the handshake never ended. */
  readonly code: number;
  readonly reason: string;
  /** The HTTP status when the handshake was refused, else null. */
  readonly httpStatus: number | null;
}

/** Opens sockets to the model. Each dial opens a new one. */
export interface UpstreamDialer {
  dial(url: string, events: UpstreamSocketEvents): UpstreamSocket;
}

/** An operator who listens to a call. */
export interface ListenerSocket {
  /** The bytes are copied before it returns. Does nothing once closed. */
  send(message: Uint8Array, isBinary: boolean): void;
  /** Bytes that the kernel has not taken yet. */
  bufferedBytes(): number;
  /** Idempotent. */
  close(code: number, reason: string): void;
}

/**
 * A connection to the process that has a call, for a listener or a stream that came here instead.
 * What arrives before `begin` is kept, up to a bound.
 */
export interface PeerConnection {
  /** Once. Everything that has arrived is reported first, then what arrives. */
  begin(events: PeerConnectionEvents): void;
  /** One message. The bytes are copied before it returns. */
  send(message: Uint8Array, isBinary: boolean): void;
  /** Bytes that the kernel has not taken yet. */
  bufferedBytes(): number;
  /** Idempotent. */
  close(code: number, reason: string): void;
}

export interface PeerConnectionEvents {
  /** `message` is valid only until the call returns. */
  message(message: Uint8Array, isBinary: boolean): void;
  /** Once, last. 1006: without a close frame. */
  closed(code: number, reason: string): void;
}

/** `listen`: the audio of a call, for an operator. `stream`: a Media Stream of Twilio's. */
export type PeerPurpose = "listen" | "stream";

export interface PeerDialer {
  /**
   * Connects to the process with a call. Bounded in time, and never rejects.
   *
   * @param url     of that process's operator listener.
   * @param ticket  what it gave for this one connection.
   * @returns       null: it cannot be reached, or does not take the ticket.
   */
  dial(
    url: string,
    callSid: CallSid,
    purpose: PeerPurpose,
    ticket: string,
  ): Promise<PeerConnection | null>;
}

/** Gets what arrives on a ListenerSocket. */
export interface ListenerReceiver {
  /** The microphone: mu-law at 8 kHz, valid only until the call returns. */
  audio(ulaw: Uint8Array): void;
  /** Once, last, with the code of the WebSocket. */
  closed(code: number): void;
}
