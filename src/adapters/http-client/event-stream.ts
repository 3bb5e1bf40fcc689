/** A reader of server-sent events. */
import type { IncomingMessage } from "node:http";
import { type Agents, readBytes, startRequest } from "../network/http-request.js";

/** One event is shorter than this. */
const MAX_EVENT_CHARS = 8 * 1024 * 1024;
/** Of an answer that is not a stream. */
const MAX_BODY_BYTES = 64 * 1024;

export type EventStream =
  | { readonly status: 200; readonly events: AsyncIterable<string> }
  /** The server refused; `body` says why. */
  | { readonly status: number; readonly body: string };

/**
 * Opens a stream of server-sent events. `events` yields the data of each, and ends when the server
 * closes the stream.
 *
 * @param signal  ends the stream; reading then throws.
 * @throws        the socket's error.
 */
export function openEventStream(
  url: URL,
  headers: Readonly<Record<string, string>>,
  agents: Agents,
  signal: AbortSignal,
): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const options = { headers: { ...headers, accept: "text/event-stream" }, signal };
    const outgoing = startRequest(url, options, agents);
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      if (response.statusCode === 200) {
        resolve({ status: 200, events: eventsOf(response) });
        return;
      }
      readBytes(response, MAX_BODY_BYTES).then(
        (body) => resolve({ status: response.statusCode ?? 0, body: body.toString("utf8") }),
        reject,
      );
    });
    outgoing.end();
  });
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    rest += String(chunk);
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > MAX_EVENT_CHARS) throw new Error("an event of the stream is too long");
    for (const block of blocks) {
      const data = dataOf(block);
      if (data !== null) yield data;
    }
  }
}

/** Null: a comment, which only shows that the stream is alive. */
function dataOf(block: string): string | null {
  const lines = block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice("data:".length).replace(/^ /, ""));
  return lines.length === 0 ? null : lines.join("\n");
}
