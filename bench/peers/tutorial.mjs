/**
 * A relay as tutorials write it, on the GA protocol: an object parsed and one built per message, `ws` on both sides with
 * its defaults, a mark after every delta, and on `speech_started` a `clear` and a truncation by elapsed stream time.
 *
 * Better than most of them in three points, so that it is compared at its best: frames are kept until the session is
 * ready, an answer's clock starts anew with each item, and a socket's failure ends only its own call.
 */
import { createServer } from "node:http";
import WebSocket, { WebSocketServer } from "ws";

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
const STREAM_URL = `${PUBLIC_URL.replace(/^http/, "ws")}/media-stream`;
const TWIML = `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="${STREAM_URL}"/></Connect></Response>`;
const SESSION = {
  type: "realtime",
  model: "gpt-realtime",
  output_modalities: ["audio"],
  instructions: "You are a friendly phone agent. Answer briefly.",
  audio: {
    input: { format: { type: "audio/pcmu" }, turn_detection: { type: "server_vad" } },
    output: { format: { type: "audio/pcmu" }, voice: "marin" },
  },
};

const server = createServer((request, response) => {
  request.resume();
  if (request.method === "POST" && request.url === "/incoming-call") {
    response.writeHead(200, { "content-type": "text/xml" }).end(TWIML);
  } else if (request.url === "/health") {
    response.writeHead(200).end("ok");
  } else {
    response.writeHead(404).end();
  }
});
const sockets = new WebSocketServer({ server, path: "/media-stream" });

sockets.on("connection", (twilio) => {
  const waiting = [];
  let ready = false;
  let streamSid = null;
  let latestMediaTimestamp = 0;
  let responseStartTimestamp = null;
  let lastItem = null;
  let markQueue = [];

  const model = new WebSocket(`${OPENAI_REALTIME_URL}?model=${SESSION.model}`, {
    headers: { Authorization: `Bearer ${OPENAI_API_KEY}` },
  });
  const sendToModel = (event) => {
    if (model.readyState === WebSocket.OPEN) model.send(JSON.stringify(event));
  };
  const sendToTwilio = (message) => {
    if (twilio.readyState === WebSocket.OPEN) twilio.send(JSON.stringify(message));
  };

  model.on("open", () => sendToModel({ type: "session.update", session: SESSION }));

  model.on("message", (data) => {
    const event = JSON.parse(data.toString());
    switch (event.type) {
      case "session.updated":
        if (ready) break;
        ready = true;
        for (const append of waiting) sendToModel(append);
        waiting.length = 0;
        sendToModel({ type: "response.create" });
        break;
      case "response.output_audio.delta":
        if (event.item_id !== lastItem) {
          lastItem = event.item_id;
          responseStartTimestamp = latestMediaTimestamp;
        }
        sendToTwilio({ event: "media", streamSid, media: { payload: event.delta } });
        sendToTwilio({ event: "mark", streamSid, mark: { name: "responsePart" } });
        markQueue.push("responsePart");
        break;
      case "input_audio_buffer.speech_started":
        if (markQueue.length > 0 && responseStartTimestamp !== null) {
          sendToModel({
            type: "conversation.item.truncate",
            item_id: lastItem,
            content_index: 0,
            audio_end_ms: latestMediaTimestamp - responseStartTimestamp,
          });
          sendToTwilio({ event: "clear", streamSid });
          markQueue = [];
          lastItem = null;
          responseStartTimestamp = null;
        }
        break;
      case "error":
        console.error("model:", event.error?.message);
        break;
      default:
        break;
    }
  });

  twilio.on("message", (data) => {
    const message = JSON.parse(data.toString());
    switch (message.event) {
      case "media": {
        latestMediaTimestamp = Number(message.media.timestamp);
        const append = { type: "input_audio_buffer.append", audio: message.media.payload };
        if (ready) sendToModel(append);
        else waiting.push(append);
        break;
      }
      case "start":
        streamSid = message.start.streamSid;
        responseStartTimestamp = null;
        latestMediaTimestamp = 0;
        break;
      case "mark":
        markQueue.shift();
        break;
      default:
        break;
    }
  });

  twilio.on("close", () => model.close());
  twilio.on("error", (error) => console.error("twilio:", error.message));
  model.on("close", () => twilio.close());
  model.on("error", (error) => console.error("model:", error.message));
});

server.listen(Number(PORT), HOST, () => console.error(`tutorial relay on ${HOST}:${PORT}`));
process.once("SIGTERM", () => process.exit(0));
