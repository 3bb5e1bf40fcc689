import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardItem, heardMs } from "../../sim/twilio/heard.js";
import type { Party } from "../../sim/twilio/party.js";
import { agent } from "../fakes/call-bench.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Stage, startStage } from "../fakes/stage.js";

const TO = "+12025550177";
const OURS = "+12025550100";
const GREETING = { text: "Hello, this is Acme.", audio: speechLike(600, 1) };
const MESSAGE = { text: "We call again.", audio: speechLike(500, 2) };

async function start(
  closes: Closes,
  party: Party,
  turns: Parameters<typeof startStage>[0] = { turns: [{ say: GREETING }] },
) {
  const endCall = {
    name: "end_call",
    description: "",
    parameters: {},
    source: { kind: "builtin" as const },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  };
  const collections = { ...agent({ tools: [endCall] }), name: "collections" };
  const others = { ...agent({}), name: "others" };
  const stage = await startStage(turns, {
    agents: {
      agents: new Map([
        [others.name, others],
        [collections.name, collections],
      ]),
      numbers: new Map([[OURS, "collections"]]),
      defaultAgent: "others",
      outbound: {
        countries: ["US"],
        maxPerNumberPerHour: 2,
        maxPerMinute: null,
        maxUsdPerDay: null,
      },
    },
    twilio: {
      numbers: [OURS],
      // Twilio's detection takes seconds; on a busy machine, so does the way to the agent.
      callees: () => ({ detectionMs: 1_500, ...party }),
      faults: { duplicateCallbacks: true },
    },
  });
  return closes(stage);
}

