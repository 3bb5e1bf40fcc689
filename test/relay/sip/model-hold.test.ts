import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallContext } from "../../../src/relay/call/call-path.js";
import { ModelHold } from "../../../src/relay/sip/model-hold.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { SID, settle } from "../../fakes/sip-bench.js";

const gone = () => new RelayError("caller_gone", "");
const unavailable = () => new RelayError("twilio_unavailable", "");

/** Each request waits until it is answered. */
function stage(isOnHold: () => Promise<boolean> = async () => false) {
  const told: string[] = [];
  const clock = new FakeClock();
  const answers: ((error?: Error) => void)[] = [];
  const call = {
    parties: { callSid: SID },
    deps: { clock },
    log: new FakeLog(),
  } as unknown as CallContext;
  const hold = new ModelHold(call, {
    control: {
      updateParticipant: (_room, _who, { hold: on }) => {
        told.push(on === true ? "hold" : "unhold");
        return new Promise((resolve, reject) =>
          answers.push((error) => (error === undefined ? resolve() : reject(error))),
        );
      },
      isOnHold: (room, who) => {
        expect([room, who]).toEqual([`murelay-${SID}`, "virtual agent"]);
        return isOnHold();
      },
    },
    publicUrl: "https://relay.test",
    failed: () => void told.push("failed"),
    stuck: () => void told.push("stuck"),
  });
  const answer = async (error?: Error) => {
    answers.shift()!(error);
    await settle();
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  return { hold, told, answers, answer, pass, done: () => void told.push("done") };
}

describe("a hold of the model", () => {
  it("is requested ten times while the model is not in the conference, and no more", async () => {
    const { hold, told, answer, pass } = stage();
    hold.begin();
    await settle();
    for (let n = 1; n < 10; n++) {
      await answer(gone());
      expect(told).toHaveLength(n);
      await pass(500);
    }
    await answer(gone());
    await pass(60_000);
    expect(told).toEqual(Array(10).fill("hold"));
  });

  it.each([
    [
      "the supervisor has handed back",
      ({ hold, done }: ReturnType<typeof stage>) => hold.end(done),
    ],
    ["the call is over", ({ hold }: ReturnType<typeof stage>) => hold.close()],
  ])("is not requested again once %s", async (_, ends) => {
    const one = stage();
    one.hold.begin();
    await settle();
    await one.answer(gone());
    ends(one);
    await settle();
    await one.pass(3_000);
    expect(one.told.filter((what) => what === "hold")).toHaveLength(1);
  });

  it("that fails is reported, unless the model is to be heard by now", async () => {
    const { hold, told, answer, done } = stage();
    hold.begin();
    await settle();
    await answer(unavailable());
    expect(told.splice(0)).toEqual(["hold", "failed"]);
    hold.begin();
    await settle();
    hold.end(done);
    await answer(unavailable());
    expect(told).toEqual(["hold", "unhold"]);
  });
});

describe("a model that was brought back before its hold was carried out", () => {
  async function late() {
    const one = stage();
    one.hold.begin();
    await settle();
    one.hold.end(one.done);
    await one.pass(2_000);
    expect(one.told.splice(0)).toEqual(["hold", "unhold"]);
    return one;
  }

  it("is called in anew when its hold cannot be undone in three tries", async () => {
    const { told, answer, pass } = await late();
    // The hold is answered, and the first try follows it.
    await answer();
    expect(told.splice(0)).toEqual(["unhold"]);
    await answer();
    expect(told.splice(0)).toEqual(["done"]);
    // The first try fails, and it is not known which request Twilio carried out last.
    await answer(unavailable());
    for (let n = 0; n < 3; n++) {
      await pass(1_000);
      await answer(unavailable());
    }
    await pass(60_000);
    expect(told).toEqual(["unhold", "unhold", "unhold", "stuck"]);
  });

  it("is left alone when another supervisor is heard meanwhile", async () => {
    const { hold, told, answer, pass } = await late();
    await answer();
    await answer();
    expect(told.splice(0)).toEqual(["unhold", "done"]);
    await answer(unavailable());
    hold.begin();
    await settle();
    await pass(10_000);
    expect(told).toEqual(["hold"]);
  });

  it("stays on hold for the next supervisor when a request of the hand-back fails late", async () => {
    const { hold, told, answers, answer, pass, done } = stage();
    hold.begin();
    await settle();
    await answer();
    hold.end(done);
    await settle();
    await pass(2_000);
    // The second try is quicker than the first.
    const late = answers.shift()!;
    await answer();
    hold.begin();
    late(unavailable());
    await settle();
    await answer();
    await pass(60_000);
    expect(told).toEqual(["hold", "unhold", "unhold", "done", "hold"]);
  });

  it("is not put on hold after the hand-back by a request that waits for its next try", async () => {
    const { hold, told, answer, pass, done } = stage();
    hold.begin();
    await settle();
    hold.begin();
    await answer(gone());
    await answer(gone());
    hold.end(done);
    await settle();
    await answer();
    await pass(60_000);
    expect(told).toEqual(["hold", "hold", "unhold", "done"]);
  });
});

describe("a model that Twilio agrees to bring back", () => {
  async function backed(isOnHold: () => Promise<boolean>) {
    const one = stage(isOnHold);
    one.hold.begin();
    await settle();
    await one.answer();
    one.hold.end(one.done);
    await settle();
    await one.answer();
    expect(one.told.splice(0)).toEqual(["hold", "unhold", "done"]);
    return one;
  }

  it("and that is on hold still is asked for again, and then called in anew", async () => {
    const { told, answer, pass } = await backed(async () => true);
    for (let n = 1; n <= 3; n++) {
      await pass(1_500);
      await pass(1_000);
      expect(told).toEqual(Array(n).fill("unhold"));
      await answer();
    }
    await pass(1_500);
    expect(told).toEqual(["unhold", "unhold", "unhold", "stuck"]);
  });

  it("and that is heard is left alone", async () => {
    const { told, pass } = await backed(async () => false);
    await pass(60_000);
    expect(told).toEqual([]);
  });

  it.each([
    ["another supervisor speaks", ({ hold }: ReturnType<typeof stage>) => hold.begin(), ["hold"]],
    ["it is gone", ({ hold }: ReturnType<typeof stage>) => hold.modelGone(), []],
    ["the call is over", ({ hold }: ReturnType<typeof stage>) => hold.close(), []],
  ] as const)("is not asked after once %s", async (_, happens, told) => {
    let questions = 0;
    const one = await backed(async () => ++questions > 0);
    happens(one);
    await one.pass(60_000);
    expect([questions, one.told]).toEqual([0, told]);
  });
});
