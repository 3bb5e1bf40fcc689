/** One account of the simulated Twilio: all that its calls share, and the parts that serve them. */
import { Pacer, realClock, type SimClock } from "../clock.js";
import { ConnectionLog } from "../connection-log.js";
import type { Network } from "../network.js";
import type { SipEndpoint } from "../sip/endpoints.js";
import type { CallLeg, LegFields } from "./call-leg.js";
import { Conferences } from "./conference.js";
import type { Application, TwilioContext } from "./context.js";
import { noFaults, type TwilioFaults } from "./faults.js";
import { Leg } from "./leg.js";
import type { StreamHooks } from "./media-stream.js";
import type { PhoneNumber } from "./numbers.js";
import type { Callees, QueueAgents } from "./party.js";
import { Queues } from "./queues.js";
import { Recordings } from "./recordings.js";
import { RestApi } from "./rest.js";
import { signatureHeader } from "./signature.js";
import { StatusCallbacks } from "./status-callbacks.js";
import { type Form, type Method, Web } from "./web.js";

export interface AccountOptions {
  readonly accountSid?: string;
  readonly authToken?: string;
  readonly apiKeys?: Readonly<Record<string, string>>;
  readonly numbers: readonly Omit<PhoneNumber, "sid">[];
  readonly verifiedNumbers?: readonly string[];
  readonly callees?: Callees;
  readonly applications?: readonly Application[];
  readonly sip?: SipEndpoint;
  readonly queueAgents?: QueueAgents;
  readonly clock?: SimClock;
  readonly network?: Network;
  readonly keepAudio?: boolean;
  readonly checkIdentity?: boolean;
  readonly speed?: number;
  readonly actionAfterHangUp?: boolean;
  readonly recordingMediaDelayMs?: number;
  readonly faults?: Partial<TwilioFaults>;
  readonly streamHooks: StreamHooks;
  readonly onLeg: (leg: Leg) => void;
}

const AUTH_TOKEN = "0123456789abcdef0123456789abcdef";

export class TwilioAccount implements TwilioContext {
  readonly clock: SimClock;
  readonly pacer: Pacer;
  readonly accountSid: string;
  readonly authToken: string;
  readonly web: Web;
  readonly legs: Leg[] = [];
  readonly conferences: Conferences;
  readonly queues: Queues;
  readonly numbers: readonly PhoneNumber[];
  readonly callees: Callees;
  readonly applications: readonly Application[];
  readonly sip: SipEndpoint | null;
  readonly connections: ConnectionLog;
  readonly callbacks: StatusCallbacks;
  readonly rest: RestApi;
  readonly faults: TwilioFaults;
  readonly network: Network;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  readonly streamHooks: StreamHooks;
  readonly speed: number;
  readonly actionAfterHangUp: boolean;
  /** Mistakes that belong to no leg. */
  readonly violations: string[] = [];
  /** Where REST listens. */
  apiBaseUrl = "";
  readonly #options: AccountOptions;
  readonly #routes = new Map<string, string | (() => string)>();
  readonly #bySid = new Map<string, Leg>();
  /** Eight digits of every SID: those of two simulators differ. */
  readonly #run = Math.floor(Math.random() * 0xffff_ffff)
    .toString(16)
    .padStart(8, "0");
  #sids = 0;

  constructor(options: AccountOptions) {
    this.#options = options;
    this.clock = options.clock ?? realClock;
    this.pacer = new Pacer(this.clock);
    this.accountSid = options.accountSid ?? `AC${"5".repeat(32)}`;
    this.authToken = options.authToken ?? AUTH_TOKEN;
    this.faults = { ...noFaults(), ...options.faults };
    this.callees = options.callees ?? (() => ({ talkMs: 300 }));
    this.applications = options.applications ?? [];
    this.sip = options.sip ?? null;
    this.network = options.network ?? {};
    this.keepAudio = options.keepAudio ?? true;
    this.checkIdentity = options.checkIdentity ?? false;
    this.streamHooks = options.streamHooks;
    this.speed = options.speed ?? 1;
    this.actionAfterHangUp = options.actionAfterHangUp ?? true;
    const { authToken, faults } = this;
    this.web = new Web({ authToken, routes: this.#routes, faults });
    this.connections = new ConnectionLog(this.clock);
    this.callbacks = new StatusCallbacks(this.clock, this.web, faults, (text) =>
      this.violation(text),
    );
    this.conferences = new Conferences(this);
    this.queues = new Queues(this.clock, options.queueAgents ?? (() => null), (prefix) =>
      this.sid(prefix),
    );
    this.numbers = options.numbers.map((number) => ({ sid: this.sid("PN"), ...number }));
    const recordings = new Recordings(this, () => this.apiBaseUrl);
    const mediaDelayMs = options.recordingMediaDelayMs ?? 0;
    this.rest = new RestApi(
      this,
      { recordings, numbers: this.numbers, mediaDelayMs },
      new Map([[this.accountSid, authToken], ...Object.entries(options.apiKeys ?? {})]),
    );
  }

  route(publicOrigin: string, relayUrl: string | (() => string)): void {
    const { origin } = new URL(publicOrigin);
    const inner = typeof relayUrl === "string" ? relayUrl.replace(/\/$/, "") : relayUrl;
    this.#routes.set(origin, inner);
  }

  upgradeHeaders(leg: CallLeg, url: string, innerUrl: string): Record<string, string> {
    return signatureHeader(this.authToken, url, {}, leg.fields.forgeStream ?? null, innerUrl);
  }

  sid(prefix: string): string {
    return prefix + this.#run + (this.#sids++).toString(16).padStart(24, "0");
  }

  addLeg(fields: LegFields): Leg {
    const leg = new Leg(this, fields);
    this.legs.push(leg);
    this.#bySid.set(leg.sid, leg);
    this.#options.onLeg(leg);
    return leg;
  }

  findLeg(sid: string): Leg | undefined {
    return this.#bySid.get(sid);
  }

  ownsNumber(number: string): boolean {
    return (
      this.numbers.some(({ phoneNumber }) => phoneNumber === number) ||
      this.#options.verifiedNumbers?.includes(number) === true
    );
  }

  callback(leg: CallLeg | null, url: string, form: Form, what: string, method?: Method): void {
    this.callbacks.send(leg, url, form, what, method);
  }

  violation(text: string): void {
    this.violations.push(text);
  }

  /** Ends all calls. */
  async close(): Promise<void> {
    for (const leg of this.legs) {
      for (const stream of [...leg.streams, ...leg.forks]) stream.destroy();
      leg.finish("completed");
    }
    await this.web.settled();
    await this.rest.close();
    this.web.close();
  }
}
