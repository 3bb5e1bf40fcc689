import type { RecordEvent } from "../src/domain/record-event.js";

/** Prints a call as it happens, a line a thing that a listener would notice. */
export class Timeline {
  readonly #print: (line: string) => void;
  readonly #startMs = performance.now();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  line(who: string, text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(5);
    this.#print(`${seconds} s  ${who.padEnd(8)}${text}`);
  }

  /** What the relay tells its record. */
  event(event: RecordEvent): void {
    switch (event.type) {
      case "opened":
        this.line(
          "phone",
          `rings; agent "${event.agent}" is woken, its session with the model opens`,
        );
        return;
      case "stream_started":
        this.line("relay", "caller and model are joined");
        return;
      case "caller_turn":
        if (event.endedMs === null) this.line("caller", "begins to speak");
        else this.line("caller", `spoke for ${seconds(event.endedMs - event.startedMs)}`);
        return;
      case "caller_text":
        this.line("caller", `“${event.text}”`);
        return;
      case "agent_turn":
        this.line(
          "agent",
          event.voiceToVoiceMs === null
            ? "speaks"
            : `answers, ${event.voiceToVoiceMs} ms after the caller stopped`,
        );
        return;
      case "agent_text":
        this.line("agent", `“${event.text}”`);
        return;
      case "agent_heard":
        if (event.interruptedAtMs !== null) {
          this.line(
            "relay",
            `interrupted: the caller heard ${seconds(event.heardMs)} of ${seconds(event.receivedMs)}; the rest is gone`,
          );
        }
        return;
      case "tool":
        this.line("tool", `${event.name} ${event.arguments} → ${event.output} (${event.ms} ms)`);
        return;
      case "transfer_requested":
        this.line(
          "relay",
          `transfer to "${event.destination}" (${event.by}): ${event.reason ?? "no reason given"}`,
        );
        return;
      case "transfer_step":
        this.line(
          "relay",
          `transfer: ${event.step}${event.detail === null ? "" : ` (${event.detail})`}`,
        );
        return;
      case "transfer_outcome":
        this.line("relay", `transfer to "${event.destination}": ${event.outcome}`);
        return;
      case "ended":
        this.line("relay", `the call ended: ${event.outcome} (${event.reason})`);
        return;
      default:
        return;
    }
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
