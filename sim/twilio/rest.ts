/** Twilio's REST API, as far as a relay uses it: calls, conferences, recordings, numbers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { TwilioContext } from "./context.js";
import type { PhoneNumber } from "./numbers.js";
import type { Recordings } from "./recordings.js";
import { RestCalls } from "./rest-calls.js";
import { RestConferences } from "./rest-conferences.js";
import { type Params, RestError } from "./rest-error.js";
import { type RestAnswer, type Route, restRoutes } from "./rest-routes.js";
import { RestStreams } from "./rest-streams.js";

/** What goes wrong with the next matching requests. */
export interface RestFault {
  /** "calls.update", "participants.create", … (`rest-routes.ts`). Default: any. */
  readonly operation?: string;
  readonly kind: /** Not carried out. */
    | "429"
    | "500"
    | "404"
    | "401"
    /** "The call is over". */
    | "21220"
    /** Answered as if carried out, and nothing happens. */
    | "200_ignored"
    /** Carried out, and answered 500. */
    | "500_after"
    /** Carried out, but the answer never comes. */
    | "timeout_after"
    /** Not carried out, and no answer. */
    | "timeout_before"
    /** The connection is cut. */
    | "reset";
  /** Default 1. */
  readonly times?: number;
}

export interface RestRequest {
  readonly atMs: number;
  readonly operation: string;
  readonly path: string;
  readonly form: Readonly<Record<string, string | readonly string[]>>;
  status: number;
}

const MAX_BODY_BYTES = 256 * 1024;
const FAULT_ERRORS: Readonly<Record<string, readonly [number, number, string]>> = {
  "429": [429, 20429, "Too Many Requests"],
  "500": [500, 20500, "Internal Server Error"],
  "404": [404, 20404, "The requested resource was not found"],
  "401": [401, 20003, "Authenticate"],
  "21220": [400, 21220, "Call is not in-progress. Cannot redirect."],
};

export class RestApi {
  /** Everything asked, in order. */
  readonly requests: RestRequest[] = [];
  readonly #twilio: TwilioContext;
  readonly #faults: { fault: RestFault; left: number }[] = [];
  readonly #credentials: ReadonlyMap<string, string>;
  readonly #routes: readonly Route[];
  readonly #server: Server;

  constructor(
    twilio: TwilioContext,
    parts: {
      readonly recordings: Recordings;
      readonly numbers: readonly PhoneNumber[];
      readonly mediaDelayMs: number;
    },
    credentials: ReadonlyMap<string, string>,
  ) {
    const { recordings, numbers, mediaDelayMs } = parts;
    this.#twilio = twilio;
    this.#credentials = credentials;
    const calls = new RestCalls(twilio, recordings, mediaDelayMs);
    const conferences = new RestConferences(twilio);
    const streams = new RestStreams(twilio);
    this.#routes = restRoutes({ twilio, calls, conferences, streams, recordings, numbers });
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  fail(fault: RestFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", 1024, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.closeAllConnections();
      this.#server.close(() => resolve());
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on("error", () => response.destroy());
    request.on("end", () => this.#answer(request, response, Buffer.concat(chunks).toString()));
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? "/", "http://sim");
    const method = request.method ?? "GET";
    const params = method === "POST" ? new URLSearchParams(body) : url.searchParams;
    const route = this.#routes.find(
      (candidate) => candidate.method === method && candidate.pattern.test(url.pathname),
    );
    const operation = route?.operation ?? `${method} ${url.pathname}`;
    const record: RestRequest = {
      atMs: this.#twilio.clock.nowMs(),
      operation,
      path: url.pathname,
      form: formOf(params),
      status: 0,
    };
    this.requests.push(record);
    const fault = this.#fault(operation);
    if (fault === "reset" || fault === "timeout_before") {
      if (fault === "reset") request.socket.destroy();
      return;
    }
    const answer = this.#carryOut(request, route, url.pathname, params, fault);
    record.status = answer.status;
    if (fault !== "timeout_after") send(response, answer);
  }

  #carryOut(
    request: IncomingMessage,
    route: Route | undefined,
    path: string,
    params: Params,
    fault: RestFault["kind"] | null,
  ): RestAnswer {
    try {
      if (!this.#allowed(request)) throw new RestError(401, 20003, "Authenticate");
      const error = fault === null ? undefined : FAULT_ERRORS[fault];
      if (error !== undefined) throw new RestError(...error);
      if (route === undefined)
        throw new RestError(404, 20404, `The requested resource ${path} was not found`);
      const match = (route.pattern.exec(path) ?? []).slice(1).map(decodeURIComponent);
      if (fault === "200_ignored") return (route.pretend ?? route.run)(match, params);
      const answer = route.run(match, params);
      if (fault === "500_after") throw new RestError(500, 20500, "Internal Server Error");
      return answer;
    } catch (error) {
      if (error instanceof RestError) return errorAnswer(error);
      this.#twilio.violation(`the simulator failed on ${path}: ${String(error)}`);
      return { status: 500 };
    }
  }

  #fault(operation: string): RestFault["kind"] | null {
    const at = this.#faults.findIndex(
      ({ fault }) => fault.operation === undefined || fault.operation === operation,
    );
    const entry = this.#faults[at];
    if (entry === undefined) return null;
    if (--entry.left === 0) this.#faults.splice(at, 1);
    return entry.fault.kind;
  }

  #allowed(request: IncomingMessage): boolean {
    const given = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given === undefined) return false;
    const [user = "", ...secret] = Buffer.from(given, "base64").toString().split(":");
    return this.#credentials.get(user) === secret.join(":");
  }
}

function send(response: ServerResponse, answer: RestAnswer): void {
  if (answer.wav !== undefined) {
    response.writeHead(answer.status, { "content-type": "audio/x-wav" }).end(answer.wav);
    return;
  }
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "twilio-concurrent-requests": "1",
  });
  response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
}

function errorAnswer({ status, code, message }: RestError): RestAnswer {
  const more_info = `https://www.twilio.com/docs/errors/${code}`;
  return { status, json: { code, message, more_info, status } };
}

function formOf(params: Params): Record<string, string | readonly string[]> {
  const form: Record<string, string | readonly string[]> = {};
  for (const key of new Set(params.keys())) {
    const values = params.getAll(key);
    form[key] = values.length === 1 ? values[0]! : values;
  }
  return form;
}
