import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Leg } from "../../sim/twilio/leg.js";
import type { Party } from "../../sim/twilio/party.js";
import { type App, createApp } from "../../src/app/app.js";
import { loadConfig } from "../../src/config/load.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { type SipStage, startSipStage } from "../fakes/sip-stage.js";
import { PUBLIC_URL } from "../fakes/stage.js";
import { storeKinds } from "../fakes/stores.js";

const CALLS = 100;
const AT_ONCE = 5;
const PATIENCE = { timeout: 20_000 };

/** What becomes of a call, by its caller's number. */
const FATES = ["joined", "declined", "hung_up", "joined"] as const;
type Fate = (typeof FATES)[number];

const numberOf = (n: number): string => `+1555020${String(n).padStart(4, "0")}`;
const fateOf = (from: string): Fate => FATES[Number(from.slice(-4)) % FATES.length]!;

const postgres = storeKinds().find(({ name }) => name === "postgres")!;
const stages: SipStage[] = [];
const others: App[] = [];
afterEach(async () => {
  for (const stage of stages.splice(0)) {
    await stage.twilio.close();
    for (const app of others.splice(0)) await app.stop();
    await stage.close();
  }
});
afterAll(() => postgres.dispose());

/** Two nodes on one database; every request of Twilio's and every webhook of the model's goes to either. */
async function twoNodes(): Promise<SipStage> {
  const stage = await startSipStage({
    database: true,
    env: { DATABASE_URL: await postgres.newDatabase(), NODE_NAME: "one" },
    model: { keepAudio: false, sip: { playSpeed: 4, copies: 2 } },
    twilio: {
      callees: (_to, from): Party => ({ keys: () => (fateOf(from) === "declined" ? "2" : "1") }),
    },
  });
  stages.push(stage);
  const other = await createApp(loadConfig({ ...stage.settings, NODE_NAME: "two" }), stage.agents, {
    log: new FakeLog(),
  });
  others.push(other);
  const { publicPort, adminPort } = await other.start();
  // Nodes that have just started have yet to hear of each other.
  for (const port of [stage.adminPort, adminPort])
    await expect
      .poll(async () => await (await fetch(`http://127.0.0.1:${port}/api/nodes`)).text(), PATIENCE)
      .toMatch(/"one".*"two"|"two".*"one"/s);
  const ports = [stage.publicPort, publicPort];
  // Not the machine's chance: a failure can be had again.
  let seed = 20261121;
  const either = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return `http://127.0.0.1:${ports[(seed >> 16) % 2]}`;
  };
  stage.twilio.route(PUBLIC_URL, either);
  stage.model.sip.deliverTo(() => `${either()}/openai/webhook`);
  return stage;
}

/** One whole call: greeted; most ask for a human by key, whom they get or do not get. */
async function wholeCall(stage: SipStage, n: number): Promise<Leg> {
  const from = numberOf(n);
  const caller = stage.place({ from });
  const { connections: truth } = stage.twilio;
  const spokenTo = () =>
    truth.states(caller.sid).filter(({ talking }) => talking.length > 0).length;
  await expect.poll(spokenTo, PATIENCE).toBeGreaterThan(0);
  const fate = fateOf(from);
  if (fate !== "hung_up") {
    const before = spokenTo();
    await caller.press("0");
    const human = () => stage.humans().find((leg) => leg.from === from);
    await expect.poll(human, PATIENCE).toBeDefined();
    if (fate === "joined") {
      // Caller and human, and nobody else: the model's leg has gone.
      await expect.poll(() => truth.now(human()!.sid).with, PATIENCE).toEqual(["customer"]);
      expect(truth.now(caller.sid).with).toHaveLength(1);
    } else {
      await human()!.ended;
      // The model tells the caller.
      await expect.poll(spokenTo, PATIENCE).toBeGreaterThan(before);
    }
  }
  caller.hangUp();
  return caller;
}

describe.skipIf(postgres.skipped !== null)("two nodes on one database", () => {
  it(`take ${CALLS} calls, each webhook at either of them`, { timeout: 180_000 }, async () => {
    const stage = await twoNodes();
    const { twilio, model } = stage;
    const callers: Leg[] = [];
    let next = 0;
    const worker = async () => {
      while (next < CALLS) callers.push(await wholeCall(stage, next++));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await expect.poll(() => twilio.legs.every((leg) => leg.over), PATIENCE).toBe(true);
    await expect
      .poll(() => model.sip.calls.every(({ state }) => state === "over"), PATIENCE)
      .toBe(true);
    await twilio.settled();
    await model.sip.settled();
    // Who got no answer in time asks again, and is refused: what counts is that each call was taken once.
    const taken = model.sip.requests.filter(
      ({ operation, status }) => operation === "accept" && status === 200,
    );
    expect(taken.map(({ callId }) => callId).sort()).toEqual(
      model.sip.calls.map(({ id }) => id).sort(),
    );
    expect(taken).toHaveLength(CALLS);
    const asked = callers.filter(({ from }) => fateOf(from) !== "hung_up");
    expect(stage.humans()).toHaveLength(asked.length);
    expect(callers.flatMap((caller) => stage.faults(caller))).toEqual([]);
    const read = async ({ sid }: Leg) =>
      (await (
        await fetch(`http://127.0.0.1:${stage.adminPort}/api/calls/${sid}`)
      ).json()) as object;
    for (const caller of callers) {
      const fate = fateOf(caller.from);
      await expect
        .poll(() => read(caller), PATIENCE)
        .toMatchObject({
          path: "sip",
          state: "ended",
          from: caller.from,
          outcome: fate === "joined" ? "transferred" : "completed",
          transfer:
            fate === "hung_up"
              ? null
              : {
                  by: "key",
                  destination: "warm",
                  outcome: fate === "joined" ? "answered" : "declined",
                },
        });
    }
  });
});
