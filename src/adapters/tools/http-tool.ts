import type { HttpToolSource, ToolDefinition } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { JsonValue, Tool, ToolArguments } from "../../tools/tool.js";
import { type GuardedReply, guardedRequest } from "../http-client/guarded-request.js";
import { fillUrl } from "../http-client/url-template.js";
import type { Network } from "../network/network.js";

/** A tool behind an HTTP endpoint that the agents file describes. */
export function createHttpTool(
  definition: Omit<ToolDefinition, "source">,
  source: HttpToolSource,
  network?: Network,
): Tool {
  const { name, description, parameters, timeoutMs, sayWhileWaiting } = definition;
  return {
    name,
    description,
    parameters,
    timeoutMs,
    sayWhileWaiting,
    run: async (args, { signal, traceparent }) => {
      const traced = traceparent === undefined ? source : withHeader(source, { traceparent });
      const reply = await request(traced, args, signal, network);
      return { output: readOutput(reply) };
    },
  };
}

/** A header that the agents file sets itself stays. */
function withHeader(
  source: HttpToolSource,
  header: Readonly<Record<string, string>>,
): HttpToolSource {
  return { ...source, headers: { ...header, ...source.headers } };
}

const WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "DELETE"]);
/** RFC 9110, section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "PUT", "DELETE"]);
/** The server is overloaded, or a proxy answers for one that is restarting. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

async function request(
  source: HttpToolSource,
  args: ToolArguments,
  signal: AbortSignal,
  network: Network | undefined,
): Promise<GuardedReply> {
  const { method, headers, timeoutMs, maxResponseBytes, allowPrivateHosts } = source;
  const { url, used } = fillUrl(source.url, args);
  const rest = Object.entries(args).filter(([name]) => !used.has(name));
  const inQuery = WITHOUT_BODY.has(method);
  const send = (): Promise<GuardedReply> =>
    guardedRequest(
      {
        method,
        url: inQuery ? withQuery(url, rest) : url,
        headers: inQuery ? headers : { "content-type": "application/json", ...headers },
        body: inQuery ? null : JSON.stringify(Object.fromEntries(rest)),
        timeoutMs,
        maxResponseBytes,
        allowPrivateHosts,
        signal,
      },
      network,
    );
  const mayRepeat = source.idempotent || IDEMPOTENT.has(method);
  let reply: GuardedReply;
  try {
    reply = await send();
    if (!mayRepeat || !PASSING.has(reply.status)) return reply;
  } catch (error) {
    const passing = error instanceof RelayError && error.retryable;
    if (!mayRepeat || !passing) throw error;
  }
  return send();
}

function withQuery(text: string, values: readonly (readonly [string, unknown])[]): string {
  const url = new URL(text);
  for (const [name, value] of values) {
    if (value === undefined || value === null) continue;
    url.searchParams.append(
      name,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    );
  }
  return url.href;
}

/**
 * What the model reads. The body of a refusal often says why (404: no such order), so it is passed
 * on with it.
 *
 * @throws RelayError `tool_failed` for a fault of the server (5xx) and for invalid JSON.
 */
function readOutput({ status, type, body }: GuardedReply): JsonValue {
  if (status >= 500) throw new RelayError("tool_failed", `the server answered HTTP ${status}`);
  const value = bodyValue(type, body);
  return status < 300 ? value : { error: `HTTP ${status}`, answer: value };
}

function bodyValue(type: string, body: string): JsonValue {
  if (body.trim() === "") return null;
  const says = type === "application/json" || type.endsWith("+json");
  try {
    return JSON.parse(body) as JsonValue;
  } catch (error) {
    if (says)
      throw new RelayError("tool_failed", "the server's answer is not valid JSON", {
        cause: error,
      });
    return body;
  }
}
