/**
 * A simulated Twilio on loopback: signed voice webhooks, TwiML run by a strict reader, Media Streams with real-time playout,
 * and the REST API that a relay uses.
 *
 * ```ts
 * const twilio = await startTwilio({ publicUrl: "https://relay.test", callees: () => ({ talkMs: 500 }) });
 * // Start the relay with TWILIO_API_BASE_URL=twilio.apiBaseUrl TWILIO_ACCOUNT_SID=twilio.accountSid
 * // TWILIO_AUTH_TOKEN=twilio.authToken PUBLIC_URL=https://relay.test, then:
 * twilio.route("https://relay.test", `http://127.0.0.1:${relayPort}`);
 *
 * const call = twilio.placeCall({ from: "+15550100001", to: "+15550001111" });
 * await call.events.until("stream_started");
 * await call.say(clip);                        // speaks into the phone, in real time
 * await call.press("0");
 * await call.events.until("dial_bridged");
 * call.hangUp();
 * await call.ended;
 * expect(twilio.violations()).toEqual([]);     // everything the relay did wrong, all calls
 * await twilio.close();
 * ```
 *
 * A call's `events` is all that happened with times; `call.streams[0].playout` tells what the caller heard, its gaps and clears;
 * `legAudio(call)` (twilio/recordings.ts) is both channels as mu-law; `heardMs(stream, item)` how much of an item was heard.
 * `forge…` fields of `placeCall` spoil signatures, `quirks` make the stream behave oddly, `failRest` makes REST fail.
 *
 * Source of the behaviour: Twilio's Voice, Media Streams and REST references.
 */
import { Pacer, realClock, type SimClock } from "./clock.js";
import { ConnectionLog } from "./connection-log.js";
import type { SipEndpoint } from "./sip/endpoints.js";
import { Conferences } from "./twilio/conference.js";
import type { TwilioContext } from "./twilio/context.js";
import { Leg, type LegFields } from "./twilio/leg.js";
import type { StreamHooks, StreamQuirks } from "./twilio/media-stream.js";
import type { Callees, QueueAgents } from "./twilio/party.js";
import { Queues, type SimulatedTask } from "./twilio/queue.js";
import { Recordings } from "./twilio/recordings.js";
import { type PhoneNumber, RestApi, type RestFault, type RestRequest } from "./twilio/rest.js";
import { type Forgery, signatureHeader } from "./twilio/signature.js";
import type { Voice } from "./twilio/voice.js";
import { type Form, Web, type WebReply } from "./twilio/web.js";

export interface TwilioOptions {
  /** Default ACsim…: 34 characters. */
  readonly accountSid?: string;
  /** Default a fixed 32-character text. */
  readonly authToken?: string;
  /** Key SID → secret; they may use REST too. */
  readonly apiKeys?: Readonly<Record<string, string>>;
  /** The relay as Twilio knows it: `https://…`, no path. */
  readonly publicUrl: string;
  /** Where that really is; may be set later with `route`. */
  readonly relayUrl?: string;
  /** Of REST. Default 0: any free one. */
  readonly port?: number;
  /** Default `${publicUrl}/incoming-call`. */
  readonly voiceUrl?: string;
  /** Default none. */
  readonly voiceFallbackUrl?: string;
  /** Default `${publicUrl}/call-status`. */
  readonly statusCallback?: string;
  /** The account's numbers, for IncomingPhoneNumbers. Default one, +15550001111. */
  readonly numbers?: readonly string[];
  /** Who answers a `<Dial>` or a created call, and how. Default: a person who answers after 50 ms and talks for 300 ms. */
  readonly callees?: Callees;
  /** The simulated model's SIP end (`model.sip.invite`): where `sip:…@sip.api.openai.com` leads. Default: to `callees`. */
  readonly sip?: SipEndpoint;
  /** Who takes callers out of queues. Default nobody. */
  readonly queueAgents?: QueueAgents;
  readonly clock?: SimClock;
  /** Keep every byte both ways, for recordings. Default true; off in load runs. */
  readonly keepAudio?: boolean;
  /** Check the relay's audio as identity frames. Default false. */
  readonly checkIdentity?: boolean;
  /** Say, Play and Pause are this much shorter. Default 1. */
  readonly speed?: number;
  /** Twilio asks `action` also when the caller has hung up. Default true. */
  readonly actionAfterHangUp?: boolean;
  /** Every status callback comes twice. */
  readonly duplicateCallbacks?: boolean;
  /** Every second status callback overtakes the one before it. */
  readonly reorderCallbacks?: boolean;
  /** From "recording completed" to the media being there. Default 0. */
  readonly recordingMediaDelayMs?: number;
  readonly hooks?: StreamHooks & { onLeg?(leg: Leg): void };
}

