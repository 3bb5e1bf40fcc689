/** Take-overs on the SIP path at the worst moment, with a Twilio that is slow or refuses. */
import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import { RelayError } from "../../../src/domain/errors.js";
import type { ItemId, ResponseId } from "../../../src/domain/ids.js";
import type { MediaLeg } from "../../../src/relay/media/media-leg.js";
import { agent, sid } from "../../fakes/call-bench.js";
import {
  conference,
  invite,
  pass,
  SID,
  type SipBenchOptions,
  settle,
  sipBench,
  talking,
} from "../../fakes/sip-bench.js";

const MODEL = "virtual agent";
const item = (n: number) => `item_${n}` as ItemId;
const busy = () => new RelayError("twilio_unavailable", "", { retryable: true });

async function stage(options: SipBenchOptions = {}) {
  const b = sipBench({ supervisorAppSid: "AP7", ...options });
  const sideband = await talking(b);
  const call = b.registry.sip(SID)!;
  let lines = 0;
  const take = () => {
    expect(call.execute({ type: "take_over", by: "ada", listener: 1 })).toBeNull();
    lines += 1;
  };
  const connect = async () => {
    const leg = { media: () => undefined, close: () => undefined } as unknown as MediaLeg;
    expect(call.path.takeover!.line.claim(String(lines), leg)).not.toBeNull();
    await settle();
  };
  const handBack = () =>
    call.execute({ type: "hand_back", by: "ada", reason: "asked", note: null });
  /** A microphone is on. */
  const speak = async (ms: number) => {
    for (let at = 0; at < ms; at += 1_000) {
      call.execute({ type: "supervisor_audio", listener: 1, base64: "/////w==" });
      await pass(b.clock, 1_000);
    }
  };
  const modelHolds = () => b.twilio.filter((line) => line.startsWith(`update ${MODEL}`));
  return { b, sideband, call, take, connect, handBack, speak, modelHolds };
}

type Stage = Awaited<ReturnType<typeof stage>>;

describe("a caller who is speaking when the supervisor is connected", () => {
  it("stays with the model afterwards, although the interrupted reply never came", async () => {
    const { b, sideband, call, take, connect, handBack, speak } = await stage({
      hold: async ({ hold }) => {
        if (hold === false) await new Promise<void>((resolve) => b.clock.after(1_500, resolve));
      },
    });
    sideband.events.callerSpeech("started", item(1), 0);
    take();
    await connect();
    // On hold the model hears silence: the end of the turn.
    sideband.events.callerSpeech("stopped", item(1), 800);
    await speak(60_000);
    expect(handBack()).toBeNull();
    await pass(b.clock, 1_600);
    expect(call.state.name).toBe("talking");
    expect(sideband.told.join()).toContain("ada");
    expect(b.begun).toEqual([]);
  });
});

describe("a model that answers while Twilio takes its time to put it on hold", () => {
  it("is silenced again, each time", async () => {
    const { sideband, take, connect } = await stage({ hold: () => new Promise(() => undefined) });
    take();
    sideband.events.responseStarted("resp_0" as ResponseId);
    await connect();
    sideband.told.length = 0;
    sideband.events.responseStarted("resp_1" as ResponseId);
    expect(sideband.told).toEqual(["stopSpeaking []"]);
  });
});

describe("a model that is not in the conference when it is to be put on hold", () => {
  it("is put on hold once it is there, and the supervisor goes on speaking", async () => {
    let isThere = true;
    const { b, call, take, connect, speak, modelHolds } = await stage({
      hold: async (_change, who) => {
        if (who === MODEL && !isThere) throw new RelayError("caller_gone", "");
      },
    });
    take();
    isThere = false;
    call.path.dispatch({ type: "leg_ended" });
    await connect();
    expect(call.takeover.isOn).toBe(true);
    await speak(1_000);
    expect(call.state.name).toBe("redialing");
    await b.calls.invited(invite(b.participants.at(-1), "rtc_2"));
    await settle();
    b.sidebands.at(-1)!.life.ready();
    await settle();
    expect([call.state.name, call.takeover.isOn]).toEqual(["talking", true]);
    b.twilio.length = 0;
    isThere = true;
    conference(b, {
      StatusCallbackEvent: "participant-join",
      ParticipantLabel: MODEL,
      CallSid: sid(109),
    });
    await settle();
    expect(modelHolds()).toEqual([expect.stringContaining('"hold":true')]);
  });

  it("is put on hold by itself where its arrival is not told", async () => {
    let isThere = false;
    const { b, call, take, connect, speak, modelHolds } = await stage({
      hold: async (_change, who) => {
        if (who === MODEL && !isThere) throw new RelayError("caller_gone", "");
      },
    });
    take();
    await connect();
    await speak(1_000);
    isThere = true;
    b.twilio.length = 0;
    await speak(1_000);
    expect(modelHolds()).toEqual([expect.stringContaining('"hold":true')]);
    expect(call.takeover.isOn).toBe(true);
    await speak(10_000);
    expect(modelHolds()).toHaveLength(1);
  });
});

