/** Twilio's webhooks: voice, `<Connect action>`, `<Dial action>` and the callbacks. */
import { renderTwiml } from "../adapters/twilio/twiml-xml.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { CallService, SipCallService } from "../relay/calls/call-service.js";
import {
  type CallbackKind,
  readCallbackLink,
  readLineLink,
  SUPERVISOR_PATH,
} from "../relay/calls/callback-link.js";
import type { Twiml } from "../wire/twiml.js";
import type { Exchange } from "./exchange.js";
import type { Reply } from "./reply.js";
import type { SignedForm, WebhookGuard } from "./webhook-guard.js";

export interface VoiceRouteParts {
  readonly calls: CallService;
  /** Null: the SIP path is not configured. */
  readonly sip: Pick<SipCallService, "incomingSip"> | null;
  readonly guard: WebhookGuard;
  readonly clock: Clock;
  readonly log: Log;
}

/** From the form to the answer. Twilio waits 15 s and then plays its own "application error". */
const ANSWER_TIMEOUT_MS = 12_000;

const APOLOGY: Twiml = [
  {
    verb: "say",
    text: "We are sorry, we cannot take your call right now. Please call again later.",
  },
  { verb: "hangup" },
];

const CALLBACKS: readonly CallbackKind[] = [
  "call-status",
  "stream-status",
  "recording-status",
  "amd-status",
  "conference-events",
];

export type Handler = (exchange: Exchange, path: string) => void;

/** Path → what a POST to it does. */
export function voiceRoutes(parts: VoiceRouteParts): ReadonlyMap<string, Handler> {
  const { calls, sip } = parts;
  const routes = new Map<string, Handler>([
    [
      "/incoming-call",
      twimlRoute(parts, ({ form, query }) => calls.incoming(form, readCallbackLink(query))),
    ],
    ["/connect-ended", twimlRoute(parts, ({ form }) => calls.connectEnded(form))],
    [
      "/transfer-status",
      twimlRoute(parts, ({ form, query }) => calls.transferStatus(form, readCallbackLink(query))),
    ],
  ]);
  for (const kind of CALLBACKS) routes.set(`/${kind}`, callbackRoute(parts, kind));
  if (sip !== null) {
    routes.set(
      SUPERVISOR_PATH,
      twimlRoute(parts, async ({ form, query }) => {
        const link = readLineLink(query, form);
        // An apology would be heard by the caller, so the leg is hung up.
        return link.kind === "plain" ? [{ verb: "hangup" }] : calls.transferStatus(form, link);
      }),
    );
    routes.set(
      "/sip/incoming-call",
      twimlRoute(parts, ({ form }) => sip.incomingSip(form)),
    );
  }
  return routes;
}

/** Whatever fails, the answer is TwiML with which the call can go on. */
function twimlRoute(parts: VoiceRouteParts, ask: (signed: SignedForm) => Promise<Twiml>): Handler {
  const { guard, clock, log } = parts;
  return (exchange, path) => {
    guard.form(exchange, path, (signed) => {
      const callSid = signed.form["CallSid"] ?? "";
      const late = clock.after(ANSWER_TIMEOUT_MS, () => {
        log.error("http: webhook not answered in time, apology sent", { path, callSid });
        exchange.answer(twimlReply(APOLOGY));
      });
      answered(() => ask(signed))
        .then(twimlReply)
        .catch((error: unknown) => {
          log.error("http: webhook failed, apology sent", { path, callSid }, error);
          return twimlReply(APOLOGY);
        })
        .then((reply) => {
          late.cancel();
          exchange.answer(reply);
        });
    });
  };
}

/** Also turns a throw before the first await into a rejection. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  return ask();
}

function callbackRoute(parts: VoiceRouteParts, kind: CallbackKind): Handler {
  const { calls, guard, log } = parts;
  return (exchange, path) => {
    guard.form(exchange, path, ({ form, query }) => {
      try {
        calls.callback(kind, form, readCallbackLink(query));
      } catch (error) {
        log.error("http: callback failed", { path, callSid: form["CallSid"] ?? "" }, error);
      }
      exchange.answer({ status: 204 });
    });
  };
}

function twimlReply(twiml: Twiml): Reply {
  return { status: 200, type: "text/xml; charset=utf-8", body: renderTwiml(twiml) };
}
