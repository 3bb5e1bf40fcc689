import type { Tool } from "./tool.js";

/**
 * The data behind the two sample tools: in memory for demos, in the call database otherwise.
 */
export interface OrderBook {
  /** By order number or e-mail address; null: unknown. */
  findOrder(query: string): Promise<Order | null>;
  /** The confirmation's number; null: that time is taken. */
  book(appointment: Appointment): Promise<string | null>;
}

export interface Order {
  readonly number: string;
  readonly status: string;
  readonly items: readonly string[];
  readonly expected: string | null;
}

export interface Appointment {
  readonly name: string;
  readonly date: string;
  readonly time: string;
  readonly topic: string | null;
}

export const SAMPLE_TOOL_NAMES = ["lookup_order", "book_appointment"] as const;

export function sampleTools(book: OrderBook): readonly Tool[] {
  return [lookupOrder(book), bookAppointment(book)];
}

function lookupOrder(book: OrderBook): Tool {
  return {
    name: "lookup_order",
    description: "Look up a customer's order by order number or e-mail address",
    parameters: {
      type: "object",
      properties: {
        query: {
          type: "string",
          minLength: 1,
          maxLength: 200,
          description: "Order number or e-mail address",
        },
      },
      required: ["query"],
      additionalProperties: false,
    },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
    run: async ({ query }) => {
      const order = await book.findOrder(String(query));
      return {
        output:
          order === null
            ? { found: false }
            : {
                found: true,
                number: order.number,
                status: order.status,
                items: order.items,
                expected: order.expected,
              },
      };
    },
  };
}

function bookAppointment(book: OrderBook): Tool {
  return {
    name: "book_appointment",
    description: "Book a call-back or a visit. Repeat date and time to the caller before you book.",
    parameters: {
      type: "object",
      properties: {
        name: { type: "string", minLength: 1, maxLength: 200 },
        date: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$", description: "YYYY-MM-DD" },
        time: { type: "string", pattern: "^\\d{2}:\\d{2}$", description: "24-hour HH:MM" },
        topic: { type: "string", maxLength: 500 },
      },
      required: ["name", "date", "time"],
      additionalProperties: false,
    },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
    run: async ({ name, date, time, topic }) => {
      const number = await book.book({
        name: String(name),
        date: String(date),
        time: String(time),
        topic: topic === undefined ? null : String(topic),
      });
      return {
        output:
          number === null ? { booked: false, why: "that time is taken" } : { booked: true, number },
      };
    },
  };
}
