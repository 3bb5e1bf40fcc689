import { randomBytes } from "node:crypto";
import { ExpiringMap } from "../../domain/expiring-map.js";
import type { CallSid } from "../../domain/ids.js";

/** From the reply to a process that asked until it has dialled. */
const TICKET_MS = 10_000;
const MAX_TICKETS = 1_000;
/** 192 bits. */
const TICKET_BYTES = 24;

/** Tickets that let another process connect to this one, once, for one call. */
export class PeerTickets<Purpose> {
  readonly #tickets = new ExpiringMap<
    string,
    { readonly callSid: CallSid; readonly purpose: Purpose }
  >({ ttlMs: TICKET_MS, maxSize: MAX_TICKETS });
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  issue(callSid: CallSid, purpose: Purpose): string {
    const ticket = randomBytes(TICKET_BYTES).toString("hex");
    this.#tickets.set(ticket, { callSid, purpose }, this.#nowMs());
    return ticket;
  }

  /** What the ticket was issued for; null: it is not valid. Either way it is spent. */
  redeem(callSid: CallSid, ticket: string): Purpose | null {
    const found = this.#tickets.take(ticket, this.#nowMs());
    return found?.callSid === callSid ? found.purpose : null;
  }
}
