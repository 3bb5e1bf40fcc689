/**
 * Listeners over uWebSockets.js. `http/` is the only user of that package.
 */
import type { us_listen_socket } from "uWebSockets.js";
import { twilioAuthTokens } from "../config/derived.js";
import type { Config } from "../config/load.js";
import { RelayError } from "../domain/errors.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { CallService, SipCallService } from "../relay/calls/call-service.js";
import { Exchange } from "./exchange.js";
import { mediaBehavior } from "./media-route.js";
import { type OperatorRoute, OperatorRouter, type OperatorRouterParts } from "./ops-route.js";
import { methodNotAllowed, NOT_FOUND, text } from "./reply.js";
import { openAiWebhook } from "./sip-route.js";
import { loadUws, type UwsApp } from "./uws.js";
import { voiceRoutes } from "./voice-route.js";
import { WebhookGuard } from "./webhook-guard.js";

export interface HttpServer {
  /**
   * May be called again for another port.
   *
   * @param port    0 takes a free one.
   * @param shared  other processes of ours may listen on the same port; else a taken port is refused.
   * @returns       the port.
   * @throws        RelayError config_invalid when it cannot be listened on.
   */
  listen(host: string, port: number, shared?: boolean): Promise<number>;
  /** No new connections; streams go on, other open connections end with their next answer. Idempotent. */
  stopListening(): void;
  /** Ends everything at once. Idempotent. */
  close(): void;
}

export interface PublicServerParts {
  readonly config: Pick<
    Config,
    "publicUrl" | "twilioAuthToken" | "twilioAuthTokenSecondary" | "twilioValidate"
  >;
  /** As it stands in this process's `<Stream url>`: mediaUrlFor(config, worker). */
  readonly mediaUrl: string;
  readonly desk: CallService;
  /** Null: the SIP path is not configured, and its addresses are nobody's. */
  readonly sip?: {
    readonly desk: SipCallService;
    readonly secret: string;
    readonly claimOnce: ClaimOnce;
  } | null;
  readonly metrics: Pick<Metrics, "authFailures">;
  readonly clock: Clock;
  readonly log: Log;
}

type ClaimOnce = (key: string, ttlMs: number) => Promise<boolean>;

export const MEDIA_PATH = "/media-stream";

/** What Twilio and OpenAI reach. */
export function createPublicServer(parts: PublicServerParts): HttpServer {
  const { config, mediaUrl, desk, clock, log } = parts;
  const guard = new WebhookGuard({
    publicUrl: config.publicUrl,
    authTokens: twilioAuthTokens(config),
    validate: config.twilioValidate,
    metrics: parts.metrics,
    log,
  });
  const sip = parts.sip ?? null;
  const voice = voiceRoutes({ desk, sip: sip?.desk ?? null, guard, clock, log });
  const posts = new Map(voice);
  if (sip !== null) {
    const webhook = openAiWebhook({ ...sip, metrics: parts.metrics, log });
    for (const path of ["/openai/webhook", "/"]) posts.set(path, webhook);
  }
  // A proxy in front may leave PUBLIC_URL's own path on the requests it passes on, or take it off: both work.
  const prefix = new URL(config.publicUrl).pathname.replace(/\/+$/, "");
  const mediaPaths = mediaPathsOf(mediaUrl, prefix);
  const app = loadUws().uws.App();
  const server = new UwsServer(app);

  const behavior = mediaBehavior({ desk, guard, log, mediaUrl });
  for (const path of mediaPaths) app.ws(path, behavior);
  app.any("/*", (response, request) => {
    const exchange = new Exchange(response, request, () => server.retired);
    const { method } = exchange.head;
    let { path } = exchange.head;
    if (mediaPaths.has(path)) {
      // An upgrade never comes here.
      if (method !== "GET") exchange.answer(methodNotAllowed(["GET"]));
      else if (
        guard.signed("media", exchange.head.header("x-twilio-signature"), [
          mediaUrl,
          `${mediaUrl}/`,
        ])
      )
        exchange.answer(text(426, "upgrade required", { headers: { Upgrade: "websocket" } }));
      else exchange.answer(text(403, "forbidden"));
      return;
    }
    if (prefix !== "" && path.startsWith(`${prefix}/`)) path = path.slice(prefix.length);
    if (path === "/health") {
      const known = method === "GET" || method === "HEAD";
      exchange.answer(known ? text(200, "ok") : methodNotAllowed(["GET", "HEAD"]));
      return;
    }
    const handler = posts.get(path);
    if (handler === undefined) exchange.answer(NOT_FOUND);
    else if (method !== "POST") exchange.answer(methodNotAllowed(["POST"]));
    else handler(exchange, path);
  });
  return server;
}

export interface OperatorServerParts extends OperatorRouterParts {
  /** Beside /metrics, /ready and the supervisor's hand on calls: records, console, events. */
  readonly routes?: readonly OperatorRoute[];
}

/** What operators reach: never on the public side. */
export function createOperatorServer(parts: OperatorServerParts): HttpServer {
  const router = new OperatorRouter(parts, parts.routes ?? []);
  const app = loadUws().uws.App();
  app.any("/*", (response, request) => router.handle(new Exchange(response, request)));
  return new UwsServer(app);
}

/** Where Twilio's upgrade may arrive: the fixed path, and that of MEDIA_URL when a balancer passes it on unchanged. */
function mediaPathsOf(mediaUrl: string, prefix: string): ReadonlySet<string> {
  const own = new URL(mediaUrl).pathname.replace(/\/+$/, "");
  const paths = [MEDIA_PATH, `${prefix}${MEDIA_PATH}`, own].filter((path) => path !== "");
  return new Set(paths.flatMap((path) => [path, `${path}/`]));
}

/** uWebSockets.js's option bit: fail when the port is taken, instead of sharing it. */
const EXCLUSIVE_PORT = 1;

class UwsServer implements HttpServer {
  readonly #app: UwsApp;
  #listening: us_listen_socket[] = [];
  #retired = false;
  #closed = false;

  constructor(app: UwsApp) {
    this.#app = app;
  }

  listen(host: string, port: number, shared = false): Promise<number> {
    const { uws } = loadUws();
    return new Promise((resolve, reject) => {
      const done = (socket: us_listen_socket | false) => {
        if (socket === false) {
          const problem = `${host}:${port} cannot be listened on: it is in use, or not allowed`;
          reject(new RelayError("config_invalid", problem));
          return;
        }
        this.#listening.push(socket);
        resolve(uws.us_socket_local_port(socket));
      };
      this.#app.listen(host.replace(/^\[|\]$/g, ""), port, shared ? 0 : EXCLUSIVE_PORT, done);
    });
  }

  /** It listened, and does so no more. */
  get retired(): boolean {
    return this.#retired;
  }

  stopListening(): void {
    this.#retired = true;
    const { uws } = loadUws();
    for (const socket of this.#listening) uws.us_listen_socket_close(socket);
    this.#listening = [];
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stopListening();
    this.#app.close();
  }
}
