/** Requests from Twilio to the relay: signed forms, with Twilio's retry, and the map from public addresses to loopback ones. */
import { Agent, request } from "node:http";
import { type Forgery, signatureHeader } from "./signature.js";

export type Form = Readonly<Record<string, string>>;

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
  /** Public origin ("https://relay.test") → address on loopback ("http://127.0.0.1:1234"), or who chooses one each time. */
  readonly routes: ReadonlyMap<string, string | (() => string)>;
  /** Twilio: 5 s to connect, 15 s in all. */
  readonly timeoutMs?: number;
}

export interface WebRequest {
  readonly url: string;
  readonly form: Form;
  readonly method?: "GET" | "POST";
  readonly forgery?: Forgery | null;
  /** The answer to the first try is lost: the relay sees the same request twice. */
  readonly loseFirstReply?: boolean;
}

export class Web {
  readonly #options: WebOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512, timeout: 20_000 });
  readonly #running = new Set<Promise<unknown>>();
  #tokens = 0;

  constructor(options: WebOptions) {
    this.#options = options;
  }

  /** The loopback address of a public one, with the scheme it really has; null when nobody is known there. */
  inner(url: string): string | null {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (parsed === null) return null;
    const secure = parsed.protocol === "wss:" || parsed.protocol === "https:";
    const route = this.#options.routes.get(`${secure ? "https" : "http"}://${parsed.host}`);
    const base =
      (typeof route === "function" ? route() : route) ??
      // An address on loopback is its own.
      (parsed.hostname === "127.0.0.1" && !secure ? `http://${parsed.host}` : undefined);
    if (base === undefined) return null;
    const socket = parsed.protocol.startsWith("ws");
    const origin = socket ? base.replace(/^http/, "ws") : base;
    // The raw target: what a URL parser makes of it may differ from what was written.
    return origin + (/^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(url)?.[1] ?? "/");
  }

  /** One request, tried once more when nobody answered. Never rejects. */
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
    // On a connection of its own: others that were kept may lead to the same dead process.
    return { ...(await this.#try(wanted, token, false)), tries: 2 };
  }

  #try(wanted: WebRequest, token: string, agent: Agent | false): Promise<Omit<WebReply, "tries">> {
    const get = wanted.method === "GET";
    const body = new URLSearchParams(wanted.form).toString();
    const url = get ? `${wanted.url}${wanted.url.includes("?") ? "&" : "?"}${body}` : wanted.url;
    const inner = this.inner(url);
    if (inner === null) return Promise.resolve(failure(11210));
    const signed = signatureHeader(
      this.#options.authToken,
      url,
      get ? {} : wanted.form,
      wanted.forgery ?? null,
      inner,
    );
    return new Promise((resolve) => {
      const outgoing = request(
        inner,
        {
          method: get ? "GET" : "POST",
          agent,
          timeout: this.#options.timeoutMs ?? 15_000,
          headers: {
            host: new URL(url).host,
            "user-agent": "TwilioProxy/1.1",
            accept: "*/*",
            "i-twilio-idempotency-token": token,
            ...signed,
            ...(get
              ? {}
              : {
                  "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
                  "content-length": Buffer.byteLength(body),
                }),
          },
        },
        (response) => {
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
        },
      );
      outgoing.on("timeout", () => outgoing.destroy());
      outgoing.on("error", () => resolve(failure(11205)));
      outgoing.end(get ? undefined : body);
    });
  }
}

function failure(error: number): Omit<WebReply, "tries"> {
  return { status: 0, contentType: "", body: "", error };
}
