/** What legs, conferences and queues of one simulated Twilio share. */
import type { Pacer, SimClock } from "../clock.js";
import type { ConnectionLog } from "../connection-log.js";
import type { SipEndpoint } from "../sip/endpoints.js";
import type { Conferences } from "./conference.js";
import type { Leg, LegFields } from "./leg.js";
import type { StreamHooks } from "./media-stream.js";
import type { Callees } from "./party.js";
import type { Queues } from "./queue.js";
import type { Form, Web } from "./web.js";

export interface TwilioContext {
  readonly clock: SimClock;
  readonly pacer: Pacer;
  readonly accountSid: string;
  readonly web: Web;
  readonly conferences: Conferences;
  readonly queues: Queues;
  readonly callees: Callees;
  /** The model's SIP address, where there is one. */
  readonly sip: SipEndpoint | null;
  readonly connections: ConnectionLog;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  readonly streamHooks: StreamHooks;
  /** Say, Play and Pause take their time divided by this. */
  readonly speed: number;
  /** What `<Connect action>` and `<Dial action>` of a caller who has hung up still get. */
  readonly actionAfterHangUp: boolean;
  /** The signature of a stream's upgrade, spoilt as the leg says. */
  upgradeHeaders(leg: Leg, url: string, innerUrl: string): Record<string, string>;
  sid(prefix: string): string;
  /** A new leg, known to REST. */
  leg(fields: LegFields): Leg;
  legs(): readonly Leg[];
  findLeg(sid: string): Leg | undefined;
  /** A callback that nobody waits for: repeated and re-ordered as the switches say. */
  callback(leg: Leg | null, url: string, form: Form, what: string): void;
  /** A mistake that belongs to no leg. */
  violation(text: string): void;
}
