/**
 * One session of the simulated model: takes the client's events, refuses what the API refuses,
 * finds the caller's turns by server VAD, and answers from the script. Everything that happened
 * can be read afterwards.
 *
 * Over a WebSocket the session is its socket and ends with it. The session of a SIP call lasts as
 * long as the call: sideband sockets come and go, and events sent while there is none are lost.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { IdentityChecker } from "../audio/identity.js";
import type { SimClock, SimTimer } from "../clock.js";
import { SeededRandom } from "../random.js";
import type { Fault, JsonObject } from "./check.js";
import { readClientMessage } from "./client-events.js";
import { freshConfig, mergeConfig, turnDetectionOf } from "./config.js";
import type { SessionFaults } from "./faults.js";
import { InputAudio } from "./input-audio.js";
import { ItemRequests } from "./item-requests.js";
import { Conversation, type StoredItem } from "./items.js";
import { Playback } from "./playback.js";
import { Responder } from "./responder.js";
import type { ResponseRun } from "./response.js";
import { CLIENT_EVENTS, SIDEBAND_EVENTS } from "./schemas.js";
import type { Script, TurnFault } from "./script.js";
import type { SessionContext } from "./session-context.js";
import { SessionSockets } from "./session-sockets.js";
import type {
  ClientRecord,
  ReceivedAudio,
  SentError,
  SessionOptions,
  Sideband,
  SipSessionLink,
  SpeechSpan,
  Truncation,
} from "./session-types.js";
import { refusedPart, stateFault, withFormat } from "./session-update.js";

/** A plain session's socket, and the stream below it. */
export interface SessionSocket {
  readonly socket: WebSocket;
  readonly stream: Duplex;
}

export class ModelSession implements SessionContext {
  readonly index: number;
  readonly id: string;
  readonly clock: SimClock;
  readonly options: SessionOptions;
  readonly faults: SessionFaults;
  readonly carriesAudio: boolean;
  /** Everything the client did wrong. */
  readonly violations: string[] = [];
  /** Refused requests that crossed the server's own events: the client could not know. */
  readonly races: string[] = [];
  readonly errors: SentError[] = [];
  /** Client events, without audio appends. */
  readonly events: ClientRecord[] = [];
  readonly truncations: Truncation[] = [];
  readonly speech: SpeechSpan[] = [];
  readonly conversation = new Conversation();
  /** Caller audio; `audio` only where it is kept. */
  readonly received: ReceivedAudio = { appends: 0, bytes: 0, audio: [], firstAtMs: null };
  readonly identity: IdentityChecker | null;
  readonly connectedAtMs: number;
  config: JsonObject;
  configuredAtMs: number | null = null;
  closed: { readonly atMs: number; readonly code: number } | null = null;
  /** Sockets that control a SIP call, in the order of attaching. */
  readonly sidebands: Sideband[] = [];
  readonly playback: Playback | null;

