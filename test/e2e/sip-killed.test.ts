import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { sipScript } from "../fakes/sip-stage.js";
import { PUBLIC_URL } from "../fakes/stage.js";
import { storeKinds } from "../fakes/stores.js";

const postgres = storeKinds().find(({ name }) => name === "postgres")!;
const nodes: RelayNode[] = [];
let model: SimulatedModel | null = null;
let twilio: SimulatedTwilio | null = null;
afterEach(async () => {
  await twilio?.close();
  for (const node of nodes.splice(0)) await node.remove();
  await model?.close();
});
afterAll(() => postgres.dispose());

describe.skipIf(postgres.skipped !== null)("a node that is killed while the model rings", () => {
  it("has its caller taken over by the node that gets the webhook", {
    timeout: 120_000,
  }, async () => {
    model = await startModel({
      script: () => sipScript("desk"),
      sip: { retriesMs: Array(8).fill(500) },
    });
    twilio = await startTwilio({
      publicUrl: PUBLIC_URL,
      voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
      sip: model.sip.invite,
    });
    const env = {
      DATABASE_URL: await postgres.newDatabase(),
      OPENAI_BASE_URL: model.baseUrl,
      OPENAI_WEBHOOK_SECRET: model.sip.secret,
      OPENAI_PROJECT_ID: model.sip.projectId,
    };
    const peers = { model, twilio, publicUrl: PUBLIC_URL };
    nodes.push(
      ...(await Promise.all([
        startNode(peers, { ...env, NODE_NAME: "one" }),
        startNode(peers, { ...env, NODE_NAME: "two" }),
      ])),
    );
    const [one, two] = nodes as [RelayNode, RelayNode];
    // Nobody listens there: the webhook waits to be repeated.
    let webhooks = "http://127.0.0.1:9";
    let twilioAsks = one.publicPort;
    model.sip.deliverTo(() => `${webhooks}/openai/webhook`);
    twilio.route(PUBLIC_URL, () => `http://127.0.0.1:${twilioAsks}`);

    const caller = twilio.placeCall();
    const call = await model.sip.call(0);
    one.kill();
    await one.exited;
    twilioAsks = two.publicPort;
    webhooks = `http://127.0.0.1:${two.publicPort}`;

    await call.events.until("speaking", { on: false }, 30_000);
    expect(twilio.connections.now(caller.sid).with).toEqual(["virtual agent"]);
    expect(twilio.connections.longestAloneMs(caller.sid)).toBeLessThan(2_000);
    caller.hangUp();
    await call.ended;
    await expect
      .poll(async () => JSON.parse(await two.get(`/api/calls/${caller.sid}`)), { timeout: 20_000 })
      .toMatchObject({ path: "sip", state: "ended", outcome: "completed", from: caller.from });
    expect(twilio.legs.every((leg) => leg.over)).toBe(true);
    expect([...model.violations(), ...twilio.violations()]).toEqual([]);
  });
});
