/**
 * How every outgoing connection is made: names are resolved without the thread pool, and the
 * forward proxy of HTTPS_PROXY is used where NO_PROXY does not exempt the host.
 */
import type { ClientRequestArgs } from "node:http";
import { type AgentOptions, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { type HostResolver, NameResolver } from "./name-resolver.js";
import { ProxyRules } from "./proxy-rules.js";
import { openTunnel, type TunnelOptions } from "./tunnel.js";

export interface NetworkSettings {
  /** HTTPS_PROXY. */
  readonly httpsProxy?: string | null;
  /** NO_PROXY. */
  readonly noProxy?: string | null;
  /** Certificates to trust instead of Node's own list, PEM. */
  readonly trustedCertificates?: string | null;
  /** Default: one of its own, so that names of other networks do not delay it. */
  readonly resolver?: HostResolver;
}

type Created = (error: Error | null, stream: Duplex) => void;

export class Network {
  readonly resolver: HostResolver;
  readonly proxies: ProxyRules;
  readonly trustedCertificates: string | null;

  /** @throws TypeError when the proxy's URL is none. */
  constructor(settings: NetworkSettings = {}) {
    this.resolver = settings.resolver ?? new NameResolver();
    this.proxies = new ProxyRules(settings.httpsProxy ?? null, settings.noProxy ?? null);
    this.trustedCertificates = settings.trustedCertificates ?? null;
  }

  get tunnelOptions(): TunnelOptions {
    const { trustedCertificates } = this;
    return { lookup: this.resolver.lookup, trustedCertificates };
  }

  /** Agents for `http.request` and `https.request` for all other requests. */
  agents(options: AgentOptions = {}): { readonly http: HttpAgent; readonly https: HttpsAgent } {
    const shared = { lookup: this.resolver.lookup, ...options };
    const ca = this.trustedCertificates;
    return {
      http: new TunnelHttpAgent(this, shared),
      https: new TunnelHttpsAgent(this, { ...shared, ...(ca === null ? {} : { ca }) }),
    };
  }
}

class TunnelHttpAgent extends HttpAgent {
  readonly #network: Network;

  constructor(network: Network, options: AgentOptions) {
    super(options);
    this.#network = network;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: Created,
  ): Duplex | null | undefined {
    const target = targetOf(options);
    const proxy = this.#network.proxies.proxyFor(target.host, target.port);
    if (proxy === null || callback === undefined) return super.createConnection(options, callback);
    openTunnel(proxy, target, this.#network.tunnelOptions, (error, socket) => {
      callback(error, socket);
      if (error === null) socket.resume();
    });
    return undefined;
  }
}

class TunnelHttpsAgent extends HttpsAgent {
  readonly #network: Network;

  constructor(network: Network, options: AgentOptions) {
    super(options);
    this.#network = network;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: Created,
  ): Duplex | null | undefined {
    const target = targetOf(options);
    const proxy = this.#network.proxies.proxyFor(target.host, target.port);
    if (proxy === null || callback === undefined) return super.createConnection(options, callback);
    openTunnel(proxy, target, this.#network.tunnelOptions, (error, socket) => {
      if (error !== null) callback(error, socket);
      else callback(null, tlsOver(socket, target.host, options as ConnectionOptions));
    });
    return undefined;
  }
}

/** TLS to `host` through a tunnel. */
export function tlsOver(socket: Socket, host: string, options: ConnectionOptions) {
  const { host: _host, port: _port, path: _path, ...rest } = options;
  return connectTls({ ...rest, socket, servername: isIP(host) === 0 ? host : "" });
}

function targetOf({ host, port }: ClientRequestArgs) {
  return {
    host: (host ?? "localhost").replace(/^\[(.*)\]$/, "$1"),
    port: Number(port ?? 0),
  };
}
