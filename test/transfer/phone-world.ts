import type { AgentProfile } from "../../src/domain/agent-profile.js";
import type { TwilioCallStatus } from "../../src/domain/call-status.js";
import { type ErrorCode, RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type {
  CallTransferRequest,
  TransferNext,
  TransferOutcome,
} from "../../src/domain/transfer-request.js";
import type { CallControl } from "../../src/ports/twilio.js";
import type { TransferForm } from "../../src/transfer/callback-forms.js";
import { Transfer } from "../../src/transfer/transfer.js";
import type { TransferDeps, TransferHost } from "../../src/transfer/transfer-deps.js";
import { linkQuery, readLink } from "../../src/transfer/transfer-link.js";
import type { Twiml, TwimlVerb } from "../../src/wire/twiml.js";
import { sid } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { FakeLog } from "../fakes/fake-ports.js";

/** How one REST request goes. `done`: it was carried out, whatever the answer says. */
export type Rest =
  | { readonly fate: "ok"; readonly ms: number }
  /** Answered with 200, and nothing happens. */
  | { readonly fate: "ignored"; readonly ms: number }
  | {
      readonly fate: "fault";
      readonly code: ErrorCode;
      readonly done: boolean;
      readonly ms: number;
    };

/** What the human does who is dialled, has the queue, or is called for a warm transfer. */
export type HumanPlan =
  | "talks"
  | "busy"
  | "no_answer"
  | "failed"
  | "declines"
  | "silent"
  | "hangs_up"
  | "takes";

export interface Plan {
  /** Used up in order; afterwards everything is fine. */
  readonly rest: readonly Rest[];
  /** One for each step that is reached. */
  readonly humans: readonly HumanPlan[];
  /** When the caller hangs up, or null. */
  readonly hangUpMs: number | null;
  /** Delays of callbacks, used round and round: this is what puts them out of order. */
  readonly delaysMs: readonly number[];
  /** Every n-th callback is sent twice; 0 = none. */
  readonly repeatEvery: number;
  /** The relay goes on from its snapshot in another process at this time, or null. */
  readonly moveMs: number | null;
}

export const CALL = sid(1);
export const BASE = "https://relay.test";

type Where =
  | { readonly in: "stream" | "agent" | "over" | "nowhere" }
  | {
      readonly in: "dial" | "queue" | "conference";
      readonly action: string;
      readonly wait: string | null;
      readonly events: string | null;
    };

interface Leg {
  readonly sid: CallSid;
  readonly human: boolean;
  status: TwilioCallStatus;
  readonly statusUrl: string | null;
  inConference: boolean;
}

/**
 * A small Twilio around one Transfer, on a fake clock: one caller, the legs it rings, callbacks
 * that come late, twice and out of order, and REST that fails as it is told.
 */
export class PhoneWorld {
  readonly clock = new FakeClock();
  readonly events: RecordEvent[] = [];
  readonly endings: [TransferOutcome, TransferNext][] = [];
  readonly complaints: string[] = [];
  readonly fake = new FakeMetrics();
  readonly log = new FakeLog();
  readonly redirects: Twiml[] = [];
  readonly legs: Leg[] = [];
  /** What Twilio has said, in order. */
  readonly spoken: string[] = [];
  transfer: Transfer;
  where: Where = { in: "stream" };
  alive = true;
  talked = false;
  lost = 0;
  reached = 0;
  readonly #plan: Plan;
  readonly #agent: AgentProfile;
  readonly #deps: TransferDeps;
  #rest = 0;
  #callbacks = 0;
  #stored = "";
  #sids = 100;

  constructor(
    agent: AgentProfile,
    plan: Partial<Plan>,
    request: Partial<CallTransferRequest> = {},
    deps = {},
  ) {
    this.#agent = agent;
    this.#plan = {
      rest: [],
      humans: [],
      hangUpMs: null,
      delaysMs: [20],
      repeatEvery: 0,
      moveMs: null,
      ...plan,
    };
    this.#deps = {
      control: this.control,
      clock: this.clock,
      log: this.log,
      metrics: this.fake.metrics,
      escalate: null,
      recordUrl: null,
      holdMusicUrl: null,
      ...deps,
    };
    this.transfer = Transfer.start(
      {
        request: {
          callSid: CALL,
          destination: agent.transfer.default ?? "desk",
          reason: "wants a human",
          summary: "The parcel is lost.",
          urgency: null,
          by: "agent",
          caller: "+12025550100",
          ours: "+12025550199",
          direction: "inbound",
          language: "en",
          preface: "none",
          ...request,
        },
        agent,
        host: this.host,
      },
      this.#deps,
    );
    if (this.#plan.hangUpMs !== null) this.clock.after(this.#plan.hangUpMs, () => this.hangUp());
    if (this.#plan.moveMs !== null) this.clock.after(this.#plan.moveMs, () => this.#move());
  }

  get outcomes(): RecordEvent[] {
    return this.events.filter((event) => event.type === "transfer_outcome");
  }

  get steps(): string[] {
    return this.events.flatMap((event) => (event.type === "transfer_step" ? [event.step] : []));
  }

  /** Lets so much time pass, with everything that is promised meanwhile. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let gone = 0; gone < ms; gone += stepMs) {
      await this.#settle();
      this.clock.advance(stepMs);
    }
    await this.#settle();
  }

  async #settle(): Promise<void> {
    for (let i = 0; i < 12; i++) await Promise.resolve();
  }

  // --- the relay's side -------------------------------------------------------------------------

  get host(): TransferHost {
    return {
      url: (path, link) => `${BASE}${path}?${new URLSearchParams(linkQuery(link))}`,
      atMs: () => Math.round(this.clock.nowMs()),
      journal: (event) => this.events.push(event),
      persist: (snapshot) => {
        this.#stored = JSON.stringify(snapshot);
      },
      returnTwiml: () => [
        {
          verb: "connect_stream",
          action: `${BASE}/connect-ended`,
          url: "wss://relay.test",
          parameters: {},
        },
      ],
      onStream: () => this.where.in === "stream" || this.where.in === "agent",
      closeStream: () => {
        if (this.where.in !== "stream") return;
        this.where = { in: "nowhere" };
        this.#later(() => {
          if (this.where.in === "nowhere" && this.alive)
            this.#follow(this.transfer.streamFollowed());
        });
      },
      ended: ({ outcome, next }) => void this.endings.push([outcome, next]),
      lost: () => this.lost++,
    };
  }

  /** Another process takes the transfer up from what was stored. */
  #move(): void {
    this.transfer.close();
    this.transfer = Transfer.restore(JSON.parse(this.#stored), this.#agent, this.host, this.#deps);
    // The stream dies with the process that held it.
    if (this.where.in !== "stream") return;
    this.where = { in: "nowhere" };
    this.#later(() => {
      if (this.where.in === "nowhere" && this.alive) this.#follow(this.transfer.streamFollowed());
    });
  }

  // --- the caller -------------------------------------------------------------------------------

  hangUp(): void {
    if (!this.alive) return;
    const { where } = this;
    this.alive = false;
    this.where = { in: "over" };
    const over = { CallSid: CALL, CallStatus: "completed" };
    for (const leg of this.legs) {
      if (leg.human ? leg.inConference : where.in === "dial") this.#end(leg);
    }
    if (where.in === "conference")
      this.#conference(where.events, {
        StatusCallbackEvent: "participant-leave",
        CallSid: CALL,
        ParticipantLabel: "caller",
        ReasonParticipantLeft: "participant_hung_up",
      });
    if (where.in === "dial" || where.in === "conference")
      this.#post(where.action, { ...over, DialCallStatus: this.talked ? "completed" : "canceled" });
    if (where.in === "queue")
      this.#post(where.action, { ...over, QueueResult: this.talked ? "bridged" : "hangup" });
    this.#later(() => this.transfer.callerHungUp());
  }

  /** The caller is given a document. */
  #follow(twiml: Twiml): void {
    if (!this.alive) return;
    const left = this.where;
    // Whoever is fetched out of a document takes its legs down with them.
    for (const leg of this.legs) {
      if (leg.human ? leg.inConference : left.in === "dial") this.#end(leg);
    }
    if (left.in === "conference")
      this.#conference(left.events, {
        StatusCallbackEvent: "participant-leave",
        CallSid: CALL,
        ParticipantLabel: "caller",
        ReasonParticipantLeft: "participant_updated_via_api",
      });
    this.where = { in: "nowhere" };
    for (const verb of twiml) {
      if (this.#run(verb)) return;
    }
    this.complaints.push("a document ended and left the caller with nothing");
    this.hangUp();
  }

  /** True when the verb keeps the caller. */
  #run(verb: TwimlVerb): boolean {
    switch (verb.verb) {
      case "say":
        this.spoken.push(verb.text);
        return false;
      case "connect_stream":
        this.where = { in: "agent" };
        return true;
      case "hangup":
        if (!this.talked && this.spoken.length === 0)
          this.complaints.push("hung up without a word");
        this.alive = false;
        this.where = { in: "over" };
        for (const leg of this.legs) if (leg.inConference) this.#end(leg);
        return true;
      case "dial":
        this.#dial(verb);
        return true;
      case "enqueue":
        this.where = { in: "queue", action: verb.action, wait: verb.waitUrl ?? null, events: null };
        this.#queue();
        return true;
      default:
        return false;
    }
  }

  #dial(verb: Extract<TwimlVerb, { verb: "dial" }>): void {
    const { target, action = "" } = verb;
    if (target.type === "conference") {
      const events = target.statusCallback?.url ?? null;
      this.where = { in: "conference", action, wait: null, events };
      this.#conference(events, {
        StatusCallbackEvent: "participant-join",
        CallSid: CALL,
        ParticipantLabel: target.label,
      });
      return;
    }
    this.where = { in: "dial", action, wait: null, events: null };
    const here = this.where;
    const statusUrl = "statusCallback" in target ? (target.statusCallback?.url ?? null) : null;
    if (this.legs.some((leg) => leg.statusUrl === statusUrl)) this.complaints.push("dialled twice");
    const leg = this.#leg(false, statusUrl);
    const plan = this.#nextHuman();
    this.clock.after(1_500, () => {
      if (this.where !== here) return;
      const failed = { busy: "busy", no_answer: "no-answer", failed: "failed" } as const;
      if (plan in failed) {
        const status = failed[plan as keyof typeof failed];
        this.#status(leg, status);
        this.#ask(action, { DialCallStatus: status });
        return;
      }
      this.#status(leg, "in-progress");
      this.talked = true;
      this.clock.after(20_000, () => {
        if (this.where !== here) return;
        this.#status(leg, "completed");
        this.#ask(action, { DialCallStatus: "completed" });
      });
    });
  }

  #queue(): void {
    const here = this.where;
    if (here.in !== "queue") return;
    if (here.wait !== null)
      this.#post(here.wait, { CallSid: CALL, QueuePosition: "2", QueueTime: "1" });
    const plan = this.#nextHuman();
    this.clock.after(3_000, () => {
      if (this.where !== here) return;
      if (plan === "busy") this.#ask(here.action, { QueueResult: "queue-full" });
      else if (plan === "failed") this.#ask(here.action, { QueueResult: "system-error" });
      else if (plan === "no_answer" || plan === "silent")
        this.#ask(here.action, { QueueResult: "leave" });
      else {
        this.talked = true;
        this.clock.after(20_000, () => {
          if (this.where === here) this.#ask(here.action, { QueueResult: "bridged" });
        });
      }
    });
  }

  /** Twilio asks what follows the caller's document, and carries it out. */
  #ask(url: string, form: Record<string, string>): void {
    const here = this.where;
    this.#post(url, { CallSid: CALL, CallStatus: "in-progress", ...form }, (twiml) => {
      if (this.where === here) this.#follow(twiml);
    });
  }

  // --- the human --------------------------------------------------------------------------------

  #nextHuman(): HumanPlan {
    return this.#plan.humans[this.reached++] ?? "talks";
  }

  #leg(human: boolean, statusUrl: string | null): Leg {
    const leg: Leg = {
      sid: sid(this.#sids++),
      human,
      status: "initiated",
      statusUrl,
      inConference: false,
    };
    this.legs.push(leg);
    this.#status(leg, "initiated");
    return leg;
  }

  #status(leg: Leg, status: TwilioCallStatus): void {
    leg.status = status;
    if (leg.statusUrl !== null) this.#post(leg.statusUrl, { CallSid: leg.sid, CallStatus: status });
  }

  #end(leg: Leg): void {
    if (!isLive(leg.status)) return;
    leg.inConference = false;
    this.#status(leg, leg.status === "in-progress" ? "completed" : "canceled");
  }

  #callHuman(statusUrl: string, whisper: Twiml): CallSid {
    // A leg that could not be hung up may still be live when the next human is called.
    if (this.legs.some((leg) => leg.statusUrl === statusUrl && isLive(leg.status)))
      this.complaints.push("called the same human twice");
    const leg = this.#leg(true, statusUrl);
    const plan = this.#nextHuman();
    this.clock.after(2_000, () => {
      if (!isLive(leg.status)) return;
      switch (plan) {
        case "busy":
          this.#status(leg, "busy");
          return;
        case "no_answer":
          this.#status(leg, "no-answer");
          return;
        case "failed":
          this.#status(leg, "failed");
          return;
        default:
          this.#status(leg, "in-progress");
          this.clock.after(3_000, () => this.#press(leg, plan, whisper));
      }
    });
    return leg.sid;
  }

  #press(leg: Leg, plan: HumanPlan, whisper: Twiml): void {
    if (!isLive(leg.status)) return;
    const gather = whisper.find((verb) => verb.verb === "gather");
    const last = whisper.find((verb) => verb.verb === "redirect");
    if (gather?.verb !== "gather" || last?.verb !== "redirect") {
      this.complaints.push("a whisper without a question");
      return;
    }
    const answer = (url: string, digits: Record<string, string>): void => {
      this.#post(url, { CallSid: leg.sid, CallStatus: "in-progress", ...digits }, (twiml) => {
        if (isLive(leg.status)) this.#humanFollows(leg, twiml);
      });
    };
    if (plan === "hangs_up") this.#status(leg, "completed");
    else if (plan === "silent") answer(last.url, {});
    else answer(gather.action, { Digits: plan === "declines" ? "2" : "1" });
  }

  #humanFollows(leg: Leg, twiml: Twiml): void {
    for (const verb of twiml) {
      if (verb.verb === "hangup") {
        this.#status(leg, "completed");
        return;
      }
      if (verb.verb !== "dial" || verb.target.type !== "conference") continue;
      const { where } = this;
      leg.inConference = true;
      if (where.in !== "conference") return;
      this.talked = true;
      this.#conference(where.events, {
        StatusCallbackEvent: "participant-join",
        CallSid: leg.sid,
        ParticipantLabel: verb.target.label,
      });
      this.clock.after(20_000, () => {
        if (this.where !== where || !isLive(leg.status)) return;
        this.#end(leg);
        this.#ask(where.action, { DialCallStatus: "answered" });
      });
      return;
    }
  }

  // --- callbacks and REST -----------------------------------------------------------------------

  #later(run: () => void): void {
    const { delaysMs } = this.#plan;
    this.clock.after(delaysMs[this.#callbacks++ % delaysMs.length] ?? 0, run);
  }

  #conference(url: string | null, form: TransferForm): void {
    if (url !== null) this.#post(url, form);
  }

  #post(url: string, form: TransferForm, answered: (twiml: Twiml) => void = () => {}): void {
    const { pathname, searchParams } = new URL(url);
    const link = readLink(Object.fromEntries(searchParams));
    if (link === null) throw new Error(`not a link: ${url}`);
    const deliver = (): Twiml | null => {
      if (pathname === "/transfer-status") return this.transfer.callback(form, link);
      if (pathname === "/call-status") this.transfer.callStatus(form, link);
      else if (pathname === "/conference-events") this.transfer.conferenceEvent(form, link);
      else this.complaints.push(`no such path: ${pathname}`);
      return null;
    };
    const { repeatEvery } = this.#plan;
    const again = repeatEvery > 0 && this.#callbacks % repeatEvery === 0;
    this.#later(() => {
      const twiml = deliver();
      if (twiml === null) return;
      // The first answer was lost on its way: the second has to be as good.
      if (again) this.clock.after(300, () => answered(deliver() ?? []));
      else answered(twiml);
    });
    if (again && pathname !== "/transfer-status") this.#later(() => void deliver());
  }

  /**
   * @param ignored  the answer to a request that has no effect; null: it asks for nothing that
   * could be ignored.
   */
  async #request<T>(carryOut: () => T, ignored: { readonly value: T } | null): Promise<T> {
    const rest = this.#plan.rest[this.#rest++] ?? { fate: "ok", ms: 30 };
    let result: { value: T } | null = null;
    let gone = false;
    const run = (): void => {
      try {
        result = { value: carryOut() };
      } catch {
        gone = true;
      }
    };
    // At once: no process can know of a request that still travels when the process has died.
    const happens = rest.fate === "ok" || (rest.fate === "ignored" && ignored === null);
    if (happens || (rest.fate === "fault" && rest.done)) run();
    await new Promise<void>((resolve) => this.clock.after(rest.ms, resolve));
    if (rest.fate === "fault") {
      const retryable = rest.code.startsWith("twilio_") && rest.code !== "twilio_rejected";
      throw new RelayError(rest.code, "as planned", { retryable });
    }
    if (rest.fate === "ignored" && ignored !== null) return ignored.value;
    if (gone || result === null) throw new RelayError("caller_gone", "21220");
    return (result as { value: T }).value;
  }

  get control(): CallControl {
    const unused = (): never => {
      throw new RelayError("internal", "not to be called by a transfer");
    };
    return {
      redirect: (_callSid, twiml) =>
        this.#request(
          () => {
            if (!this.alive) throw new RelayError("caller_gone", "21220");
            this.redirects.push(twiml);
            this.#follow(twiml);
          },
          { value: undefined },
        ),
      hangUp: (callSid) =>
        this.#request(
          () => {
            if (callSid === CALL) {
              this.hangUp();
              return;
            }
            const leg = this.legs.find((other) => other.sid === callSid);
            if (leg === undefined || !isLive(leg.status))
              throw new RelayError("caller_gone", "21220");
            this.#end(leg);
          },
          // A human whose phone is not hung up hangs up themselves.
          null,
        ),
      status: (callSid) =>
        this.#request((): TwilioCallStatus => {
          if (callSid === CALL) return this.alive ? "in-progress" : "completed";
          return this.legs.find((leg) => leg.sid === callSid)?.status ?? "failed";
        }, null),
      findCalls: () =>
        this.#request(
          () =>
            this.legs
              .filter((leg) => leg.human)
              .map((leg) => ({ sid: leg.sid, status: leg.status })),
          null,
        ),
      createCallWithTwiml: (call, twiml) =>
        this.#request(() => this.#callHuman(call.statusCallback, twiml), { value: sid(999) }),
      createCall: unused,
      createParticipant: unused,
      removeParticipant: unused,
      updateParticipant: unused,
      isOnHold: unused,
      endConference: unused,
      startStream: unused,
      stopStream: unused,
      startRecording: unused,
    };
  }
}

export function isLive(status: TwilioCallStatus): boolean {
  return (
    status === "initiated" ||
    status === "ringing" ||
    status === "in-progress" ||
    status === "queued"
  );
}
