import { afterEach, describe, expect, it } from "vitest";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { sipScript } from "../fakes/sip-stage.js";
import { PUBLIC_URL } from "../fakes/stage.js";

const CALLS = 8;

let node: RelayNode | null = null;
let model: SimulatedModel | null = null;
let twilio: SimulatedTwilio | null = null;
afterEach(async () => {
  await twilio?.close();
  await node?.remove();
  await model?.close();
});

describe("two workers of one machine", () => {
  it("answer for each other's calls on the SIP path", { timeout: 120_000 }, async () => {
    model = await startModel({ script: () => sipScript("desk"), sip: { copies: 2 } });
    twilio = await startTwilio({
      publicUrl: PUBLIC_URL,
      voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
      sip: model.sip.invite,
    });
    node = await startNode(
      { model, twilio, publicUrl: PUBLIC_URL },
      {
        WORKERS: "2",
        OPENAI_BASE_URL: model.baseUrl,
        OPENAI_WEBHOOK_SECRET: model.sip.secret,
        OPENAI_PROJECT_ID: model.sip.projectId,
      },
    );
    // Worker n listens on PORT + 1 + n, too: each request goes to one of them by turns, never to the one of its call on purpose.
    const port = node.publicPort;
    let turn = 0;
    const either = () => `http://127.0.0.1:${port + 1 + (turn++ % 2)}`;
    twilio.route(PUBLIC_URL, either);
    model.sip.deliverTo(() => `${either()}/openai/webhook`);

    const callers = Array.from({ length: CALLS }, () => twilio!.placeCall());
    for (let n = 0; n < CALLS; n++)
      await (await model.sip.call(n)).events.until("speaking", { on: false }, 20_000);
    for (const caller of callers) caller.hangUp();
    for (const caller of callers)
      await expect
        .poll(async () => JSON.parse(await node!.get(`/api/calls/${caller.sid}`)), {
          timeout: 20_000,
        })
        .toMatchObject({ path: "sip", state: "ended", outcome: "completed" });
    expect(model.sip.requests.filter(({ operation }) => operation === "accept")).toHaveLength(
      CALLS,
    );
    expect(twilio.legs.every((leg) => leg.over)).toBe(true);
    expect([...model.violations(), ...twilio.violations()]).toEqual([]);
  });
});
