import { agentsJsonSchema } from "../config/agents/schema.js";

/** The JSON Schema of the agents file, as printed and shipped. */
export function agentsSchemaText(): string {
  return `${JSON.stringify(agentsJsonSchema(), null, 2)}\n`;
}
