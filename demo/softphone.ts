/**
 * A phone for the browser: a WebSocket on loopback, over which the console's Talk page places a
 * call through the simulated Twilio. Binary messages are 20 ms of 16-bit linear sound at 8 kHz,
 * both ways. Texts are JSON:
 *
 *     to the phone      {"type":"call"}  {"type":"key","digit":"0"}  {"type":"hang_up"}
 *     from the phone    {"type":"state","state":STATE,"callSid":…}  {"type":"clear"}
 *
 * STATE is "calling", "talking", "with_human" or "ended".
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { Pacer, realClock } from "../sim/clock.js";
import type { CallEvent } from "../sim/event-log.js";
import type { Leg } from "../sim/twilio/leg.js";
import type { MediaStream, StreamHooks } from "../sim/twilio/media-stream.js";
import type { PlaceCall } from "../sim/twilio.js";
import { Earpiece, MicrophoneVoice } from "./handset.js";

const FRAME_PCM_BYTES = 320;
/** Browser windows at the same time; more are refused. */
const MOST_PHONES = 4;
const MAX_MESSAGE_BYTES = 4_096;

/** Leads each call's audio to its phone: given to the simulated Twilio before there are phones. */
export class SoftphoneLines {
  readonly #lines = new Set<Line>();
  readonly hooks: StreamHooks = {
    onMedia: (stream, bytes) => this.#lineOf(stream)?.earpiece.media(bytes),
    onClear: (stream) => this.#lineOf(stream)?.cleared(),
  };

  get lines(): Set<Line> {
    return this.#lines;
  }

  #lineOf(stream: MediaStream): Line | undefined {
    return [...this.#lines].find(({ callSid }) => callSid === stream.fields.callSid);
  }
}

export interface SoftphoneParts {
  readonly lines: SoftphoneLines;
  /** Places the call; `voice` is the caller's. */
  readonly place: (call: Pick<PlaceCall, "voice">) => Leg;
  /** Pages of these origins may use it. */
  readonly origins: readonly string[];
}

type State = "calling" | "talking" | "with_human" | "ended";

export class Softphone {
  readonly #parts: SoftphoneParts;
  readonly #path = `/phone/${randomBytes(24).toString("base64url")}`;
  readonly #http = createServer((_request, response) => response.writeHead(404).end());
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  readonly #pacer = new Pacer(realClock);
  readonly #lines: Set<Line>;

  constructor(parts: SoftphoneParts) {
    this.#parts = parts;
    this.#lines = parts.lines.lines;
    this.#http.on("upgrade", (request, socket, head) => {
      const known =
        sameText(request.url ?? "", this.#path) &&
        parts.origins.includes(request.headers.origin ?? "");
      if (!known || this.#lines.size >= MOST_PHONES) {
        const status = known ? "503 Service Unavailable" : "403 Forbidden";
        socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#join(webSocket));
    });
  }

  /** @returns its address, the secret included. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(0, "127.0.0.1", resolve);
    });
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}${this.#path}`;
  }

  close(): void {
    for (const line of [...this.#lines]) line.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  #join(socket: WebSocket): void {
    const line = new Line(socket, this.#parts.place, this.#pacer, () => this.#lines.delete(line));
    this.#lines.add(line);
  }
}

/** One browser at the phone. */
class Line {
  readonly earpiece = new Earpiece();
  readonly #socket: WebSocket;
  readonly #voice = new MicrophoneVoice();
  readonly #leave: () => void;
  readonly #gone: () => void;
  #leg: Leg | null = null;
  #unwatch: () => void = () => {};

  constructor(socket: WebSocket, place: SoftphoneParts["place"], pacer: Pacer, gone: () => void) {
    this.#socket = socket;
    this.#gone = gone;
    this.#leave = pacer.join({
      tick: (nowMs) => {
        for (const frame of this.earpiece.due(nowMs)) this.#send(Buffer.from(frame.buffer));
      },
    });
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.#microphone(data);
      else this.#command(data.toString(), place);
    });
    // A socket that fails closes too.
    socket.on("error", () => {});
    socket.on("close", () => this.close());
  }

  get callSid(): string | null {
    return this.#leg?.sid ?? null;
  }

  cleared(): void {
    this.earpiece.clear();
    this.#send('{"type":"clear"}');
  }

  /** Closing the page hangs up. Idempotent. */
  close(): void {
    this.#leave();
    this.#unwatch();
    this.#leg?.hangUp();
    this.#socket.close();
    this.#gone();
  }

  #microphone(data: Buffer): void {
    if (data.length !== FRAME_PCM_BYTES) return;
    // Copied: `data` need not begin at an even address.
    this.#voice.push(new Int16Array(Uint8Array.from(data).buffer));
  }

  #command(text: string, place: SoftphoneParts["place"]): void {
    const message = parsed(text);
    switch (message["type"]) {
      case "call":
        if (this.#leg === null) this.#call(place);
        return;
      case "key":
        if (typeof message["digit"] === "string" && /^[0-9*#]$/.test(message["digit"]))
          void this.#leg?.press(message["digit"]);
        return;
      case "hang_up":
        this.#leg?.hangUp();
        return;
      default:
        return;
    }
  }

  #call(place: SoftphoneParts["place"]): void {
    const leg = place({ voice: this.#voice });
    this.#leg = leg;
    this.#report("calling");
    this.#unwatch = leg.events.watch((entry) => {
      const state = stateAfter(entry);
      if (state !== null) this.#report(state);
      // The caller has been moved on: the rest of the agent's speech is not played.
      if (entry.kind === "stream_closed") this.cleared();
    });
  }

  #report(state: State): void {
    this.#send(JSON.stringify({ type: "state", state, callSid: this.callSid }));
  }

  #send(message: string | Buffer): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(message);
  }
}

function stateAfter({ kind }: CallEvent): State | null {
  switch (kind) {
    case "stream_started":
      return "talking";
    case "conference_joined":
    case "dial_bridged":
      return "with_human";
    case "ended":
      return "ended";
    default:
      return null;
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // The console sends JSON alone: anything else is ignored.
    return {};
  }
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
