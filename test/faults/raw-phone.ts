/** A caller whose call is genuine, and whose stream the test writes itself. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { sign } from "../../sim/twilio/signature.js";
import { StreamMessages } from "../../sim/twilio/stream-messages.js";
import { PUBLIC_URL, type World } from "./world.js";

export interface RawPhone {
  readonly socket: WebSocket;
  readonly messages: StreamMessages;
  readonly accountSid: string;
  readonly callSid: string;
  /** As it was sent. */
  readonly start: string;
}

/** Their SIDs begin so: no other call's do. */
const SID_DIGIT = "8";
let count = 0;

/**
 * A call of the agent `support`, as Twilio begins it.
 *
 * @param beforeStream  what happens between the webhook's answer and the stream.
 */
export async function openPhone(
  world: World,
  beforeStream: () => Promise<void> = async () => undefined,
): Promise<RawPhone> {
  const { accountSid, authToken } = world.twilio;
  const base = `http://127.0.0.1:${world.relay.publicPort}`;
  const number = String(++count).padStart(32, SID_DIGIT);
  const callSid = `CA${number}`;
  const form = {
    CallSid: callSid,
    AccountSid: accountSid,
    From: `+1202555${String(1000 + (count % 9000))}`,
    To: "+12025550100",
    Direction: "inbound",
    CallStatus: "ringing",
  };
  const answer = await fetch(`${base}/incoming-call`, {
    method: "POST",
    headers: { "x-twilio-signature": sign(authToken, `${PUBLIC_URL}/incoming-call`, form) },
    body: new URLSearchParams(form),
  });
  const twiml = await answer.text();
  const url = /<Stream[^>]* url="([^"]+)"/.exec(twiml)?.[1];
  if (url === undefined) throw new Error(`the call got no stream: ${twiml}`);
  const parameters = [...twiml.matchAll(/<Parameter name="([^"]+)" value="([^"]*)"/g)];
  await beforeStream();
  const socket = new WebSocket(`${base.replace("http", "ws")}/media-stream`, {
    headers: { "x-twilio-signature": sign(authToken, url) },
    perMessageDeflate: false,
  });
  socket.on("error", () => undefined);
  await once(socket, "open");
  const messages = new StreamMessages(`MZ${number}`);
  const start = messages.start({
    accountSid,
    streamSid: `MZ${number}`,
    callSid,
    customParameters: Object.fromEntries(parameters.map(([, name, value]) => [name, value])),
  });
  socket.send(messages.connected());
  socket.send(start);
  return { socket, messages, accountSid, callSid, start };
}
