/**
 * One session of the simulated model: takes the client's events, refuses what the API refuses, hears the caller by server
 * VAD and answers from the script. Everything that happened can be read afterwards.
 *
 * Over a WebSocket the session is its socket and ends with it. The session of a SIP call lives as long as the call:
 * sideband sockets come and go, and what happens while there is none is told to nobody.
 */
import type { WebSocket } from "ws";
import { IdentityChecker } from "../audio/identity.js";
import type { SimClock } from "../clock.js";
import { type Fault, isObject, type Json, type JsonObject, valueFault } from "./check.js";
import { at, freshConfig, mergeConfig, turnDetectionOf } from "./config.js";
import { InputAudio } from "./input-audio.js";
import { ItemRequests } from "./item-requests.js";
import { Conversation, type StoredItem } from "./items.js";
import { Playback } from "./playback.js";
import { Responder } from "./responder.js";
import type { ResponseRun } from "./response.js";
import { CLIENT_EVENTS, SIDEBAND_EVENTS } from "./schemas.js";
import type { Script, TurnFault } from "./script.js";
import type {
  ClientRecord,
  SentError,
  SessionFaults,
  SessionOptions,
  Sideband,
  SipSessionLink,
  SpeechSpan,
  Truncation,
} from "./session-types.js";

const APPEND_HEAD = Buffer.from('{"type":"input_audio_buffer.append","audio":"');
const OPEN = 1;

export class ModelSession {
  readonly index: number;
  readonly id: string;
  readonly clock: SimClock;
  readonly carriesAudio: boolean;
  /** Everything the client did wrong. */
  readonly violations: string[] = [];
  /** Requests refused that crossed the server's own events: nobody's fault. */
  readonly races: string[] = [];
  readonly errors: SentError[] = [];
  /** Without audio appends. */
  readonly events: ClientRecord[] = [];
  readonly truncations: Truncation[] = [];
  readonly speech: SpeechSpan[] = [];
  /** Whole history, running ones too. */
  readonly responses: ResponseRun[] = [];
  readonly conversation = new Conversation();
  /** Caller audio: `appends` messages, `bytes` in all; `audio` only when it is kept. */
  readonly received = {
    appends: 0,
    bytes: 0,
    audio: [] as Buffer[],
    firstAtMs: null as number | null,
  };
  readonly identity: IdentityChecker | null;
  readonly connectedAtMs: number;
  config: JsonObject;
  configuredAtMs: number | null = null;
  closed: { readonly atMs: number; readonly code: number } | null = null;
  /** Sockets that control a SIP call, in the order of attaching. */
  readonly sidebands: Sideband[] = [];
  /** Of a SIP call: what the line carries. */
  readonly playback: Playback | null;

  readonly #sip: SipSessionLink | null;
  /** Those that are listened to. */
  readonly #sockets = new Set<WebSocket>();
  readonly #options: SessionOptions;
  readonly #faults: SessionFaults;
  readonly #items: ItemRequests;
  readonly #hearing: InputAudio;
  readonly #responder: Responder;
  #counter = 0;

