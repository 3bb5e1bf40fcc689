import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { ScriptedCall, Turn } from "../../sim/model/script.js";
import type { RestFault } from "../../sim/twilio/rest.js";
import { it } from "../fakes/it-closing.js";
import { sipCallOver, startSipStage } from "../fakes/sip-stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const LONG = { text: "Let me tell you all of it.", audio: speechLike(2_000, 2) };
const BYE = { text: "Goodbye.", audio: speechLike(500, 3) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(300, 4) };

const lookUp: ScriptedCall = { name: "lookup_order", arguments: { query: "4217" } };
const endCall: ScriptedCall = { name: "end_call", arguments: { reason: "done" } };
const transfer: ScriptedCall = { name: "transfer_call", arguments: { destination: "warm" } };

/** The model's turns: the greeting, one for each of the caller's, and answers of tools. */
function script(turns: readonly Turn[]) {
  let asked = 0;
  return {
    turns: ({
      index,
      cause,
      outputs,
    }: {
      index: number;
      cause: string;
      outputs: readonly { name: string }[];
    }): Turn => {
      if (index === 0) return { say: GREETING };
      if (cause === "vad") return turns[asked++] ?? { say: ANSWER };
      return outputs.some(({ name }) => name === "lookup_order")
        ? (turns[asked++] ?? { say: ANSWER })
        : { say: ANSWER };
    },
  };
}

describe.concurrent("a farewell on the SIP path that is generated while earlier words play", () => {
  it("is heard to its end before the call ends", async ({ closes, expect }) => {
    const stage = await startSipStage({
      script: script([
        { say: LONG, calls: [lookUp] },
        { say: BYE, calls: [endCall] },
      ]),
    });
    closes(stage);
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.ask(caller);
    await caller.ended;
    await sipCallOver(stage, caller.sid);
    const spoken = [GREETING, LONG, BYE].reduce((ms, { audio }) => ms + audio.length / 8, 0);
    expect(call.session!.playback!.playedMs).toBeGreaterThanOrEqual(spoken - 1);
    expect(stage.record(caller.sid)).toMatchObject({ outcome: "completed", endReason: "done" });
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe.concurrent("a call on the SIP path that the agent ends", () => {
  it.for<RestFault>([
    { kind: "500", times: 2 },
    { kind: "404" },
    { kind: "timeout_after" },
    { kind: "200_ignored", times: 100 },
  ])("is over for the caller, too, when REST fails: %j", async (fault, { closes, expect }) => {
    const stage = await startSipStage({ script: script([{ say: BYE, calls: [endCall] }]) });
    closes(stage);
    const caller = stage.place();
    await stage.greeted();
    stage.twilio.failRest({ operation: "calls.update", ...fault });
    await stage.ask(caller);
    await sipCallOver(stage, caller.sid);
    expect(caller.over).toBe(true);
    expect(stage.record(caller.sid)).toMatchObject({ outcome: "completed", endReason: "done" });
    expect(stage.twilio.violations()).toEqual([]);
  });
});

describe.concurrent("end_call and transfer_call in one response on the SIP path", () => {
  it.for([
    ["end_call first", [endCall, transfer]],
    ["transfer_call first", [transfer, endCall]],
  ] as const)("transfer the caller: %s", async ([_, calls], { closes, expect }) => {
    const stage = await startSipStage({ script: script([{ say: BYE, calls }]) });
    closes(stage);
    const caller = stage.place();
    await stage.greeted();
    await stage.ask(caller);
    const human = await stage.human();
    await human.events.until("conference_joined");
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({ outcome: "transferred" });
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe.concurrent("after a transfer on the SIP path that has failed", () => {
  it.for<[string, ScriptedCall, object]>([
    ["transfer_call", transfer, { outcome: "transferred" }],
    ["end_call", endCall, { outcome: "completed", endReason: "done" }],
  ])("tools and %s work", async ([name, last, record], { closes, expect }) => {
    let calls = 0;
    const stage = await startSipStage({
      script: script([
        { say: BYE, calls: [transfer] },
        { calls: [lookUp] },
        { say: ANSWER },
        { say: BYE, calls: [last] },
      ]),
      twilio: { callees: () => (calls++ === 0 ? { outcome: "busy" } : { keys: () => "1" }) },
    });
    closes(stage);
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.ask(caller);
    await stage.until(caller.sid, "transfer_outcome");
    await expect
      .poll(() => JSON.stringify(call.session?.events), { timeout: 5_000 })
      .toContain("did not work");
    const before = call.session!.responses.length;
    await stage.said(call, before);
    await stage.ask(caller);
    await stage.until(caller.sid, "tool");
    await stage.said(call, before + 2);
    expect(stage.record(caller.sid).tools).toContainEqual(
      expect.objectContaining({ name: "lookup_order", outcome: "ok" }),
    );
    await stage.ask(caller);
    if (name === "transfer_call") {
      await expect.poll(() => stage.humans().length, { timeout: 10_000 }).toBe(2);
      await stage.humans()[1]!.events.until("conference_joined");
      caller.hangUp();
    }
    await sipCallOver(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject(record);
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe.concurrent("a webhook of the model that is delivered again", () => {
  it("gets 200 and does nothing", async ({ closes, expect }) => {
    const stage = closes(await startSipStage());
    const caller = stage.place();
    const call = await stage.greeted();
    const [first] = stage.model.sip.deliveries;
    const again = await stage.model.sip.announce(call, { id: first!.id });
    expect(again.status).toBe(200);
    expect(stage.model.sip.requests.filter(({ operation }) => operation === "accept")).toHaveLength(
      1,
    );
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe.concurrent("REST that answers 200 and does nothing on the SIP path", () => {
  it.for(["participants.create", "calls.update"])(
    "still serves the caller: %s",
    async (operation, { closes, expect }) => {
      const stage = closes(await startSipStage());
      stage.twilio.failRest({ operation, kind: "200_ignored" });
      const caller = stage.place();
      await expect
        .poll(() => stage.twilio.connections.now(caller.sid).with.length, { timeout: 20_000 })
        .toBeGreaterThan(0);
      expect(stage.twilio.longestSilence(caller).ms).toBeLessThanOrEqual(8_000);
      caller.hangUp();
      await sipCallOver(stage, caller.sid);
    },
  );
});
