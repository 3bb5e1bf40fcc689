/**
 * Listening to and taking over calls on the SIP path, whose streams Twilio brings to another process than that of the
 * call: MEDIA_URL names none.
 */
import { afterAll, describe, type ExpectStatic } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { startModel } from "../../sim/model.js";
import { startTwilio } from "../../sim/twilio.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Listener, listen } from "../fakes/listener.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { PUBLIC_URL } from "../fakes/stage.js";
import { storeKinds } from "../fakes/stores.js";

const HELLO = { text: "Hello.", audio: speechLike(600, 1) };
const BACK = { text: "I am back.", audio: speechLike(600, 2) };
const VOICE = speechLike(1_500, 4);
const QUESTION = speechLike(700, 5);
const APP_SID = `AP${"7".repeat(32)}`;
const MEDIA_ORIGIN = "https://media.test";
const PATIENCE = { timeout: 30_000 };
const CALLER = 0;
const SUPERVISOR = 2;

const postgres = storeKinds().find(({ name }) => name === "postgres")!;

/** Of the context of a test. */
interface Beside {
  readonly closes: Closes;
  readonly expect: ExpectStatic;
}

/** Without silence: a late frame leaves a gap. */
const sound = (audio: Uint8Array): Buffer => Buffer.from(audio.filter((byte) => byte !== 0xff));
const hears = (listener: Listener, direction: number, audio: Uint8Array) => () =>
  sound(listener.heard(direction)).includes(sound(audio));

async function startPeers({ closes, expect }: Beside) {
  const model = closes(await startModel({ script: { turns: [{ say: HELLO }, { say: BACK }] } }));
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
    speed: 1,
    sip: model.sip.invite,
    applications: [{ sid: APP_SID, voiceUrl: `${PUBLIC_URL}/sip/supervisor` }],
  });
  closes(twilio);
  const start = async (env: Readonly<Record<string, string>>): Promise<RelayNode> => {
    const node = await startNode(
      { model, twilio, publicUrl: PUBLIC_URL },
      {
        SUPERVISOR_APP_SID: APP_SID,
        // Only so that the test can say which process gets the streams.
        MEDIA_URL: `${MEDIA_ORIGIN.replace("https", "wss")}/media-stream`,
        OPENAI_BASE_URL: model.baseUrl,
        OPENAI_WEBHOOK_SECRET: model.sip.secret,
        OPENAI_PROJECT_ID: model.sip.projectId,
        ...env,
      },
    );
    closes({ close: () => node.remove() });
    return node;
  };
  return { model, twilio, start, closes, expect };
}

type Peers = Awaited<ReturnType<typeof startPeers>>;

interface Places {
  /** Gets the call. */
  readonly call: number;
  /** Gets its streams. */
  readonly streams: number;
  readonly operator: Pick<RelayNode, "adminPort" | "post">;
}

/** A supervisor hears call `n`, is heard by its caller, and hands it back. */
async function hearsAndSpeaks(peers: Peers, n: number, places: Places): Promise<void> {
  const { model, twilio, closes, expect } = peers;
  const address = (port: number) => `http://127.0.0.1:${port}`;
  twilio.route(PUBLIC_URL, address(places.call));
  twilio.route(MEDIA_ORIGIN, address(places.streams));
  model.sip.deliverTo(() => `${address(places.call)}/openai/webhook`);
  const caller = twilio.placeCall();
  const call = await model.sip.call(n);
  await call.events.until("speaking", { on: false }, 20_000);
  const { adminPort, post } = places.operator;
  const listener = await listen(adminPort, caller.sid);
  await caller.events.until("fork_started", {}, 20_000);
  await expect.poll(() => listener.heard(CALLER).length, PATIENCE).toBeGreaterThan(0);
  await caller.say(QUESTION);
  await expect.poll(hears(listener, CALLER, QUESTION), PATIENCE).toBe(true);
  const one = `/api/calls/${caller.sid}`;
  expect((await post(`${one}/take-over`, { listener: 1 })).status).toBe(202);
  const said: Uint8Array[] = [];
  const silence = new Uint8Array(160).fill(0xff);
  const microphone = setInterval(() => listener.speak(said.shift() ?? silence), 20);
  closes({ close: async () => clearInterval(microphone) });
  const withThem = () => twilio.connections.now(caller.sid).with;
  await expect.poll(withThem, PATIENCE).toEqual(["supervisor"]);
  for (let at = 0; at < VOICE.length; at += 160) said.push(VOICE.subarray(at, at + 160));
  await expect.poll(hears(listener, SUPERVISOR, VOICE), PATIENCE).toBe(true);
  expect((await post(`${one}/hand-back`)).status).toBe(202);
  await expect.poll(withThem, PATIENCE).toEqual(["virtual agent"]);
  clearInterval(microphone);
  caller.hangUp();
  expect(await listener.closed).toBe(1000);
}

async function isOver(peers: Peers, ...nodes: readonly RelayNode[]): Promise<void> {
  const { model, twilio, expect } = peers;
  await expect.poll(() => twilio.legs.every(({ over }) => over), PATIENCE).toBe(true);
  expect([...model.violations(), ...twilio.violations()]).toEqual([]);
  for (const node of nodes) expect(node.log()).not.toContain("stream refused");
}

describe.concurrent("streams of a call that reach another process", { timeout: 120_000 }, () => {
  it("are carried to the worker with the call, and nothing is configured for that", async ({
    closes,
    expect,
  }) => {
    const peers = await startPeers({ closes, expect });
    const node = await peers.start({ WORKERS: "2" });
    const port = (worker: number) => node.publicPort + 1 + worker;
    await hearsAndSpeaks(peers, 0, { call: port(0), streams: port(1), operator: node });
    await hearsAndSpeaks(peers, 1, { call: port(1), streams: port(0), operator: node });
    await isOver(peers, node);
  });

  it.skipIf(postgres.skipped !== null)(
    "are carried to the node with the call",
    async ({ closes, expect }) => {
      const peers = await startPeers({ closes, expect });
      const shared = { DATABASE_URL: await postgres.newDatabase() };
      const one = await peers.start({ ...shared, NODE_NAME: "one" });
      const two = await peers.start({ ...shared, NODE_NAME: "two" });
      await expect
        .poll(async () => await two.get("/api/nodes"), PATIENCE)
        .toMatch(/"one".*"two"|"two".*"one"/s);
      const places = { call: one.publicPort, streams: two.publicPort, operator: one };
      await hearsAndSpeaks(peers, 0, places);
      await isOver(peers, one, two);
    },
  );
  afterAll(() => postgres.dispose());
});
