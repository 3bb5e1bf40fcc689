/**
 * A simulated Twilio on loopback: signed voice webhooks, TwiML run by a strict reader, Media
 * Streams with real-time playout, and the REST API that a relay uses.
 *
 * ```ts
 * const twilio = await startTwilio({
 *   publicUrl: "https://relay.test",
 *   callees: () => ({ talkMs: 500 }),
 * });
 * // Start the relay with TWILIO_API_BASE_URL=twilio.apiBaseUrl
 * // TWILIO_ACCOUNT_SID=twilio.accountSid TWILIO_AUTH_TOKEN=twilio.authToken
 * // PUBLIC_URL=https://relay.test, then:
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
 * A call's `events` is all that happened, with times; `call.streams[0].playout` tells what the
 * caller heard, its gaps and clears; `heard.ts` when and how much of an item was heard. `faults`,
 * `placeCall` and `failRest` let things go wrong: `sim/README.md` lists how.
 *
 * Source of the behaviour: Twilio's Voice, Media Streams and REST references, and live captures.
 */
import type { SimClock } from "./clock.js";
import type { ConnectionLog } from "./connection-log.js";
import type { Network } from "./network.js";
import type { SipEndpoint } from "./sip/endpoints.js";
import { TwilioAccount } from "./twilio/account.js";
import { callbackConfig } from "./twilio/callback-config.js";
import type { Conferences } from "./twilio/conference.js";
import type { Application } from "./twilio/context.js";
import type { TwilioFaults } from "./twilio/faults.js";
import { longestSilence, type Silence } from "./twilio/heard.js";
import type { Leg } from "./twilio/leg.js";
import type { StreamHooks } from "./twilio/media-stream.js";
import type { PhoneNumber } from "./twilio/numbers.js";
import type { Callees, QueueAgents } from "./twilio/party.js";
import type { Queues, SimulatedTask } from "./twilio/queues.js";
import type { RestFault, RestRequest } from "./twilio/rest.js";
import { type Forgery, signatureHeader } from "./twilio/signature.js";
import type { CallbackRecord } from "./twilio/status-callbacks.js";
import type { StreamQuirks } from "./twilio/stream-quirks.js";
import type { Voice } from "./twilio/voice.js";
import type { Form, Method, WebReply } from "./twilio/web.js";

export interface TwilioOptions {
  /** Default AC555…: 34 characters. */
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
  /** Default POST. */
  readonly voiceMethod?: Method;
  /** Default none. */
  readonly voiceFallbackUrl?: string;
  /** Default `${publicUrl}/call-status`. */
  readonly statusCallback?: string;
  /** The account's numbers, for IncomingPhoneNumbers. Default one, +15550001111. */
  readonly numbers?: readonly string[];
  /** Numbers that may stand as caller ID though they are not the account's. */
  readonly verifiedNumbers?: readonly string[];
  /**
   * Which party answers a `<Dial>` or a created call. Default: one that answers after 50 ms and
   * talks for 300 ms.
   */
  readonly callees?: Callees;
  /** The account's TwiML Apps: participants may be dialled to `app:AP…?name=value`. */
  readonly applications?: readonly Application[];
  /**
   * The simulated model's SIP address (`model.sip.invite`): where `sip:…@sip.api.openai.com`
   * leads. Default: to `callees`.
   */
  readonly sip?: SipEndpoint;
  /** Who takes callers out of queues. Default no one. */
  readonly queueAgents?: QueueAgents;
  readonly clock?: SimClock;
  /** Delays between the relay and Twilio, of every stream. Default none. */
  readonly network?: Network;
  /** Keep every byte both ways, for recordings. Default true; off in load runs. */
  readonly keepAudio?: boolean;
  /** Check the relay's audio as identity frames. Default false. */
  readonly checkIdentity?: boolean;
  /** Say, Play and Pause are this much shorter. Default 1. */
  readonly speed?: number;
  /** Twilio requests `action` also when the caller has hung up. Default true. */
  readonly actionAfterHangUp?: boolean;
  /** From "recording completed" to the media being there. Default 0. */
  readonly recordingMediaDelayMs?: number;
  /** Faults that are on from the start; `faults` of the running Twilio changes them. */
  readonly faults?: Partial<TwilioFaults>;
  readonly hooks?: StreamHooks & { onLeg?(leg: Leg): void };
}

export interface PlaceCall {
  /** Default +15550100001. `CALLERS` (`twilio/party.ts`) names withheld, SIP and client callers. */
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
  /** Default that of the number. */
  readonly voiceMethod?: Method;
  readonly fallbackUrl?: string | null;
  readonly quirks?: StreamQuirks;
  /** Delays between the relay and this call's streams. Default those of `TwilioOptions`. */
  readonly network?: Network;
  readonly forgeWebhook?: Forgery;
  readonly forgeStream?: Forgery;
  /** The first reply to the voice webhook is lost, so that it comes twice. */
  readonly repeatWebhook?: boolean;
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
  /** Switches; they act at once. */
  readonly faults: TwilioFaults;
  /**
   * A public origin's address on loopback, also of a second node or worker; a function is asked
   * for every request.
   */
  route(publicOrigin: string, relayUrl: string | (() => string)): void;
  placeCall(call?: PlaceCall): Leg;
  leg(sid: string): Leg | undefined;
  /** The next matching REST requests fail. */
  failRest(fault: RestFault): void;
  /** A signed (or forged) form to any path of the relay. */
  post(path: string, form: Form, forgery?: Forgery | null): Promise<WebReply>;
  /** Headers of a stream's upgrade, for tests that open their own socket. */
  upgradeHeaders(url: string, forgery?: Forgery | null): Record<string, string>;
  /**
   * The longest stretch in which the leg's line was silent: caller and agent alike, and no Say,
   * music, ringing or bridged party. Times count from the leg's begin, as in its events; by
   * default from the answer to now.
   */
  longestSilence(leg: Leg, span?: { readonly fromMs?: number; readonly untilMs?: number }): Silence;
  /** Everything the relay did wrong, with the call's SID. */
  violations(): string[];
  /** When no request to the relay is open any more. */
  settled(): Promise<void>;
  /** Ends all calls. Idempotent. */
  close(): Promise<void>;
}

