import { agentsJsonSchema } from "../config/agents/schema.js";
import { conversationsJsonSchema } from "../config/conversations/schema.js";
import { outputJsonSchema } from "./output-schemas.js";

const SCHEMAS_OF = {
  agents: agentsJsonSchema,
  conversations: conversationsJsonSchema,
  output: outputJsonSchema,
} as const;

export type SchemaName = keyof typeof SCHEMAS_OF;

export const SCHEMA_NAMES = Object.keys(SCHEMAS_OF) as readonly SchemaName[];

/** A JSON Schema as it is printed and shipped. */
export function schemaText(name: SchemaName): string {
  return `${JSON.stringify(SCHEMAS_OF[name](), null, 2)}\n`;
}
