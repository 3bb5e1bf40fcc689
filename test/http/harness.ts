/**
 * A fake CallService behind real listeners, and Twilio's side of a request: signing and posting.
 */
import { request as httpRequest } from "node:http";
import twilio from "twilio";
import { systemClock } from "../../src/adapters/system/system-clock.js";
import type { CallSid } from "../../src/domain/ids.js";
import { ConsoleSessions } from "../../src/http/console-session.js";
import type { HttpServer } from "../../src/http/listener.js";
import { OperatorAuth } from "../../src/http/operator-auth.js";
import { type NamedOperator, OperatorDirectory } from "../../src/http/operator-directory.js";
import type { OperatorRoute } from "../../src/http/operator-router.js";
import { createOperatorServer, createPublicServer } from "../../src/http/server.js";
import type { Clock } from "../../src/ports/clock.js";
import type { Log, LogFields } from "../../src/ports/log.js";
import type { Metrics } from "../../src/ports/metrics.js";
import type { MediaReceiver, MediaSocket } from "../../src/ports/sockets.js";
import type { SharedState } from "../../src/ports/store.js";
import { AuditLog } from "../../src/records/audit-log.js";
import { memoryAudit } from "../../src/records/memory-audit.js";
import { memoryState } from "../../src/records/memory-state.js";
import type { CallCommand, Refusal } from "../../src/relay/call/call-command.js";
import type { CallService, Readiness, SipCallService } from "../../src/relay/calls/call-service.js";
import {
  type CallbackKind,
  type CallbackLink,
  callbackQuery,
  type Form,
  PLAIN,
} from "../../src/relay/calls/callback-link.js";
import type { ListenService } from "../../src/relay/calls/listen-service.js";
import { ReplayCache } from "../../src/relay/calls/replay-cache.js";
import type { SipInvite } from "../../src/relay/sip/invite.js";
import type { Twiml } from "../../src/wire/twiml.js";

export const ACCOUNT_SID = `AC${"1".repeat(32)}`;
export const AUTH_TOKEN = "0123456789abcdef0123456789abcdef";

export class FakeCalls implements CallService, SipCallService {
  readonly invites: SipInvite[] = [];
  readonly asked: { method: string; form: Form; query: Form }[] = [];
  readonly callbacks: { kind: CallbackKind; form: Form; query: Form }[] = [];
  readonly sockets: MediaSocket[] = [];
  readonly transfers: { callSid: CallSid; destination: string; reason: string | null }[] = [];
  readonly ended: CallSid[] = [];
  answer: () => Promise<Twiml> = async () => [{ verb: "hangup" }];
  receiver: (socket: MediaSocket) => MediaReceiver = () => ({
    message: () => {},
    closed: () => {},
  });
  state: Readiness = { ready: true, reason: "ok" };
  refusal: Refusal | null = null;

  incoming(form: Form, link: CallbackLink = PLAIN): Promise<Twiml> {
    this.asked.push({ method: "incoming", form, query: callbackQuery(link) });
    return this.answer();
  }
  openStream(socket: MediaSocket): MediaReceiver {
    this.sockets.push(socket);
    return this.receiver(socket);
  }
  incomingSip(form: Form): Promise<Twiml> {
    this.asked.push({ method: "incomingSip", form, query: {} });
    return this.answer();
  }
  async invited(invite: SipInvite): Promise<void> {
    this.invites.push(invite);
  }
  connectEnded(form: Form): Promise<Twiml> {
    this.asked.push({ method: "connectEnded", form, query: {} });
    return this.answer();
  }
  transferStatus(form: Form, link: CallbackLink): Promise<Twiml> {
    this.asked.push({ method: "transferStatus", form, query: callbackQuery(link) });
    return this.answer();
  }
  callback(kind: CallbackKind, form: Form, link: CallbackLink): void {
    this.callbacks.push({ kind, form, query: callbackQuery(link) });
  }
  readiness(): Readiness {
    return this.state;
  }
  async execute(callSid: CallSid, command: CallCommand): Promise<Refusal | null> {
    if (command.type === "transfer") {
      const { destination, reason } = command.request;
      this.transfers.push({ callSid, destination, reason });
    } else if (command.type === "end") this.ended.push(callSid);
    return this.refusal;
  }
}

export class FakeLog implements Log {
  readonly lines: { level: string; text: string; fields: LogFields; error: unknown }[] = [];
  child(): Log {
    return this;
  }
  debug(text: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", text, fields, error: undefined });
  }
  info(text: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", text, fields, error: undefined });
  }
  warn(text: string, fields: LogFields = {}, error?: unknown): void {
    this.lines.push({ level: "warn", text, fields, error });
  }
  error(text: string, fields: LogFields = {}, error?: unknown): void {
    this.lines.push({ level: "error", text, fields, error });
  }
}

export class CountedRequests implements Pick<Metrics, "authFailures" | "httpRequests"> {
  readonly failures: string[] = [];
  /** "route status" of every answer, in order. */
  readonly requests: string[] = [];
  readonly httpRequests = {
    observe: (_seconds: number, route: string, status: string): void => {
      this.requests.push(`${route} ${status}`);
    },
  };
  readonly authFailures = {
    add: (_count: number, surface: string, reason: string): void => {
      this.failures.push(`${surface}/${reason}`);
    },
  };
}

