import { shapeProblem } from "../config/agents/number-plans.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";
import { OperatorClient } from "./operator-client.js";

export interface CallOptions {
  readonly agent: string;
  readonly from?: string;
  /** JSON text. */
  readonly context?: string;
}

/** Asks the running relay to place an outbound call. */
export async function call(io: CliIo, to: string, options: CallOptions): Promise<number> {
  const { from, agent } = options;
  const context = parseContext(options.context);
  const problem =
    numberFault("the number to call", to) ??
    numberFault("--from", from) ??
    (context === undefined ? "--context is not a JSON object" : null);
  if (problem !== null) {
    io.err(problem);
    return EXIT_USAGE;
  }
  const client = OperatorClient.connect(io);
  if (client === null) return EXIT_USAGE;

  const answer = await client.post("/api/calls", {
    to,
    agent,
    ...(from === undefined ? {} : { from }),
    ...(context === null ? {} : { context }),
  });
  if (answer.status === 202) {
    io.out(answer.body);
    return EXIT_OK;
  }
  io.err(messageOf(answer.body) ?? client.explain(answer));
  return EXIT_FAILED;
}

/** What the relay says of its refusal; null: it says nothing. */
function messageOf(body: string): string | null {
  try {
    const message: unknown = Object(JSON.parse(body))["message"];
    return typeof message === "string" ? message : null;
  } catch {
    return null;
  }
}

function numberFault(what: string, number: string | undefined): string | null {
  const problem = number === undefined ? null : shapeProblem(number);
  return problem === null ? null : `${what} ${problem}`;
}

/** @returns null when no context is given, undefined when it is not an object. */
function parseContext(text: string | undefined): object | null | undefined {
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
