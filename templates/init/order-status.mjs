import { defineTool } from "murelay";

/** Replace this by a request to your own system. */
const ORDERS = new Map([
  ["4217", { status: "on its way", expected: "tomorrow" }],
  ["1001", { status: "delivered", expected: null }],
]);

export default defineTool({
  description: "Status of an order. Ask for the order number first.",
  parameters: {
    type: "object",
    properties: { order: { type: "string", pattern: "^[0-9]{4,8}$" } },
    required: ["order"],
    additionalProperties: false,
  },
  timeoutMs: 3_000,
  // What is returned goes to the model. The second argument has callSid, from, language, signal and more.
  run: async ({ order }) => ORDERS.get(order) ?? { problem: "There is no such order." },
});
