import { describe, type ExpectStatic, vi } from "vitest";
import type { SipCall } from "../../sim/sip/call.js";
import type { CallRestFault } from "../../sim/sip/call-rest.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { Party } from "../../sim/twilio/party.js";
import type { RestFault } from "../../sim/twilio/rest.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type SipStage, startSipStage } from "../fakes/sip-stage.js";

async function start(closes: Closes, party: Party = { keys: () => "1" }): Promise<SipStage> {
  return closes(await startSipStage({ twilio: { callees: () => party } }));
}

interface Scene {
  readonly stage: SipStage;
  readonly caller: Leg;
}

/** Moments in the life of a call, each reached from the one before it. */
const MOMENTS: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  "the caller has entered the conference": ({ caller }) => caller.events.until("conference_joined"),
  "the model rings": ({ stage }) => stage.model.sip.call(0),
  "the model has been accepted": async ({ stage }) =>
    (await stage.model.sip.call(0)).events.until("accepted"),
  "the sideband is there": async ({ stage }) =>
    (await stage.model.sip.call(0)).events.until("sideband"),
  "the greeting begins": async ({ stage }) =>
    (await stage.model.sip.call(0)).events.until("speaking", { on: true }),
  "a question is being answered": async (scene) => {
    await scene.stage.greeted();
    await scene.stage.ask(scene.caller);
  },
  "the human is called": async (scene) => {
    await answered(scene);
    await scene.stage.ask(scene.caller);
    await scene.stage.human();
  },
  "the human is briefed": async (scene) => {
    await answered(scene);
    await scene.stage.ask(scene.caller);
    await (await scene.stage.human()).events.until("gather");
  },
  "the human has joined": async (scene) => {
    await answered(scene);
    await scene.stage.ask(scene.caller);
    await (await scene.stage.human()).events.until("conference_joined");
  },
};

async function answered(scene: Scene): Promise<SipCall> {
  const call = await scene.stage.greeted();
  await scene.stage.ask(scene.caller);
  await scene.stage.said(call, 3);
  return call;
}

/** Somebody is with the caller, or the caller is gone. */
async function served({ stage, caller }: Scene, not: SipCall | null = null): Promise<void> {
  await vi.waitUntil(
    () => {
      const now = stage.twilio.connections.now(caller.sid);
      return caller.over || (now.with.length > 0 && !(not?.state === "live"));
    },
    { timeout: 20_000 },
  );
}

async function endsWell(expect: ExpectStatic, { stage, caller }: Scene): Promise<void> {
  caller.hangUp();
  await stage.until(caller.sid, "ended");
  await expect
    .poll(() => stage.twilio.legs.every((leg) => leg.over), { timeout: 10_000 })
    .toBe(true);
  await expect
    .poll(() => stage.model.sip.calls.every((call) => call.state === "over"), { timeout: 10_000 })
    .toBe(true);
  await stage.twilio.settled();
  expect(stage.record(caller.sid)).toMatchObject({ path: "sip", state: "ended" });
  expect(stage.faults(caller)).toEqual([]);
}

/** Waits longer than any test does. */
const silent: Party = { outcome: "no-answer" };
/** Takes longer to come than a caller may be left alone in silence. */
const slow: Party = { keys: () => "1", afterMs: 1_800, keysAfterMs: 600 };
/** Answers, and presses nothing. */
const listens: Party = { keys: () => null };

describe.concurrent("a caller who hangs up", () => {
  it.for<[string, Party | undefined]>([
    ["the caller has entered the conference", undefined],
    ["the model rings", undefined],
    ["the model has been accepted", undefined],
    ["the sideband is there", undefined],
    ["the greeting begins", undefined],
    ["a question is being answered", undefined],
    ["the human is called", silent],
    ["the human is briefed", listens],
    ["the human has joined", undefined],
  ])("when %s: no leg is left, one record", async ([moment, party], { closes, expect }) => {
    const stage = await start(closes, party);
    const scene = { stage, caller: stage.place() };
    await MOMENTS[moment]!(scene);
    await endsWell(expect, scene);
  });
});

describe.concurrent("a model whose leg dies", () => {
  it.for<[string, Party | undefined]>([
    ["the model rings", undefined],
    ["the model has been accepted", undefined],
    ["the sideband is there", undefined],
    ["the greeting begins", undefined],
    ["a question is being answered", undefined],
    ["the human is called", slow],
    ["the human is briefed", undefined],
    ["the human has joined", undefined],
  ])("when %s: the caller gets a human or is told", async ([moment, party], { closes, expect }) => {
    const stage = await start(closes, party);
    const scene = { stage, caller: stage.place() };
    await MOMENTS[moment]!(scene);
    const [call] = stage.model.sip.calls;
    call!.die();
    await served(scene, call!);
    await endsWell(expect, scene);
  });
});

describe.concurrent("a request to the model that fails", () => {
  it.for<[string, CallRestFault, string]>([
    [
      "accept answers 404: the caller has gone while it rang",
      { operation: "accept", kind: "404" },
      "human",
    ],
    ["accept answers 429 once", { operation: "accept", kind: "429" }, "either"],
    ["accept answers 500 once", { operation: "accept", kind: "500" }, "either"],
    ["accept answers 429 for ever", { operation: "accept", kind: "429", times: 100 }, "human"],
    ["accept answers 500 for ever", { operation: "accept", kind: "500", times: 100 }, "human"],
    ["accept answers 500 though it was done", { operation: "accept", kind: "500_after" }, "either"],
    [
      "accept is refused: the key is wrong",
      { operation: "accept", kind: "401", times: 100 },
      "human",
    ],
    ["the connection is cut at accept", { operation: "accept", kind: "reset" }, "either"],
  ])("%s: the caller is served", async ([_name, fault, by], { closes, expect }) => {
    const stage = await start(closes);
    stage.model.sip.fail(fault);
    const scene = { stage, caller: stage.place() };
    await served(scene);
    if (by === "human") expect(stage.humans().length).toBeGreaterThan(0);
    await endsWell(expect, scene);
  });

  it("the sideband is lost: it is attached again, and the call goes on", async ({
    closes,
    expect,
  }) => {
    const stage = await start(closes);
    const scene = { stage, caller: stage.place() };
    const call = await stage.greeted();
    call.session?.crash();
    await expect.poll(() => call.session?.sidebands.length, { timeout: 5_000 }).toBe(2);
    await stage.ask(scene.caller);
    await stage.said(call, 3);
    expect(stage.record(scene.caller.sid).tools).toMatchObject([{ name: "lookup_order" }]);
    await endsWell(expect, scene);
  });

  it("hanging up fails: it is tried again, and nothing is left", async ({ closes, expect }) => {
    const stage = await start(closes);
    const scene = { stage, caller: stage.place() };
    await stage.greeted();
    stage.model.sip.fail({ operation: "hangup", kind: "500" });
    await endsWell(expect, scene);
  });
});

describe.concurrent("a request to Twilio that fails", () => {
  it.for<[string, RestFault]>([
    ["429", { operation: "participants.create", kind: "429" }],
    ["500", { operation: "participants.create", kind: "500", times: 100 }],
    ["a lost answer", { operation: "participants.create", kind: "timeout_after" }],
    ["a cut connection", { operation: "participants.create", kind: "reset" }],
  ])(
    "while the model is added (%s): the caller is served",
    async ([_name, fault], { closes, expect }) => {
      const stage = await start(closes);
      stage.twilio.failRest(fault);
      const scene = { stage, caller: stage.place() };
      await served(scene);
      await endsWell(expect, scene);
    },
  );
});
