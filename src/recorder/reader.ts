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
  /** A writer was killed in the middle of a line. */
  readonly cutOff: boolean;
}

const FORMAT = 1;
const MESSAGE = '"message":';
const WRITER = /^\{"at":0,"is":"writer",/;

/** A line, and which of the recording's parts it belongs to. */
export interface ParsedLine {
  /** From 0, in the order in which the parts begin. */
  readonly part: number;
  readonly line: FlightLine;
}

/**
 * Tells what each line of a flight recording is, without keeping any.
 *
 * @throws RelayError config_invalid naming the line that is no line of one.
 */
export class FlightParser {
  /** The latest part of each writer. */
  readonly #current = new Map<string, number>();
  #parts = 0;
  #writer = "";
  #number = 0;
  #broken: string | null = null;
  readonly #cutParts = new Set<number | null>();

  /** The parts whose writer was killed while it wrote a line; null: before any began. */
  get cutParts(): ReadonlySet<number | null> {
    return this.#cutParts;
  }

  /** What the last line is a part of; null: of none. */
  get part(): number | null {
    return this.#current.get(this.#writer) ?? null;
  }

  /** @returns null for a line that says nothing of the call. */
  line(text: string): ParsedLine | null {
    this.#number++;
    if (text.trim() === "") return null;
    // Only the last line of a writer may be broken: after it another one begins.
    if (this.#broken !== null && !WRITER.test(text)) throw invalid(this.#broken);
    this.#broken = null;
    let line: FlightLine;
    try {
      line = parse(text);
    } catch (error) {
      this.#broken = `line ${this.#number} ${error instanceof RelayError ? error.message : "is not JSON"}`;
      if (error instanceof RelayError) throw invalid(this.#broken);
      this.#cutParts.add(this.part);
      return null;
    }
    if ("is" in line && line.is === "call") {
      this.#begin(line);
      return { part: this.#parts - 1, line };
    }
    if ("is" in line && line.is === "writer") {
      this.#writer = line.writer;
      return null;
    }
    const { part } = this;
    if (part === null)
      throw invalid(
        `line ${this.#number} is of a recording whose beginning ("is":"call") is not here`,
      );
    return { part, line };
  }

  /** @throws RelayError config_invalid when no call has begun. */
  end(): void {
    if (this.#parts === 0) throw invalid("it is empty");
  }

  #begin(header: FlightHeader): void {
    if (header.format !== FORMAT)
      throw invalid(
        `line ${this.#number} is of format ${header.format}; this version reads ${FORMAT}`,
      );
    for (const part of ["parties", "agent", "settings"]) {
      const value: unknown = Reflect.get(header, part);
      if (typeof value !== "object" || value === null)
        throw invalid(`line ${this.#number} begins a call and lacks its ${part}`);
    }
    this.#current.set(this.#writer, this.#parts++);
  }
}

/**
 * Reads a whole flight recording, line by line.
 *
 * @throws RelayError config_invalid naming the line that is no line of one.
 */
export class FlightReader {
  readonly #parser = new FlightParser();
  readonly #parts: { header: FlightHeader; lines: FlightLine[] }[] = [];

  line(text: string): void {
    const parsed = this.#parser.line(text);
    if (parsed === null) return;
    const { part, line } = parsed;
    if ("is" in line && line.is === "call") this.#parts.push({ header: line, lines: [] });
    else this.#parts[part]?.lines.push(line);
  }

  end(): FlightRecording {
    this.#parser.end();
    const { cutParts } = this.#parser;
    for (const part of cutParts) this.#dropLastInput(part ?? 0);
    return { parts: this.#parts, cutOff: cutParts.size > 0 };
  }

  /**
   * What the last input before the cut led to is recorded in part only, so nothing can be compared
   * with it.
   */
  #dropLastInput(part: number): void {
    const lines = this.#parts[part]?.lines ?? [];
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
