/**
 * Steady calls in a process of their own: phones that speak to the relay, and the model that hears
 * them. It measures when each frame left the phone and when it reached the model. The relay's other
 * sessions are passed on to the model of the run, so that faults of that one do not concern these.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { sign } from "../../sim/twilio/signature.js";
import { StreamMessages } from "../../sim/twilio/stream-messages.js";
import { runAtOnce } from "./priorities.js";
import type { FromSteady, SteadyOrder, SteadyStart } from "./steady.js";
import { measure, Track, Waits } from "./steady-track.js";

const FRAME_MS = 20;
/** A frame of a quiet line: the smallest steps, as real lines have them. */
const PAYLOAD = Buffer.alloc(160, 0xfe).toString("base64");
const MODEL = "gpt-realtime-mini";

runAtOnce();
const waits = new Waits();
const tracks: Track[] = [];
let arriving: Track | null = null;

// --- the model -----------------------------------------------------------------------------------

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

function speakAsModel(socket: WebSocket, track: Track): void {
  let n = 0;
  const send = (type: string, session: object): void =>
    socket.send(JSON.stringify({ type, event_id: `e${++n}`, session }));
  const base = { type: "realtime", object: "realtime.session", id: "sess_steady", model: MODEL };
  send("session.created", base);
  socket.on("message", (data: Buffer) => {
    // The type stands at the beginning of what the relay sends.
    if (data.indexOf('"input_audio_buffer.append"') >= 0) {
      track.heard();
      return;
    }
    const event = JSON.parse(data.toString()) as { type: string; session?: object };
    if (event.type === "session.update") send("session.updated", { ...base, ...event.session });
  });
}

/** The sockets of other models, byte for byte. */
function passOn(request: IncomingMessage, stream: Duplex, head: Buffer, port: number): void {
  const onward = connect(port, "127.0.0.1", () => {
    const lines = [`GET ${request.url} HTTP/1.1`];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    onward.write(`${lines.join("\r\n")}\r\n\r\n`);
    onward.write(head);
    stream.pipe(onward).pipe(stream);
  });
  onward.on("error", () => stream.destroy());
  stream.on("error", () => onward.destroy());
  onward.on("close", () => stream.destroy());
  stream.on("close", () => onward.destroy());
}

async function startModelFront(modelPort: number): Promise<number> {
  const server = createServer();
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    if (request.url?.includes(`model=${MODEL}`) !== true) {
      passOn(request, stream, head, modelPort);
      return;
    }
    const track = arriving ?? new Track(waits);
    arriving = null;
    sockets.handleUpgrade(request, stream, head, (socket) => speakAsModel(socket, track));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

// --- the phones ----------------------------------------------------------------------------------

async function placeCall(number: number, to: SteadyOrder & { type: "call" }): Promise<void> {
  const track = new Track(waits);
  arriving = track;
  const form = {
    CallSid: `CA${String(number).padStart(32, "5")}`,
    AccountSid: to.accountSid,
    From: `+1555020${String(number).padStart(4, "0")}`,
    To: to.number,
    Direction: "inbound",
    CallStatus: "ringing",
  };
  const path = "/incoming-call";
  const answer = await fetch(`http://127.0.0.1:${to.port}${path}`, {
    method: "POST",
    headers: { "x-twilio-signature": sign(to.authToken, to.publicUrl + path, form) },
    body: new URLSearchParams(form),
  });
  const twiml = await answer.text();
  const url = /<Stream[^>]* url="([^"]+)"/.exec(twiml)?.[1];
  if (url === undefined) throw new Error(`a steady call got no stream: ${twiml}`);
  const parameters = [...twiml.matchAll(/<Parameter name="([^"]+)" value="([^"]*)"/g)];
  const socket = new WebSocket(`ws://127.0.0.1:${to.port}/media-stream`, {
    headers: { "x-twilio-signature": sign(to.authToken, url) },
    perMessageDeflate: false,
  });
  await once(socket, "open");
  const messages = new StreamMessages(`MZ${String(number).padStart(32, "5")}`);
  socket.send(messages.connected());
  socket.send(
    messages.start({
      accountSid: to.accountSid,
      streamSid: `MZ${String(number).padStart(32, "5")}`,
      callSid: form.CallSid,
      customParameters: Object.fromEntries(parameters.map(([, name, value]) => [name, value])),
    }),
  );
  socket.on("close", (code) => report({ type: "lost", call: number, code }));
  tracks.push(track);
  speakFrames(socket, messages, track);
}

function speakFrames(socket: WebSocket, messages: StreamMessages, track: Track): void {
  const startMs = performance.now();
  let frame = 0;
  const next = (): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    // A late timer sends what is due, as a phone line does.
    while (startMs + frame * FRAME_MS <= performance.now()) {
      track.sent();
      socket.send(messages.media({ timestamp: frame * FRAME_MS, payload: PAYLOAD }));
      frame++;
    }
    setTimeout(next, startMs + frame * FRAME_MS - performance.now());
  };
  next();
}

function report(message: FromSteady): void {
  process.send?.(message);
}

process.on("disconnect", () => process.exit(0));
process.on("message", (order: SteadyOrder | SteadyStart) => {
  void (async () => {
    switch (order.type) {
      case "start":
        report({ type: "started", port: await startModelFront(order.modelPort) });
        return;
      case "call":
        waits.of(order.relayPid);
        for (let i = 0; i < order.calls; i++) await placeCall(i, order);
        report({ type: "calling" });
        return;
      case "begin":
        for (const track of tracks) track.begin();
        return;
      case "end":
        report({ type: "measured", ...measure(tracks) });
        return;
    }
  })().catch((error: unknown) => report({ type: "failed", why: String(error) }));
});
