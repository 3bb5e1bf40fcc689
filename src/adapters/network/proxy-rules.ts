/** Which outgoing connections go through the forward proxy, and how it is reached. */
import { isIP } from "node:net";

export interface ForwardProxy {
  readonly host: string;
  readonly port: number;
  /** The connection to the proxy itself is TLS. */
  readonly secure: boolean;
  /** The value of `Proxy-Authorization`; null = none. */
  readonly authorization: string | null;
}

export class ProxyRules {
  readonly #proxy: ForwardProxy | null;
  readonly #exceptions: readonly Exception[];

  /**
   * @param httpsProxy  HTTPS_PROXY: an http or https URL, with credentials where needed.
   * @param noProxy     NO_PROXY: hosts, domains, addresses and subnets, separated by commas or
   *                    spaces; `*` = all hosts.
   * @throws            TypeError when HTTPS_PROXY is no URL.
   */
  constructor(httpsProxy: string | null, noProxy: string | null) {
    this.#proxy = httpsProxy === null ? null : parseProxy(httpsProxy);
    this.#exceptions = (noProxy ?? "")
      .split(/[\s,]+/)
      .filter((entry) => entry !== "")
      .map(parseException);
  }

  /**
   * Null: connect directly. As elsewhere, this machine is no exception unless NO_PROXY names it.
   *
   * @param host  a name or address, without brackets.
   */
  proxyFor(host: string, port: number): ForwardProxy | null {
    if (this.#proxy === null) return null;
    const name = host.toLowerCase().replace(/\.$/, "");
    return this.#exceptions.some((exception) => exception(name, port)) ? null : this.#proxy;
  }
}

type Exception = (host: string, port: number) => boolean;

function parseProxy(text: string): ForwardProxy {
  const url = new URL(text);
  const secure = url.protocol === "https:";
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const credentials = Buffer.from(`${user}:${password}`).toString("base64");
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    secure,
    authorization: user === "" ? null : `Basic ${credentials}`,
  };
}

function parseException(entry: string): Exception {
  if (entry === "*") return () => true;
  const subnet = /^(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})$/.exec(entry);
  if (subnet !== null) {
    const [, net = "", bits = "32"] = subnet;
    return (host) => isIP(host) === 4 && inSubnet(host, net, Number(bits));
  }
  // A bare IPv6 address ends like a port.
  const [, host = "", portText] =
    isIP(entry) === 6 ? [entry, entry] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/^\*?\./, "");
  const port = portText === undefined ? null : Number(portText);
  return (host, actual) =>
    (port === null || port === actual) && (host === name || host.endsWith(`.${name}`));
}

function inSubnet(address: string, net: string, bits: number): boolean {
  const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  return (number4(address) & mask) >>> 0 === (number4(net) & mask) >>> 0;
}

function number4(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
