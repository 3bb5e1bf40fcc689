import { describe, expect, it } from "vitest";
import { SipInbound, type SipInboundDeps } from "../../../src/relay/calls/sip-inbound.js";
import { readInvite } from "../../../src/relay/sip/invite.js";
import type { KeptSipCall } from "../../../src/relay/sip/sip-states.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FORM, invite, SID, settle, sipBench } from "../../fakes/sip-bench.js";

const trunkInvite = (callId: string, dialled = "+15550001111") =>
  readInvite({
    type: "realtime.call.incoming",
    callId,
    mediaSecurity: "srtp",
    headers: [
      { name: "From", value: "<sip:+15550100001@carrier>" },
      { name: "Diversion", value: `<sip:${dialled}@carrier>` },
    ],
  });

describe("a caller of a number on the SIP path", () => {
  it.each([
    ["without a CallSid", { CallSid: "" }, 1],
    ["over the limit", {}, 0],
  ])("%s gets a document that ends well", async (_, change, maxCalls) => {
    const b = sipBench({ maxCalls });
    const twiml = await b.calls.incomingSip({ ...FORM, ...change });
    expect(twiml.length).toBeGreaterThan(0);
    expect(b.metrics.count("callsRejected")).toBe(1);
    expect(b.registry.sip(SID)).toBeUndefined();
  });

  it("is the same call when the webhook comes again", async () => {
    const b = sipBench();
    const first = await b.calls.incomingSip(FORM);
    expect(await b.calls.incomingSip(FORM)).toEqual(first);
    expect(b.events.filter(([, { type }]) => type === "opened")).toHaveLength(1);
  });
});

describe("a call that rings at the model", () => {
  it("with a header of ours that is malformed or forged is refused", async () => {
    const b = sipBench();
    await b.calls.incomingSip(FORM);
    const ours = { callId: "rtc_9", from: "", dialled: "" };
    await b.calls.invited({ ...ours, claim: "malformed" });
    await b.calls.invited({ ...ours, claim: { callSid: SID, leg: 1, token: "forged" } });
    await b.calls.invited({ ...ours, claim: { callSid: sid(8), leg: 1, token: "forged" } });
    expect(b.openai).toEqual(Array(3).fill("reject rtc_9 603"));
    expect(b.metrics.count("authFailures", { surface: "token", reason: "invalid" })).toBe(3);
  });

  it("is taken once with its token, for the call and the leg that it was issued for", async () => {
    const b = sipBench();
    await b.calls.incomingSip(FORM);
    b.clock.advance(1_000);
    await settle();
    const [leg] = b.participants;
    await b.calls.invited(invite(leg, "rtc_1"));
    await b.calls.invited(invite(leg, "rtc_2"));
    await settle();
    expect(b.openai).toEqual(["accept rtc_1", "reject rtc_2 603"]);
    expect(b.metrics.count("authFailures", { reason: "replayed" })).toBe(1);
  });
});

describe("a call straight from a trunk", () => {
  it("is answered by the agent of the number that was dialled", async () => {
    const b = sipBench();
    await b.calls.invited(trunkInvite("rtc_1"));
    expect(b.openai).toEqual(["accept rtc_1"]);
    expect(b.registry.withModel("rtc_1")?.parties).toMatchObject({
      callSid: "rtc_1",
      from: "+15550100001",
      to: "+15550001111",
    });
  });

  it("is rejected as busy where there is no room", async () => {
    const b = sipBench({ maxCalls: 0 });
    await b.calls.invited(trunkInvite("rtc_1"));
    expect(b.openai).toEqual(["reject rtc_1 486"]);
  });

  it("is told of once more after it has been taken, and stays one call", async () => {
    const b = sipBench();
    await b.calls.invited(trunkInvite("rtc_1"));
    await b.calls.invited(trunkInvite("rtc_1"));
    expect(b.openai).toEqual(["accept rtc_1"]);
    expect(b.registry.all()).toHaveLength(1);
  });
});

describe("what a dead process has left unfinished", () => {
  const KEPT = {} as KeptSipCall;
  const inbound = (ended: boolean, states: SipInboundDeps["states"]) =>
    new SipInbound(
      {
        projectId: "p",
        supervisorAppSid: null,
        tokenSecrets: ["s"],
        links: { publicUrl: "", mediaUrl: "" },
      },
      {
        states,
        registry: { ended: () => (ended ? { agent: agent(), next: "hang_up" } : undefined) },
        log: { warn: () => {} },
        clock: { epochMs: () => 0, nowMs: () => 0 },
      } as unknown as SipInboundDeps,
    );
  const find = (answer: () => Promise<KeptSipCall | null>) =>
    ({ find: answer }) as unknown as SipInboundDeps["states"];

  it.each([
    ["a call that ended in order", true, find(async () => KEPT), false],
    ["a call of which something is kept", false, find(async () => KEPT), true],
    ["a call of which nothing is kept", false, find(async () => null), false],
    ["any call, where nothing is ever kept", false, null, true],
    ["any call, while the database is away", false, find(() => Promise.reject(new Error())), true],
  ])("is %s: %s", async (_, ended, states, isUnfinished) => {
    expect(await inbound(ended, states).isUnfinished(SID)).toBe(isUnfinished);
  });
});
