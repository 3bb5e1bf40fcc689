/** Reads what a client sends: audio, an event of the API, or something that is refused. */
import { type Check, isObject, type Json, type JsonObject } from "./check.js";

export type ClientMessage =
  | { readonly kind: "audio"; readonly audio: Buffer }
  | { readonly kind: "event"; readonly type: string; readonly event: JsonObject }
  | {
      readonly kind: "refused";
      readonly event: JsonObject;
      readonly code: string;
      readonly message: string;
      readonly param: string | null;
    };

const APPEND_HEAD = Buffer.from('{"type":"input_audio_buffer.append","audio":"');

/** @param known  the events that this kind of session takes, by type. */
export function readClientMessage(
  data: Buffer,
  isBinary: boolean,
  known: Readonly<Record<string, Check>>,
): ClientMessage {
  if (isBinary)
    return refused({ type: "(binary)" }, "invalid_event", "Binary frames are not supported.");
  const audio = appendedAudio(data);
  if (audio !== null) return { kind: "audio", audio };
  let event: Json;
  try {
    event = JSON.parse(data.toString()) as Json;
  } catch {
    return refused({ type: "(not JSON)" }, "invalid_json", "The event is not valid JSON.");
  }
  const type = isObject(event) ? event["type"] : undefined;
  if (isObject(event) && typeof type === "string" && known[type] !== undefined)
    return { kind: "event", type, event };
  const shown = isObject(event) ? event : {};
  return refused(shown, "invalid_event", `Unknown event type '${String(type)}'.`, "type");
}

function refused(
  event: JsonObject,
  code: string,
  message: string,
  param: string | null = null,
): ClientMessage {
  return { kind: "refused", event, code, message, param };
}

/** The audio of an append in the shape that nearly every message has, or null. */
function appendedAudio(data: Buffer): Buffer | null {
  const shaped =
    data.length > APPEND_HEAD.length + 2 &&
    data.compare(APPEND_HEAD, 0, APPEND_HEAD.length, 0, APPEND_HEAD.length) === 0 &&
    data[data.length - 2] === 0x22;
  if (!shaped) return null;
  const base64 = data.toString("latin1", APPEND_HEAD.length, data.length - 2);
  const audio = Buffer.from(base64, "base64");
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  // A quote or any other foreign character would have made it shorter.
  const whole = base64.length % 4 === 0 && audio.length === (base64.length / 4) * 3 - padding;
  const urlAlphabet = base64.includes("-") || base64.includes("_");
  return whole && audio.length > 0 && !urlAlphabet ? audio : null;
}
