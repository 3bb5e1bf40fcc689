import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface ConnectProxy {
  readonly url: string;
  readonly port: number;
  /** "host:port" of each CONNECT, in order. */
  readonly asked: string[];
  /** `Proxy-Authorization` of each CONNECT. */
  readonly credentials: (string | undefined)[];
  close(): Promise<void>;
}

export interface ConnectProxyOptions {
  /** Which port of this machine stands for which "host:port"; "any": every host is this machine. */
  readonly hosts: Readonly<Record<string, number>> | "any";
  /** The status of every answer; default 200. 0: no answer at all. */
  readonly status?: number;
  /** Bytes of an answer that is not HTTP. */
  readonly garbage?: string;
  /** The proxy itself speaks TLS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

/** A real forward proxy: it answers CONNECT and then copies bytes both ways. */
export async function startConnectProxy(options: ConnectProxyOptions): Promise<ConnectProxy> {
  const { hosts, status = 200, tls, garbage } = options;
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const open = new Set<Duplex>();
  const server: Server = tls === undefined ? createServer() : createHttpsServer(tls);
  server.on("connect", (request, client: Duplex) => {
    open.add(client);
    client.on("error", () => undefined);
    asked.push(request.url ?? "");
    credentials.push(request.headers["proxy-authorization"]);
    if (status === 0) return;
    if (garbage !== undefined) {
      client.end(garbage);
      return;
    }
    const authority = request.url ?? "";
    const port = hosts === "any" ? Number(authority.split(":").at(-1)) : hosts[authority];
    if (status !== 200 || port === undefined) {
      client.end(`HTTP/1.1 ${status === 200 ? 502 : status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const target: Socket = connect(port, "127.0.0.1", () => {
      // In two packets: a head may be split anywhere.
      client.write("HTTP/1.1 200 Connection est");
      setImmediate(() => {
        client.write("ablished\r\n\r\n");
        target.pipe(client);
        client.pipe(target);
      });
    });
    open.add(target);
    target.on("error", () => client.destroy());
    client.on("close", () => target.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    asked,
    credentials,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
