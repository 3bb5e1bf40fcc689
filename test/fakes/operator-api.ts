import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FakeIo } from "./fake-io.js";

export interface Asked {
  readonly request: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

type Answer = (request: string, body: string) => readonly [status: number, body: string];

/** An operator listener that answers what a test says, and keeps what it was asked. */
export class OperatorApi {
  readonly asked: Asked[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer: Answer): Promise<OperatorApi> {
    const server = createServer();
    const api = new OperatorApi(server);
    server.on("request", (request, response) => {
      void bodyOf(request).then((body) => {
        const line = `${request.method} ${request.url}`;
        api.asked.push({ request: line, body, authorization: request.headers.authorization });
        const [status, text] = answer(line, body);
        response.writeHead(status).end(text);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The io of a command that asks this listener. */
  io(env: Readonly<Record<string, string>> = {}): FakeIo {
    return ioFor(this.port, env);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** The io of a command that asks the operator listener on this port. */
export function ioFor(adminPort: number, env: Readonly<Record<string, string>> = {}): FakeIo {
  return new FakeIo({ ADMIN_HOST: "127.0.0.1", ADMIN_PORT: String(adminPort), ...env });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
