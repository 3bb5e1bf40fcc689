import { describe } from "vitest";
import { type Closes, it } from "../fakes/it-closing.js";
import { type SipStage, sipAgent, startSipStage } from "../fakes/sip-stage.js";

const SALES_NUMBER = "+15550002222";

/** A number of its own for `sales`; `support` answers the others. */
async function start(closes: Closes): Promise<SipStage> {
  const support = sipAgent("warm");
  const stage = await startSipStage({
    agents: {
      agents: new Map([
        ["support", support],
        ["sales", { ...support, name: "sales" }],
      ]),
      numbers: new Map([[SALES_NUMBER, "sales"]]),
      defaultAgent: "support",
    },
  });
  return closes(stage);
}

describe.concurrent("a direct trunk call", () => {
  it("is transferred cold, by REFER, after the farewell was heard", async ({ closes, expect }) => {
    const stage = await start(closes);
    const caller = stage.trunk.placeCall();
    const call = await stage.greeted(0);
    await stage.ask(caller);
    await stage.said(call, 3);
    await stage.ask(caller);
    await caller.events.until("dial_bridged");
    expect(call.refers).toEqual(["tel:+12025550122"]);
    const heard = call.events.entries.filter(({ kind }) => kind === "speaking" || kind === "refer");
    expect(heard.at(-1)?.kind).toBe("refer");
    expect(heard.at(-2)?.detail).toEqual({ on: false });
    caller.hangUp();
    expect(stage.model.violations()).toEqual([]);
  });

  it("goes on with the model when the carrier does not take the REFER", async ({
    closes,
    expect,
  }) => {
    const stage = await start(closes);
    const caller = stage.trunk.placeCall({ refer: "refused" });
    const call = await stage.greeted(0);
    await caller.press("0");
    await expect.poll(() => call.refers.length, { timeout: 10_000 }).toBe(1);
    await expect
      .poll(() => JSON.stringify(call.session?.events), { timeout: 10_000 })
      .toContain("did not work");
    expect(call.state).toBe("live");
    caller.hangUp();
    expect(stage.model.violations()).toEqual([]);
  });

  it("is recorded as any other, under the name that the model's end gave it", async ({
    closes,
    expect,
  }) => {
    const stage = await start(closes);
    const caller = stage.trunk.placeCall({ from: "+15550107777", dialled: SALES_NUMBER });
    const call = await stage.greeted(0);
    await stage.ask(caller);
    await stage.said(call, 3);
    caller.hangUp();
    await stage.until(call.id, "ended");
    expect(stage.record(call.id)).toMatchObject({
      path: "sip",
      agent: "sales",
      from: "+15550107777",
      to: SALES_NUMBER,
      outcome: "completed",
      tools: [{ name: "lookup_order", outcome: "ok" }],
    });
    expect(stage.model.violations()).toEqual([]);
  });

  it.for(["invite", "accepted", "sideband", "speaking"] as const)(
    "leaves nothing behind when the caller hangs up at %s",
    async (moment, { closes, expect }) => {
      const stage = await start(closes);
      const caller = stage.trunk.placeCall();
      const call = await stage.model.sip.call(0);
      await call.events.until(moment);
      caller.hangUp();
      await call.ended;
      // The next one is served: the place is free, and no accept of the first is still being tried.
      const next = stage.trunk.placeCall();
      await stage.greeted(1);
      next.hangUp();
      if (
        stage.model.sip.requests.some(({ callId, status }) => callId === call.id && status === 200)
      )
        await stage.until(call.id, "ended");
      expect(stage.model.violations()).toEqual([]);
    },
  );

  it("is over for everybody when the model's end dies", async ({ closes, expect }) => {
    const stage = await start(closes);
    const caller = stage.trunk.placeCall();
    const call = await stage.greeted(0);
    call.die();
    await caller.ended;
    await stage.until(call.id, "ended");
    expect(stage.record(call.id)).toMatchObject({ path: "sip", state: "ended" });
  });
});
