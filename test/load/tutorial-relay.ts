/**
 * A relay as tutorials write it: JSON.parse on every message, deltas passed on at once, no pacing.
 * It exists so that the harness has something that can be broken on purpose.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

export interface Faults {
  /**
   * The nth audio message of each call, counted from 0, meets this; what is absent goes on as it
   * came.
   */
  readonly uplink?: (n: number) => Mishap;
  readonly downlink?: (n: number) => Mishap;
  readonly noClear?: boolean;
  readonly noTruncate?: boolean;
  /** Added to audio_end_ms. */
  readonly truncateOffByMs?: number;
  /** Has something of an interrupted response left, which it sends after the `clear`. */
  readonly stale?: boolean;
  /** Everything to the phone in small pieces, so late that it runs dry. */
  readonly starve?: boolean;
}

export type Mishap = "pass" | "drop" | "double" | "alter" | "swap";

export class TutorialRelay {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #modelUrl: string;
  readonly #faults: Faults;
  #port = 0;

  constructor(modelUrl: string, faults: Faults = {}) {
    this.#modelUrl = modelUrl;
    this.#faults = faults;
    this.#server = createServer((request, response) => {
      request.resume();
      response.setHeader("content-type", "text/xml");
      const stream = `<Stream url="ws://127.0.0.1:${this.#port}/media"><Parameter name="a" value="&lt;b&gt;"/></Stream>`;
      const connect = `<Connect action="http://127.0.0.1:${this.#port}/after">${stream}</Connect>`;
      response.end(`<Response>${request.url === "/after" ? "<Hangup/>" : connect}</Response>`);
    });
    this.#sockets = new WebSocketServer({ server: this.#server, path: "/media" });
    this.#sockets.on("connection", (socket) => this.#call(socket));
  }

  /** @returns the voice webhook's address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.#port}/incoming-call`;
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #call(phone: WebSocket): void {
    const faults = this.#faults;
    const model = new WebSocket(this.#modelUrl);
    const waiting: string[] = [];
    let streamSid = "";
    let ready = false;
    let nowMs = 0;
    let marks = 0;
    let item = "";
    let itemBytes = 0;
    let itemFromMs = 0;
    let response = "";
    let interrupted = "";
    let lastDelta = "";
    const toModel = (event: object): void => model.send(JSON.stringify(event));
    const toPhone = (event: object): void => {
      if (phone.readyState === WebSocket.OPEN) phone.send(JSON.stringify(event));
    };
    const append = new Line(faults.uplink, (audio) =>
      toModel({ type: "input_audio_buffer.append", audio }),
    );
    const play = new Line(faults.downlink, (payload) => {
      if (faults.starve === true)
        setTimeout(
          () => toPhone({ event: "media", streamSid, media: { payload } }),
          700 * Math.random(),
        );
      else toPhone({ event: "media", streamSid, media: { payload } });
    });

    phone.on("message", (data) => {
      const event = JSON.parse(String(data));
      if (event.event === "start") streamSid = event.start.streamSid;
      else if (event.event === "media") {
        nowMs = Number(event.media.timestamp);
        if (ready) append.send(event.media.payload);
        else waiting.push(event.media.payload);
      } else if (event.event === "mark") marks--;
    });
    phone.on("close", () => model.close());
    model.on("close", () => phone.close());
    model.on("error", () => phone.close());
    model.on("message", (data) => {
      const event = JSON.parse(String(data));
      switch (event.type) {
        case "session.created": {
          const format = { type: "audio/pcmu" };
          toModel({
            type: "session.update",
            session: { type: "realtime", audio: { input: { format }, output: { format } } },
          });
          return;
        }
        case "session.updated":
          ready = true;
          for (const audio of waiting) append.send(audio);
          toModel({ type: "response.create" });
          return;
        case "response.output_audio.delta":
          if (event.response_id === interrupted) return;
          response = event.response_id;
          if (event.item_id !== item) {
            item = event.item_id;
            itemBytes = 0;
            itemFromMs = nowMs;
          }
          itemBytes += Buffer.from(event.delta, "base64").length;
          lastDelta = event.delta;
          play.send(event.delta);
          marks++;
          toPhone({ event: "mark", streamSid, mark: { name: item } });
          return;
        case "input_audio_buffer.speech_started": {
          if (marks <= 0 || item === "") return;
          interrupted = response;
          const heardMs =
            Math.min(Math.floor(itemBytes / 8), nowMs - itemFromMs) + (faults.truncateOffByMs ?? 0);
          if (faults.noClear !== true) toPhone({ event: "clear", streamSid });
          if (faults.stale === true) play.send(lastDelta);
          if (faults.noTruncate !== true) {
            toModel({
              type: "conversation.item.truncate",
              item_id: item,
              content_index: 0,
              audio_end_ms: Math.max(0, heardMs),
            });
          }
          return;
        }
      }
    });
  }
}

/** Audio in one direction, and what befalls it. */
class Line {
  readonly #fate: (n: number) => Mishap;
  readonly #out: (base64: string) => void;
  #n = 0;
  #held: string | null = null;

  constructor(fate: ((n: number) => Mishap) | undefined, out: (base64: string) => void) {
    this.#fate = fate ?? (() => "pass");
    this.#out = out;
  }

  send(base64: string): void {
    const fate = this.#fate(this.#n++);
    const held = this.#held;
    this.#held = null;
    if (fate === "swap") this.#held = base64;
    else if (fate !== "drop") this.#out(fate === "alter" ? altered(base64) : base64);
    if (fate === "double") this.#out(base64);
    if (held !== null) this.#out(held);
  }
}

/** One bit of the middle byte. */
function altered(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  const at = bytes.length >> 1;
  bytes[at] = bytes[at]! ^ 0x04;
  return bytes.toString("base64");
}