  constructor(
    /** Null: a SIP call, whose sidebands attach later. */
    socket: WebSocket | null,
    fields: {
      readonly index: number;
      readonly model: string;
      readonly sip: SipSessionLink | null;
      readonly script: Script | ((session: ModelSession) => Script);
    },
    options: SessionOptions,
    faults: SessionFaults,
  ) {
    this.#options = options;
    this.#faults = faults;
    this.index = fields.index;
    this.clock = options.clock;
    this.#sip = fields.sip;
    this.carriesAudio = fields.sip === null;
    this.id = this.nextId("sess");
    this.connectedAtMs = this.clock.nowMs();
    const fresh = freshConfig(fields.model);
    this.config = fields.sip === null ? fresh : mergeConfig(fresh, fields.sip.accepted);
    if (fields.sip !== null) this.configuredAtMs = this.connectedAtMs;
    this.playback =
      fields.sip === null
        ? null
        : new Playback(this.clock, fields.sip.playSpeed, {
            send: (event) => this.send(event),
            speaking: fields.sip.speaking,
          });
    this.identity = options.checkIdentity ? new IdentityChecker() : null;
    const script = typeof fields.script === "function" ? fields.script(this) : fields.script;
    const turns = turnDetectionOf(this.config);
    this.#items = new ItemRequests(this);
    const responder = new Responder(this, options, faults, { script, items: this.#items, turns });
    this.#responder = responder;
    this.#hearing = new InputAudio(
      this,
      options,
      { turns, hears: script.transcripts ?? [] },
      {
        speechStarted: () => responder.interrupt(),
        turnEnded: () => {
          if (responder.turns?.createResponse === true) responder.respondByItself("vad");
        },
      },
    );
    responder.hearing = this.#hearing;
    if (socket !== null) this.attach(socket);
  }

  /** A socket from now on; it is told the session as it is. */
  attach(socket: WebSocket): void {
    const sideband: Sideband = { attachedAtMs: this.clock.nowMs(), closed: null };
    this.#sockets.add(socket);
    if (this.playback !== null) this.sidebands.push(sideband);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (this.#sockets.has(socket)) this.#message(data, isBinary);
    });
    socket.on("ping", (data: Buffer) => {
      if (this.#sockets.has(socket) && !this.#faults.withholdPong) socket.pong(data);
    });
    // Always followed by a close.
    socket.on("error", () => {});
    socket.on("close", (code) => {
      this.#sockets.delete(socket);
      sideband.closed = { atMs: this.clock.nowMs(), code };
      if (this.playback === null) this.#gone(code);
    });
    if (this.#faults.withholdCreated) return;
    const created = {
      event_id: this.nextId("event"),
      type: "session.created",
      session: this.#wireConfig(),
    };
    socket.send(JSON.stringify(created));
  }

  /** The SIP call is over: no more sound, and the sidebands close. */
  endCall(code = 1000, reason = "call ended"): void {
    if (this.closed !== null) return;
    this.playback?.stop();
    this.close(code, reason);
    this.#gone(code);
  }

  /** Of a SIP call: 160 bytes of what is said on the line. */
  lineAudio(frame: Buffer): void {
    if (this.closed === null) this.#hearing.line(frame);
  }

  // --- what a test or a demo can do to it ------------------------------------------------------------

  /** The response that writes to the conversation now. */
  get active(): ResponseRun | null {
    return this.#responder.active;
  }

  item(id: string): StoredItem | undefined {
    return this.conversation.get(id);
  }

  /** The socket dies without a close frame. A SIP call goes on without its sideband. */
  crash(): void {
    this.#socketLost();
    for (const socket of this.#sockets) socket.terminate();
  }

  /** Nothing more is sent, not even a pong; the socket stays open. */
  hang(): void {
    this.#socketLost();
    this.#sockets.clear();
  }

  close(code: number, reason = ""): void {
    this.#socketLost();
    for (const socket of this.#sockets) socket.close(code, reason);
  }

  expire(): void {
    const message = "Your session hit the maximum duration of 60 minutes.";
    this.sendError("invalid_request_error", "session_expired", message, null, null);
    if (this.#sip === null) this.close(1001, message);
    else this.#sip.expired(message);
  }

  fault(kind: TurnFault): void {
    if (kind === "crash") this.crash();
    else if (kind === "hang") this.hang();
    else if (kind === "expire") this.expire();
    else {
      this.sendError("server_error", "server_error", "The server had an error.", null, null);
      this.close(1011, "server error");
    }
  }

  /** An `error` event out of the blue. */
  sendError(
    type: string,
    code: string,
    message: string,
    param: string | null,
    eventId: string | null,
  ): void {
    this.send({ type: "error", error: { type, code, message, param, event_id: eventId } });
  }

  /** Any event; the `event_id` is added. */
  send(event: JsonObject): void {
    this.sendText(JSON.stringify({ event_id: this.nextId("event"), ...event }));
  }

  // --- for the parts of the session ------------------------------------------------------------------

  sendText(text: string): void {
    for (const socket of this.#sockets) if (socket.readyState === OPEN) socket.send(text);
  }

  nextId(prefix: string): string {
    return `${prefix}_${this.index.toString(36)}x${(this.#counter++).toString(36)}`;
  }

  refuseFault(event: JsonObject, fault: Fault): void {
    this.refuse(event, fault.code, fault.message, fault.param);
  }

  /** @param race  the client could not know better: no violation. */
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

  /** The same sentence once: a thousand frames too early are one mistake. */
  violation(text: string): void {
    if (this.violations.at(-1) !== text) this.violations.push(text);
  }

  // --- client events ---------------------------------------------------------------------------------

  #message(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.violation("a binary frame");
      this.close(1003, "text frames only");
      return;
    }
    // The shape nearly every message has; anything else takes the long way.
    if (
      data.length > APPEND_HEAD.length + 2 &&
      data.compare(APPEND_HEAD, 0, APPEND_HEAD.length, 0, APPEND_HEAD.length) === 0 &&
      data[data.length - 2] === 0x22
    ) {
      const base64 = data.toString("latin1", APPEND_HEAD.length, data.length - 2);
      const audio = Buffer.from(base64, "base64");
      const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
      // A quote or any other foreign character would have made it shorter.
      const whole = base64.length % 4 === 0 && audio.length === (base64.length / 4) * 3 - padding;
      if (whole && audio.length > 0 && !base64.includes("-") && !base64.includes("_")) {
        this.#hearing.audio(audio);
        return;
      }
    }
    this.#parse(data.toString());
  }

  #parse(text: string): void {
    let event: Json;
    try {
      event = JSON.parse(text) as Json;
    } catch {
      this.refuse({ type: "(not JSON)" }, "invalid_event", "The event is not valid JSON.", null);
      return;
    }
    const type = isObject(event) ? event["type"] : undefined;
    const known = this.playback === null ? CLIENT_EVENTS : SIDEBAND_EVENTS;
    const check = typeof type === "string" ? known[type] : undefined;
    if (!isObject(event) || typeof type !== "string" || check === undefined) {
      const shown = isObject(event) ? event : {};
      this.refuse(shown, "invalid_event", `Unknown event type '${String(type)}'.`, "type");
      return;
    }
    if (type !== "input_audio_buffer.append") {
      const record = { atMs: this.clock.nowMs(), type, event };
      this.events.push(record);
      this.#options.hooks.onEvent?.(this, record);
    }
    const fault = check(event, "");
    if (fault !== null) this.refuseFault(event, fault);
    else this.#handle(type, event);
  }

  #handle(type: string, event: JsonObject): void {
    switch (type) {
      case "session.update":
        this.#update(event);
        return;
      case "input_audio_buffer.append":
        this.#hearing.audio(Buffer.from(String(event["audio"]), "base64"));
        return;
      case "input_audio_buffer.commit":
        this.#hearing.commitByClient(event);
        return;
      case "input_audio_buffer.clear":
        this.#hearing.clear();
        return;
      case "conversation.item.create":
        this.#items.create(event);
        return;
      case "conversation.item.retrieve":
        this.#items.byId("retrieve", event);
        return;
      case "conversation.item.delete":
        this.#items.byId("delete", event);
        return;
      case "conversation.item.truncate":
        this.#items.truncate(event);
        return;
      case "response.create":
        this.#responder.create(event);
        return;
      case "response.cancel":
        this.#responder.cancel(event);
        return;
      case "output_audio_buffer.clear":
        if (this.playback !== null) {
          this.playback.clear(false);
          return;
        }
        this.refuse(
          event,
          "invalid_value",
          `'${type}' is for WebRTC and SIP sessions only.`,
          "type",
        );
        return;
      default:
        this.violation(`the simulator cannot do ${type}`);
    }
  }

  #update(event: JsonObject): void {
    const update = event["session"] as JsonObject;
    const config = mergeConfig(this.config, update);
    const voice = JSON.stringify(at(config, "audio", "output", "voice"));
    if (at(config, "model") !== at(this.config, "model")) {
      this.refuseFault(event, valueFault("session.model", "cannot be changed."));
      return;
    }
    if (
      this.#responder.hasSpoken &&
      voice !== JSON.stringify(at(this.config, "audio", "output", "voice"))
    ) {
      this.refuse(
        event,
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
        "session.audio.output.voice",
      );
      return;
    }
    if (this.active !== null && at(update, "audio", "output", "speed") !== null) {
      this.refuseFault(
        event,
        valueFault("session.audio.output.speed", "cannot be changed while a response is running."),
      );
      return;
    }
    if (at(this.config, "tracing") !== null && update["tracing"] !== undefined) {
      this.refuseFault(event, valueFault("session.tracing", "cannot be changed once enabled."));
      return;
    }
    this.config = config;
    const turns = turnDetectionOf(config);
    this.#responder.turns = turns;
    this.#hearing.configure(turns);
    if (this.#faults.withholdUpdated) return;
    this.configuredAtMs ??= this.clock.nowMs();
    this.send({ type: "session.updated", session: this.#wireConfig() });
  }

  #wireConfig(): JsonObject {
    return {
      ...this.config,
      object: "realtime.session",
      id: this.id,
      expires_at: Math.floor(Date.now() / 1000) + 3600,
    };
  }

  /** A call over SIP goes on answering its caller by itself. */
  #socketLost(): void {
    if (this.playback === null) this.#responder.abandon();
  }

  #gone(code: number): void {
    this.#responder.abandon();
    this.closed = { atMs: this.clock.nowMs(), code };
    this.#options.hooks.onClosed?.(this);
  }
}