async function place(
  on: Stage,
  body: object,
): Promise<{ status: number; body: Record<string, string> }> {
  const answer = await fetch(`http://127.0.0.1:${on.adminPort}/api/calls`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

describe.concurrent("a call that is placed", () => {
  it("rings, and is the named agent's, who knows what it is about and speaks first", async ({
    closes,
    expect,
  }) => {
    const on = await start(closes, { hangUpAfterMs: 3_000 });
    const placed = await place(on, { to: TO, agent: "collections", context: { order: "4217" } });
    expect(placed.status).toBe(202);
    const callSid = placed.body["callSid"] ?? "";
    await on.until(callSid, "ended");
    await on.twilio.settled();

    const record = on.record(callSid);
    expect(record).toMatchObject({
      direction: "outbound",
      agent: "collections",
      from: OURS,
      to: TO,
      outcome: "completed",
      endReason: "caller_hung_up",
    });
    expect(record.turns.map(({ heardText }) => heardText)).toEqual([GREETING.text]);
    expect(record.events.find(({ name }) => name === "answered_by")?.fields).toEqual({
      by: "human",
    });
    expect(JSON.stringify(on.model.sessions[0]!.events)).toContain('\\"order\\":\\"4217\\"');
    expect(on.twilio.violations()).toEqual([]);
    expect(on.model.violations()).toEqual([]);
  });

  it("leaves a message to a machine, and ends", async ({ closes, expect }) => {
    const on = await start(
      closes,
      // The greeting has been heard by then: the script gives the turns in this order.
      { answeredBy: "machine_start", detectionMs: 3_000 },
      {
        turns: [
          { say: GREETING },
          { say: MESSAGE, calls: [{ name: "end_call", arguments: { reason: "message" } }] },
        ],
      },
    );
    const { body } = await place(on, { to: TO, from: OURS, agent: "collections" });
    await on.until(body["callSid"] ?? "", "ended");
    const record = on.record(body["callSid"] ?? "");
    expect(record.outcome).toBe("completed");
    expect(record.turns.map(({ heardText }) => heardText)).toEqual([GREETING.text, MESSAGE.text]);
    expect(on.model.violations()).toEqual([]);
    const leg = on.twilio.legs.find(({ sid }) => sid === body["callSid"])!;
    expect(heardMs(leg.streams[0]!, MESSAGE.audio)).toBe(500);
  });

  it.for([true, false])(
    "speaks only once the machine records (beep: %s)",
    async (beep, { closes, expect }) => {
      const on = await start(
        closes,
        { machine: { greetingMs: 3_000, beep } },
        {
          turns: ({ request }) =>
            request?.includes("answering machine") === true
              ? { say: MESSAGE, calls: [{ name: "end_call", arguments: { reason: "message" } }] }
              : { say: GREETING },
        },
      );
      const { body } = await place(on, { to: TO, from: OURS, agent: "collections" });
      await on.until(body["callSid"] ?? "", "ended");
      const leg = on.twilio.legs.find(({ sid }) => sid === body["callSid"])!;
      const message = heardItem(leg.streams[0]!, MESSAGE.audio);
      expect(message?.heardMs).toBe(500);
      expect(message!.startedAtMs).toBeGreaterThanOrEqual(leg.recordsFromMs!);
      expect(on.record(leg.sid)).toMatchObject({ outcome: "completed" });
      expect(on.model.violations()).toEqual([]);
    },
  );

  it("hangs up on a fax", async ({ closes, expect }) => {
    const on = await start(closes, { answeredBy: "fax" });
    const { body } = await place(on, { to: TO, agent: "collections" });
    await on.until(body["callSid"] ?? "", "ended");
    expect(on.record(body["callSid"] ?? "")).toMatchObject({
      outcome: "completed",
      endReason: "fax",
    });
  });

  it.for([
    ["busy", "busy"],
    ["failed", "failed"],
  ] as const)(
    "has a record when nobody takes it: %s",
    async ([outcome, endReason], { closes, expect }) => {
      const on = await start(closes, { outcome });
      const { status, body } = await place(on, { to: TO, agent: "collections" });
      expect(status).toBe(202);
      await on.until(body["callSid"] ?? "", "ended");
      expect(on.record(body["callSid"] ?? "")).toMatchObject({
        state: "ended",
        direction: "outbound",
        outcome: "failed",
        endReason,
        answeredAt: null,
      });
      expect(on.model.sessions).toEqual([]);
    },
  );

  it("is refused with what is to be mended, and nobody is rung", async ({ closes, expect }) => {
    const on = await start(closes, {});
    expect(await place(on, { to: "911", agent: "collections" })).toMatchObject({ status: 400 });
    expect(await place(on, { to: TO, agent: "nobody" })).toMatchObject({
      status: 422,
      body: { error: "agent_unknown" },
    });
    expect(await place(on, { to: TO, agent: "others" })).toMatchObject({
      status: 422,
      body: { error: "from_missing" },
    });
    expect(await place(on, { to: TO, agent: "collections", form: "x" })).toMatchObject({
      status: 400,
    });
    const refusals: [string, number, string][] = [
      ["+19005551234", 422, "premium_number"],
      ["+881612345678", 422, "satellite_number"],
      [OURS, 422, "own_number"],
      ["+442079460123", 422, "country_not_allowed"],
    ];
    for (const [to, status, error] of refusals) {
      const refused = await place(on, { to, agent: "collections" });
      expect([refused.status, refused.body["error"]]).toEqual([status, error]);
      expect(refused.body["message"]).toBeTruthy();
    }
    await on.app.drain();
    expect(await place(on, { to: TO, agent: "collections" })).toEqual({
      status: 503,
      body: { error: "draining" },
    });
    expect(on.twilio.legs).toEqual([]);
  });

  it("is refused beyond the number's calls in an hour, and counted", async ({ closes, expect }) => {
    const on = await start(closes, { outcome: "busy" });
    for (let i = 0; i < 2; i++)
      expect((await place(on, { to: TO, agent: "collections" })).status).toBe(202);
    const refused = await place(on, { to: TO, agent: "collections" });
    expect([refused.status, refused.body["error"]]).toEqual([429, "number_limit"]);
    expect(on.twilio.legs).toHaveLength(2);
    expect(await on.metrics()).toContain(
      'murelay_outbound_refused_total{reason="number_limit",worker="0"} 1',
    );
    await on.twilio.settled();
  });

  // By itself: on a busy relay the TwiML may be fetched after the end was told.
  it.sequential("that ends before its TwiML is fetched has ended, and no model is dialled", async ({
    closes,
    expect,
  }) => {
    const on = await start(closes, { hangUpAfterMs: 0 });
    const { body } = await place(on, { to: TO, from: OURS, agent: "collections" });
    const callSid = body["callSid"] ?? "";
    await on.until(callSid, "ended");
    await on.twilio.settled();
    expect(on.record(callSid)).toMatchObject({ state: "ended", direction: "outbound" });
    expect(on.twilio.leg(callSid)!.streams).toEqual([]);
    expect(await on.metrics()).toContain('murelay_calls_active{worker="0"} 0');
  });
});
