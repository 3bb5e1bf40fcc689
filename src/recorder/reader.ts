import type { AgentProfile } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { FlightHeader, FlightLine } from "./format.js";
import { renamed } from "./old-names.js";

/** What one process recorded of a call. */
export interface FlightPart {
  readonly header: FlightHeader;
  readonly lines: readonly FlightLine[];
}

export interface FlightRecording {
  /** Several when the call went from one process to another. */
  readonly parts: readonly FlightPart[];
  /** The writer was killed in the middle of its last line. */
  readonly cutOff: boolean;
}

const FORMAT = 1;
const MESSAGE = '"message":';

/**
 * Reads a flight recording line by line.
 *
 * @throws RelayError config_invalid naming the line that is no line of one.
 */
export class FlightReader {
  readonly #parts: { header: FlightHeader; lines: FlightLine[] }[] = [];
  /** The latest of each writer. */
  readonly #current = new Map<string, { lines: FlightLine[] }>();
  #writer = "";
  #number = 0;
  #broken: string | null = null;

  line(text: string): void {
    this.#number++;
    // Only the last line may be broken.
    if (this.#broken !== null) throw invalid(this.#broken);
    if (text.trim() === "") return;
    let line: FlightLine;
    try {
      line = parse(text);
    } catch (error) {
      this.#broken = `line ${this.#number} ${error instanceof RelayError ? error.message : "is not JSON"}`;
      if (error instanceof RelayError) throw invalid(this.#broken);
      return;
    }
    if ("is" in line && line.is === "call") {
      if (line.format !== FORMAT)
        throw invalid(
          `line ${this.#number} is of format ${line.format}; this version reads ${FORMAT}`,
        );
      for (const part of ["parties", "agent", "settings"]) {
        const value: unknown = Reflect.get(line, part);
        if (typeof value !== "object" || value === null)
          throw invalid(`line ${this.#number} begins a call and lacks its ${part}`);
      }
      const begun = { header: line, lines: [] };
      this.#parts.push(begun);
      this.#current.set(this.#writer, begun);
      return;
    }
    if ("is" in line && line.is === "writer") {
      this.#writer = line.writer;
      return;
    }
    const part = this.#current.get(this.#writer);
    if (part === undefined)
      throw invalid(
        `line ${this.#number} is of a recording whose beginning ("is":"call") is not here`,
      );
    part.lines.push(line);
  }

  end(): FlightRecording {
    if (this.#parts.length === 0) throw invalid("it is empty");
    if (this.#broken !== null) this.#dropLastInput();
    return { parts: this.#parts, cutOff: this.#broken !== null };
  }

  /**
   * What the last input before the cut led to is recorded in part only, so nothing can be compared
   * with it.
   */
  #dropLastInput(): void {
    const lines = this.#current.get(this.#writer)?.lines ?? [];
    const last = lines.findLastIndex((line) => "in" in line);
    if (last >= 0) lines.length = last;
  }
}

/**
 * Agents of recordings that were made before these settings existed: their sessions were told
 * nothing of it.
 */
const EARLIER_AGENT = {
  timeZone: null,
  tellCallerNumber: false,
  replyTimeoutMs: 4000,
} as const;

/** The agent as it was. */
export function agentOf({ agent }: FlightHeader): AgentProfile {
  return {
    ...EARLIER_AGENT,
    ...agent,
    languages: new Map(agent.languages),
    transfer: { ...agent.transfer, destinations: new Map(agent.transfer.destinations) },
  };
}

function parse(text: string): FlightLine {
  const line: unknown = JSON.parse(text);
  if (typeof line !== "object" || line === null || typeof Reflect.get(line, "at") !== "number")
    throw new RelayError("config_invalid", 'has no time ("at")');
  const kinds = ["is", "in", "out"].filter((kind) => typeof Reflect.get(line, kind) === "string");
  if (kinds.length !== 1)
    throw new RelayError("config_invalid", 'is neither "in" nor "out" nor "is"');
  const bytes: unknown = Reflect.get(line, "bytes");
  if (kinds[0] === "in" && typeof bytes === "string")
    return {
      ...line,
      event: "message",
      message: new Uint8Array(Buffer.from(bytes, "base64")),
    } as FlightLine;
  const at = text.indexOf(MESSAGE);
  if (!("message" in line) || at < 0) return renamed({ ...line }) as unknown as FlightLine;
  if (kinds[0] === "out") return { ...line, event: "message" } as FlightLine;
  // Byte for byte as it came: what reads it may care how it was written.
  const message = new TextEncoder().encode(text.slice(at + MESSAGE.length, text.lastIndexOf("}")));
  return { ...line, event: "message", message } as FlightLine;
}

function invalid(what: string): RelayError {
  return new RelayError("config_invalid", `not a flight recording: ${what}`);
}