export interface PlaceCall {
  readonly from?: string;
  readonly to?: string;
  readonly callSid?: string;
  /** Default: a quiet line that `call.say` speaks into. */
  readonly voice?: Voice;
  /** Keys pressed when a `<Gather>` asks. */
  readonly keys?: (prompt: string) => string | null;
  /** More parameters of the webhook: StirVerstat, CallToken, SipHeader_…. */
  readonly params?: Form;
  readonly voiceUrl?: string;
  readonly fallbackUrl?: string | null;
  readonly quirks?: StreamQuirks;
  readonly forgeWebhook?: Forgery;
  readonly forgeStream?: Forgery;
  readonly repeatWebhook?: boolean;
}

export interface CallbackRecord {
  readonly atMs: number;
  readonly callSid: string | null;
  readonly what: string;
  readonly url: string;
  readonly form: Form;
  status: number;
}

export interface SimulatedTwilio {
  readonly accountSid: string;
  readonly authToken: string;
  /** For TWILIO_API_BASE_URL. */
  readonly apiBaseUrl: string;
  readonly port: number;
  /** All legs: callers, dialled parties, created calls. */
  readonly legs: readonly Leg[];
  readonly conferences: Conferences;
  readonly queues: Queues;
  readonly tasks: readonly SimulatedTask[];
  readonly numbers: readonly PhoneNumber[];
  /** Who is connected with whom, by the legs' SIDs. */
  readonly connections: ConnectionLog;
  /** What REST was asked. */
  readonly requests: readonly RestRequest[];
  /** Callbacks that were sent, with the answers. */
  readonly callbacks: readonly CallbackRecord[];
  /** A public origin's address on loopback, also of a second node or worker; a function is asked for every request. */
  route(publicOrigin: string, relayUrl: string | (() => string)): void;
  placeCall(call?: PlaceCall): Leg;
  leg(sid: string): Leg | undefined;
  failRest(fault: RestFault): void;
  /** A signed (or forged) form to any path of the relay. */
  post(path: string, form: Form, forgery?: Forgery | null): Promise<WebReply>;
  /** Headers of a stream's upgrade, for tests that open their own socket. */
  upgradeHeaders(url: string, forgery?: Forgery | null): Record<string, string>;
  /** Everything the relay did wrong, with the call's SID. */
  violations(): string[];
  /** When nothing is being asked of the relay any more. */
  settled(): Promise<void>;
  /** Ends all calls. Idempotent. */
  close(): Promise<void>;
}

const NUMBER = "+15550001111";
const CALLER = "+15550100001";

