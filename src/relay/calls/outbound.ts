import { randomUUID } from "node:crypto";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { doublingPauses } from "../../domain/backoff.js";
import {
  isFinalStatus,
  readCallStatus,
  type TwilioCallStatus,
  wasNotAnswered,
} from "../../domain/call-status.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallJournal } from "../../domain/record-event.js";
import type { NoRoom, PolicyRefusal } from "../../domain/refusal-reasons.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { CallControl } from "../../ports/twilio.js";
import { callbackUrl, type Form, type LinkOf } from "./callback-link.js";
import type { OutboundPolicy } from "./outbound-policy.js";

/** A call to be placed. Numbers are E.164; the edge has checked them. */
export interface OutboundOrder {
  readonly to: string;
  /**
   * One of the account's numbers; null: the first number of the agents file that is this agent's.
   */
  readonly from: string | null;
  readonly agent: string;
  /** What the agent should know about this call; null: nothing. */
  readonly context: Readonly<Record<string, unknown>> | null;
}

export type OutboundRefusal = "agent_unknown" | "from_missing" | NoRoom | PolicyRefusal;

/** A call that was placed, as any process needs it when it is answered. Plain JSON. */
export interface PlacedCall {
  readonly placedEpochMs: number;
  readonly context: Readonly<Record<string, unknown>> | null;
}

/** Where nodes keep what they share. */
export interface PlacedCalls {
  keep(id: string, placed: PlacedCall, ttlMs: number): Promise<void>;
  /** Returns and deletes it: it may hold what is known of a person. */
  take(id: string): Promise<PlacedCall | null>;
}

export interface OutboundDeps {
  readonly agents: AgentsFile;
  readonly control: Pick<CallControl, "createCall" | "findCalls" | "status">;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: CallJournal;
  readonly publicUrl: string;
  readonly node: string;
  /** Null: only this process knows of the calls that it has placed. */
  readonly placed: PlacedCalls | null;
  /** Why no call is taken on now; null: there is room. */
  readonly refusal: (model: string) => NoRoom | null;
  readonly policy: Pick<OutboundPolicy, "admit">;
  readonly metrics: Pick<Metrics, "outboundRefused">;
}

/** A call that was placed has been answered. */
export interface AnsweredCall {
  readonly agent: AgentProfile;
  /** When it was placed; null: not known any more. */
  readonly placedEpochMs: number | null;
  readonly context: Readonly<Record<string, unknown>> | null;
}

/** A call that was placed, until it is over or an agent has it. */
interface WatchedCall {
  readonly callSid: CallSid;
  /** Of what the agent is to know. */
  readonly id: string;
  readonly placedMs: number;
}

const RING_S = 60;
/** Twilio keeps calls beyond an account's rate for so long, and places them then. */
const MAX_QUEUED_MS = 24 * 3_600_000;
/** From placing the call: if no callback has come by then, Twilio is asked for its status. */
const OVERDUE_MS = RING_S * 1000 + 60_000;
/** Between requests about a call that was answered: another process carries it. */
const IN_PROGRESS_MS = 600_000;
/** Between requests that fail: for almost an hour in all. */
const UNKNOWN_PAUSES = doublingPauses(5_000, 300_000, 16);
/** After placing a call: none lasts longer, the time in Twilio's queue included. */
const MAX_WATCHED_MS = MAX_QUEUED_MS + 4 * 3_600_000;
/** From the answer: the person hears nothing while the context is read, so not for long. */
const TAKE_WAIT_MS = 500;

/**
 * Places calls for operators. Twilio rings a phone, and asks `/incoming-call` once it is answered.
 * From then on it is a call like any other. The URL names the agent, and the context waits in the
 * database, so Twilio may ask any process.
 */
export class Outbound {
  readonly #deps: OutboundDeps;
  readonly #own = new Map<string, PlacedCall>();
  /** Calls that ring, as far as this process knows. */
  readonly #ringing = new Map<CallSid, Timer>();

  constructor(deps: OutboundDeps) {
    this.#deps = deps;
  }

