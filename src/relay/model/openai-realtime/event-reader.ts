import { RelayError } from "../../../domain/errors.js";
import type { Log } from "../../../ports/log.js";
import type { Metrics } from "../../../ports/metrics.js";
import { parseServerEvent } from "../../../wire/realtime.js";
import type { ServerEvent, ServerEventType } from "../../../wire/realtime-events.js";
import { maxEventBytes, readEventHead, SMALL_EVENT_BYTES } from "../../../wire/realtime-head.js";
import { SkipList } from "../../../wire/realtime-skip.js";
import type { ModelSpeech } from "./model-speech.js";
import type { Responses } from "./responses.js";
import { standIn } from "./unread-event.js";

/** Events that carry nothing that another event does not carry. */
const REPEATED: readonly ServerEventType[] = [
  "conversation.item.deleted",
  "conversation.item.input_audio_transcription.delta",
  "response.content_part.added",
  "response.content_part.done",
  "response.function_call_arguments.delta",
  "response.function_call_arguments.done",
  "response.mcp_call_arguments.delta",
  "response.mcp_call_arguments.done",
  "response.output_text.delta",
];
/** Only these describe MCP calls, besides those of ITEM_DONE. */
const ITEMS: readonly ServerEventType[] = [
  "conversation.item.added",
  "conversation.item.done",
  "response.output_item.added",
];
/** It has a whole function call, too, should the end of the response not have it. */
const ITEM_DONE = new SkipList(["response.output_item.done"]);
const FUNCTION_CALL = Buffer.from('"function_call"');
/** Where the server plays the audio, only this says how much of an item the caller heard. */
const TRUNCATED: ServerEventType = "conversation.item.truncated";

/** Indexed by whether the audio is direct, then by whether there are MCP tools. */
const SKIP_LISTS = [false, true].map((direct) =>
  [false, true].map(
    (mcp) => new SkipList([...REPEATED, ...(mcp ? [] : ITEMS), ...(direct ? [] : [TRUNCATED])]),
  ),
);

/** So many dropped events of a session are logged; the others are only counted. */
const MAX_LOGGED = 10;

export interface EventReaderDeps {
  readonly speech: ModelSpeech;
  readonly responses: Responses;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly handle: (event: ServerEvent) => void;
  /** The audio of the session does not pass through this process. */
  readonly direct: boolean;
  readonly hasMcpTools: boolean;
}

/**
 * Reads the server's messages; frequent ones are not parsed. An event that exceeds the size limit
 * of its type is dropped without parsing, so that no single event blocks the event loop for more
 * than a few milliseconds. The session still does what the type of the dropped event requires.
 */
export class EventReader {
  readonly #deps: EventReaderDeps;
  readonly #skipList: SkipList;
  #logged = 0;

  constructor(deps: EventReaderDeps) {
    this.#deps = deps;
    this.#skipList = SKIP_LISTS[deps.direct ? 1 : 0]![deps.hasMcpTools ? 1 : 0]!;
  }

  message(message: Uint8Array): void {
    if (message.length > SMALL_EVENT_BYTES) {
      this.#large(message);
      return;
    }
    if (this.#deps.speech.message(message) || this.#skips(message)) return;
    this.#parse(message);
  }

  #skips(message: Uint8Array): boolean {
    if (this.#skipList.skips(message)) return true;
    if (this.#deps.hasMcpTools || !ITEM_DONE.skips(message)) return false;
    // As it stands in the item's type. In a text its quotes would be escaped.
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
    return !bytes.includes(FUNCTION_CALL);
  }

  #large(message: Uint8Array): void {
    if (this.#skips(message)) return;
    const { type } = readEventHead(message);
    if (type === null || message.length > maxEventBytes(type)) {
      this.#dropped(message, "limit_exceeded");
      return;
    }
    if (type === "response.output_audio.delta" && this.#deps.speech.message(message)) return;
    this.#parse(message);
  }

  #parse(message: Uint8Array): void {
    let event: ServerEvent;
    try {
      event = parseServerEvent(message);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      this.#dropped(message, error.code, error);
      return;
    }
    this.#deps.handle(event);
  }

  #dropped(
    message: Uint8Array,
    code: "limit_exceeded" | RelayError["code"],
    error?: RelayError,
  ): void {
    const { metrics, log, responses, handle } = this.#deps;
    const head = readEventHead(message);
    metrics.upstreamErrors.add(1, code);
    if (++this.#logged <= MAX_LOGGED) {
      const fields = { code, type: head.type, bytes: message.length };
      log.warn("model: event dropped", fields, error);
    }
    const event = standIn(head, responses.active, responses.activeSpoke);
    if (event !== null) handle(event);
  }
}
