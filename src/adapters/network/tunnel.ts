/** A connection through a forward proxy by CONNECT. Source: RFC 9110, section 9.3.6. */
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ForwardProxy } from "./proxy-rules.js";

/** From the dial to the proxy's answer, and between two pieces of it. */
const TIMEOUT_MS = 10_000;
/** A proxy's refusal has a page for people. More than this of it is not read. */
const MAX_HEAD_BYTES = 16 * 1024;

/** Why a tunnel failed; `code` is "EPROXY". */
export class ProxyError extends Error {
  readonly code = "EPROXY";
}

export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

export interface TunnelOptions {
  readonly lookup: LookupFunction;
  /** Certificates to trust for a proxy that is reached over TLS, PEM; absent: Node's own list. */
  readonly trustedCertificates?: string | null;
}

/**
 * Opens a tunnel. A caller that gives up destroys the returned socket.
 *
 * @param done  once: with the socket, through which the target is reached, or with the failure.
 * @returns     the connection to the proxy.
 */
export function openTunnel(
  proxy: ForwardProxy,
  target: TunnelTarget,
  options: TunnelOptions,
  done: (error: Error | null, socket: Socket) => void,
): Socket {
  const { host, port, secure } = proxy;
  const address = { host, port, lookup: options.lookup };
  const socket = secure
    ? connectTls({
        ...address,
        servername: isIP(host) === 0 ? host : "",
        ALPNProtocols: ["http/1.1"],
        ...(options.trustedCertificates == null ? {} : { ca: options.trustedCertificates }),
      })
    : connect(address);
  socket.setNoDelay(true);
  let head = Buffer.alloc(0);
  const finish = (error: Error | null): void => {
    socket.off("data", read).off("error", failed).off("close", closed).setTimeout(0);
    if (error === null) {
      // Paused, so that nothing is lost before the next reader is in place. It resumes the socket.
      socket.pause();
    } else {
      socket.on("error", () => undefined);
      socket.destroy();
    }
    done(error, socket);
  };
  const failed = (error: Error): void => finish(error);
  const closed = (): void => finish(new ProxyError("the proxy closed the connection"));
  const read = (bytes: Buffer): void => {
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (head.length > MAX_HEAD_BYTES) finish(new ProxyError("the proxy's answer is too long"));
      return;
    }
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString("latin1"))?.[1];
    if (status === undefined) finish(new ProxyError("the proxy's answer is not HTTP"));
    else if (!status.startsWith("2")) finish(new ProxyError(`the proxy answered ${status}`));
    else {
      const rest = head.subarray(end + 4);
      finish(null);
      if (rest.length > 0) socket.unshift(rest);
    }
  };
  socket.setTimeout(TIMEOUT_MS, () => finish(new ProxyError("the proxy did not answer in time")));
  socket.on("data", read).on("error", failed).on("close", closed);
  socket.once(secure ? "secureConnect" : "connect", () => {
    socket.write(connectRequest(proxy, target), "latin1");
  });
  return socket;
}

/** As `openTunnel`, given up when `signal` is aborted; rejects with its reason then. */
export function tunnel(
  proxy: ForwardProxy,
  target: TunnelTarget,
  options: TunnelOptions,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const opening = openTunnel(proxy, target, options, (error, socket) => {
      signal.removeEventListener("abort", abort);
      if (error === null) resolve(socket);
      else reject(signal.aborted ? signal.reason : error);
    });
    const abort = (): void => {
      opening.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}

function connectRequest({ authorization }: ForwardProxy, { host, port }: TunnelTarget): string {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return (
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n` +
    `${authorization === null ? "" : `Proxy-Authorization: ${authorization}\r\n`}\r\n`
  );
}
