import { defineTool } from "../../../../src/tools/tool.js";

export default defineTool({
  description: "Refund an order",
  parameters: {
    type: "object",
    properties: { order: { type: "string" }, cents: { type: "integer" } },
    required: ["order"],
    additionalProperties: false,
  },
  timeoutMs: 1_234,
  run: ({ order, cents }, { language }) => ({
    refunded: order.toUpperCase(),
    cents: cents ?? null,
    language,
  }),
});
