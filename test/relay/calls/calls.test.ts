import { describe, expect, it } from "vitest";
import { supervisorEnd } from "../../../src/relay/call/call-command.js";
import { PLAIN, readCallbackLink } from "../../../src/relay/calls/callback-link.js";
import { Calls } from "../../../src/relay/calls/calls.js";
import type { Twiml } from "../../../src/wire/twiml.js";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";
import { settle, sipBench } from "../../fakes/sip-bench.js";

const verbs = (twiml: Twiml) => twiml.map(({ verb }) => verb);
const FALLBACK = ["say", "dial"];

describe("what follows a stream", () => {
  const ask = async (bench: CallBench, more: Record<string, string> = {}) =>
    verbs(await bench.calls.connectEnded(bench.form(1, { CallStatus: "in-progress", ...more })));

  it("is nothing for a caller who is gone, known or not", async () => {
    const bench = new CallBench();
    expect(bench.calls).toBeInstanceOf(Calls);
    expect(await ask(bench, { CallStatus: "completed" })).toEqual(["hangup"]);
    await bench.talk();
    expect(await ask(bench, { CallStatus: "completed" })).toEqual(["hangup"]);
    expect(bench.recorded("ended")).toMatchObject([{ reason: "caller_hung_up" }]);
  });

  it("is the fallback destination for a call that this process never had", async () => {
    expect(await ask(new CallBench())).toEqual(FALLBACK);
    expect(await ask(new CallBench(), { CallSid: "" })).toEqual(["hangup"]);
  });

  it("is the agent again for a stream that broke, twice, and then the fallback", async () => {
    const bench = new CallBench();
    await bench.talk();
    for (const expected of [["connect_stream"], ["connect_stream"], FALLBACK])
      expect(await ask(bench)).toEqual(expected);
  });

  it("is a hang-up after a normal end, also when Twilio asks late", async () => {
    const bench = new CallBench();
    await bench.talk();
    await bench.calls.execute(sid(1), supervisorEnd("ada"));
    expect(await ask(bench)).toEqual(["hangup"]);
    bench.run(9 * 60_000, 1_000);
    expect(await ask(bench)).toEqual(["hangup"]);
  });
});

describe("the status of a transfer", () => {
  it("with a link that is not ours is answered with a harmless document", async () => {
    const { calls } = new CallBench();
    const status = async (form: Record<string, string>) =>
      verbs(await calls.transferStatus(form, PLAIN));
    expect(await status({ DialCallStatus: "completed" })).toEqual(["hangup"]);
    expect(await status({ CallStatus: "completed" })).toEqual(["hangup"]);
    expect(await status({ DialCallStatus: "busy" })).toEqual(["say", "hangup"]);
  });

  it("may be a request for words of comfort, in the caller's language", async () => {
    const link = readCallbackLink({ sip: "comfort", call: sid(1), language: "de-DE" });
    const [say] = await new CallBench().calls.transferStatus({}, link);
    expect(say).toMatchObject({ verb: "say", language: expect.stringMatching(/^de/) });
  });
});

describe("a callback", () => {
  it("about the call's end ends it, on whatever link", async () => {
    for (const link of [PLAIN, readCallbackLink({ outbound: "o1", agent: "support" })]) {
      const bench = new CallBench();
      await bench.talk();
      bench.calls.callback("call-status", bench.form(1, { CallStatus: "in-progress" }), link);
      expect(bench.recorded("ended")).toEqual([]);
      bench.calls.callback("call-status", bench.form(1, { CallStatus: "completed" }), link);
      expect(bench.registry.media(sid(1))).toBeUndefined();
    }
  });

  it("without a call, or of a call that is unknown, does nothing", async () => {
    const bench = new CallBench();
    bench.calls.callback("call-status", { CallStatus: "completed" }, PLAIN);
    bench.calls.callback("amd-status", bench.form(9, { AnsweredBy: "fax" }), PLAIN);
    bench.calls.callback("stream-status", bench.form(9), PLAIN);
    expect(bench.events).toEqual([]);
  });
});

describe("a command", () => {
  it("to a call that is not here finds none", async () => {
    const bench = new CallBench();
    expect(await bench.calls.execute(sid(1), supervisorEnd("ada"))).toBe("not_found");
    await bench.talk();
    expect(await bench.calls.execute(sid(1), supervisorEnd("ada"))).toBeNull();
  });
});

describe("a process without the SIP path", () => {
  it("apologises to its callers, and ignores calls that ring at the model", async () => {
    const { calls } = new CallBench();
    expect(verbs(await calls.incomingSip({}))).toEqual(["say", "hangup"]);
    await calls.invited({ callId: "rtc_1", claim: null, from: "", dialled: "" });
  });
});

describe("a caller whom a failed transfer brings back", () => {
  it("is taken where there is room, and only there", () => {
    const take = (bench: CallBench) => bench.calls.takeBack(sid(5), agent(), bench.form(5));
    const bench = new CallBench();
    expect(take(bench)?.state.name).toBe("offered");
    expect(bench.calls.knows(sid(5))).toBe(true);
    const full = new CallBench(agent(), { maxCalls: 0 });
    expect(take(full)).toBeNull();
    const draining = new CallBench();
    draining.registry.beginDrain();
    expect(take(draining)).toBeNull();
  });
});

describe("a process that stops", () => {
  it("takes no more callers, and gives those with an agent to the fallback", async () => {
    const bench = new CallBench();
    await bench.talk(1);
    await bench.talk(2);
    let isDone = false;
    const abandoned = bench.calls.abandon().then(() => {
      isDone = true;
    });
    await settle();
    bench.clock.advance(9_000);
    await settle();
    expect(isDone).toBe(false);
    for (const n of [1, 2])
      expect(verbs(await bench.calls.connectEnded(bench.form(n, { CallStatus: "x" })))).toEqual(
        FALLBACK,
      );
    // The answers leave the process before its listener closes.
    await settle();
    bench.clock.advance(250);
    await abandoned;
    expect(bench.registry.isDraining).toBe(true);
    expect(bench.log.lines.join()).not.toContain("not taken over in time");
  });

  it("waits ten seconds for Twilio's questions, and no longer", async () => {
    const bench = new CallBench();
    await bench.talk(1);
    const abandoned = bench.calls.abandon();
    await settle();
    bench.clock.advance(10_000);
    await settle();
    bench.clock.advance(250);
    await abandoned;
    expect(bench.log.lines.join()).toContain("callers not taken over in time");
  });

  it("tells Twilio where the callers of the SIP path go", async () => {
    const bench = sipBench();
    await bench.calls.incomingSip({ CallSid: sid(7), From: "+15550100001", To: "+15550001111" });
    await bench.calls.stop();
    expect(bench.twilio).toEqual([expect.stringMatching(/^redirect CA0+7 /)]);
  });
});