export async function startTwilio(options: TwilioOptions): Promise<SimulatedTwilio> {
  const clock = options.clock ?? realClock;
  const accountSid = options.accountSid ?? `AC${"5".repeat(32)}`;
  const authToken = options.authToken ?? "0123456789abcdef0123456789abcdef";
  const publicUrl = options.publicUrl.replace(/\/$/, "");
  const routes = new Map<string, string | (() => string)>();
  const route = (origin: string, relayUrl: string | (() => string)) => {
    const { origin: known } = new URL(origin);
    routes.set(known, typeof relayUrl === "string" ? relayUrl.replace(/\/$/, "") : relayUrl);
  };
  if (options.relayUrl !== undefined) route(publicUrl, options.relayUrl);
  const web = new Web({ authToken, routes });
  const legs: Leg[] = [];
  const bySid = new Map<string, Leg>();
  const callbacks: CallbackRecord[] = [];
  const violations: string[] = [];
  const connections = new ConnectionLog(clock);
  const run = Math.floor(Math.random() * 0xffff_ffff)
    .toString(16)
    .padStart(8, "0");
  let sids = 0;
  let held: (() => void) | null = null;

  const deliver = (record: CallbackRecord, leg: Leg | null) => {
    const send = async () => {
      const reply = await web.send({ url: record.url, form: record.form });
      record.status = reply.status;
      const path = record.url.replace(/^[a-z]+:\/\/[^/]*/i, "");
      leg?.events.add("status_callback", { what: record.what, path, status: reply.status });
      // A relay that is gone is no mistake of the relay's.
      if (reply.error === null && (reply.status < 200 || reply.status > 299)) {
        const text = `callback ${record.what} to ${path} was answered ${reply.status}`;
        if (leg === null) violations.push(text);
        else leg.violation(text);
      }
    };
    void send();
    if (options.duplicateCallbacks === true) void send();
  };

  const twilio: TwilioContext = {
    clock,
    pacer: new Pacer(clock),
    accountSid,
    web,
    get conferences(): Conferences {
      return conferences;
    },
    get queues(): Queues {
      return queues;
    },
    sip: options.sip ?? null,
    connections,
    callees: options.callees ?? (() => ({ talkMs: 300 })),
    keepAudio: options.keepAudio ?? true,
    checkIdentity: options.checkIdentity ?? false,
    streamHooks: options.hooks ?? {},
    speed: options.speed ?? 1,
    actionAfterHangUp: options.actionAfterHangUp ?? true,
    upgradeHeaders: (leg, url, innerUrl) =>
      signatureHeader(authToken, url, {}, leg.fields.forgeStream ?? null, innerUrl),
    sid: (prefix) => prefix + run + (sids++).toString(16).padStart(24, "0"),
    leg: (fields: LegFields) => {
      const leg = new Leg(twilio, fields);
      legs.push(leg);
      bySid.set(leg.sid, leg);
      options.hooks?.onLeg?.(leg);
      return leg;
    },
    legs: () => legs,
    findLeg: (sid) => bySid.get(sid),
    callback: (leg, url, form, what) => {
      const record: CallbackRecord = {
        atMs: clock.nowMs(),
        callSid: leg?.sid ?? null,
        what,
        url,
        form,
        status: 0,
      };
      callbacks.push(record);
      const send = () => deliver(record, leg);
      if (options.reorderCallbacks !== true) send();
      else if (held === null) {
        held = send;
        // Nothing came to overtake it.
        clock.after(200, () => {
          if (held !== send) return;
          held = null;
          send();
        });
      } else {
        const earlier = held;
        held = null;
        send();
        earlier();
      }
    },
    violation: (text) => violations.push(text),
  };
  const conferences = new Conferences(twilio);
  const queues = new Queues(twilio, options.queueAgents ?? (() => null));
  let apiBaseUrl = "";
  const recordings = new Recordings(twilio, () => apiBaseUrl);
  const statusCallback = options.statusCallback ?? `${publicUrl}/call-status`;
  const voiceUrl = options.voiceUrl ?? `${publicUrl}/incoming-call`;
  const numbers: PhoneNumber[] = (options.numbers ?? [NUMBER]).map((phoneNumber) => ({
    sid: twilio.sid("PN"),
    phoneNumber,
    voiceUrl,
    voiceMethod: "POST",
    voiceFallbackUrl: options.voiceFallbackUrl ?? "",
    voiceFallbackMethod: "POST",
    statusCallback,
    statusCallbackMethod: "POST",
    voiceApplicationSid: "",
    trunkSid: "",
    friendlyName: phoneNumber,
  }));
  const rest = new RestApi(
    twilio,
    { recordings, numbers, mediaDelayMs: options.recordingMediaDelayMs ?? 0 },
    new Map([[accountSid, authToken], ...Object.entries(options.apiKeys ?? {})]),
  );
  const port = await rest.listen(options.port ?? 0);
  apiBaseUrl = `http://127.0.0.1:${port}`;
  let closing: Promise<void> | null = null;

  return {
    accountSid,
    authToken,
    apiBaseUrl,
    port,
    legs,
    conferences,
    queues,
    tasks: queues.tasks,
    numbers,
    connections,
    requests: rest.requests,
    callbacks,
    route,
    placeCall: (call = {}) => {
      const to = call.to ?? NUMBER;
      const number = numbers.find((candidate) => candidate.phoneNumber === to);
      const fallback = call.fallbackUrl ?? (number?.voiceFallbackUrl || null);
      const leg = twilio.leg({
        ...(call.callSid === undefined ? {} : { sid: call.callSid }),
        from: call.from ?? CALLER,
        to,
        direction: "inbound",
        party: {
          ...(call.voice === undefined ? {} : { voice: call.voice }),
          ...(call.keys === undefined ? {} : { keys: call.keys }),
        },
        ...(call.params === undefined ? {} : { params: call.params }),
        callbacks: { url: number?.statusCallback || statusCallback, events: ["completed"] },
        fallbackUrl: fallback,
        quirks: call.quirks ?? {},
        forgeWebhook: call.forgeWebhook ?? null,
        forgeStream: call.forgeStream ?? null,
        repeatWebhook: call.repeatWebhook === true,
      });
      leg.begin(call.voiceUrl ?? (number?.voiceUrl || voiceUrl));
      return leg;
    },
    leg: (sid) => bySid.get(sid),
    failRest: (fault) => rest.fail(fault),
    post: (path, form, forgery = null) => web.send({ url: publicUrl + path, form, forgery }),
    upgradeHeaders: (url, forgery = null) =>
      signatureHeader(authToken, url, {}, forgery, web.inner(url) ?? url),
    violations: () => [
      ...violations,
      ...legs.flatMap((leg) => leg.violations.map((text) => `${leg.sid}: ${text}`)),
    ],
    settled: () => web.settled(),
    close: () => {
      closing ??= (async () => {
        for (const leg of legs) {
          for (const stream of leg.streams) stream.destroy();
          leg.finish("completed");
        }
        await web.settled();
        await rest.close();
        web.close();
      })();
      return closing;
    },
  };
}
