/**
 * A log that knows which agent a call has. Many parts of the relay know a call by its CallSid only:
 * webhooks, recordings, the store. Their lines get the `agent` that another line of the call named,
 * so that all lines of a call can be selected by it.
 */
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { Clock } from "../../ports/clock.js";
import type { Log, LogFields } from "../../ports/log.js";

/** From the last line that named both: recordings and the CRM follow a call within a day. */
const REMEMBER_MS = 24 * 60 * 60_000;
/** About 4 MB. The oldest calls are forgotten first; their later lines lack `agent`. */
const MAX_CALLS = 20_000;

export function withAgentOfCall(log: Log, clock: Pick<Clock, "nowMs">): Log {
  return new CallLines(log, {
    agents: new ExpiringMap({ ttlMs: REMEMBER_MS, maxSize: MAX_CALLS }),
    clock,
  });
}

interface Shared {
  /** By CallSid. */
  readonly agents: ExpiringMap<string, string>;
  readonly clock: Pick<Clock, "nowMs">;
}

class CallLines implements Log {
  readonly #log: Log;
  readonly #shared: Shared;

  constructor(log: Log, shared: Shared) {
    this.#log = log;
    this.#shared = shared;
  }

  child(fields: LogFields): Log {
    return new CallLines(this.#log.child(this.#withAgent(fields) ?? fields), this.#shared);
  }

  debug(text: string, fields?: LogFields): void {
    this.#log.debug(text, this.#withAgent(fields));
  }

  info(text: string, fields?: LogFields): void {
    this.#log.info(text, this.#withAgent(fields));
  }

  warn(text: string, fields?: LogFields, error?: unknown): void {
    this.#log.warn(text, this.#withAgent(fields), error);
  }

  error(text: string, fields?: LogFields, error?: unknown): void {
    this.#log.error(text, this.#withAgent(fields), error);
  }

  #withAgent(fields: LogFields | undefined): LogFields | undefined {
    const callSid = fields?.["callSid"];
    if (typeof callSid !== "string") return fields;
    const { agents, clock } = this.#shared;
    const named = fields?.["agent"];
    if (typeof named === "string") {
      agents.set(callSid, named, clock.nowMs());
      return fields;
    }
    const agent = agents.get(callSid, clock.nowMs());
    return agent === undefined ? fields : { ...fields, agent };
  }
}
