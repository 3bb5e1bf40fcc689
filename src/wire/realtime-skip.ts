import { ascii, sameBytes } from "./json-scan.js";
import type { ServerEventType } from "./realtime-events.js";

const TYPE_FIRST = ascii('{"type":"');
const ID_FIRST = ascii('{"event_id":"');
const TYPE_NEXT = ascii('","type":"');
/** An event id is shorter. */
const MAX_ID_BYTES = 128;

/**
 * Recognises events that are dropped unread, because they tell the relay nothing that another event
 * does not tell it. Each reply brings about eight of them, and not parsing them is the cheapest way
 * to handle them.
 */
export class SkipList {
  readonly #types: readonly Uint8Array[];

  constructor(types: readonly ServerEventType[]) {
    this.#types = types.map(ascii);
  }

  /**
   * True for an event of a listed type that is written as the server writes its events: `type`
   * first, or directly behind `event_id`. False says nothing: the event has to be read.
   */
  skips(bytes: Uint8Array): boolean {
    const start = typeStart(bytes);
    if (start < 0) return false;
    const end = bytes.indexOf(0x22, start);
    if (end < 0) return false;
    for (const type of this.#types) if (sameBytes(bytes, start, end, type)) return true;
    return false;
  }
}

/** Where the text of `type` begins; -1 when it stands neither first nor second. */
function typeStart(bytes: Uint8Array): number {
  if (begins(bytes, 0, TYPE_FIRST)) return TYPE_FIRST.length;
  if (!begins(bytes, 0, ID_FIRST)) return -1;
  const idEnd = bytes.indexOf(0x22, ID_FIRST.length);
  if (idEnd < 0 || idEnd > MAX_ID_BYTES || !begins(bytes, idEnd, TYPE_NEXT)) return -1;
  return idEnd + TYPE_NEXT.length;
}

function begins(bytes: Uint8Array, at: number, what: Uint8Array): boolean {
  return sameBytes(bytes, at, at + what.length, what);
}
