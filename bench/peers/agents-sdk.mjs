/**
 * The OpenAI Agents SDK's own Twilio transport on Fastify, wired as its documentation shows: one transport layer and one
 * session per stream, made at once when the socket opens. The agent is asked to greet, so that the calls run as the others do.
 */
import formBody from "@fastify/formbody";
import websocket from "@fastify/websocket";
import { RealtimeAgent, RealtimeSession } from "@openai/agents/realtime";
import { TwilioRealtimeTransportLayer } from "@openai/agents-extensions";
import Fastify from "fastify";

const {
  PORT = "5050",
  HOST = "127.0.0.1",
  PUBLIC_URL,
  OPENAI_REALTIME_URL,
  OPENAI_API_KEY,
} = process.env;
if (!PUBLIC_URL || !OPENAI_REALTIME_URL || !OPENAI_API_KEY) {
  console.error("PUBLIC_URL, OPENAI_REALTIME_URL and OPENAI_API_KEY must be set");
  process.exit(2);
}
const MODEL = "gpt-realtime";
const STREAM_URL = `${PUBLIC_URL.replace(/^http/, "ws")}/media-stream`;

const fastify = Fastify();
await fastify.register(formBody);
await fastify.register(websocket);

const agent = new RealtimeAgent({
  name: "Phone agent",
  instructions: "You are a friendly phone agent. Answer briefly.",
});

fastify.get("/health", async () => "ok");

fastify.post("/incoming-call", async (_request, reply) =>
  reply
    .type("text/xml")
    .send(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="${STREAM_URL}"/></Connect></Response>`,
    ),
);

await fastify.register(async (scope) => {
  scope.get("/media-stream", { websocket: true }, async (connection) => {
    const transport = new TwilioRealtimeTransportLayer({
      twilioWebSocket: connection,
      url: `${OPENAI_REALTIME_URL}?model=${MODEL}`,
    });
    const session = new RealtimeSession(agent, {
      transport,
      model: MODEL,
      config: { audio: { output: { voice: "marin" } } },
    });
    session.on("error", ({ error }) => console.error("session:", error?.message ?? error));
    try {
      await session.connect({ apiKey: OPENAI_API_KEY });
      session.sendMessage("Greet the caller.");
    } catch (error) {
      console.error("connect:", error instanceof Error ? error.message : error);
      connection.close();
    }
  });
});

await fastify.listen({ port: Number(PORT), host: HOST });
console.error(`agents SDK relay on ${HOST}:${PORT}`);
process.once("SIGTERM", () => process.exit(0));
