import { describe, expect, it } from "vitest";
import type { CallTransferRequest } from "../../src/domain/transfer-request.js";
import { adoptedTransfer, formOf, partiesOf } from "../../src/transfer/adopt.js";
import type { TransferLink } from "../../src/transfer/transfer-link.js";
import { sid } from "../fakes/call-bench.js";
import { failoverAgent } from "./directory.js";

const link: TransferLink = {
  call: sid(1),
  agent: "support",
  first: "desk",
  step: 1,
  revision: 7,
  attempt: 0,
  by: "limit",
  page: "document",
};
const form = {
  CallSid: sid(1),
  From: "+12025550100",
  To: "+12025550199",
  Direction: "inbound",
};

describe("the parties of a form", () => {
  it("are told apart by the call's direction", () => {
    expect(partiesOf(form)).toEqual({
      direction: "inbound",
      caller: "+12025550100",
      ours: "+12025550199",
    });
    expect(partiesOf({ ...form, Direction: "outbound-api" })).toEqual({
      direction: "outbound",
      caller: "+12025550199",
      ours: "+12025550100",
    });
    expect(partiesOf({})).toEqual({ direction: "inbound", caller: "", ours: "" });
  });
});

describe("the form of a transfer that no form was sent for", () => {
  it.each(["inbound", "outbound"] as const)("names the parties of an %s call", (direction) => {
    const parties = { direction, caller: "+12025550100", ours: "+12025550199" };
    const request = { callSid: sid(1), ...parties } as CallTransferRequest;
    expect(partiesOf(formOf(request))).toEqual(parties);
    expect(formOf(request)["CallSid"]).toBe(sid(1));
  });
});

describe("a transfer known by its URL alone", () => {
  const agent = failoverAgent("desk", "warm");

  it("goes on at the step and with the numbers that the URL names", () => {
    const adopted = adoptedTransfer(form, { ...link, step: 0 }, agent);
    expect(adopted?.state).toMatchObject({
      step: 0,
      revision: 7,
      attempt: 0,
      afterLastStep: "apology",
      phase: { name: "dialing" },
    });
    expect(adopted?.state.failoverList.map(({ name }) => name)).toEqual(["desk", "warm"]);
    expect(adopted?.request).toMatchObject({ caller: "+12025550100", ours: "+12025550199" });
  });

  it("waits for the human when a consult leg has been called", () => {
    const phase = (attempt: number) =>
      adoptedTransfer(form, { ...link, attempt }, agent)?.state.phase.name;
    expect([phase(0), phase(9)]).toEqual(["dialing", "ringing"]);
  });

  it("does not take the consult leg's parties for the caller's", () => {
    const adopted = adoptedTransfer({ ...form, CallSid: sid(2) }, link, agent);
    expect(adopted?.request).toMatchObject({ callSid: sid(1), caller: "", ours: "" });
  });

  it("is none when the destination is no longer in the agents file", () => {
    expect(adoptedTransfer(form, { ...link, first: "gone" }, agent)).toBeNull();
    expect(adoptedTransfer(form, { ...link, step: 2 }, agent)).toBeNull();
  });
});