describe("a hold that Twilio carries out after the model was brought back", () => {
  it("is undone, with more than one try", async () => {
    let answer = (): void => undefined;
    let refusals = 0;
    const { b, sideband, call, take, connect, handBack, modelHolds } = await stage({
      hold: ({ hold }) => {
        if (hold === true) return new Promise((resolve) => (answer = resolve));
        return refusals-- > 0 ? Promise.reject(busy()) : Promise.resolve();
      },
    });
    take();
    await connect();
    handBack();
    // The second try does not wait for the hold.
    await pass(b.clock, 2_100);
    expect(modelHolds().slice(1)).toEqual([`update ${MODEL} {"hold":false}`]);
    expect(call.session).not.toBeNull();
    sideband.speaks("resp_1");
    // Now the hold is answered, and the next two requests are refused.
    refusals = 2;
    answer();
    await settle();
    await pass(b.clock, 10_000);
    expect(modelHolds().slice(2)).toEqual(Array(3).fill(`update ${MODEL} {"hold":false}`));
    expect(call.state.name).toBe("talking");
  });
});

describe("a supervisor who comes while the model of another one is not back", () => {
  it("and is not let in leaves one other model to be called in, not two", async () => {
    const never = new Promise<void>(() => undefined);
    const { b, call, take, connect, handBack } = await stage({
      hold: ({ hold }, who) => (who === MODEL && hold === false ? never : Promise.resolve()),
    });
    take();
    await connect();
    handBack();
    await pass(b.clock, 500);
    take();
    await pass(b.clock, 500);
    handBack();
    // The bound of the first one has passed, and then that of the second.
    await pass(b.clock, 4_500);
    expect(call.state.name).toBe("redialing");
    expect(b.begun).toEqual([]);
    await b.calls.invited(invite(b.participants.at(-1), "rtc_2"));
    await settle();
    b.sidebands.at(-1)!.life.ready();
    await pass(b.clock, 1_000);
    expect(call.state.name).toBe("talking");
    expect(b.sidebands.at(-1)!.told.join()).toMatch(/requestResponse/);
  });
});

describe("a caller who is on hold because another model is called in", () => {
  /** The supervisor has handed back, and the model does not come off hold. */
  async function stuck(hold: NonNullable<SipBenchOptions["hold"]>) {
    const never = new Promise<void>(() => undefined);
    const one = await stage({
      hold: (change, who) =>
        who === MODEL ? (change.hold === false ? never : Promise.resolve()) : hold(change, who),
    });
    one.take();
    await one.connect();
    one.handBack();
    await pass(one.b.clock, 4_400);
    expect(one.call.state.name).toBe("redialing");
    return one;
  }
  const comes = async ({ b }: Awaited<ReturnType<typeof stage>>) => {
    await b.calls.invited(invite(b.participants.at(-1), "rtc_2"));
    await settle();
    b.sidebands.at(-1)!.life.ready();
    await settle();
  };
  const callerHolds = ({ b }: Awaited<ReturnType<typeof stage>>) =>
    b.twilio.filter((line) => line.startsWith(`update ${SID}`));

  it("does not wait for Twilio's answer: the model is dialled after two seconds", async () => {
    const one = await stuck(() => new Promise(() => undefined));
    const before = one.b.participants.length;
    await pass(one.b.clock, 1_500);
    expect(one.b.participants).toHaveLength(before);
    await pass(one.b.clock, 600);
    expect(one.b.participants).toHaveLength(before + 1);
    expect(one.b.participants.at(-1)!.label).toBe(MODEL);
  });

  it("is taken off hold again when the request for music is carried out last", async () => {
    let answer = (): void => undefined;
    const one = await stuck(({ hold }) =>
      hold === true ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(),
    );
    await pass(one.b.clock, 2_100);
    await comes(one);
    expect(callerHolds(one).at(-1)).toContain('"hold":false');
    const before = callerHolds(one).length;
    answer();
    await settle();
    expect(callerHolds(one).slice(before)).toEqual([`update ${SID} {"hold":false}`]);
    await pass(one.b.clock, 20_000);
    expect(callerHolds(one)).toHaveLength(before + 1);
  });

  it("is taken off hold by a later try, where the first are refused", async () => {
    let refusals = 0;
    const one = await stuck(async ({ hold }) => {
      if (hold === false && refusals++ < 2) throw busy();
    });
    await comes(one);
    await pass(one.b.clock, 5_000);
    expect(callerHolds(one).filter((line) => line.includes("false"))).toHaveLength(3);
    expect(one.call.state.name).toBe("talking");
  });

  it("goes to the fallback destination when they cannot be taken off hold", async () => {
    const one = await stuck(async ({ hold }) => {
      if (hold === false) throw busy();
    });
    await comes(one);
    await pass(one.b.clock, 30_000);
    expect(one.b.begun).toEqual([`${SID} desk failure`]);
  });
});

