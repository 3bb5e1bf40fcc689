import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

export interface ResolvedAddress {
  readonly address: string;
  /** 4 or 6. */
  readonly family: number;
}

/** Containers get their names before the process starts; a person may edit the file meanwhile. */
const REREAD_MS = 30_000;

/** The names of /etc/hosts, and those of this machine. Source: hosts(5), RFC 6761 section 6.3. */
export class HostsFile {
  readonly #path: string;
  readonly #nowMs: () => number;
  #names: ReadonlyMap<string, readonly ResolvedAddress[]> = new Map();
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(nowMs: () => number, path = "/etc/hosts") {
    this.#nowMs = nowMs;
    this.#path = path;
  }

  /** @returns  null when the file does not name the host. */
  async find(host: string): Promise<readonly ResolvedAddress[] | null> {
    if (this.#nowMs() - this.#readMs >= REREAD_MS) {
      this.#reading ??= this.#read();
      await this.#reading;
    }
    const name = host.toLowerCase().replace(/\.$/, "");
    const found = this.#names.get(name);
    if (found !== undefined) return found;
    return name === "localhost" || name.endsWith(".localhost") ? LOCALHOST : null;
  }

  async #read(): Promise<void> {
    try {
      this.#names = parseHosts(await readFile(this.#path, "utf8"));
    } catch {
      // There is none, or it cannot be read: the names read before stay.
    }
    this.#readMs = this.#nowMs();
    this.#reading = null;
  }
}

const LOCALHOST: readonly ResolvedAddress[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

export function parseHosts(text: string): ReadonlyMap<string, readonly ResolvedAddress[]> {
  const names = new Map<string, ResolvedAddress[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const alias of aliases) {
      const name = alias.toLowerCase();
      const known = names.get(name);
      if (known === undefined) names.set(name, [{ address, family }]);
      else known.push({ address, family });
    }
  }
  return names;
}
