/**
 * Measures what operators who listen to one call cost the other calls. Windows with listeners and
 * windows without alternate in one run, so both see the same load and the same disturbances.
 */
import { WebSocket } from "ws";
import { median } from "../median.js";
import { Histogram } from "./histogram.js";
import { readProcess } from "./process-meter.js";

const SECOND_MS = 1000;
/** Each window, its first second included, which is not measured: listeners come and go in it. */
export const WINDOW_S = 6;
const HEADER_BYTES = 8;

/** What was measured in the windows of one kind, a value each. */
interface Windows {
  readonly p99Ms: number[];
  readonly gapMs: number[];
  readonly cpuMs: number[];
}

export interface ListenerWindowsParts {
  readonly listeners: number;
  /** `ws://…` of the relay's operator listener. */
  readonly operatorUrl: string;
  /** The relay's process; null: its CPU is not measured. */
  readonly pid: number | null;
  readonly calls: () => number;
  /** The call that is listened to: one that is up from the first to the last second. */
  readonly callId: number;
  readonly callSid: string;
}

export class ListenerWindows {
  /** Of the call that is listened to: its own figures do not count. */
  readonly callId: number;
  /** Caller → model of all others while the caller talks, in the present window. */
  readonly #uplink = new Histogram();
  #longestGapMs = 0;
  readonly #parts: ListenerWindowsParts;
  readonly #with: Windows = { p99Ms: [], gapMs: [], cpuMs: [] };
  readonly #without: Windows = { p99Ms: [], gapMs: [], cpuMs: [] };
  #sockets: WebSocket[] = [];
  #isListened = false;
  #second = 0;
  #cpuFromMs: number | null = null;
  #fromMs = 0;
  #heardBytes = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: ListenerWindowsParts) {
    this.#parts = parts;
    this.callId = parts.callId;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), SECOND_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#leave();
  }

  /** A frame of another call has reached the model. @param gapMs  since its last; null: no last. */
  arrived(transitMs: number, gapMs: number | null): void {
    this.#uplink.record(transitMs);
    if (gapMs !== null && gapMs > this.#longestGapMs) this.#longestGapMs = gapMs;
  }

  #tick(): void {
    this.#second += 1;
    if (this.#second === 1) this.#measure();
    if (this.#second < WINDOW_S) return;
    this.#end();
    this.#second = 0;
    this.#isListened = !this.#isListened;
    if (this.#isListened) this.#join();
    else this.#leave();
  }

  #measure(): void {
    this.#uplink.reset();
    this.#longestGapMs = 0;
    this.#cpuFromMs = this.#cpuMs();
    this.#fromMs = performance.now();
  }

  #end(): void {
    if (this.#uplink.count === 0) return;
    const windows = this.#isListened ? this.#with : this.#without;
    windows.p99Ms.push(this.#uplink.quantileMs(0.99));
    windows.gapMs.push(this.#longestGapMs);
    const cpuMs = this.#cpuMs();
    const callSeconds = (this.#parts.calls() * (performance.now() - this.#fromMs)) / SECOND_MS;
    if (cpuMs !== null && this.#cpuFromMs !== null && callSeconds > 0)
      windows.cpuMs.push((cpuMs - this.#cpuFromMs) / callSeconds);
  }

  #cpuMs(): number | null {
    return this.#parts.pid === null ? null : (readProcess(this.#parts.pid)?.cpuMs ?? null);
  }

  #join(): void {
    const { listeners, operatorUrl, callSid } = this.#parts;
    for (let n = 0; n < listeners; n++) {
      const socket = new WebSocket(`${operatorUrl}/api/calls/${callSid}/listen`);
      this.#sockets.push(socket);
      socket.on("message", (data: Buffer, isBinary) => {
        if (isBinary) this.#heardBytes += data.length - HEADER_BYTES;
      });
      socket.on("error", () => {
        this.#failures += 1;
      });
    }
  }

  #leave(): void {
    for (const socket of this.#sockets.splice(0)) socket.close();
  }

  figures(): Readonly<Record<string, number | null>> {
    return {
      listeners: this.#parts.listeners,
      listener_windows: this.#with.p99Ms.length,
      listeners_failed: this.#failures,
      listener_heard_s: Math.round(this.#heardBytes / 8_000),
      ...compared("uplink_p99", "_ms", this.#with.p99Ms, this.#without.p99Ms),
      ...compared("uplink_gap_max", "_ms", this.#with.gapMs, this.#without.gapMs),
      ...compared("cpu_ms_per_call_second", "", this.#with.cpuMs, this.#without.cpuMs),
    };
  }
}

/** The medians of the windows of each kind. */
function compared(
  name: string,
  unit: string,
  withThem: readonly number[],
  without: readonly number[],
): Record<string, number | null> {
  return {
    [`${name}_listened${unit}`]: rounded(median(withThem)),
    [`${name}_unlistened${unit}`]: rounded(median(without)),
    [`${name}_unlistened_min${unit}`]: rounded(without.length === 0 ? null : Math.min(...without)),
    [`${name}_unlistened_max${unit}`]: rounded(without.length === 0 ? null : Math.max(...without)),
  };
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
