import { WireError } from "../domain/errors.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A JSON object from a peer, read field by field: a field is checked when it is asked for, and the
 * others are not looked at.
 *
 * Throws WireError. Its message names the field and the fault and never quotes the value, which may
 * be speech, a number or a secret. For the same reason the SyntaxError of JSON.parse is not kept as
 * the cause: it quotes the text.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;

  private constructor(values: Readonly<Record<string, unknown>>, path: string) {
    this.#values = values;
    this.#path = path;
  }

  /** One whole message. `peer` is for error messages. */
  static parse(bytes: Uint8Array, maxBytes: number, peer: string): Fields {
    if (bytes.length > maxBytes) {
      throw new WireError(`${peer}: message of ${bytes.length} bytes, at most ${maxBytes}`);
    }
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(bytes));
    } catch {
      throw new WireError(`${peer}: message is not JSON`);
    }
    if (!isObject(value)) throw new WireError(`${peer}: message is not a JSON object`);
    return new Fields(value, peer);
  }

  fault(key: string, what: string): WireError {
    return new WireError(`${this.#path}: ${key} ${what}`);
  }

  has(key: string): boolean {
    const value = this.#get(key);
    return value !== undefined && value !== null;
  }

  /** May be empty. */
  string(key: string): string {
    const value = this.#get(key);
    if (typeof value !== "string") throw this.fault(key, "is not a string");
    return value;
  }

  stringOrNull(key: string): string | null {
    return this.has(key) ? this.string(key) : null;
  }

  /** Not empty and short, because an id is kept and compared. */
  id(key: string): string {
    const value = this.string(key);
    if (value.length === 0 || value.length > MAX_ID_CHARS) throw this.fault(key, "is not an id");
    return value;
  }

  idOrNull(key: string): string | null {
    return this.has(key) ? this.id(key) : null;
  }

  /** Finite: JSON such as 1e999 is read as Infinity, which no peer means. */
  number(key: string): number {
    const value = this.#get(key);
    if (typeof value !== "number" || !Number.isFinite(value))
      throw this.fault(key, "is not a number");
    return value;
  }

  numberOrNull(key: string): number | null {
    return this.has(key) ? this.number(key) : null;
  }

  /** 0 or more, exact. */
  count(key: string): number {
    const value = this.#get(key);
    if (!isCount(value)) throw this.fault(key, "is not a whole number of at least 0");
    return value;
  }

  countOrNull(key: string): number | null {
    return this.has(key) ? this.count(key) : null;
  }

  /** A count as Twilio writes it, a string of 1 to 15 digits; a bare number is taken too. */
  digits(key: string): number {
    const value = this.#get(key);
    if (typeof value === "string" && /^[0-9]{1,15}$/.test(value)) return Number(value);
    if (isCount(value)) return value;
    throw this.fault(key, "is not a string of digits");
  }

  object(key: string): Fields {
    const value = this.#get(key);
    if (!isObject(value)) throw this.fault(key, "is not an object");
    return new Fields(value, `${this.#path}: ${key}`);
  }

  objectOrNull(key: string): Fields | null {
    return this.has(key) ? this.object(key) : null;
  }

  /** An array of objects. */
  objects(key: string): Fields[] {
    return this.#array(key).map((value) => {
      if (!isObject(value)) throw this.fault(key, "holds something that is not an object");
      return new Fields(value, `${this.#path}: ${key}[]`);
    });
  }

  /** The objects of an array, without whatever else stands in it; [] when there is no array. */
  objectsAmong(key: string): Fields[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) return [];
    return value.filter(isObject).map((entry) => new Fields(entry, `${this.#path}: ${key}[]`));
  }

  /** An object of strings. The peer chose its keys, so the result has no prototype. */
  stringMap(key: string): Readonly<Record<string, string>> {
    const value = this.#get(key);
    if (!isObject(value)) throw this.fault(key, "is not an object");
    const map: Record<string, string> = Object.create(null);
    for (const [name, entry] of Object.entries(value)) {
      if (typeof entry !== "string") throw this.fault(key, "holds something that is not a string");
      map[name] = entry;
    }
    return map;
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  #array(key: string): readonly unknown[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) throw this.fault(key, "is not an array");
    return value;
  }
}

const MAX_ID_CHARS = 512;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
