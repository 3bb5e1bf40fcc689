/**
 * Names to addresses without libuv's thread pool. `dns.lookup` takes one of its four threads for
 * each name, so that four names whose servers do not answer stop all look-ups and all file work of
 * the process. c-ares asks the name servers over sockets of its own.
 */
import { lookup, Resolver } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { Clock } from "../../ports/clock.js";
import { systemClock } from "../system/system-clock.js";
import { HostsFile, type ResolvedAddress } from "./hosts-file.js";

/** The part of c-ares that is used: replaced by a test. */
export interface NameServers {
  resolve4(host: string, options: { ttl: true }): Promise<readonly NameRecord[]>;
  resolve6(host: string, options: { ttl: true }): Promise<readonly NameRecord[]>;
}

interface NameRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** Names to addresses, for one kind of hosts. */
export interface HostResolver {
  /**
   * @param host  a name or an address, without brackets.
   * @returns     at least one address.
   * @throws      an Error with a `code` such as ENOTFOUND or ETIMEOUT.
   */
  resolve(host: string): Promise<readonly ResolvedAddress[]>;
  /** The same for `net.connect`, `tls.connect` and agents. */
  readonly lookup: LookupFunction;
}

export interface NameResolverOptions {
  readonly clock?: Pick<Clock, "nowMs" | "after">;
  readonly nameServers?: NameServers;
  readonly hosts?: Pick<HostsFile, "find">;
  /** getaddrinfo: asked for names that no name server knows. */
  readonly system?: (host: string) => Promise<readonly ResolvedAddress[]>;
}

/** c-ares: from a question to the next server or try. */
const TRY_MS = 1_000;
const TRIES = 2;
/** From the first question to the failure of a look-up, whatever answers. */
const TIMEOUT_MS = 3_000;
/** From the first family's addresses to going on without the other's. RFC 8305, section 3. */
const OTHER_FAMILY_MS = 50;
const MIN_TTL_S = 5;
const MAX_TTL_S = 300;
/** How long known addresses are used while the name servers fail. */
const STALE_MS = 3_600_000;
const MAX_NAMES = 500;

interface Known {
  readonly addresses: readonly ResolvedAddress[];
  readonly freshUntilMs: number;
}

export class NameResolver implements HostResolver {
  readonly #clock: Pick<Clock, "nowMs" | "after">;
  readonly #servers: NameServers;
  readonly #hosts: Pick<HostsFile, "find">;
  readonly #system: (host: string) => Promise<readonly ResolvedAddress[]>;
  readonly #known = new ExpiringMap<string, Known>({ ttlMs: STALE_MS, maxSize: MAX_NAMES });
  readonly #asking = new Map<string, Promise<readonly ResolvedAddress[]>>();
  /** getaddrinfo runs for one name at a time: three of the four threads stay free. */
  #systemQueue: Promise<unknown> = Promise.resolve();

  constructor(options: NameResolverOptions = {}) {
    const clock = options.clock ?? systemClock;
    this.#clock = clock;
    this.#servers = options.nameServers ?? new Resolver({ timeout: TRY_MS, tries: TRIES });
    this.#hosts = options.hosts ?? new HostsFile(() => clock.nowMs());
    this.#system = options.system ?? ((host) => lookup(host, { all: true, verbatim: true }));
  }

  async resolve(host: string): Promise<readonly ResolvedAddress[]> {
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family }];
    const local = await this.#hosts.find(host);
    if (local !== null) return local;
    const known = this.#known.get(host, this.#clock.nowMs());
    if (known !== undefined && known.freshUntilMs > this.#clock.nowMs()) return known.addresses;
    let asking = this.#asking.get(host);
    if (asking === undefined) {
      asking = this.#ask(host).finally(() => this.#asking.delete(host));
      this.#asking.set(host, asking);
    }
    try {
      return await asking;
    } catch (error) {
      if (known !== undefined) return known.addresses;
      throw error;
    }
  }

  readonly lookup: LookupFunction = lookupBy((host) => this.resolve(host));

  async #ask(host: string): Promise<readonly ResolvedAddress[]> {
    const records = await this.#askServers(host).catch((error: unknown) => {
      if (codeOf(error) === "ETIMEOUT") throw error;
      return null;
    });
    // Not known to DNS: it may be a short name with a search domain, or one of mDNS or LDAP.
    const { addresses, ttlS } = records ?? {
      addresses: await this.#askSystem(host),
      ttlS: MIN_TTL_S,
    };
    if (addresses.length === 0) throw notFound(host);
    const nowMs = this.#clock.nowMs();
    const freshMs = Math.min(MAX_TTL_S, Math.max(MIN_TTL_S, ttlS)) * 1000;
    this.#known.set(host, { addresses, freshUntilMs: nowMs + freshMs }, nowMs);
    return addresses;
  }

  /** Both families at once; what the first brings waits only briefly for the second. */
  #askServers(host: string): Promise<{ addresses: readonly ResolvedAddress[]; ttlS: number }> {
    return new Promise((resolve, reject) => {
      const found: (ResolvedAddress & { readonly ttl: number })[] = [];
      let open = 2;
      let failure: unknown = null;
      const finish = (): void => {
        late.cancel();
        grace?.cancel();
        if (found.length === 0) reject(failure ?? notFound(host));
        else {
          const addresses = found
            .sort((a, b) => a.family - b.family)
            .map(({ address, family }) => ({ address, family }));
          resolve({ addresses, ttlS: Math.min(...found.map(({ ttl }) => ttl)) });
        }
      };
      const late = this.#clock.after(TIMEOUT_MS, () => {
        failure ??= timedOut(host);
        finish();
      });
      let grace: { cancel(): void } | null = null;
      const ask = (family: 4 | 6, answer: Promise<readonly NameRecord[]>): void => {
        answer
          .then(
            (records) => {
              for (const { address, ttl } of records) found.push({ address, family, ttl });
            },
            (error: unknown) => {
              // A time-out says more than that the other family has no address.
              if (failure === null || codeOf(error) === "ETIMEOUT") failure = error;
            },
          )
          .then(() => {
            open -= 1;
            if (open === 0) finish();
            else if (found.length > 0) grace = this.#clock.after(OTHER_FAMILY_MS, finish);
          });
      };
      ask(4, this.#servers.resolve4(host, { ttl: true }));
      ask(6, this.#servers.resolve6(host, { ttl: true }));
    });
  }

  #askSystem(host: string): Promise<readonly ResolvedAddress[]> {
    const before = this.#systemQueue;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const late = this.#clock.after(TIMEOUT_MS, () => {
        isLate = true;
        reject(timedOut(host));
      });
      // The next name waits for the look-up itself: a thread that hangs is still taken.
      this.#systemQueue = before
        .then(() => (isLate ? [] : this.#system(host)))
        .then(resolve, reject)
        .finally(() => late.cancel());
    });
  }
}

export function lookupBy(resolve: HostResolver["resolve"]): LookupFunction {
  return (host, options, callback) => {
    resolve(host).then(
      (all) => {
        const wanted = options.family === 4 || options.family === 6 ? options.family : 0;
        const fitting = all.filter(({ family }) => wanted === 0 || family === wanted);
        const [first] = fitting;
        if (first === undefined) callback(notFound(host), "", 0);
        else if (options.all === true) callback(null, [...fitting]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, "", 0),
    );
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function notFound(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address for ${host}`), { code: "ENOTFOUND" });
}

function timedOut(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no answer about ${host}`), { code: "ETIMEOUT" });
}
