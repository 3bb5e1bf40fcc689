import { randomInt } from "node:crypto";
import type { Kysely } from "kysely";
import { RelayError } from "../../domain/errors.js";
import type { Appointment, Order, OrderBook } from "../../tools/sample-tools.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Appointment numbers are short, to be said on the phone. A number in use is drawn again. */
const MAX_DRAWS = 20;

/** The data of the sample tools `lookup_order` and `book_appointment`. */
export class OrdersTables implements OrderBook {
  readonly #db: Kysely<Tables>;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, guard: Guard) {
    this.#db = db;
    this.#guard = guard;
  }

  async findOrder(query: string): Promise<Order | null> {
    const wanted = query.trim().toLowerCase();
    const row = await this.#guard(
      "find_order",
      async () =>
        await this.#db
          .selectFrom("orders")
          .selectAll()
          .where((eb) =>
            eb.or([
              eb("number", "=", wanted.replace(/\D/g, "")),
              eb(eb.fn<string>("lower", ["email"]), "=", wanted),
            ]),
          )
          .executeTakeFirst(),
    );
    if (row === undefined) return null;
    const { number, status, expected } = row;
    // The column is documented as a JSON array of strings.
    return { number, status, items: JSON.parse(row.items) as string[], expected };
  }

  async book({ name, date, time, topic }: Appointment): Promise<string | null> {
    return await this.#guard("book", async () => {
      for (let draw = 0; draw < MAX_DRAWS; draw++) {
        const number = `A${randomInt(1_000, 10_000)}`;
        const booked = await this.#db
          .insertInto("appointments")
          .values({ number, name, date, time, topic })
          .onConflict((conflict) => conflict.doNothing())
          .returning("number")
          .executeTakeFirst();
        if (booked !== undefined) return booked.number;
        const other = await this.#db
          .selectFrom("appointments")
          .select("number")
          .where("date", "=", date)
          .where("time", "=", time)
          .executeTakeFirst();
        if (other !== undefined) return null;
      }
      throw new RelayError("internal", "no unused appointment number was found");
    });
  }
}
