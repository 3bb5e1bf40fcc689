/** Events of live calls as text for a terminal. */
import { fieldsText, heardText, toolText } from "./call-text.js";

/** What `GET /api/events` sends: the fields of its type beside these. */
export interface LiveEvent {
  readonly callSid: string;
  /** ISO 8601. */
  readonly at: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** @returns null for something that is no event. */
export function readEvent(data: string): LiveEvent | null {
  try {
    const event = JSON.parse(data) as LiveEvent;
    return typeof event.callSid === "string" && typeof event.type === "string" ? event : null;
  } catch {
    return null;
  }
}

/** Agents' turns whose text is kept until they were heard; more of them are forgotten. */
const MAX_TEXTS = 1_000;

/** Turns the events of all calls into lines. An agent's turn is one line, once it was heard. */
export class EventText {
  readonly #agentTexts = new Map<string, string>();

  /** @returns null when there is nothing to tell yet. */
  line(event: LiveEvent): string | null {
    const text = this.#text(event);
    return text === null ? null : `${timeOf(event.at)}  ${event.callSid}  ${text}`;
  }

  #text({ callSid: _callSid, at: _at, type, ...fields }: LiveEvent): string | null {
    const item = String(fields["itemId"]);
    switch (type) {
      case "caller_turn":
      case "agent_turn":
        return null;
      case "caller_text":
        return `caller    ${String(fields["text"])}`;
      case "agent_text":
        this.#keep(item, String(fields["text"]));
        return null;
      case "agent_heard": {
        const text = this.#agentTexts.get(item) ?? "(no transcript)";
        this.#agentTexts.delete(item);
        return `agent     ${text}${heardText(fields as unknown as Parameters<typeof heardText>[0])}`;
      }
      case "tool":
        return toolText(fields as unknown as Parameters<typeof toolText>[0]);
      case "note": {
        const { name, fields: details } = fields;
        return `note      ${String(name)}${fieldsText(Object(details) as Record<string, unknown>)}`;
      }
      default:
        return `${type.padEnd(9)}${fieldsText(fields)}`;
    }
  }

  #keep(item: string, text: string): void {
    this.#agentTexts.set(item, text);
    const [oldest] = this.#agentTexts.keys();
    if (this.#agentTexts.size > MAX_TEXTS && oldest !== undefined) this.#agentTexts.delete(oldest);
  }
}

/** `08:00:12.345`, in UTC. */
function timeOf(iso: string): string {
  return iso.slice(11, 23);
}
