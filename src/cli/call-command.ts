import { type ProbeAnswer, postJson } from "../adapters/http-client/http-probe.js";
import { numberProblem } from "../config/agents/dial-target.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadOperatorSettings } from "./load.js";

export interface CallOptions {
  readonly agent: string;
  readonly from?: string;
  /** JSON text. */
  readonly context?: string;
}

type Operator = NonNullable<ReturnType<typeof loadOperatorSettings>>;

/** Asks the running relay, over its operator listener, to place an outbound call. */
export async function call(io: CliIo, to: string, options: CallOptions): Promise<number> {
  for (const [what, number] of [
    ["number to call", to],
    ["--from", options.from],
  ] as const) {
    const problem = number === undefined ? null : numberProblem(number);
    if (problem === null) continue;
    io.err(`${what} ${problem}`);
    return EXIT_USAGE;
  }
  const context = parseContext(options.context);
  if (context === undefined) {
    io.err("--context is not a JSON object");
    return EXIT_USAGE;
  }
  const config = loadOperatorSettings(io);
  if (config === null) return EXIT_USAGE;

  const { from, agent } = options;
  const body = {
    to,
    agent,
    ...(from === undefined ? {} : { from }),
    ...(context === null ? {} : { context }),
  };
  const answer = await postJson(operatorUrl(config, "/api/calls"), body, config.adminToken);
  if (answer.status === 202) {
    io.out(answer.body);
    return EXIT_OK;
  }
  io.err(explain(config, answer));
  return EXIT_FAILED;
}

function operatorUrl(config: Operator, path: string): string {
  const { adminHost, adminPort } = config;
  // An address to listen on is not always one to call.
  const host = adminHost === "0.0.0.0" ? "127.0.0.1" : adminHost === "::" ? "[::1]" : adminHost;
  return `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${adminPort}${path}`;
}

function explain(config: Operator, answer: ProbeAnswer): string {
  const where = `${config.adminHost}:${config.adminPort}`;
  if (answer.status === 0)
    return `no relay answers on ${where} (${answer.body}). Start one: npm start`;
  if (answer.status === 401) return `the relay on ${where} wants another ADMIN_TOKEN`;
  return `the relay on ${where} refused: HTTP ${answer.status} ${answer.body}`;
}

/** Null: none given. Undefined: not an object. */
function parseContext(text: string | undefined): object | null | undefined {
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
