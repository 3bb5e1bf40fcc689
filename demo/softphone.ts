/**
 * A phone for the browser: a WebSocket on loopback, over which the console's Talk page places a
 * call through the simulated Twilio. Binary messages are 20 ms of 16-bit linear sound at 8 kHz,
 * both ways. Texts are JSON:
 *
 *     to the phone      {"type":"call","agent"?:NAME,"number"?:E164}  {"type":"key","digit":"0"}
 *                       {"type":"say","text":TEXT}  {"type":"hang_up"}  {"type":"watch"}
 *     from the phone    {"type":"state","state":STATE,"callSid":…}  {"type":"clear"}
 *                       {"type":"refused","problem":TEXT}  {"type":"setup","setup":{…}}
 *
 * STATE is "calling", "talking", "with_human" or "ended". "say" is a turn of the caller in text. A
 * socket that watches is told what can be called, now and after each change, where there is a
 * choice; it places no call.
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
/** Sockets at the same time, two for each browser window; more are refused. */
const MOST_PHONES = 8;
/** Of a turn that is typed, in characters. */
const MAX_TEXT = 2_000;
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
  /** Places the call. */
  readonly place: (call: PlacedByPhone) => Leg;
  /**
   * Gives the agent a turn of the caller in text. Absent: texts are refused.
   *
   * @returns what is wrong, or null.
   */
  readonly say?: (callSid: string, text: string) => Promise<string | null>;
  /** What can be called. Absent: there is no choice. */
  readonly setup?: PhoneSetup;
  /** Pages of these origins may use it. */
  readonly origins: readonly string[];
}

/** `voice` is the caller's; agent and number are the user's choice, null where there was none. */
export interface PlacedByPhone extends Pick<PlaceCall, "voice"> {
  readonly agent: string | null;
  readonly number: string | null;
}

/** A value that changes, sent to the page as JSON. */
export interface PhoneSetup {
  readonly current: object;
  /** @returns how to stop listening. */
  watch(changed: () => void): () => void;
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
    const line = new Line(socket, this.#parts, this.#pacer, () => this.#lines.delete(line));
    this.#lines.add(line);
  }
}

/** One browser at the phone. */
class Line {
  readonly earpiece = new Earpiece();
  readonly #socket: WebSocket;
  readonly #voice = new MicrophoneVoice();
  readonly #parts: SoftphoneParts;
  readonly #leave: () => void;
  readonly #gone: () => void;
  #leg: Leg | null = null;
  #unwatch: () => void = () => {};

  constructor(socket: WebSocket, parts: SoftphoneParts, pacer: Pacer, gone: () => void) {
    this.#socket = socket;
    this.#parts = parts;
    this.#gone = gone;
    this.#leave = pacer.join({
      tick: (nowMs) => {
        for (const frame of this.earpiece.due(nowMs)) this.#send(Buffer.from(frame.buffer));
      },
    });
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.#microphone(data);
      else this.#command(data.toString());
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

  #command(text: string): void {
    const message = parsed(text);
    switch (message["type"]) {
      case "call":
        if (this.#leg === null) this.#call(textOf(message["agent"]), textOf(message["number"]));
        return;
      case "say":
        void this.#say(textOf(message["text"]));
        return;
      case "watch":
        this.#watch();
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

  #watch(): void {
    const { setup } = this.#parts;
    if (setup === undefined || this.#leg !== null) return;
    const send = () => this.#send(JSON.stringify({ type: "setup", setup: setup.current }));
    this.#unwatch();
    this.#unwatch = setup.watch(send);
    send();
  }

  async #say(text: string | null): Promise<void> {
    const { say } = this.#parts;
    const { callSid } = this;
    if (text === null || callSid === null || say === undefined) return;
    const problem = await say(callSid, text.slice(0, MAX_TEXT));
    if (problem !== null) this.#send(JSON.stringify({ type: "refused", problem }));
  }

  #call(agent: string | null, number: string | null): void {
    const leg = this.#parts.place({ voice: this.#voice, agent, number });
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

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
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
