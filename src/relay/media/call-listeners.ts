import { msToBytes } from "../../codec/frame.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { ListenerSocket } from "../../ports/sockets.js";
import type { CallEventLog } from "../call/call-event-log.js";

/** Sees the audio of a call as it passes. It copies the bytes before it returns. */
export interface AudioTap {
  /** As the caller's phone sent it. */
  caller(ulaw: Uint8Array, start: number, end: number): void;
  /** As it was sent to the caller's phone. */
  agent(ulaw: Uint8Array, start: number, end: number): void;
  /** The phone drops what it has not played. */
  cleared(): void;
}

/** The first byte of a message says whose voice it holds. */
export const FROM_CALLER = 0;
export const FROM_AGENT = 1;
/** Instead of the agent, while a supervisor has taken over. */
export const FROM_SUPERVISOR = 2;
const DIRECTIONS = [FROM_CALLER, FROM_AGENT, FROM_SUPERVISOR];
/**
 * A message's header: direction (1 byte), three zero bytes, and when its first sample passed, in ms
 * since the call began (32 bits, little-endian).
 */
export const HEADER_BYTES = 8;

/**
 * Audio of this length leaves in one message. A message for each frame would cost three times the
 * work, at the expense of calls. A listener hears it as delay.
 */
const SEND_EVERY_MS = 60;
/** Far more than comes in that time. A longer burst leaves in several messages. */
const MAX_MESSAGE_BYTES = HEADER_BYTES + msToBytes(1_000);
/** The most audio that a listener's connection may hold back: four seconds of both directions. */
export const MAX_BACKLOG_BYTES = 64 * 1024;
export const MAX_LISTENERS = 16;

const NORMAL = 1000;
const FAILED = 1011;
const TRY_AGAIN = 1013;

/** The audio of one direction since the last message. */
class Pending {
  readonly message = new Uint8Array(MAX_MESSAGE_BYTES);
  readonly #view = new DataView(this.message.buffer);
  length = HEADER_BYTES;

  constructor(direction: number) {
    this.message[0] = direction;
  }

  get isEmpty(): boolean {
    return this.length === HEADER_BYTES;
  }

  begin(atMs: number): void {
    this.#view.setUint32(4, atMs, true);
  }

  /** @returns how many bytes had room. */
  add(ulaw: Uint8Array, start: number, end: number): number {
    const bytes = Math.min(end - start, MAX_MESSAGE_BYTES - this.length);
    this.message.set(ulaw.subarray(start, start + bytes), this.length);
    this.length += bytes;
    return bytes;
  }
}

/** Why a listener has gone. `no_audio`: Twilio sends no audio of the call. */
export type LeaveReason = "left" | "too_slow" | "call_ended" | "no_audio";

export interface JoinedListener {
  readonly id: number;
  /** To be called when the listener has gone. */
  left(reason: LeaveReason): void;
}

interface Listener {
  /** Number within the call, from 1. */
  readonly id: number;
  readonly by: string;
  readonly socket: ListenerSocket;
}

/**
 * The operators who listen to one call. While there are none the call has no tap. A listener whose
 * connection does not keep up is dropped; the call never waits for one.
 */
export class CallListeners implements AudioTap {
  readonly #audio: { tap(tap: AudioTap | null): void };
  readonly #leadMs: number;
  readonly #eventLog: Pick<CallEventLog, "atMs" | "note">;
  /** By direction. Empty while there is no listener, because each takes 8 KB. */
  #pending: readonly Pending[] = [];
  #listeners: readonly Listener[] = [];
  #ids = 0;
  #timer: Timer | null = null;
  #isOver = false;
  #speaker = FROM_AGENT;

  /** @param leadMs  the tap gets the agent's audio at most this long before the phone plays it. */
  constructor(
    audio: { tap(tap: AudioTap | null): void },
    leadMs: number,
    eventLog: Pick<CallEventLog, "atMs" | "note">,
  ) {
    this.#audio = audio;
    this.#leadMs = leadMs;
    this.#eventLog = eventLog;
  }

  /** No further listener may join. */
  get isFull(): boolean {
    return this.#listeners.length >= MAX_LISTENERS;
  }

