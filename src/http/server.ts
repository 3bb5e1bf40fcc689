/** The two listeners: what Twilio and OpenAI reach, and what operators reach. */
import { twilioAuthTokens } from "../config/derived.js";
import type { Config } from "../config/load.js";
import { VERSION } from "../domain/version.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { LoopTimer } from "../ports/loop-timer.js";
import type { Metrics } from "../ports/metrics.js";
import type { AuditLog } from "../records/audit-log.js";
import type { CallService, SipCallService } from "../relay/calls/call-service.js";
import type { ListenService } from "../relay/calls/listen-service.js";
import { type AcceptGuardParts, guardAccept } from "./accept-guard.js";
import { auditRoute } from "./audit-route.js";
import { callRoutes } from "./call-routes.js";
import { Exchange, type ExchangeOptions } from "./exchange.js";
import { type HealthRouteParts, healthRoutes } from "./health-routes.js";
import { LISTEN_PATH, listenBehavior, listenRoute } from "./listen-route.js";
import { type HttpServer, UwsServer } from "./listener.js";
import { MEDIA_PATH, MediaAddresses } from "./media-paths.js";
import { mediaBehavior } from "./media-route.js";
import { openApiRoute } from "./openapi/openapi-route.js";
import type { OperatorAuth } from "./operator-auth.js";
import { type OperatorRoute, OperatorRouter } from "./operator-router.js";
import { PEER_STREAM_PATH, type PeerStreamParts, peerStreamBehavior } from "./peer-stream-route.js";
import { RefusalLog } from "./refusal-log.js";
import { methodNotAllowed, NOT_FOUND, type Reply, text } from "./reply.js";
import { openAiWebhook } from "./sip-route.js";
import { loadUws } from "./uws.js";
import { type Handler, voiceRoutes } from "./voice-route.js";
import { WebhookGuard } from "./webhook-guard.js";

export interface PublicServerParts {
  readonly config: Pick<
    Config,
    | "mediaUrl"
    | "publicUrl"
    | "twilioAccountSid"
    | "twilioAuthToken"
    | "twilioAuthTokenSecondary"
    | "twilioValidate"
  >;
  /** The URL in this process's `<Stream url>`: mediaUrlFor(config, worker). */
  readonly mediaUrl: string;
  readonly calls: CallService;
  /** Null: the SIP path is not configured, and its paths answer 404. */
  readonly sip?: {
    readonly calls: SipCallService;
    /** OPENAI_WEBHOOK_SECRET. */
    readonly secret: string;
    readonly claimOnce: ClaimOnce;
  } | null;
  readonly metrics: Pick<Metrics, "authFailures" | "httpRequests">;
  readonly timer: LoopTimer;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: connections are accepted until the process has no descriptor left. */
  readonly descriptors?: Pick<AcceptGuardParts, "limit" | "lowestFree">;
}

/** True for the first of all processes that asks for this key within `ttlMs`. */
type ClaimOnce = (key: string, ttlMs: number) => Promise<boolean>;

const HEALTH_PATH = "/health";
/** To the letter: some monitors compare the whole body. */
const HEALTHY: Reply = { status: 200, type: "text/plain; charset=utf-8", body: "ok" };

/** The public listener: what Twilio and OpenAI reach. */
export function createPublicServer(parts: PublicServerParts): HttpServer {
  const { config, mediaUrl, calls, clock, log, metrics, timer } = parts;
  const refusals = new RefusalLog(log, () => clock.nowMs());
  const guard = new WebhookGuard({
    publicUrl: config.publicUrl,
    accountSid: config.twilioAccountSid,
    authTokens: twilioAuthTokens(config),
    validate: config.twilioValidate,
    metrics,
    refusals,
    nowMs: () => clock.nowMs(),
  });
  const sip = parts.sip ?? null;
  const posts = new Map<string, Handler>(
    voiceRoutes({ calls, sip: sip?.calls ?? null, guard, clock, log }),
  );
  if (sip !== null) {
    const webhook = openAiWebhook({ ...sip, metrics, clock, refusals, log });
    for (const path of ["/openai/webhook", "/"]) posts.set(path, webhook);
  }
  // A proxy in front may keep PUBLIC_URL's own path on the requests, or remove it: both work.
  const prefix = new URL(config.publicUrl).pathname.replace(/\/+$/, "");
  const addresses = new MediaAddresses({ template: config.mediaUrl, own: mediaUrl, prefix });
  const app = loadUws().uws.App();
  const server = new UwsServer(app);
  const options = timed(parts, () => server.retired);
  if (parts.descriptors !== undefined)
    server.onClose(guardAccept({ server, ...parts.descriptors, clock, log }));

  const behavior = mediaBehavior({ calls, guard, metrics, timer, log, addresses });
  for (const path of addresses.patterns) app.ws(path, behavior);
  app.any("/*", (response, request) => {
    const startedMs = timer.start();
    const exchange = new Exchange(response, request, options());
    const mediaUrls = addresses.signedUrls(exchange.head.path);
    if (exchange.ambiguous) answerAmbiguous(exchange);
    else if (mediaUrls.length > 0) answerMediaRequest(exchange, guard, mediaUrls);
    else answerPublic(exchange, posts, withoutPrefix(exchange.head.path, prefix), refusals);
    timer.end("http", startedMs);
  });
  return server;
}

