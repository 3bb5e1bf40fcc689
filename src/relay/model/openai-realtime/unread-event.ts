import type { ItemId, ResponseId } from "../../../domain/ids.js";
import type { ServerEvent } from "../../../wire/realtime-events.js";
import type { EventHead } from "../../../wire/realtime-head.js";

/** Replaces an id that could not be read. */
export const UNREAD = "unread";

/**
 * A substitute for an event that was dropped because it was too large or invalid. With it the
 * session still does what the event's type requires; for example, it notices that a response has
 * ended. Null: the type requires nothing.
 *
 * @param active  the active response, for an event whose own response id is unknown.
 * @param spoke   some audio of that response was passed on.
 */
export function standIn(
  head: EventHead,
  active: ResponseId | null,
  spoke: boolean,
): ServerEvent | null {
  const itemId = (head.itemId ?? UNREAD) as ItemId;
  const responseId = (head.responseId ?? active ?? UNREAD) as ResponseId;
  switch (head.type) {
    case "session.created":
    case "session.updated":
      return { type: head.type, session: UNREAD_SESSION };
    case "input_audio_buffer.speech_started":
      return { type: head.type, itemId, audioStartMs: 0 };
    case "input_audio_buffer.speech_stopped":
      return { type: head.type, itemId, audioEndMs: 0 };
    case "input_audio_buffer.committed":
      return { type: head.type, itemId, previousItemId: null };
    case "response.created":
    case "response.done":
      return { type: head.type, response: unreadResponse(responseId, head.status, spoke) };
    case "response.output_audio.done":
      return { type: head.type, responseId, itemId, contentIndex: 0 };
    case "response.mcp_call.completed":
    case "response.mcp_call.failed":
      return { type: head.type, itemId };
    case "error":
      return { type: head.type, error: { ...NO_FAULT, code: UNREAD } };
  }
  return null;
}

const UNREAD_SESSION = {
  id: null,
  model: null,
  expiresAtS: null,
  inputFormat: null,
  outputFormat: null,
};

const NO_FAULT = { type: null, code: null, message: null, param: null, eventId: null };

/** `reason` of a response whose end was not read. */
export const EVENT_NOT_READ = "event_not_read";

/** Without audio, and without calls that were reported before, it counts as failed. */
function unreadResponse(id: ResponseId, status: string | null, spoke: boolean) {
  const otherwise = spoke ? ("completed" as const) : ("failed" as const);
  return {
    id,
    status: status === "cancelled" ? ("cancelled" as const) : otherwise,
    statusDetails: {
      reason: EVENT_NOT_READ,
      errorType: null,
      errorCode: null,
      errorMessage: null,
    },
    output: [],
    conversationId: null,
    metadata: {},
    usage: null,
  };
}