const NUMBER = "+15550001111";
const CALLER = "+15550100001";

export async function startTwilio(options: TwilioOptions): Promise<SimulatedTwilio> {
  const publicUrl = options.publicUrl.replace(/\/$/, "");
  const { publicUrl: _given, relayUrl, port = 0, hooks = {}, ...settings } = options;
  const account = new TwilioAccount({
    ...settings,
    streamHooks: hooks,
    onLeg: (leg) => hooks.onLeg?.(leg),
    numbers: numbersOf(options, publicUrl),
  });
  if (relayUrl !== undefined) account.route(publicUrl, relayUrl);
  const restPort = await account.rest.listen(port);
  account.apiBaseUrl = `http://127.0.0.1:${restPort}`;
  let closing: Promise<void> | null = null;
  return {
    accountSid: account.accountSid,
    authToken: account.authToken,
    apiBaseUrl: account.apiBaseUrl,
    port: restPort,
    legs: account.legs,
    conferences: account.conferences,
    queues: account.queues,
    tasks: account.queues.tasks,
    numbers: account.numbers,
    connections: account.connections,
    requests: account.rest.requests,
    callbacks: account.callbacks.sent,
    faults: account.faults,
    route: (origin, url) => account.route(origin, url),
    placeCall: (call = {}) => placeCall(account, publicUrl, options, call),
    leg: (sid) => account.findLeg(sid),
    failRest: (fault) => account.rest.fail(fault),
    post: (path, form, forgery = null) =>
      account.web.send({ url: publicUrl + path, form, forgery }),
    upgradeHeaders: (url, forgery = null) =>
      signatureHeader(account.authToken, url, {}, forgery, account.web.inner(url) ?? url),
    longestSilence: (leg, span = {}) =>
      longestSilence(leg, account.connections.states(leg.sid), {
        fromMs: span.fromMs ?? (leg.answeredAtMs ?? leg.events.startMs) - leg.events.startMs,
        untilMs: span.untilMs ?? (leg.endedAtMs ?? account.clock.nowMs()) - leg.events.startMs,
      }),
    violations: () => [
      ...account.violations,
      ...account.legs.flatMap((leg) => leg.violations.map((text) => `${leg.sid}: ${text}`)),
    ],
    settled: () => account.web.settled(),
    close: () => {
      closing ??= account.close();
      return closing;
    },
  };
}

function placeCall(
  account: TwilioAccount,
  publicUrl: string,
  options: TwilioOptions,
  call: PlaceCall,
): Leg {
  const to = call.to ?? NUMBER;
  const number = account.numbers.find((candidate) => candidate.phoneNumber === to);
  const { callSid, voice, keys, params, network } = call;
  const leg = account.addLeg({
    ...(callSid === undefined ? {} : { sid: callSid }),
    from: call.from ?? CALLER,
    to,
    direction: "inbound",
    party: {
      ...(voice === undefined ? {} : { voice }),
      ...(keys === undefined ? {} : { keys }),
    },
    ...(params === undefined ? {} : { params }),
    callbacks: callbackConfig(
      number?.statusCallback || statusCallbackOf(options, publicUrl),
      ["completed"],
      number?.statusCallbackMethod,
    ),
    fallbackUrl: call.fallbackUrl ?? (number?.voiceFallbackUrl || null),
    quirks: call.quirks ?? {},
    ...(network === undefined ? {} : { network }),
    forgeWebhook: call.forgeWebhook ?? null,
    forgeStream: call.forgeStream ?? null,
    repeatWebhook: call.repeatWebhook === true,
  });
  const usual = number?.voiceMethod === "GET" ? "GET" : "POST";
  leg.begin(
    call.voiceUrl ?? (number?.voiceUrl || voiceUrlOf(options, publicUrl)),
    call.voiceMethod ?? usual,
  );
  return leg;
}

function numbersOf(options: TwilioOptions, publicUrl: string): Omit<PhoneNumber, "sid">[] {
  return (options.numbers ?? [NUMBER]).map((phoneNumber) => ({
    phoneNumber,
    voiceUrl: voiceUrlOf(options, publicUrl),
    voiceMethod: options.voiceMethod ?? "POST",
    voiceFallbackUrl: options.voiceFallbackUrl ?? "",
    voiceFallbackMethod: "POST",
    statusCallback: statusCallbackOf(options, publicUrl),
    statusCallbackMethod: "POST",
    voiceApplicationSid: "",
    trunkSid: "",
    friendlyName: phoneNumber,
  }));
}

function voiceUrlOf(options: TwilioOptions, publicUrl: string): string {
  return options.voiceUrl ?? `${publicUrl}/incoming-call`;
}

function statusCallbackOf(options: TwilioOptions, publicUrl: string): string {
  return options.statusCallback ?? `${publicUrl}/call-status`;
}
