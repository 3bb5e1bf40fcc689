import type { Appointment, Order, OrderBook } from "./sample-tools.js";

const ORDERS: readonly (Order & { readonly email: string })[] = [
  {
    number: "4217",
    email: "ada@example.com",
    status: "delayed: the parcel was carried away by monkeys",
    items: ["one crate of bananas"],
    expected: "in three days",
  },
  {
    number: "1001",
    email: "grace@example.com",
    status: "delivered",
    items: ["desk lamp", "two bulbs"],
    expected: null,
  },
  {
    number: "1002",
    email: "linus@example.com",
    status: "on its way",
    items: ["keyboard"],
    expected: "tomorrow",
  },
];

/** The sample tools' data in memory: three orders, and what is booked until the process ends. */
export class MemoryOrderBook implements OrderBook {
  readonly #taken = new Map<string, string>();

  async findOrder(query: string): Promise<Order | null> {
    const wanted = query.trim().toLowerCase();
    const digits = wanted.replace(/\D/g, "");
    const found = ORDERS.find(
      ({ number, email }) => email === wanted || (digits !== "" && number === digits),
    );
    if (found === undefined) return null;
    const { number, status, items, expected } = found;
    return { number, status, items, expected };
  }

  async book({ date, time }: Appointment): Promise<string | null> {
    const slot = `${date} ${time}`;
    if (this.#taken.has(slot)) return null;
    const number = `A${1000 + this.#taken.size}`;
    this.#taken.set(slot, number);
    return number;
  }
}
