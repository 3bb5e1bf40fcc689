/** Reads what the relay sends into a media stream, to the letter: anything else is 31924. */

export type RelayMessage =
  | { readonly kind: "media"; readonly audio: Buffer }
  | { readonly kind: "mark"; readonly name: string }
  | { readonly kind: "clear" }
  | { readonly kind: "refused"; readonly what: string };

const MEDIA_KEYS = ["event", "media", "streamSid"].join();
const MARK_KEYS = ["event", "mark", "streamSid"].join();
const CLEAR_KEYS = ["event", "streamSid"].join();

export class StreamReader {
  readonly #streamSid: string;
  /** What stands around the payload of the relay's media messages, learnt from the first. */
  #mediaHead: string | null = null;
  #mediaTail = "";

  constructor(streamSid: string) {
    this.#streamSid = streamSid;
  }

  read(data: Buffer, isBinary: boolean): RelayMessage {
    if (isBinary) return refused("a binary frame");
    const text = data.toString("latin1");
    const head = this.#mediaHead;
    if (head !== null && text.startsWith(head) && text.endsWith(this.#mediaTail)) {
      const payload = text.slice(head.length, text.length - this.#mediaTail.length);
      const audio = decode(payload);
      if (audio !== null && !isFileHeader(audio)) return { kind: "media", audio };
    }
    return this.#parse(data.toString(), text);
  }

  #parse(text: string, raw: string): RelayMessage {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return refused("not JSON");
    }
    if (typeof message !== "object" || message === null) return refused("not a JSON object");
    const event = message["event"];
    if (message["streamSid"] !== this.#streamSid)
      return refused(`${String(event)} for streamSid ${String(message["streamSid"])}`);
    const keys = Object.keys(message).sort().join();
    switch (event) {
      case "media":
        return this.#media(message, keys, raw);
      case "mark": {
        const name = onlyText(message["mark"], "name");
        const whole = keys === MARK_KEYS && name !== null;
        return whole ? { kind: "mark", name } : refused("mark of a wrong shape");
      }
      case "clear":
        return keys === CLEAR_KEYS ? { kind: "clear" } : refused("clear of a wrong shape");
      default:
        return refused(`event ${JSON.stringify(event)}`);
    }
  }

  #media(message: Record<string, unknown>, keys: string, raw: string): RelayMessage {
    const payload = onlyText(message["media"], "payload");
    const audio = payload === null ? null : decode(payload);
    if (keys !== MEDIA_KEYS || payload === null || audio === null)
      return refused("media of a wrong shape");
    if (isFileHeader(audio)) return refused("media that begins with a file header");
    const at = raw.indexOf(payload);
    this.#mediaHead = raw.slice(0, at);
    this.#mediaTail = raw.slice(at + payload.length);
    return { kind: "media", audio };
  }
}

function refused(what: string): RelayMessage {
  return { kind: "refused", what };
}

/** Canonical base64 of at least one byte, or null. */
function decode(payload: string): Buffer | null {
  const bytes = Buffer.from(payload, "base64");
  const padding = payload.endsWith("==") ? 2 : payload.endsWith("=") ? 1 : 0;
  const whole = payload.length % 4 === 0 && bytes.length === (payload.length / 4) * 3 - padding;
  const urlAlphabet = payload.includes("-") || payload.includes("_");
  return whole && bytes.length > 0 && !urlAlphabet ? bytes : null;
}

/** "RIFF" or ".snd". */
function isFileHeader(audio: Buffer): boolean {
  if (audio.length < 4) return false;
  const magic = audio.readUInt32BE(0);
  return magic === 0x52494646 || magic === 0x2e736e64;
}

/** The text under `key` of an object that has nothing else. */
function onlyText(value: unknown, key: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const fields = Object.entries(value);
  const text: unknown = fields[0]?.[1];
  return fields.length === 1 && fields[0]![0] === key && typeof text === "string" ? text : null;
}
