/**
 * A tool's result as text for the model. A module may return what its type does not promise:
 * cycles, BigInts, functions, getters that throw, megabytes. Whatever it is, there is a text, and
 * the work is bounded by MAX_OUTPUT_CHARS.
 */

/** More does not help a model that has to speak it, and costs input tokens at every later turn. */
export const MAX_OUTPUT_CHARS = 16_384;
/** Room for the note that the text is cut. */
const NOTE_CHARS = 80;
/** Deeper values are not read aloud by any model, and the walk must not exhaust the stack. */
const MAX_DEPTH = 64;

/**
 * @returns text as it is, anything else as JSON; never empty, at most MAX_OUTPUT_CHARS characters.
 */
export function resultText(output: unknown): string {
  if (typeof output !== "string") return jsonText(output);
  if (output === "") return '""';
  if (output.length <= MAX_OUTPUT_CHARS) return output;
  return cutText(output, `${output.length} characters`);
}

function cutText(text: string, length: string): string {
  const shown = MAX_OUTPUT_CHARS - NOTE_CHARS;
  return `${text.slice(0, shown)} … (cut: ${length}, the first ${shown} are shown)`;
}

function jsonText(value: unknown): string {
  const writer = new JsonWriter(MAX_OUTPUT_CHARS);
  writer.value(value, 0);
  const text = writer.text;
  return writer.full ? cutText(text, `more than ${MAX_OUTPUT_CHARS} characters`) : text;
}

/**
 * JSON up to a number of characters. What JSON cannot express becomes null, a number as text, or a
 * word in brackets.
 */
class JsonWriter {
  readonly #limit: number;
  readonly #parts: string[] = [];
  /** The objects that the current value is part of. */
  readonly #ancestors: object[] = [];
  #chars = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The limit is passed; what is written from here on is not kept. */
  get full(): boolean {
    return this.#chars > this.#limit;
  }

  get text(): string {
    return this.#parts.join("");
  }

  value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        return;
      case "number":
        this.#write(Number.isFinite(value) ? String(value) : "null");
        return;
      case "boolean":
        this.#write(String(value));
        return;
      case "bigint":
        this.#string(String(value));
        return;
      case "object":
        if (value === null) this.#write("null");
        else this.#object(value, depth);
        return;
      default:
        this.#write("null");
    }
  }

  #object(value: object, depth: number): void {
    if (this.#ancestors.includes(value)) {
      this.#string("[circular]");
      return;
    }
    if (depth >= MAX_DEPTH) {
      this.#string("[too deep]");
      return;
    }
    this.#ancestors.push(value);
    try {
      const plain = withoutToJson(value);
      if (plain !== value) this.value(plain, depth + 1);
      else if (Array.isArray(value)) this.#array(value, depth);
      else this.#members(value, depth);
    } catch {
      // A Proxy, or a toJSON that throws.
      this.#string("[unreadable]");
    } finally {
      this.#ancestors.pop();
    }
  }

  #array(items: readonly unknown[], depth: number): void {
    this.#write("[");
    for (let i = 0; i < items.length && !this.full; i++) {
      if (i > 0) this.#write(",");
      this.#member(() => items[i], depth);
    }
    this.#write("]");
  }

  #members(value: object, depth: number): void {
    // May throw, so before anything is written.
    const keys = Object.keys(value);
    this.#write("{");
    let first = true;
    for (const key of keys) {
      if (this.full) break;
      const type = typeofMember(value, key);
      // As JSON.stringify does.
      if (type === "undefined" || type === "function" || type === "symbol") continue;
      if (!first) this.#write(",");
      first = false;
      this.#string(key);
      this.#write(":");
      this.#member(() => Reflect.get(value, key), depth);
    }
    this.#write("}");
  }

  #member(read: () => unknown, depth: number): void {
    let member: unknown;
    try {
      member = read();
    } catch {
      this.#string("[unreadable]");
      return;
    }
    this.value(member, depth + 1);
  }

  #string(text: string): void {
    // A longer text does not fit in any case.
    this.#write(JSON.stringify(text.length > this.#limit ? text.slice(0, this.#limit) : text));
    if (text.length > this.#limit) this.#chars = Math.max(this.#chars, this.#limit + 1);
  }

  #write(part: string): void {
    if (!this.full) this.#parts.push(part);
    this.#chars += part.length;
  }
}

function withoutToJson(value: object): unknown {
  const toJson: unknown = Reflect.get(value, "toJSON");
  return typeof toJson === "function" ? Reflect.apply(toJson, value, []) : value;
}

/** "unreadable": its getter throws. */
function typeofMember(value: object, key: string): string {
  try {
    return typeof Reflect.get(value, key);
  } catch {
    return "unreadable";
  }
}
