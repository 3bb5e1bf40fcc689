import type { Random } from "../random.js";
import { Link } from "./link.js";
import { PhoneSocket } from "./phone-socket.js";
import type { Network } from "./scenario.js";

export interface LineEvents {
  opened(): void;
  /**
   * One text message of the relay, which left the relay's end of the network at `leftMs`. `bytes`
   * is valid until this returns.
   */
  text(bytes: Buffer, start: number, end: number, leftMs: number): void;
  /**
   * The frame that was given to `send` with this number has reached the relay's end of the network.
   */
  delivered(seq: number, atMs: number): void;
  /** Once, last. `refused` is the HTTP status of a refused upgrade, else null. */
  closed(code: number, refused: number | null): void;
}

/** Messages on their way in one direction. They arrive in order. */
class Transit {
  readonly #link: Link;
  readonly #queue: { readonly atMs: number; readonly arrive: () => void }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(link: Link) {
    this.#link = link;
  }

  send(arrive: () => void): void {
    const nowMs = performance.now();
    this.#queue.push({ atMs: this.#link.arrivalMs(nowMs), arrive });
    if (this.#timer === null) this.#arm(nowMs);
  }

  #arm(nowMs: number): void {
    const next = this.#queue[0];
    if (next === undefined) return;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, next.atMs - nowMs));
  }

  #run(): void {
    this.#timer = null;
    const nowMs = performance.now();
    // Timers are set in whole milliseconds: what is due within the next one arrives now.
    while (this.#queue.length > 0 && this.#queue[0]!.atMs < nowMs + 0.5)
      this.#queue.shift()!.arrive();
    this.#arm(nowMs);
  }
}

/**
 * The WebSocket of one call with the network between phone and relay. Without a network it passes
 * everything on at once and copies nothing.
 */
export class PhoneLine {
  readonly #events: LineEvents;
  readonly #socket: PhoneSocket;
  readonly #up: Transit | null;

  /** @param network  null: none. */
  constructor(
    url: URL,
    headers: Readonly<Record<string, string>>,
    network: Network | null,
    random: Random,
    events: LineEvents,
  ) {
    this.#events = events;
    const [up, down] =
      network === null
        ? [null, null]
        : [
            new Transit(new Link(network.toRelay, random)),
            new Transit(new Link(network.toPhone, random)),
          ];
    this.#up = up;
    this.#socket = new PhoneSocket(url, headers, {
      opened: () => events.opened(),
      text: (bytes, start, end) => {
        const leftMs = performance.now();
        if (down === null) {
          events.text(bytes, start, end, leftMs);
          return;
        }
        const copy = Buffer.from(bytes.subarray(start, end));
        down.send(() => events.text(copy, 0, copy.length, leftMs));
      },
      closed: (code, refused) => {
        if (down === null) events.closed(code, refused);
        else down.send(() => events.closed(code, refused));
      },
    });
  }

  /**
   * Sends a whole WebSocket frame as it goes onto the wire.
   *
   * @param seq  number of the caller frame in it; -1: none.
   * @returns    false: it is not out yet, and the buffer must be left alone.
   */
  send(frame: Buffer, seq: number): boolean {
    if (this.#up === null) {
      this.#events.delivered(seq, performance.now());
      return this.#socket.sendFrame(frame);
    }
    const copy = Buffer.from(frame);
    this.#up.send(() => {
      this.#events.delivered(seq, performance.now());
      this.#socket.sendFrame(copy);
    });
    return true;
  }

  sendText(text: string): void {
    if (this.#up === null) this.#socket.sendText(text);
    else this.#up.send(() => this.#socket.sendText(text));
  }

  close(code: number): void {
    if (this.#up === null) this.#socket.close(code);
    else this.#up.send(() => this.#socket.close(code));
  }
}
