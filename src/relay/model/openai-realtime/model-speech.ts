import type { ItemId, ResponseId } from "../../../domain/ids.js";
import { DeltaScan, scanDelta } from "../../../wire/realtime-audio.js";
import type { ModelSessionEvents, SpeechItem } from "../model-session.js";
import { RepeatedDelta } from "./repeated-delta.js";
import type { Responses } from "./responses.js";
import type { TextLimit } from "./text-limit.js";

/** The result of a scan is used before the next scan begins, so all sessions share it. */
const scan = new DeltaScan();
const decoder = new TextDecoder();

/**
 * The model's audio and its transcript. These deltas are frequent, so they are read from the bytes
 * and passed on without a string or an object while they belong to the item of the previous delta.
 */
export class ModelSpeech {
  readonly #events: Pick<ModelSessionEvents, "audio" | "agentText">;
  readonly #responses: Responses;
  readonly #texts: TextLimit;
  readonly #lastAudio = new RepeatedDelta();
  readonly #lastTranscript = new RepeatedDelta();
  #item: SpeechItem | null = null;
  #muted = false;

  constructor(
    events: Pick<ModelSessionEvents, "audio" | "agentText">,
    responses: Responses,
    texts: TextLimit,
  ) {
    this.#events = events;
    this.#responses = responses;
    this.#texts = texts;
  }

  /**
   * True when the message was a delta of audio or transcript. It has been passed on, unless the
   * server has sent it twice.
   */
  message(message: Uint8Array): boolean {
    if (!scanDelta(message, scan)) return false;
    if (scan.kind === "audio") {
      if (!this.#lastAudio.isSame(message, scan)) this.#audio(message);
    } else if (!this.#lastTranscript.isSame(message, scan)) this.#transcript(message);
    return true;
  }

  /** The response was interrupted: the rest of its audio is dropped. */
  interrupt(id: ResponseId): void {
    this.#responses.interrupt(id);
    if (this.#item?.responseId === id) this.#muted = true;
  }

  /** Audio of a delta that only the parser could read. */
  parsedAudio(item: SpeechItem, base64: string): void {
    if (this.#responses.isInterrupted(item.responseId)) {
      this.#responses.unheard(item.itemId);
      return;
    }
    this.#responses.spoke();
    const bytes = new TextEncoder().encode(base64);
    this.#events.audio(item, bytes, 0, bytes.length);
  }

  parsedTranscript(itemId: ItemId, addition: string): void {
    this.#responses.hasSound();
    const text = this.#texts.addition(itemId, addition);
    if (text !== "") this.#events.agentText(itemId, text, false);
  }

  #audio(message: Uint8Array): void {
    const item = this.#itemOf(message);
    if (this.#muted) return;
    this.#responses.spoke();
    this.#events.audio(item, message, scan.deltaStart, scan.deltaEnd);
  }

  #itemOf(message: Uint8Array): SpeechItem {
    const { itemIdStart, itemIdEnd } = scan;
    const last = this.#item;
    if (last !== null && isText(message, itemIdStart, itemIdEnd, last.itemId)) return last;
    const responseId = text(message, scan.responseIdStart, scan.responseIdEnd) as ResponseId;
    const item: SpeechItem = {
      itemId: text(message, itemIdStart, itemIdEnd) as ItemId,
      responseId,
      contentIndex: scan.contentIndex,
    };
    this.#item = item;
    this.#muted = this.#responses.isInterrupted(responseId);
    if (this.#muted) this.#responses.unheard(item.itemId);
    return item;
  }

  #transcript(message: Uint8Array): void {
    const { itemIdStart, itemIdEnd, deltaStart, deltaEnd } = scan;
    const last = this.#item;
    const itemId =
      last !== null && isText(message, itemIdStart, itemIdEnd, last.itemId)
        ? last.itemId
        : (text(message, itemIdStart, itemIdEnd) as ItemId);
    this.parsedTranscript(itemId, decoder.decode(message.subarray(deltaStart, deltaEnd)));
  }
}

/** Whether `text` returns this. Bytes kept for a comparison would be an array for each item. */
function isText(bytes: Uint8Array, start: number, end: number, wanted: string): boolean {
  if (end - start !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++)
    if (bytes[start + i] !== wanted.charCodeAt(i)) return false;
  return true;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  let out = "";
  for (let i = start; i < end; i++) out += String.fromCharCode(bytes[i]!);
  return out;
}