  /**
   * @throws RelayError Twilio's refusal; `twilio_timeout` and the like: it is unknown whether the
   *         call was placed.
   */
  async place(order: OutboundOrder): Promise<{ callSid: CallSid } | { refusal: OutboundRefusal }> {
    const { agents, metrics, log } = this.#deps;
    const agent = agents.agents.get(order.agent);
    if (agent === undefined) return { refusal: "agent_unknown" };
    const from = order.from ?? this.#numberOf(order.agent);
    if (from === null) return { refusal: "from_missing" };
    const refusal =
      this.#deps.refusal(agent.model) ?? (await this.#deps.policy.admit(order.to, from));
    if (refusal === null) return { callSid: await this.#place(order, agent, from) };
    metrics.outboundRefused.add(1, refusal);
    log.warn("outbound: call refused", { agent: agent.name, reason: refusal });
    return { refusal };
  }

  async #place(order: OutboundOrder, agent: AgentProfile, from: string): Promise<CallSid> {
    const { clock, log, publicUrl } = this.#deps;

    const id = randomUUID();
    const placed: PlacedCall = { placedEpochMs: clock.epochMs(), context: order.context };
    // Store the context first: the phone may be answered before Twilio answers this request.
    if (this.#deps.placed === null) this.#own.set(id, placed);
    else await this.#deps.placed.keep(id, placed, MAX_QUEUED_MS);
    const link = { kind: "outbound", id, agent: agent.name } as const;
    const callSid = await this.#create({
      to: order.to,
      from,
      url: callbackUrl(publicUrl, "/incoming-call", link),
      fallbackUrl: `${publicUrl}/connect-ended`,
      statusCallback: callbackUrl(publicUrl, "/call-status", link),
      amdStatusCallback: callbackUrl(publicUrl, "/amd-status", link),
      timeoutS: RING_S,
    });
    this.#deps.journal.write(callSid, {
      type: "opened",
      epochMs: placed.placedEpochMs,
      agent: agent.name,
      direction: "outbound",
      from,
      to: order.to,
      path: "media-stream",
      node: this.#deps.node,
    });
    // The process that Twilio asks when the phone is answered writes the rest of the record. This
    // process keeps nothing of a call that only rings.
    this.#deps.journal.write(callSid, { type: "moved" });
    log.info("outbound: call placed", { callSid, agent: agent.name });
    this.#watch({ callSid, id, placedMs: clock.nowMs() });
    return callSid;
  }

  #numberOf(agent: string): string | null {
    for (const [number, name] of this.#deps.agents.numbers) if (name === agent) return number;
    return null;
  }

  /** A request without an answer may have been carried out, and a second one would ring twice. */
  async #create(call: Parameters<CallControl["createCall"]>[0]): Promise<CallSid> {
    const { control, clock, log } = this.#deps;
    const sinceEpochMs = clock.epochMs();
    try {
      return await control.createCall(call);
    } catch (error) {
      const unsure = error instanceof RelayError && error.retryable && error.code !== "twilio_busy";
      if (!unsure) throw error;
      const calls = await control.findCalls(call.to, sinceEpochMs).catch((failure: unknown) => {
        log.warn("outbound: unknown whether the call was placed", {}, failure);
        return [];
      });
      const found = calls.find(({ sid }) => !this.#ringing.has(sid));
      if (found === undefined) throw error;
      return found.sid;
    }
  }

  /** @returns null: its agent is gone from the agents file. */
  async answered(callSid: CallSid, link: LinkOf<"outbound">): Promise<AnsweredCall | null> {
    const agent = this.#deps.agents.agents.get(link.agent);
    if (agent === undefined) return null;
    this.#unwatch(callSid);
    const placed = (await this.#take(link.id)) ?? { placedEpochMs: null, context: null };
    return { agent, ...placed };
  }

  async #take(id: string): Promise<PlacedCall | null> {
    const { placed, clock, log } = this.#deps;
    const own = this.#own.get(id) ?? null;
    this.#own.delete(id);
    if (placed === null) return own;
    return await new Promise((resolve) => {
      // The person must not wait for a database, so the agent talks without the context.
      const withoutIt = (reason: string, error?: unknown): void => {
        log.warn("outbound: context of a placed call not read", { reason }, error);
        resolve(null);
      };
      const late = clock.after(TAKE_WAIT_MS, () => withoutIt("no answer"));
      placed.take(id).then(
        (found) => {
          late.cancel();
          resolve(found);
        },
        (error: unknown) => {
          late.cancel();
          withoutIt("failed", error);
        },
      );
    });
  }

  /** POST /call-status of an outbound call that this process does not have. */
  status(callSid: CallSid, form: Form, link: LinkOf<"outbound">): void {
    const status = readCallStatus(form["CallStatus"]);
    if (status === null || !isFinalStatus(status)) return;
    this.#unwatch(callSid);
    void this.#ended(callSid, status, link.id);
  }

  /** Ends the record of a call that reached no agent. A call with an agent writes its own end. */
  async #ended(callSid: CallSid, status: TwilioCallStatus, id: string): Promise<void> {
    const placed = await this.#take(id);
    // Its context is gone where an agent has asked for it; what Twilio calls unanswered never had
    // one.
    if (placed === null && !wasNotAnswered(status)) return;
    const { clock, journal } = this.#deps;
    const atMs = placed === null ? 0 : Math.max(0, clock.epochMs() - placed.placedEpochMs);
    journal.write(
      callSid,
      wasNotAnswered(status)
        ? { type: "ended", atMs, outcome: "failed", reason: status.replace("-", "_") }
        : // Answered, and over before the agent came on the line.
          { type: "ended", atMs, outcome: "abandoned", reason: "caller_hung_up" },
    );
  }

  /**
   * Asks Twilio for the status of a call until it is over.
   *
   * @param failures  requests in a row that failed.
   */
  #watch(call: WatchedCall, pauseMs = OVERDUE_MS, failures = 0): void {
    const { clock, control, log } = this.#deps;
    const { callSid, id } = call;
    const ask = (): void => {
      // Meanwhile a callback may have reported the end, or the process may be stopping.
      const isOver = (): boolean => this.#ringing.get(callSid) !== timer;
      control.status(callSid).then(
        (status) => {
          if (isOver()) return;
          if (isFinalStatus(status)) {
            this.#unwatch(callSid);
            void this.#ended(callSid, status, id);
          } else if (clock.nowMs() - call.placedMs >= MAX_WATCHED_MS) this.#giveUp(call);
          else this.#watch(call, status === "in-progress" ? IN_PROGRESS_MS : OVERDUE_MS);
        },
        (error: unknown) => {
          if (isOver()) return;
          const fields = { callSid, code: errorCodeOf(error), failures: failures + 1 };
          log.warn("outbound: status of a call unknown", fields, error);
          const nextMs = UNKNOWN_PAUSES(failures + 1);
          if (nextMs === null) this.#giveUp(call);
          else this.#watch(call, nextMs, failures + 1);
        },
      );
    };
    const timer = clock.after(pauseMs, ask);
    this.#ringing.set(callSid, timer);
  }

  /** Ends the record of a call whose end cannot be found out, unless an agent has answered it. */
  #giveUp({ callSid, id, placedMs }: WatchedCall): void {
    this.#unwatch(callSid);
    const { clock, journal, log } = this.#deps;
    log.error("outbound: call given up", { callSid, code: "status_unknown" });
    void this.#take(id).then((placed) => {
      if (placed === null) return;
      const atMs = clock.nowMs() - placedMs;
      journal.write(callSid, { type: "ended", atMs, outcome: "failed", reason: "status_unknown" });
    });
  }

  #unwatch(callSid: CallSid): void {
    this.#ringing.get(callSid)?.cancel();
    this.#ringing.delete(callSid);
  }

  stop(): void {
    for (const timer of this.#ringing.values()) timer.cancel();
    this.#ringing.clear();
  }
}
