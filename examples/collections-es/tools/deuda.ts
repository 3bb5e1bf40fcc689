import { defineTool } from "murelay";

interface Debt {
  readonly importe: number;
  readonly vencimiento: string;
}

/** Replace this by a request to your own system. */
const DEBTS = new Map<string, Debt>([["12345678", { importe: 1_250, vencimiento: "2026-11-30" }]]);

export default defineTool({
  description: "Consultar la deuda de una persona por su documento",
  parameters: {
    type: "object",
    properties: { documento: { type: "string", pattern: "^[0-9]{7,9}$" } },
    required: ["documento"],
    additionalProperties: false,
  },
  run: ({ documento }) => DEBTS.get(documento) ?? { problema: "No hay deuda con ese documento." },
});
