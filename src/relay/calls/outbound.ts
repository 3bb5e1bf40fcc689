import { randomUUID } from "node:crypto";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallJournal } from "../../domain/record-event.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallControl } from "../../ports/twilio.js";
import type { OverflowReason } from "./admission.js";
import type { Form } from "./call-service.js";

/** What somebody wants to have called. Numbers are E.164, checked by whoever asks. */
export interface OutboundOrder {
  readonly to: string;
  /** One of the account's numbers; null: the first number of the agents file that is this agent's. */
  readonly from: string | null;
  readonly agent: string;
  /** What the agent is to know of this call; null: nothing. */
  readonly context: Readonly<Record<string, unknown>> | null;
}

export type OutboundRefusal = "agent_unknown" | "from_missing" | OverflowReason;

/** A call that was placed, as any process needs it when somebody has answered. Plain JSON. */
export interface PlacedCall {
  readonly placedEpochMs: number;
  readonly context: Readonly<Record<string, unknown>> | null;
}

/** Where nodes keep what they share. */
export interface PlacedCalls {
  keep(id: string, placed: PlacedCall, ttlMs: number): Promise<void>;
  /** Gives it away: it may hold what is known of a person, and goes when it has served. */
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
  readonly refusal: (model: string) => OverflowReason | null;
}

/** Somebody has answered a call that was placed. */
export interface AnsweredCall {
  readonly agent: AgentProfile;
  /** When it was placed; null: nobody remembers. */
  readonly placedEpochMs: number | null;
  readonly context: Readonly<Record<string, unknown>> | null;
}

const RING_S = 60;
/** Twilio keeps calls beyond an account's rate for so long, and places them then. */
const QUEUED_MOST_MS = 24 * 3_600_000;
/** Past its ringing: a call of which no callback told the end is asked for. */
const OVERDUE_MS = RING_S * 1000 + 60_000;
/** Somebody has answered and hears nothing meanwhile. */
const TAKE_WAIT_MS = 500;
const UNANSWERED: ReadonlySet<string> = new Set(["busy", "no-answer", "failed", "canceled"]);

/**
 * Places calls for operators: Twilio rings somebody, and asks `/incoming-call` for them once they have answered. From then on it is a
 * call like any other. Its URL names the agent; what the agent is to know waits in the database, so any process may get the question.
 */
export class Outbound {
  readonly #deps: OutboundDeps;
  readonly #own = new Map<string, PlacedCall>();
  /** Calls that ring, as far as this process knows. */
  readonly #ringing = new Map<CallSid, Timer>();

  constructor(deps: OutboundDeps) {
    this.#deps = deps;
  }

  /** @throws RelayError what Twilio answered; `twilio_timeout` and the like when it is not known whether the call was placed. */
  async place(order: OutboundOrder): Promise<{ callSid: CallSid } | { refusal: OutboundRefusal }> {
    const { agents, clock, log, publicUrl } = this.#deps;
    const agent = agents.agents.get(order.agent);
    if (agent === undefined) return { refusal: "agent_unknown" };
    const from = order.from ?? this.#numberOf(order.agent);
    if (from === null) return { refusal: "from_missing" };
    const refusal = this.#deps.refusal(agent.model);
    if (refusal !== null) return { refusal };

    const id = randomUUID();
    const placed: PlacedCall = { placedEpochMs: clock.epochMs(), context: order.context };
    // Before the call: it may be answered sooner than Twilio's own answer is here.
    if (this.#deps.placed === null) this.#own.set(id, placed);
    else await this.#deps.placed.keep(id, placed, QUEUED_MOST_MS);
    const query = new URLSearchParams({ outbound: id, agent: agent.name });
    const callSid = await this.#create({
      to: order.to,
      from,
      url: `${publicUrl}/incoming-call?${query}`,
      fallbackUrl: `${publicUrl}/connect-ended`,
      statusCallback: `${publicUrl}/call-status?${query}`,
      amdStatusCallback: `${publicUrl}/amd-status?${query}`,
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
    // Whoever is asked when somebody answers tells the rest: this process holds nothing of a call that only rings.
    this.#deps.journal.write(callSid, { type: "moved" });
    log.info("call placed", { callSid, agent: agent.name });
    this.#watch(callSid, placed.placedEpochMs);
    return { callSid };
  }

  #numberOf(agent: string): string | null {
    for (const [number, name] of this.#deps.agents.numbers) if (name === agent) return number;
    return null;
  }

  /** A request that got no answer may have been carried out; a second one would ring twice. */
  async #create(call: Parameters<CallControl["createCall"]>[0]): Promise<CallSid> {
    const { control, clock, log } = this.#deps;
    const sinceEpochMs = clock.epochMs();
    try {
      return await control.createCall(call);
    } catch (error) {
      const unsure = error instanceof RelayError && error.retryable && error.code !== "twilio_busy";
      if (!unsure) throw error;
      const calls = await control.findCalls(call.to, sinceEpochMs).catch((failure: unknown) => {
        log.warn("whether a call was placed cannot be found out", {}, failure);
        return [];
      });
      const found = calls.find(({ sid }) => !this.#ringing.has(sid));
      if (found === undefined) throw error;
      return found.sid;
    }
  }

  /** @returns null: not a call that was placed here or by another process. */
  async answered(callSid: CallSid, query: Form): Promise<AnsweredCall | null> {
    const { outbound: id, agent: name = "" } = query;
    const agent = this.#deps.agents.agents.get(name);
    if (id === undefined || agent === undefined) return null;
    this.#unwatch(callSid);
    const placed = (await this.#take(id)) ?? { placedEpochMs: null, context: null };
    return { agent, ...placed };
  }

  async #take(id: string): Promise<PlacedCall | null> {
    const { placed, clock, log } = this.#deps;
    const own = this.#own.get(id) ?? null;
    this.#own.delete(id);
    if (placed === null) return own;
    return await new Promise((resolve) => {
      // Whoever has answered is not kept waiting for a database; the agent does without.
      const withoutIt = (why: string, error?: unknown): void => {
        log.warn("what was to be known of a placed call cannot be read", { why }, error);
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

  /** POST /call-status of a call that this process has not. */
  status(callSid: CallSid, form: Form, query: Form): void {
    const { outbound: id } = query;
    const status = form["CallStatus"] ?? "";
    if (id === undefined || !UNANSWERED.has(status)) return;
    this.#unwatch(callSid);
    void this.#take(id).then((placed) => this.#unanswered(callSid, status, placed?.placedEpochMs));
  }

  #unanswered(callSid: CallSid, status: string, placedEpochMs?: number): void {
    const { clock, journal } = this.#deps;
    const atMs = placedEpochMs === undefined ? 0 : Math.max(0, clock.epochMs() - placedEpochMs);
    journal.write(callSid, {
      type: "ended",
      atMs,
      outcome: "failed",
      reason: status.replace("-", "_"),
    });
  }

  #watch(callSid: CallSid, placedEpochMs: number): void {
    const { clock, control, log } = this.#deps;
    const look = (): void => {
      this.#ringing.delete(callSid);
      control.status(callSid).then(
        (status) => {
          if (UNANSWERED.has(status)) this.#unanswered(callSid, status, placedEpochMs);
          else if (status === "queued" || status === "ringing" || status === "initiated")
            this.#watch(callSid, placedEpochMs);
        },
        (error: unknown) =>
          log.warn("what became of a placed call is not known", { callSid }, error),
      );
    };
    this.#ringing.set(callSid, clock.after(OVERDUE_MS, look));
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
