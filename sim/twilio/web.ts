/**
 * Requests from Twilio to the relay: signed forms, with Twilio's retry, and the map from public
 * addresses to loopback ones.
 */
import { Agent, request } from "node:http";
import type { TwilioFaults } from "./faults.js";
import { sendHttp10 } from "./http10.js";
import { type Forgery, signatureHeader } from "./signature.js";

export type Form = Readonly<Record<string, string>>;
export type Method = "GET" | "POST";

export interface WebReply {
  /** 0: no answer at all. */
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** 11205 connection, 11200 retrieval, or null when there was an answer. */
  readonly error: number | null;
  readonly tries: number;
}

export interface WebOptions {
  readonly authToken: string;
  /**
   * Public origin ("https://relay.test") → address on loopback ("http://127.0.0.1:1234"), or a
   * function that chooses one each time.
   */
  readonly routes: ReadonlyMap<string, string | (() => string)>;
  readonly faults: Pick<TwilioFaults, "http10">;
  /** Twilio: 5 s to connect, 15 s in all. */
  readonly timeoutMs?: number;
}

export interface WebRequest {
  readonly url: string;
  readonly form: Form;
  /** Default POST. */
  readonly method?: Method | undefined;
  readonly forgery?: Forgery | null;
  /** The answer to the first try is lost: the relay sees the same request twice. */
  readonly loseFirstReply?: boolean;
}

type Attempt = Omit<WebReply, "tries">;

export class Web {
  readonly #options: WebOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512, timeout: 20_000 });
  readonly #running = new Set<Promise<unknown>>();
  #tokens = 0;

  constructor(options: WebOptions) {
    this.#options = options;
  }

  /** The loopback address of a public one, with the scheme it really has; null: an unknown one. */
  inner(url: string): string | null {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (parsed === null) return null;
    const secure = parsed.protocol === "wss:" || parsed.protocol === "https:";
    const route = this.#options.routes.get(`${secure ? "https" : "http"}://${parsed.host}`);
    const base =
      (typeof route === "function" ? route() : route) ??
      // An address on loopback needs no route.
      (parsed.hostname === "127.0.0.1" && !secure ? `http://${parsed.host}` : undefined);
    if (base === undefined) return null;
    const socket = parsed.protocol.startsWith("ws");
    const origin = socket ? base.replace(/^http/, "ws") : base;
    // The raw target: a URL parser may change what was written.
    return origin + (/^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(url)?.[1] ?? "/");
  }

  /** One request, tried once more when there was no answer. Never rejects. */
  send(wanted: WebRequest): Promise<WebReply> {
    const run = this.#send(wanted);
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
    return run;
  }

  /** When all requests now running have been answered. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(wanted: WebRequest): Promise<WebReply> {
    const token = `sim-${++this.#tokens}`;
    const first = await this.#try(wanted, token, this.#agent);
    if (first.error === null && wanted.loseFirstReply !== true) return { ...first, tries: 1 };
    // On a new connection: one that was kept may lead to the same dead process.
    return { ...(await this.#try(wanted, token, false)), tries: 2 };
  }

  async #try(wanted: WebRequest, token: string, agent: Agent | false): Promise<Attempt> {
    const get = wanted.method === "GET";
    const form = new URLSearchParams(wanted.form).toString();
    const url = get ? `${wanted.url}${wanted.url.includes("?") ? "&" : "?"}${form}` : wanted.url;
    const inner = this.inner(url);
    if (inner === null) return failure(11210);
    const { authToken, faults, timeoutMs = 15_000 } = this.#options;
    const signedForm = get ? {} : wanted.form;
    const signature = signatureHeader(authToken, url, signedForm, wanted.forgery ?? null, inner);
    const headers = { ...headersOf(url, get ? null : form, token), ...signature };
    const method = get ? "GET" : "POST";
    const body = get ? "" : form;
    if (!faults.http10) return post(inner, { method, headers, body, timeoutMs }, agent);
    const reply = await sendHttp10(inner, { method, headers, body, timeoutMs });
    return reply === null ? failure(11205) : { ...reply, error: null };
  }
}

function headersOf(
  url: string,
  body: string | null,
  token: string,
): Record<string, string | number> {
  return {
    host: new URL(url).host,
    "user-agent": "TwilioProxy/1.1",
    accept: "*/*",
    "i-twilio-idempotency-token": token,
    ...(body === null
      ? {}
      : {
          "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
          "content-length": Buffer.byteLength(body),
        }),
  };
}

function post(
  url: string,
  wanted: {
    readonly method: Method;
    readonly headers: Record<string, string | number>;
    readonly body: string;
    readonly timeoutMs: number;
  },
  agent: Agent | false,
): Promise<Attempt> {
  const { method, headers, body, timeoutMs } = wanted;
  return new Promise((resolve) => {
    const outgoing = request(url, { method, agent, timeout: timeoutMs, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve(failure(11200)));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers["content-type"] ?? "",
          body: Buffer.concat(chunks).toString(),
          error: null,
        }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve(failure(11205)));
    outgoing.end(body);
  });
}

function failure(error: number): Attempt {
  return { status: 0, contentType: "", body: "", error };
}
