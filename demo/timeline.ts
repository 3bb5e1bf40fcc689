/** Prints a call as it happens: one line for each event that a listener would notice. */
import type { RecordEvent } from "../src/domain/record-event.js";

export class Timeline {
  readonly #print: (line: string) => void;
  readonly #startMs = performance.now();
  /** By item, the text that was printed: a record repeats it when it learns more. */
  readonly #texts = new Map<string, string>();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  line(who: string, text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(5);
    this.#print(`${seconds} s  ${who.padEnd(8)}${text}`);
  }

  /** An event of the call's record. */
  event(event: RecordEvent): void {
    if (event.type === "agent_text") {
      if (event.complete === false || this.#texts.get(event.itemId) === event.text) return;
      this.#texts.set(event.itemId, event.text);
    }
    const shown = lineOf(event);
    if (shown !== null) this.line(...shown);
  }
}

/** Who does what; null: no listener would notice. */
function lineOf(event: RecordEvent): [who: string, text: string] | null {
  switch (event.type) {
    case "opened":
      return ["phone", `rings; the model's session opens for agent "${event.agent}"`];
    case "stream_started":
      return ["relay", "caller and model are connected"];
    case "caller_turn":
      return event.endedMs === null
        ? ["caller", "begins to speak"]
        : event.endedMs === event.startedMs
          ? null
          : ["caller", `spoke for ${seconds(event.endedMs - event.startedMs)}`];
    case "caller_text":
      return ["caller", event.text === "" ? "(no transcript)" : `“${event.text}”`];
    case "agent_turn":
      return event.voiceToVoiceMs === null
        ? ["agent", "speaks"]
        : ["agent", `answers, ${event.voiceToVoiceMs} ms after the caller stopped`];
    case "agent_text":
      return ["agent", `“${event.text}”`];
    case "agent_heard": {
      if (event.interruptedAtMs === null) return null;
      const heard = `${seconds(event.heardMs)} of ${seconds(event.receivedMs)}`;
      return ["relay", `interrupted: the caller heard ${heard}; the rest is dropped`];
    }
    case "tool":
      return ["tool", `${event.name} ${event.arguments} → ${event.output} (${event.ms} ms)`];
    default:
      return transferLineOf(event);
  }
}

function transferLineOf(event: RecordEvent): [who: string, text: string] | null {
  switch (event.type) {
    case "transfer_requested": {
      const reason = event.reason ?? "no reason given";
      return ["relay", `transfer to "${event.destination}" (${event.by}): ${reason}`];
    }
    case "transfer_step": {
      const detail = event.detail === null ? "" : ` (${event.detail})`;
      return ["relay", `transfer: ${event.step}${detail}`];
    }
    case "transfer_outcome":
      return ["relay", `transfer to "${event.destination}": ${event.outcome}`];
    case "ended":
      return ["relay", `the call ended: ${event.outcome} (${event.reason})`];
    default:
      return null;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
