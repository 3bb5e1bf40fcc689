/** A process that dies while a supervisor speaks to a caller on the SIP path. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { startModel } from "../../sim/model.js";
import { startTwilio } from "../../sim/twilio.js";
import { listen } from "../fakes/listener.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { removeFolder } from "../fakes/remove-folder.js";
import { PUBLIC_URL } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const APP_SID = `AP${"7".repeat(32)}`;
const PATIENCE = { timeout: 30_000 };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startPeers() {
  const model = await startModel({ script: { turns: [{ say: HELLO }] } });
  closers.push(() => model.close());
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
    sip: model.sip.invite,
    applications: [{ sid: APP_SID, voiceUrl: `${PUBLIC_URL}/sip/supervisor` }],
  });
  closers.push(() => twilio.close());
  const start = async (env: Readonly<Record<string, string>>): Promise<RelayNode> => {
    const node = await startNode(
      { model, twilio, publicUrl: PUBLIC_URL },
      {
        SUPERVISOR_APP_SID: APP_SID,
        OPENAI_BASE_URL: model.baseUrl,
        OPENAI_WEBHOOK_SECRET: model.sip.secret,
        OPENAI_PROJECT_ID: model.sip.projectId,
        ...env,
      },
    );
    closers.push(() => node.remove());
    return node;
  };
  return { model, twilio, start };
}

/** A supervisor speaks to a caller. All that Twilio and the model ask goes to `port`. */
async function takenOver(
  { model, twilio }: Awaited<ReturnType<typeof startPeers>>,
  node: RelayNode,
  port: number,
) {
  const address = `http://127.0.0.1:${port}`;
  twilio.route(PUBLIC_URL, address);
  model.sip.deliverTo(() => `${address}/openai/webhook`);
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
  return { caller, listener, withThem, stop: () => clearInterval(microphone) };
}

describe("a model on hold comes back to its caller", { timeout: 180_000 }, () => {
  it("when the worker with the call dies", async () => {
    const peers = await startPeers();
    const node = await peers.start({ WORKERS: "2" });
    const own = (worker: number) => node.publicPort + 1 + worker;
    const { caller, listener, withThem } = await takenOver(peers, node, own(0));
    peers.twilio.route(PUBLIC_URL, `http://127.0.0.1:${own(1)}`);
    process.kill(node.workers()[0]!, "SIGKILL");
    await expect.poll(withThem, PATIENCE).toEqual(["virtual agent"]);
    expect(await listener.closed).not.toBe(1000);
    caller.hangUp();
    // Otherwise Twilio's callback may come between the drain and the end of the relay.
    await peers.twilio.settled();
  });

  it("when the whole node dies, and is started again after Twilio has asked in vain", async () => {
    const peers = await startPeers();
    const directory = mkdtempSync(join(tmpdir(), "murelay-killed-"));
    closers.push(async () => removeFolder(directory));
    const env = {
      DATABASE_URL: `sqlite:${join(directory, "node.db")}`,
      RECORDINGS_DIR: join(directory, "recordings"),
    };
    const node = await peers.start(env);
    const { caller, listener, withThem, stop } = await takenOver(peers, node, node.publicPort);
    node.kill();
    for (const pid of node.workers()) process.kill(pid, "SIGKILL");
    await node.exited;
    await listener.closed;
    stop();
    // The supervisor's leg is over, and the caller hears nobody.
    await expect.poll(withThem, PATIENCE).toEqual([]);
    await peers.twilio.settled();
    const again = await peers.start(env);
    peers.twilio.route(PUBLIC_URL, `http://127.0.0.1:${again.publicPort}`);
    await expect.poll(withThem, PATIENCE).toEqual(["virtual agent"]);
    await expect
      .poll(() => again.log(), PATIENCE)
      .toContain("model brought back for a dead process");
    caller.hangUp();
    // Otherwise Twilio's callback may come between the drain and the end of the relay.
    await peers.twilio.settled();
  });
});
