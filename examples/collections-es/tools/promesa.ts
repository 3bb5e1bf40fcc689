import { defineTool } from "murelay";

export default defineTool({
  description: "Registrar una promesa de pago: fecha e importe",
  parameters: {
    type: "object",
    properties: {
      fecha: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$" },
      importe: { type: "string", pattern: "^\\$\\d+$" },
    },
    required: ["fecha", "importe"],
    additionalProperties: false,
  },
  run: ({ fecha, importe }) => ({ promesa: "registrada", fecha, importe }),
});
