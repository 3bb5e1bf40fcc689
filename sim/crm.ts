/**
 * A small customer database: knows some callers, opens cases, takes the records of calls. For tests
 * and the demo.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export interface CrmCaller {
  readonly name?: string;
  readonly language?: string;
  readonly notes?: string;
  readonly open_cases?: readonly { readonly id: string; readonly subject: string }[];
}

export interface CrmRequest {
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | null;
  readonly body: unknown;
}

export interface CrmFaults {
  /** Before each answer, ms. */
  delayMs: number;
  /** Statuses that answer the next requests, in order; 0 = the connection is cut. */
  readonly statuses: number[];
}

export interface SimulatedCrm {
  readonly port: number;
  readonly url: string;
  /** By number, E.164. */
  readonly callers: Map<string, CrmCaller>;
  readonly requests: CrmRequest[];
  /** Cases opened by `POST /interactions`, in order. */
  readonly cases: unknown[];
  /** Records taken by `POST /calls`, by idempotency key: repetitions count once. */
  readonly calls: Map<string, unknown>;
  readonly faults: CrmFaults;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** GET /callers/:number · POST /interactions · POST /calls, on loopback. */
export async function startCrm(options: { readonly port?: number } = {}): Promise<SimulatedCrm> {
  const crm = new CrmServer();
  await crm.listen(options.port ?? 0);
  return crm;
}

class CrmServer implements SimulatedCrm {
  port = 0;
  readonly callers = new Map<string, CrmCaller>();
  readonly requests: CrmRequest[] = [];
  readonly cases: unknown[] = [];
  readonly calls = new Map<string, unknown>();
  readonly faults: CrmFaults = { delayMs: 0, statuses: [] };
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((incoming, response) =>
      readBody(incoming, (text) => this.#take(incoming, text, response)),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
  }

  close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #take(incoming: IncomingMessage, text: string, response: ServerResponse): void {
    const body: unknown = text === "" ? null : parse(text);
    if (body === undefined) {
      reply(response, 400, { error: "not JSON" });
      return;
    }
    const key = incoming.headers["idempotency-key"];
    const request: CrmRequest = {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      idempotencyKey: typeof key === "string" ? key : null,
      body,
    };
    this.requests.push(request);
    if (this.faults.delayMs === 0) {
      this.#answer(request, response);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#answer(request, response);
    }, this.faults.delayMs);
    this.#timers.add(timer);
  }

  #answer(request: CrmRequest, response: ServerResponse): void {
    const status = this.faults.statuses.shift();
    if (status === 0) {
      response.destroy();
      return;
    }
    if (status !== undefined) {
      reply(response, status, { error: "as told" });
      return;
    }
    const { method, path, body, idempotencyKey } = request;
    const number = /^\/callers\/([^/]+)$/.exec(path)?.[1];
    if (method === "GET" && number !== undefined) {
      const caller = this.callers.get(decodeURIComponent(number));
      reply(response, caller === undefined ? 404 : 200, caller ?? { error: "unknown caller" });
    } else if (method === "POST" && path === "/interactions") {
      this.cases.push(body);
      reply(response, 201, { reference: `CASE-${this.cases.length}` });
    } else if (method === "POST" && path === "/calls") {
      this.calls.set(idempotencyKey ?? String(this.calls.size), body);
      reply(response, 202, {});
    } else reply(response, 404, { error: "no such path" });
  }
}

function readBody(incoming: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) incoming.destroy();
    else chunks.push(chunk);
  });
  incoming.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
}

/** Undefined, which JSON cannot express, when the text is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
