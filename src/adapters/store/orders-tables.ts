import { createHash } from "node:crypto";
import type { Kysely } from "kysely";
import type { Appointment, Order, OrderBook } from "../../records/store-port.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** What the sample tools look up and book. */
export class OrdersTables implements OrderBook {
  readonly #db: Kysely<Tables>;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, guard: Guard) {
    this.#db = db;
    this.#guard = guard;
  }

  async findOrders(query: string): Promise<readonly Order[]> {
    const wanted = query.trim().replace(/^#/, "").trim();
    const rows = await this.#guard(
      async () =>
        await this.#db
          .selectFrom("orders")
          .selectAll()
          .where((eb) =>
            eb.or([
              eb(eb.fn<string>("upper", ["number"]), "=", wanted.toUpperCase()),
              eb(eb.fn<string>("lower", ["email"]), "=", wanted.toLowerCase()),
            ]),
          )
          .orderBy("created_ms", "desc")
          .limit(5)
          .execute(),
    );
    return rows.map((row) => ({
      number: row.number,
      email: row.email,
      status: row.status,
      items: row.items,
      expectedOn: row.expected_on,
    }));
  }

  async book(
    appointment: Omit<Appointment, "id">,
    key: string,
  ): Promise<{ readonly appointment: Appointment } | "taken"> {
    const id = `A-${createHash("sha256").update(key).digest("hex").slice(0, 10).toUpperCase()}`;
    return await this.#guard(async () => {
      await this.#db
        .insertInto("appointments")
        .values({
          id,
          name: appointment.name,
          starts_at: appointment.startsAt,
          service: appointment.service,
          booking_key: key,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = await this.#db
        .selectFrom("appointments")
        .selectAll()
        .where("booking_key", "=", key)
        .executeTakeFirst();
      if (row === undefined) return "taken";
      return {
        appointment: { id: row.id, name: row.name, startsAt: row.starts_at, service: row.service },
      };
    });
  }

  async taken(fromIso: string, toIso: string): Promise<readonly string[]> {
    const rows = await this.#guard(
      async () =>
        await this.#db
          .selectFrom("appointments")
          .select("starts_at")
          .where("starts_at", ">=", fromIso)
          .where("starts_at", "<", toIso)
          .orderBy("starts_at")
          .execute(),
    );
    return rows.map((row) => row.starts_at);
  }
}
