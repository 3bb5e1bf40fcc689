import type { RealtimeSession } from "../../../wire/realtime-client.js";
import type { ServerFault } from "../../../wire/realtime-objects.js";
import { type Reduced, reduceSession } from "./session-parts.js";

/** Each refusal names one part. More refusals than this are a fault of the configuration. */
const MAX_REDUCTIONS = 16;

/**
 * The configuration that a session begins with, without the parts that the server has refused
 * (promise O4): by a `session.update` on a socket, or by `accept` for a call that came by SIP.
 */
export class OpeningConfiguration {
  #session: RealtimeSession;
  #reductions = 0;

  constructor(session: RealtimeSession) {
    this.#session = session;
  }

  /** What to send next. */
  get session(): RealtimeSession {
    return this.#session;
  }

  get reductions(): number {
    return this.#reductions;
  }

  /**
   * The server refused the configuration as a whole.
   *
   * @returns  the part that is left out from now on. Null: the error names no part that a session
   *           can do without.
   */
  refused(fault: ServerFault): Reduced | null {
    if (this.#reductions >= MAX_REDUCTIONS) return null;
    const reduced = reduceSession(this.#session, fault);
    if (reduced === null) return null;
    this.#reductions++;
    this.#session = reduced.session;
    return reduced;
  }
}
