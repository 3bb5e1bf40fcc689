import type {
  UpstreamDialer,
  UpstreamSocket,
  UpstreamSocketEvents,
} from "../../src/ports/sockets.js";

type Json = Record<string, unknown>;

const FORMAT = { format: { type: "audio/pcmu" } };
const MULAW = { input: FORMAT, output: FORMAT };

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const sounds = new Map<number, string>();

/** So many bytes of the model's audio, in Base64. */
function soundOf(bytes: number): string {
  const made = sounds.get(bytes) ?? Buffer.alloc(bytes, 0x7f).toString("base64");
  sounds.set(bytes, made);
  return made;
}

/** The model's end of a socket: a test says what the server says, and sees what was sent to it. */
export class FakeUpstream implements UpstreamSocket {
  readonly sent: Json[] = [];
  closedWith: number | null = null;
  /** Bytes that the network does not take. */
  backlogBytes = 0;
  readonly url: string;
  readonly #events: UpstreamSocketEvents;
  #said = 0;

  constructor(url: string, events: UpstreamSocketEvents) {
    this.url = url;
    this.#events = events;
  }

  send(message: Uint8Array): void {
    this.sent.push(JSON.parse(decoder.decode(message)) as Json);
  }

  bufferedBytes(): number {
    return this.backlogBytes;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  /** What was sent of one type. */
  of(type: string): Json[] {
    return this.sent.filter((event) => event["type"] === type);
  }

  open(): void {
    this.#events.opened();
  }

  /** As the server writes events: the type first, then its id. */
  says(event: Json): void {
    this.saysText(
      JSON.stringify({ type: event["type"], event_id: `event_${++this.#said}`, ...event }),
    );
  }

  saysText(text: string): void {
    const message = encoder.encode(text);
    this.#events.message(message);
    // It was valid only until then.
    message.fill(0xcc);
  }

  drops(code = 1006, httpStatus: number | null = null, reason = ""): void {
    this.#events.closed({ code, reason, httpStatus });
  }

  /** Up to `session.updated`. */
  becomesReady(): void {
    this.open();
    this.says({ type: "session.created", session: { id: "sess" } });
    this.says({ type: "session.updated", session: { id: "sess", audio: MULAW } });
  }

  created(id: string): void {
    this.says({ type: "response.created", response: { id, status: "in_progress", output: [] } });
  }

  done(id: string, more: Json = {}): void {
    this.says({
      type: "response.done",
      response: { id, status: "completed", output: [], ...more },
    });
  }

  delta(responseId: string, itemId: string, bytes: number): void {
    // As `says` would write it, without a look at each character of the audio.
    const ids = `"response_id":${JSON.stringify(responseId)},"item_id":${JSON.stringify(itemId)}`;
    this.saysText(
      `{"type":"response.output_audio.delta","event_id":"event_${++this.#said}",${ids},` +
        `"output_index":0,"content_index":0,"delta":"${soundOf(bytes)}"}`,
    );
  }

  /** A whole response, with a tenth of a second of audio. */
  speaks(id: string): void {
    const itemId = `item-${id}`;
    this.created(id);
    this.delta(id, itemId, 800);
    this.says({
      type: "response.output_audio.done",
      response_id: id,
      item_id: itemId,
      output_index: 0,
      content_index: 0,
    });
    this.done(id);
  }
}

/** Keeps every socket that was dialled. */
export class FakeDialer implements UpstreamDialer {
  readonly sockets: FakeUpstream[] = [];

  get last(): FakeUpstream {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("nothing was dialled");
    return socket;
  }

  dial(url: string, events: UpstreamSocketEvents): FakeUpstream {
    const socket = new FakeUpstream(url, events);
    this.sockets.push(socket);
    return socket;
  }
}