  /**
   * @param by     the operator's name.
   * @param clock  the process's own clock: listeners are not part of a flight recording.
   * @returns      null: the call is over, or has too many listeners.
   */
  join(by: string, socket: ListenerSocket, clock: Clock): JoinedListener | null {
    if (this.#isOver || this.isFull) return null;
    this.#ids += 1;
    const listener: Listener = { id: this.#ids, by, socket };
    const { id } = listener;
    if (this.#listeners.length === 0) {
      this.#pending = DIRECTIONS.map((direction) => new Pending(direction));
      this.#audio.tap(this);
      this.#sendLater(clock);
    }
    this.#listeners = [...this.#listeners, listener];
    this.#eventLog.note("listener_joined", { by, listener: id });
    const { atMs } = this.#eventLog;
    sendJson(socket, { type: "started", listener: id, atMs, leadMs: this.#leadMs });
    return { id, left: (reason) => this.#leave(listener, reason) };
  }

  has(id: number, by: string): boolean {
    return this.#listeners.some((listener) => listener.id === id && listener.by === by);
  }

  /** From now on the phone gets the supervisor's voice (true) or the agent's. */
  supervisorSpeaks(speaks: boolean): void {
    this.#send();
    this.#speaker = speaks ? FROM_SUPERVISOR : FROM_AGENT;
  }

  // --- from the call's audio ---------------------------------------------------------------------

  caller(ulaw: Uint8Array, start: number, end: number): void {
    this.#add(FROM_CALLER, ulaw, start, end);
  }

  agent(ulaw: Uint8Array, start: number, end: number): void {
    this.#add(this.#speaker, ulaw, start, end);
  }

  cleared(): void {
    this.#send();
    for (const { socket } of this.#listeners)
      sendJson(socket, { type: "cleared", atMs: this.#eventLog.atMs });
  }

  /** The call is over. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#send();
    for (const listener of this.#listeners) {
      sendJson(listener.socket, { type: "ended", atMs: this.#eventLog.atMs });
      this.#drop(listener, "call_ended", NORMAL);
    }
  }

  /** The relay cannot get the call's audio: drops all listeners. */
  fail(): void {
    for (const listener of this.#listeners) this.#drop(listener, "no_audio", FAILED);
  }

  #add(direction: number, ulaw: Uint8Array, start: number, end: number): void {
    const pending = this.#pending[direction];
    if (pending === undefined) return;
    let from = start;
    while (from < end) {
      if (pending.isEmpty) pending.begin(this.#eventLog.atMs);
      const taken = pending.add(ulaw, from, end);
      from += taken;
      if (taken > 0) continue;
      this.#send();
      // All listeners were too slow and were dropped.
      if (this.#listeners.length === 0) return;
    }
  }

  // --- to the listeners --------------------------------------------------------------------------

  #sendLater(clock: Clock): void {
    this.#timer = clock.after(SEND_EVERY_MS, () => {
      this.#send();
      if (this.#listeners.length > 0) this.#sendLater(clock);
    });
  }

  #send(): void {
    for (const pending of this.#pending) {
      if (pending.isEmpty) continue;
      const message = pending.message.subarray(0, pending.length);
      for (const listener of this.#listeners) {
        if (listener.socket.bufferedBytes() > MAX_BACKLOG_BYTES)
          this.#drop(listener, "too_slow", TRY_AGAIN);
        else listener.socket.send(message, true);
      }
      pending.length = HEADER_BYTES;
    }
  }

  #drop(listener: Listener, reason: LeaveReason, code: number): void {
    this.#leave(listener, reason);
    listener.socket.close(code, reason);
  }

  #leave(listener: Listener, reason: LeaveReason): void {
    if (!this.#listeners.includes(listener)) return;
    this.#listeners = this.#listeners.filter((one) => one !== listener);
    this.#eventLog.note("listener_left", { by: listener.by, listener: listener.id, reason });
    if (this.#listeners.length > 0) return;
    this.#audio.tap(null);
    this.#timer?.cancel();
    this.#pending = [];
  }
}

function sendJson(socket: ListenerSocket, message: object): void {
  socket.send(new TextEncoder().encode(JSON.stringify(message)), false);
}
