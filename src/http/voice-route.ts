/**
 * Twilio's webhooks: voice, `<Connect action>`, `<Dial action>` and the callbacks.
 */
import { renderTwiml } from "../adapters/twilio/twiml-xml.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { CallbackKind, CallService, SipCallService } from "../relay/calls/call-service.js";
import type { Twiml } from "../wire/twiml.js";
import type { Exchange } from "./exchange.js";
import type { Reply } from "./reply.js";
import type { SignedForm, WebhookGuard } from "./webhook-guard.js";

export interface VoiceRouteParts {
  readonly desk: CallService;
  /** Null: the SIP path is not configured. */
  readonly sip: Pick<SipCallService, "incomingSip"> | null;
  readonly guard: WebhookGuard;
  readonly clock: Clock;
  readonly log: Log;
}

/** Twilio waits 15 s and then plays its own "application error"; ours comes before that. */
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
  const { desk, sip } = parts;
  return new Map<string, Handler>([
    ...(sip === null
      ? []
      : [
          ["/sip/incoming-call", twimlRoute(parts, ({ form }) => sip.incomingSip(form))] satisfies [
            string,
            Handler,
          ],
        ]),
    ["/incoming-call", twimlRoute(parts, ({ form, query }) => desk.incoming(form, query))],
    ["/connect-ended", twimlRoute(parts, ({ form }) => desk.connectEnded(form))],
    ["/transfer-status", twimlRoute(parts, ({ form, query }) => desk.transferStatus(form, query))],
    ...CALLBACKS.map((kind): [string, Handler] => [`/${kind}`, callbackRoute(parts, kind)]),
  ]);
}

/** Whatever happens behind it, a caller gets a document to live with. */
function twimlRoute(parts: VoiceRouteParts, ask: (signed: SignedForm) => Promise<Twiml>): Handler {
  const { guard, clock, log } = parts;
  return (exchange, path) => {
    guard.form(exchange, path, (signed) => {
      const callSid = signed.form["CallSid"] ?? "";
      const late = clock.after(ANSWER_TIMEOUT_MS, () => {
        log.error("webhook not answered in time: caller gets an apology", { path, callSid });
        exchange.answer(twimlReply(APOLOGY));
      });
      answered(() => ask(signed))
        .then(twimlReply)
        .catch((error: unknown) => {
          log.error("webhook failed: caller gets an apology", { path, callSid }, error);
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

function callbackRoute({ desk, guard, log }: VoiceRouteParts, kind: CallbackKind): Handler {
  return (exchange, path) => {
    guard.form(exchange, path, ({ form, query }) => {
      try {
        desk.callback(kind, form, query);
      } catch (error) {
        log.error("callback failed", { kind, callSid: form["CallSid"] ?? "" }, error);
      }
      exchange.answer({ status: 204 });
    });
  };
}

function twimlReply(twiml: Twiml): Reply {
  return { status: 200, type: "text/xml; charset=utf-8", body: renderTwiml(twiml) };
}