  readonly #sip: SipSessionLink | null;
  readonly #sockets: SessionSockets;
  readonly #items: ItemRequests;
  readonly #input: InputAudio;
  readonly #responder: Responder;
  readonly #expiry: SimTimer;
  /** What each client event does, once its fields have been checked. */
  readonly #handlers: Readonly<Record<string, (event: JsonObject) => void>> = {
    "session.update": (event) => this.#update(event),
    "input_audio_buffer.append": (event) =>
      this.#input.append(Buffer.from(String(event["audio"]), "base64")),
    "input_audio_buffer.commit": (event) => this.#input.commitByClient(event),
    "input_audio_buffer.clear": () => this.#input.clear(),
    "conversation.item.create": (event) => this.#items.create(event),
    "conversation.item.retrieve": (event) => this.#items.byId("retrieve", event),
    "conversation.item.delete": (event) => this.#items.byId("delete", event),
    "conversation.item.truncate": (event) => this.#items.truncate(event),
    "response.create": (event) => this.#responder.create(event),
    "response.cancel": (event) => this.#responder.cancel(event),
    "output_audio_buffer.clear": (event) => this.#clearOutput(event),
  };
  #counter = 0;
  readonly #random: SeededRandom;

  /** @param connection  null: a SIP call, whose sidebands attach later. */
  constructor(
    connection: SessionSocket | null,
    fields: {
      readonly index: number;
      readonly model: string;
      readonly link: SipSessionLink | null;
      readonly script: Script | ((session: ModelSession) => Script);
    },
    options: SessionOptions,
    faults: SessionFaults,
  ) {
    const { link } = fields;
    this.options = options;
    this.faults = faults;
    this.index = fields.index;
    this.clock = options.clock;
    this.#sip = link;
    this.#random = new SeededRandom((fields.index + 1) * 0x9e3779b1);
    this.carriesAudio = link === null;
    this.id = this.nextId("sess");
    this.connectedAtMs = this.clock.nowMs();
    const fresh = freshConfig(fields.model);
    this.config = link === null ? fresh : mergeConfig(fresh, link.accepted);
    if (link !== null) this.configuredAtMs = this.connectedAtMs;
    this.playback =
      link === null
        ? null
        : new Playback(this.clock, link.playSpeed, {
            send: (event) => this.send(event),
            speaking: link.speaking,
          });
    this.identity = options.checkIdentity ? new IdentityChecker() : null;
    this.#sockets = new SessionSockets(this.clock, options.pings);
    const script = typeof fields.script === "function" ? fields.script(this) : fields.script;
    const turns = turnDetectionOf(this.config);
    this.#items = new ItemRequests(this);
    const responder = new Responder(this, { script, items: this.#items, turns });
    this.#responder = responder;
    this.#input = new InputAudio(
      this,
      { turns, transcripts: script.transcripts ?? [] },
      {
        speechStarted: () => responder.interrupt(),
        turnEnded: () => responder.turnEnded(),
      },
    );
    responder.input = this.#input;
    this.#expiry = this.clock.after(options.maxMs, () => this.expire());
    if (link !== null) this.#items.mcp.toolsChanged(link.accepted["tools"] ?? []);
    if (connection !== null) this.attach(connection);
  }

  /** Takes a further socket, and sends it the session as it is. */
  attach({ socket, stream }: SessionSocket): void {
    const sideband: Sideband = { attachedAtMs: this.clock.nowMs(), closed: null };
    if (this.playback !== null) this.sidebands.push(sideband);
    this.#sockets.add(socket, stream, {
      message: (data, isBinary) => this.#message(data, isBinary),
      answersPings: () => !this.faults.withholdPong,
      closed: (code) => {
        sideband.closed = { atMs: this.clock.nowMs(), code };
        if (this.playback === null) this.#gone(code);
      },
    });
    if (this.faults.withholdCreated) return;
    this.clock.after(this.options.pace.createdLagMs, () => {
      if (socket.readyState !== socket.OPEN) return;
      const event_id = this.nextId("event");
      const created = { type: "session.created", event_id, session: this.#wireConfig() };
      socket.send(JSON.stringify(created));
    });
  }

  /** The SIP call is over: no more sound, and the sidebands close. */
  endCall(code = 1000, reason = "call ended"): void {
    if (this.closed !== null) return;
    this.playback?.stop();
    this.close(code, reason);
    this.#gone(code);
  }

  /** Of a SIP call: 160 bytes of what the caller's side says. */
  lineAudio(frame: Buffer): void {
    if (this.closed === null) this.#input.callerAudio(frame);
  }

  // --- what a test or a demo can do to it ------------------------------------------------------

  /** The response that writes to the conversation now. */
  get active(): ResponseRun | null {
    return this.#responder.active;
  }

  /** Whole history, running responses too. */
  get responses(): readonly ResponseRun[] {
    return this.#responder.responses;
  }

  get responding(): boolean {
    return this.#responder.active !== null;
  }

  /** A socket is connected, and the session does not hang. */
  get reachable(): boolean {
    return this.#sockets.any;
  }

  /** Pings that the server has sent. */
  get pings(): number {
    return this.#sockets.pings;
  }

  item(id: string): StoredItem | undefined {
    return this.conversation.get(id);
  }

  /** The socket dies without a close frame. A SIP call goes on without its sideband. */
  crash(): void {
    this.#socketLost();
    this.#sockets.terminate();
  }

  /** Sends nothing more, not even a pong; the socket stays open. */
  hang(): void {
    this.#socketLost();
    this.#sockets.hang();
  }

  close(code: number, reason = ""): void {
    this.#socketLost();
    this.#sockets.close(code, reason);
  }

  expire(): void {
    if (this.closed !== null) return;
    const message = "Your session hit the maximum duration of 60 minutes.";
    this.sendError("invalid_request_error", "session_expired", message, null, null);
    if (this.#sip === null) this.close(1001, message);
    else this.#sip.expired(message);
  }

  fault(kind: TurnFault): void {
    if (kind === "crash") this.crash();
    else if (kind === "hang") this.hang();
    else if (kind === "expire") this.expire();
    else if (kind === "server_error") {
      this.sendError("server_error", "server_error", "The server had an error.", null, null);
      this.close(1011, "server error");
    }
  }

  /** An `error` event that no client event caused, or that answers `eventId`. */
  sendError(
    type: string,
    code: string | null,
    message: string,
    param: string | null,
    eventId: string | null,
  ): void {
    this.send({ type: "error", error: { type, code, message, param, event_id: eventId } });
  }

  send(event: JsonObject): void {
    const { type, ...fields } = event;
    this.sendText(JSON.stringify({ type, event_id: this.nextId("event"), ...fields }));
  }

  // --- for the parts of the session ------------------------------------------------------------

  sendText(text: string): void {
    this.#sockets.send(text);
  }

  inOnePacket(run: () => void): void {
    this.#sockets.inOnePacket(run);
  }

  nextId(prefix: string): string {
    return `${prefix}_${this.index.toString(36)}x${(this.#counter++).toString(36)}`;
  }

  random(): number {
    return this.#random.next();
  }

  obfuscation(): string {
    return this.#random.text();
  }

  refuseFault(event: JsonObject, fault: Fault): void {
    this.refuse(event, fault.code, fault.message, fault.param);
  }

  refuse(
    event: JsonObject,
    code: string,
    message: string,
    param: string | null,
    race = false,
  ): void {
    const eventType = String(event["type"]);
    const eventId = typeof event["event_id"] === "string" ? event["event_id"] : null;
    this.errors.push({ atMs: this.clock.nowMs(), code, message, eventType });
    const text = `${eventType}: ${code}: ${message}`;
    if (race) this.races.push(text);
    else this.violation(text);
    this.sendError("invalid_request_error", code, message, param, eventId);
  }

  /** Repeats count once: a thousand frames that come too early are one mistake. */
  violation(text: string): void {
    if (this.violations.at(-1) !== text) this.violations.push(text);
  }

  // --- client events ---------------------------------------------------------------------------

  #message(data: Buffer, isBinary: boolean): void {
    const known = this.playback === null ? CLIENT_EVENTS : SIDEBAND_EVENTS;
    const message = readClientMessage(data, isBinary, known);
    if (message.kind === "audio") {
      this.#input.append(message.audio);
      return;
    }
    const { event } = message;
    if (message.kind === "refused") {
      this.refuse(event, message.code, message.message, message.param);
      return;
    }
    const { type } = message;
    if (type !== "input_audio_buffer.append")
      this.events.push({ atMs: this.clock.nowMs(), type, event });
    const fault = known[type]?.(event, "") ?? null;
    if (fault !== null) this.refuseFault(event, fault);
    else this.#handlers[type]?.(event);
  }

  /** `output_audio_buffer.clear`. */
  #clearOutput(event: JsonObject): void {
    if (this.playback !== null) {
      this.playback.clear(false);
      return;
    }
    const message = `'${String(event["type"])}' is for WebRTC and SIP sessions only.`;
    this.refuse(event, "invalid_value", message, "type");
  }

  #update(event: JsonObject): void {
    const update = event["session"] as JsonObject;
    const refused = refusedPart(update, this.faults.refuseParts, "session.");
    if (refused !== null) {
      // A test's doing, and no mistake of the client's.
      this.refuse(event, refused.code, refused.message, refused.param, true);
      return;
    }
    const { hasSpoken } = this.#responder;
    const fault = stateFault(this.config, update, { hasSpoken, responding: this.responding });
    if (fault !== null) {
      this.refuse(event, fault.code, fault.message, fault.param);
      return;
    }
    const merged = mergeConfig(this.config, update);
    const { sessionFormat } = this.faults;
    this.config = sessionFormat === null ? merged : withFormat(merged, sessionFormat);
    const turns = turnDetectionOf(this.config);
    this.#responder.turns = turns;
    this.#input.configure(turns);
    if (this.faults.withholdUpdated) return;
    this.configuredAtMs ??= this.clock.nowMs();
    this.send({ type: "session.updated", session: this.#wireConfig() });
    this.#items.mcp.toolsChanged(update["tools"] ?? []);
  }

  #wireConfig(): JsonObject {
    return {
      ...this.config,
      object: "realtime.session",
      id: this.id,
      expires_at: Math.floor(Date.now() / 1000) + 3600,
    };
  }

  /** The session of a SIP call goes on without its socket. */
  #socketLost(): void {
    if (this.playback === null) this.#responder.abandon();
  }

  #gone(code: number): void {
    this.#expiry.cancel();
    this.#responder.abandon();
    this.closed = { atMs: this.clock.nowMs(), code };
  }
}