const NO_TIMER = { start: () => 0, end: () => undefined };

export interface PublicSide {
  readonly calls: FakeCalls;
  readonly metrics: CountedRequests;
  readonly log: FakeLog;
  readonly server: HttpServer;
  readonly port: number;
  readonly publicUrl: string;
  readonly mediaUrl: string;
}

/** A public listener whose PUBLIC_URL is not its address, as behind a proxy. */
export async function startPublic(
  settings: {
    publicUrl?: string;
    mediaUrl?: string;
    validate?: boolean;
    secondToken?: string;
    /** MEDIA_URL, where it has placeholders. */
    mediaTemplate?: string;
    clock?: Clock;
    /** OPENAI_WEBHOOK_SECRET; absent: the SIP path is off. */
    webhookSecret?: string;
    descriptors?: NonNullable<Parameters<typeof createPublicServer>[0]["descriptors"]>;
  } = {},
): Promise<PublicSide> {
  const calls = new FakeCalls();
  const metrics = new CountedRequests();
  const log = new FakeLog();
  const publicUrl = settings.publicUrl ?? "https://relay.example.com";
  const mediaUrl = settings.mediaUrl ?? "wss://relay.example.com/media-stream";
  const once = new ReplayCache(() => performance.now());
  const secret = settings.webhookSecret;
  const server = createPublicServer({
    config: {
      publicUrl,
      mediaUrl: settings.mediaTemplate ?? mediaUrl,
      twilioAccountSid: ACCOUNT_SID,
      twilioAuthToken: AUTH_TOKEN,
      twilioAuthTokenSecondary: settings.secondToken ?? null,
      twilioValidate: settings.validate ?? true,
    },
    mediaUrl,
    calls,
    sip:
      secret === undefined
        ? null
        : { calls, secret, claimOnce: async (key, ttlMs) => once.claim(key, ttlMs) },
    metrics,
    timer: NO_TIMER,
    clock: settings.clock ?? systemClock,
    log,
    ...(settings.descriptors === undefined ? {} : { descriptors: settings.descriptors }),
  });
  const port = await server.listen("127.0.0.1", 0);
  return { calls, metrics, log, server, port, publicUrl, mediaUrl };
}

export interface OperatorSide {
  readonly calls: FakeCalls;
  readonly metrics: CountedRequests;
  readonly log: FakeLog;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly server: HttpServer;
  readonly port: number;
}

/** An operator listener on loopback, whatever ADMIN_HOST it is told. */
export async function startOperator(
  settings: {
    /** Default: none. */
    token?: string | null;
    adminHost?: string;
    clock?: Clock;
    operators?: readonly NamedOperator[];
    /** Default: there is no call to listen to. */
    listening?: ListenService;
    /** Default: this is the only process. */
    streams?: Parameters<typeof createOperatorServer>[0]["streams"];
    /** Default: shared with no other process. */
    state?: Pick<SharedState, "getState" | "putState">;
    routes?: (side: {
      readonly auth: OperatorAuth;
      readonly sessions: ConsoleSessions | null;
      readonly audit: AuditLog;
    }) => readonly OperatorRoute[];
  } = {},
): Promise<OperatorSide> {
  const { token = null, adminHost = "127.0.0.1", clock = systemClock } = settings;
  const calls = new FakeCalls();
  const metrics = new CountedRequests();
  const log = new FakeLog();
  const directory = new OperatorDirectory(token, settings.operators ?? []);
  const state = settings.state ?? memoryState(() => clock.epochMs());
  const sessions = directory.isOpen
    ? null
    : new ConsoleSessions({ secret: "a secret", directory, state, clock, log });
  const config = { adminHost };
  const auth = new OperatorAuth({ config, directory, sessions, clock, metrics, log });
  let audited = 0;
  const newId = (): string => String(audited++);
  const audit = new AuditLog({ store: memoryAudit(), clock, log: new FakeLog(), newId });
  const server = createOperatorServer({
    auth,
    audit,
    calls,
    listening: settings.listening ?? {
      refusal: async () => ({ reason: "not_found" }),
      open: async () => ({ reason: "not_found" }),
      openHere: () => ({ reason: "not_found" }),
      redeem: () => null,
    },
    streams: settings.streams ?? null,
    scrape: async () => ({ type: "text/plain; version=0.0.4", body: "up 1\n" }),
    metrics,
    timer: NO_TIMER,
    clock,
    log,
    routes: settings.routes?.({ auth, sessions, audit }) ?? [],
  });
  const port = await server.listen("127.0.0.1", 0);
  return { calls, metrics, log, clock, server, port, audit };
}

export type Params = Record<string, string | string[]>;

export function sign(url: string, params: Params = {}, token = AUTH_TOKEN): string {
  return twilio.getExpectedTwilioSignature(token, url, params);
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: string | Buffer = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
        agent: false,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** A form as Twilio posts it, signed for PUBLIC_URL unless told otherwise. */
export function post(
  side: PublicSide,
  path: string,
  params: Params,
  signature: string | null = sign(side.publicUrl + path, params),
): Promise<Answer> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const one of Array.isArray(value) ? value : [value]) body.append(name, one);
  const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded" };
  if (signature !== null) headers["x-twilio-signature"] = signature;
  return send(side.port, "POST", path, headers, body.toString());
}
