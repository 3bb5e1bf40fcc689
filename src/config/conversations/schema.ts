/**
 * The schema of the conversation files of `murelay test`. `conversations.schema.json`, which
 * editors read, is generated from it. docs/testing.md describes the format.
 */
import { z } from "zod";

const text = z.string().min(1, "is empty");

const texts = z
  .union([text, z.array(text).min(1, "is empty")], { error: "must be text, or a list of texts" })
  .transform((value) => (typeof value === "string" ? [value] : value));

const argumentsSchema = z.record(z.string(), z.unknown());

const expectedTool = z.union(
  [
    text.transform((name) => ({ name, arguments: undefined, output: undefined })),
    z.strictObject({
      name: text.describe("Name of the tool"),
      arguments: argumentsSchema
        .optional()
        .describe("Arguments that it was called with; others are allowed beside them"),
      output: z.unknown().optional().describe("What it answered; fields may be left out"),
    }),
  ],
  { error: "must be the name of a tool, or {name, arguments, output}" },
);

const expectation = z.strictObject({
  says: texts
    .optional()
    .describe("The agent said these words, or each of a list. /…/ is a regular expression"),
  does_not_say: texts.optional().describe("The agent said none of these words"),
  tool: expectedTool.optional().describe("This tool was called"),
  tools: z
    .array(expectedTool)
    .optional()
    .describe("Exactly these tools were called, in this order; []: none"),
  transfer: text.optional().describe("The caller was transferred to this destination"),
  ended: z.boolean().optional().describe("The call has ended; false: it goes on"),
});

const response = z.strictObject({
  say: z.string().optional().describe("What the simulated model says"),
  call: text.optional().describe("The tool that it calls"),
  arguments: argumentsSchema.optional().describe("Arguments of the tool"),
});

const turn = z
  .strictObject({
    caller: text.optional().describe("What the caller says"),
    press: z
      .string()
      .regex(/^[0-9*#]+$/, "is not a row of keys in quotes: 0 to 9, * and #")
      .optional()
      .describe('Keys that the caller presses, in quotes: "0"'),
    hang_up: z.literal(true).optional().describe("The caller hangs up"),
    model: z
      .array(response)
      .optional()
      .describe("What the simulated model does, response by response; otherwise rules answer"),
    expect: expectation
      .optional()
      .describe("What must have happened since the turn before; of the first turn, the greeting"),
  })
  .refine((value) => Object.keys(value).length > 0, "is empty: give it caller, press or expect");

const conversation = z.strictObject({
  name: text.describe("Shown in the report"),
  agent: text.optional().describe("The agent that is called. Default: the agent of `number`"),
  number: text
    .optional()
    .describe("The number that is called, in quotes. Default: one of the agent's own"),
  from: text.optional().describe("The caller's number, in quotes"),
  turns: z.array(turn).min(1, "is empty").describe("What happens, in order"),
});

export const conversationsSchema = z.strictObject({
  $schema: z.string().optional().describe("For editors, in a JSON file"),
  agents_file: text
    .optional()
    .describe("Relative to this file. Default: AGENTS_FILE, or agents.yaml"),
  conversations: z.array(conversation).min(1, "is empty").describe("Each is one call"),
});

export type ConversationsInput = z.output<typeof conversationsSchema>;
export type ExpectedTool = z.output<typeof expectedTool>;
export type Expectation = z.output<typeof expectation>;
export type ModelResponse = z.output<typeof response>;
export type ConversationInput = ConversationsInput["conversations"][number];
export type TurnInput = ConversationInput["turns"][number];

/** JSON Schema, draft 7 (what editors know), of what may be written. */
export function conversationsJsonSchema(): Record<string, unknown> {
  return {
    title: "murelay conversations",
    ...z.toJSONSchema(conversationsSchema, { io: "input", target: "draft-7" }),
  };
}
