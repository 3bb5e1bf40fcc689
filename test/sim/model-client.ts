import { afterEach, expect } from "vitest";
import { WebSocket } from "ws";
import type { SimulatedModel } from "../../sim/model.js";
import { serverEventFaults } from "../schema/openai-events.js";

/** What the running test received. All of it must be what OpenAI's server could send. */
const received: ServerEvent[] = [];
/** Larger events are faults that a test switches on. */
const MAX_CHECKED_BYTES = 1_000_000;

afterEach(() => {
  for (const event of received.splice(0))
    expect([event.type, serverEventFaults(event)]).toEqual([event.type, []]);
});

export interface ServerEvent {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
  readonly [field: string]: any;
}

/** Telephony configuration, as small as it may be. */
export const SESSION = {
  type: "realtime",
  instructions: "Be brief.",
  audio: {
    input: {
      format: { type: "audio/pcmu" },
      turn_detection: { type: "server_vad", silence_duration_ms: 500 },
    },
    output: { format: { type: "audio/pcmu" }, voice: "marin" },
  },
};

/** A plain socket to the simulated model: sends anything, keeps all events, waits for some. */
export class ModelClient {
  readonly events: ServerEvent[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** How many packets had come before the one that held the event with the same index. */
  readonly packets: number[] = [];
  /** Of a handshake that was refused over HTTP. */
  httpStatus: number | null = null;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    let packets = 0;
    socket.on("message", (data: Buffer) => {
      this.packets.push(packets);
      const event = JSON.parse(data.toString()) as ServerEvent;
      this.events.push(event);
      if (data.length <= MAX_CHECKED_BYTES) received.push(event);
      for (const look of [...this.#waiting]) look();
    });
    socket.once("upgrade", ({ socket: stream }) =>
      // Not before ws listens itself, or it would miss what has come already.
      socket.once("open", () => stream.on("data", () => packets++)),
    );
    this.opened = new Promise((resolve) => socket.once("open", () => resolve()));
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#closed = true;
        for (const look of [...this.#waiting]) look();
        resolve({ code, reason: reason.toString() });
      });
    });
    socket.on("unexpected-response", (request, response) => {
      this.httpStatus = response.statusCode ?? null;
      request.destroy();
      socket.terminate();
    });
    socket.on("error", () => {});
  }

  static dial(
    model: SimulatedModel,
    query = "?model=gpt-realtime-2.1",
    headers: Record<string, string> = {},
    options: { readonly autoPong?: boolean } = {},
  ): ModelClient {
    return new ModelClient(
      new WebSocket(model.url + query, {
        headers: { authorization: `Bearer ${model.apiKey}`, ...headers },
        ...options,
      }),
    );
  }

  /** Whether a ping is answered within `ms`. */
  answersPing(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#socket.once("pong", () => {
        clearTimeout(timer);
        resolve(true);
      });
      this.#socket.ping();
    });
  }

  /** The payload of the server's next ping. */
  nextPing(): Promise<Buffer> {
    return new Promise((resolve) => this.#socket.once("ping", resolve));
  }

  /** Dialled, configured for telephony. */
  static async configured(model: SimulatedModel, session: object = SESSION): Promise<ModelClient> {
    const client = ModelClient.dial(model);
    await client.next("session.created");
    client.send({ type: "session.update", session });
    await client.next("session.updated");
    return client;
  }

  send(event: object): void {
    this.#socket.send(JSON.stringify(event));
  }

  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  /** Appends mu-law in 20 ms frames: faster than real time, which the server's VAD does not mind. */
  say(audio: Uint8Array): void {
    for (let at = 0; at < audio.length; at += 160)
      this.send({
        type: "input_audio_buffer.append",
        audio: Buffer.from(audio.subarray(at, at + 160)).toString("base64"),
      });
  }

  /** The next event of this type that no earlier `next` has returned. */
  next(type: string): Promise<ServerEvent> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.events.find((event) => event.type === type && !this.#taken.has(event));
        if (found === undefined) {
          if (!this.#closed) return;
          this.#waiting.delete(look);
          reject(new Error(`closed before ${type}; had ${this.types().join(" ")}`));
          return;
        }
        this.#taken.add(found);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Sends it and returns the error it causes. */
  async refused(event: object): Promise<ServerEvent["error"]> {
    this.send(event);
    return (await this.next("error"))["error"];
  }

  types(): string[] {
    return this.events.map((event) => event.type);
  }

  /** Bytes of audio received for an item. */
  audioOf(itemId: string): Buffer {
    return Buffer.concat(
      this.events
        .filter(
          (event) => event.type === "response.output_audio.delta" && event["item_id"] === itemId,
        )
        .map((event) => Buffer.from(event["delta"], "base64")),
    );
  }

  close(): void {
    this.#socket.terminate();
  }

  readonly #taken = new Set<ServerEvent>();
}
