/** A worker that dies while a supervisor speaks to a caller on the SIP path. */
import { afterEach, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { startModel } from "../../sim/model.js";
import { startTwilio } from "../../sim/twilio.js";
import { listen } from "../fakes/listener.js";
import { startNode } from "../fakes/relay-node.js";
import { PUBLIC_URL } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const APP_SID = `AP${"7".repeat(32)}`;
const PATIENCE = { timeout: 30_000 };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

it("a model on hold comes back to its caller when the worker with the call dies", {
  timeout: 120_000,
}, async () => {
  const model = await startModel({ script: { turns: [{ say: HELLO }] } });
  closers.push(() => model.close());
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
    sip: model.sip.invite,
    applications: [{ sid: APP_SID, voiceUrl: `${PUBLIC_URL}/sip/supervisor` }],
  });
  closers.push(() => twilio.close());
  const node = await startNode(
    { model, twilio, publicUrl: PUBLIC_URL },
    {
      WORKERS: "2",
      SUPERVISOR_APP_SID: APP_SID,
      OPENAI_BASE_URL: model.baseUrl,
      OPENAI_WEBHOOK_SECRET: model.sip.secret,
      OPENAI_PROJECT_ID: model.sip.projectId,
    },
  );
  closers.push(() => node.remove());
  const worker = (n: number) => `http://127.0.0.1:${node.publicPort + 1 + n}`;
  twilio.route(PUBLIC_URL, worker(0));
  model.sip.deliverTo(() => `${worker(0)}/openai/webhook`);
  const caller = twilio.placeCall();
  await (await model.sip.call(0)).events.until("speaking", { on: false }, 20_000);
  const listener = await listen(node.adminPort, caller.sid);
  await expect.poll(() => listener.told.length, PATIENCE).toBe(1);
  const taken = await node.post(`/api/calls/${caller.sid}/take-over`, { listener: 1 });
  expect(taken.status).toBe(202);
  const silence = new Uint8Array(160).fill(0xff);
  const microphone = setInterval(() => listener.speak(silence), 20);
  closers.push(async () => clearInterval(microphone));
  const withThem = () => twilio.connections.now(caller.sid).with;
  await expect.poll(withThem, PATIENCE).toEqual(["supervisor"]);
  const isConnected = () => twilio.legs.some(({ streams }) => streams[0]?.open === true);
  await expect.poll(isConnected, PATIENCE).toBe(true);
  twilio.route(PUBLIC_URL, worker(1));
  process.kill(node.workers()[0]!, "SIGKILL");
  await expect.poll(withThem, PATIENCE).toEqual(["virtual agent"]);
  expect(await listener.closed).not.toBe(1000);
  caller.hangUp();
});