describe("what changes while a supervisor speaks", () => {
  it("reaches the model: the language that a tool has set", async () => {
    const languages = new Map([["es", { greeting: null, instructions: null, voice: null }]]);
    const { sideband, call, take, connect } = await stage({
      profile: agent({ languages: languages as unknown as AgentProfile["languages"] }),
    });
    take();
    await connect();
    sideband.told.length = 0;
    expect(call.setLanguage("es")).toBe(true);
    expect(sideband.told.join()).toMatch(/^update /);
  });
});

describe("a model whose leg ends while a supervisor speaks, as after 60 minutes", () => {
  it("is replaced behind the supervisor, kept on hold, and told at the hand-back", async () => {
    const { b, call, take, connect, handBack, speak, modelHolds } = await stage();
    take();
    await connect();
    await speak(1_000);
    b.twilio.length = 0;
    call.path.dispatch({ type: "leg_ended" });
    await speak(1_000);
    await b.calls.invited(invite(b.participants.at(-1), "rtc_2"));
    await settle();
    const other = b.sidebands.at(-1)!;
    other.life.ready();
    await speak(1_000);
    expect(call.state.name).toBe("talking");
    // The caller was never put on hold, and the other model is.
    expect(b.twilio.filter((line) => line.startsWith(`update ${SID}`))).toEqual([]);
    expect(modelHolds()).toEqual([expect.stringContaining('"hold":true')]);
    expect(other.told.join()).not.toMatch(/requestResponse|speak|greet/);
    handBack();
    await settle();
    expect(modelHolds().at(-1)).toContain('"hold":false');
    expect(other.told.join()).toMatch(/ada.*requestResponse/s);
  });

  it("and is handed back before the other one is there: music, and the other one is told", async () => {
    const { b, call, take, connect, handBack, speak } = await stage({
      hold: ({ hold }, who) =>
        who === MODEL && hold === false ? new Promise(() => undefined) : Promise.resolve(),
    });
    take();
    await connect();
    call.path.dispatch({ type: "leg_ended" });
    await speak(1_000);
    handBack();
    await settle();
    expect(b.twilio).toContain(`update ${SID} {"hold":true}`);
    // None of them asks for the one that is gone, whose hold nothing would undo in time.
    await pass(b.clock, 5_000);
    expect(call.state.name).toBe("redialing");
    await b.calls.invited(invite(b.participants.at(-1), "rtc_2"));
    await settle();
    const other = b.sidebands.at(-1)!;
    other.life.ready();
    await settle();
    expect(b.twilio).toContain(`update ${SID} {"hold":false}`);
    expect(JSON.stringify(other.history)).toContain("A colleague, ada");
    expect(other.told.join()).toContain("requestResponse");
  });
});

describe("a caller who leaves", () => {
  it.each([
    ["while the supervisor is called in", async () => undefined],
    ["while they speak", async ({ connect }: Stage) => await connect()],
    [
      "while the model comes back",
      async ({ connect, handBack }: Stage) => {
        await connect();
        handBack();
      },
    ],
  ])(
    "%s leaves nothing behind: no supervisor's leg, and no request that goes on",
    async (_, goesOn) => {
      const one = await stage({
        participant: async (asked, n) => ({
          callSid: sid(asked.label === "supervisor" ? 70 : 100 + n),
          conferenceSid: "CF1",
        }),
        hold: ({ hold }) => (hold === false ? new Promise(() => undefined) : Promise.resolve()),
      });
      one.take();
      await settle();
      await goesOn(one);
      one.call.execute({ type: "caller_gone" });
      await pass(one.b.clock, 4_000);
      expect(one.call.isOver).toBe(true);
      expect(one.b.twilio.filter((line) => line === `hangUp ${sid(70)}`)).toHaveLength(1);
      const requests = one.b.twilio.length;
      await pass(one.b.clock, 60_000);
      expect(one.b.twilio).toHaveLength(requests);
    },
  );
});
