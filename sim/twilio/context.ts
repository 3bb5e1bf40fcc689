/** What legs, conferences and queues of one simulated Twilio share. */
import type { Pacer, SimClock } from "../clock.js";
import type { ConnectionLog } from "../connection-log.js";
import type { Network } from "../network.js";
import type { SipEndpoint } from "../sip/endpoints.js";
import type { CallLeg, LegFields } from "./call-leg.js";
import type { ConferenceRegistry } from "./conference-types.js";
import type { TwilioFaults } from "./faults.js";
import type { StreamHooks } from "./media-stream.js";
import type { Callees } from "./party.js";
import type { Queues } from "./queues.js";
import type { Form, Method, Web } from "./web.js";

/** A TwiML App. */
export interface Application {
  /** `AP…`. */
  readonly sid: string;
  readonly voiceUrl: string;
}

export interface TwilioContext {
  readonly clock: SimClock;
  readonly pacer: Pacer;
  readonly accountSid: string;
  readonly web: Web;
  readonly conferences: ConferenceRegistry;
  readonly queues: Queues;
  readonly callees: Callees;
  /** The account's TwiML Apps. */
  readonly applications: readonly Application[];
  /** The model's SIP address, where there is one. */
  readonly sip: SipEndpoint | null;
  readonly connections: ConnectionLog;
  readonly faults: TwilioFaults;
  readonly network: Network;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  readonly streamHooks: StreamHooks;
  /** Say, Play and Pause take their time divided by this. */
  readonly speed: number;
  /** `<Connect action>` and `<Dial action>` are requested after the caller has hung up, too. */
  readonly actionAfterHangUp: boolean;
  /** The signature of a stream's upgrade, spoilt as the leg says. */
  upgradeHeaders(leg: CallLeg, url: string, innerUrl: string): Record<string, string>;
  sid(prefix: string): string;
  /** A new leg, known to REST. */
  addLeg(fields: LegFields): CallLeg;
  readonly legs: readonly CallLeg[];
  findLeg(sid: string): CallLeg | undefined;
  /** A number of the account, or a verified one: it may stand as caller ID. */
  ownsNumber(number: string): boolean;
  /** Sends a callback; repeats and re-orders it as the faults say. */
  callback(leg: CallLeg | null, url: string, form: Form, what: string, method?: Method): void;
  /** A mistake that belongs to no leg. */
  violation(text: string): void;
}