export interface OperatorServerParts extends HealthRouteParts {
  readonly auth: OperatorAuth;
  readonly audit: Pick<AuditLog, "write" | "find">;
  readonly calls: Pick<CallService, "readiness" | "execute">;
  readonly listening: ListenService;
  /** Streams that other processes carry here; null: this is the only process. */
  readonly streams?: PeerStreamParts["streams"] | null;
  readonly metrics: Pick<Metrics, "httpRequests">;
  readonly timer: LoopTimer;
  readonly clock: Clock;
  readonly log: Log;
  /** Requests come from the supervisor process, which names the client's address. */
  readonly behindSupervisor?: boolean;
  /** Default: connections are accepted until the process has no descriptor left. */
  readonly descriptors?: Pick<AcceptGuardParts, "limit" | "lowestFree">;
  /** Routes beside /metrics, /ready and the actions on calls: records, console, events. */
  readonly routes?: readonly OperatorRoute[];
}

/** Share of the descriptor reserve left free, so that operators get in when strangers do not. */
const OPERATOR_SHARE = 0.5;

/** The operator listener. Nothing of it is reachable on the public listener. */
export function createOperatorServer(parts: OperatorServerParts): HttpServer {
  const { auth, audit, calls, clock, listening, timer, log, routes = [] } = parts;
  const all = [
    ...healthRoutes(parts),
    ...callRoutes(calls),
    listenRoute(listening),
    auditRoute(audit),
    ...routes,
  ];
  const router = new OperatorRouter(auth, audit, log, [...all, openApiRoute(all, VERSION)]);
  const app = loadUws().uws.App();
  const server = new UwsServer(app);
  if (parts.descriptors !== undefined) {
    const guarded = { server, ...parts.descriptors, share: OPERATOR_SHARE };
    server.onClose(guardAccept({ ...guarded, clock, log }));
  }
  const options = timed(parts);
  const { behindSupervisor = false, streams = null } = parts;
  app.ws(LISTEN_PATH, listenBehavior({ ...parts, behindSupervisor }));
  if (streams !== null) app.ws(PEER_STREAM_PATH, peerStreamBehavior({ ...parts, streams }));
  app.any("/*", (response, request) => {
    const startedMs = timer.start();
    const exchange = new Exchange(response, request, { ...options(), behindSupervisor });
    if (exchange.ambiguous) answerAmbiguous(exchange);
    else router.handle(exchange);
    timer.end("http", startedMs);
  });
  return server;
}

interface TimedParts {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "httpRequests">;
  readonly timer: LoopTimer;
}

/** Options of an exchange that measure its time into the metric of requests. */
function timed(
  { clock, metrics, timer }: TimedParts,
  last: () => boolean = () => false,
): () => ExchangeOptions {
  return () => {
    const startedMs = clock.nowMs();
    return {
      last,
      timer,
      answered: ({ route }, status) => {
        metrics.httpRequests.observe((clock.nowMs() - startedMs) / 1000, route, String(status));
      },
    };
  };
}

function answerPublic(
  exchange: Exchange,
  posts: ReadonlyMap<string, Handler>,
  path: string,
  refusals: RefusalLog,
): void {
  const { method, address } = exchange.head;
  if (path === HEALTH_PATH) {
    exchange.route = HEALTH_PATH;
    const isKnown = method === "GET" || method === "HEAD";
    exchange.answer(isKnown ? HEALTHY : methodNotAllowed(["GET", "HEAD"]));
    return;
  }
  const handler = posts.get(path);
  if (handler === undefined) {
    exchange.answer(NOT_FOUND);
    return;
  }
  exchange.route = path;
  if (method === "POST") {
    handler(exchange, path);
    return;
  }
  exchange.answer(methodNotAllowed(["POST"]));
  refusals.refused("http: webhook with the wrong method refused", address, () => ({
    path,
    method,
    fix: "set the webhook's method to POST: murelay number set",
  }));
}

/** An upgrade never comes here: uWebSockets.js takes it. */
function answerMediaRequest(
  exchange: Exchange,
  guard: WebhookGuard,
  urls: readonly string[],
): void {
  exchange.route = MEDIA_PATH;
  if (exchange.head.method !== "GET") exchange.answer(methodNotAllowed(["GET"]));
  else if (guard.signedHead("media", exchange.head, urls))
    exchange.answer(text(426, "upgrade required", { headers: { Upgrade: "websocket" } }));
  else exchange.answer(text(403, "forbidden"));
}

function answerAmbiguous(exchange: Exchange): void {
  exchange.answer(text(400, "the length of the body is not clear", { close: true }));
}

function withoutPrefix(path: string, prefix: string): string {
  return prefix !== "" && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}
