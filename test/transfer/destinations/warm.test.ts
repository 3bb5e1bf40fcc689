import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../../src/adapters/twilio/twiml-xml.js";
import type { Destination } from "../../../src/domain/agent-profile.js";
import {
  askAgainTwiml,
  consultGoodbyeTwiml,
  joinTwiml,
  warm,
  whisperTwiml,
  withOurNumber,
} from "../../../src/transfer/destinations/warm.js";
import { readLink } from "../../../src/transfer/transfer-link.js";
import { parseXml } from "../../adapters/xml-reader.js";
import { agent, sid } from "../../fakes/call-bench.js";
import {
  destinationNamed,
  document,
  MARKUP,
  parts,
  request,
  said,
  verb,
  verbs,
} from "../document-parts.js";

function consult(changes: Parameters<typeof request>[0] = {}, sendDigits?: string) {
  const destination = destinationNamed("warm");
  if (destination.kind !== "warm" || warm.consult === null) throw new Error("not warm");
  const target: Extract<Destination, { kind: "warm" }> = {
    ...destination,
    ...(sendDigits === undefined ? {} : { sendDigits }),
  };
  return warm.consult.call(target, parts("warm", changes));
}

describe("warm: the caller", () => {
  it("waits in a conference of their own, which begins only with the human", () => {
    expect(verb(document(parts("warm")), "dial").target).toMatchObject({
      type: "conference",
      name: `murelay-${sid(1)}`,
      label: "caller",
      startConferenceOnEnter: false,
      endConferenceOnExit: true,
    });
  });
});

describe("warm: the consult leg", () => {
  it("calls the target, its status callback saying which attempt it is", () => {
    const call = consult();
    expect(call).toMatchObject({ to: "+12025550122", from: "+12025550199", timeoutS: 20 });
    const link = readLink(Object.fromEntries(new URL(call.statusCallback).searchParams));
    expect(link).toMatchObject({ attempt: 1, page: "key" });
    expect(call).not.toHaveProperty("sendDigits");
  });

  it("sends the digits of an extension", () => {
    expect(consult({}, "w12")).toMatchObject({ sendDigits: "w12" });
  });

  it("shows the caller's number only with the token that allows it", () => {
    expect(consult({ callToken: "t" })).toMatchObject({ from: "+12025550100", callToken: "t" });
    expect(consult({ callToken: "t", caller: "anonymous" })).toMatchObject({
      from: "+12025550199",
    });
    expect(consult({ callToken: "t", caller: "anonymous" })).not.toHaveProperty("callToken");
    expect(consult({ ours: "tel:+1-202-555-0199" }).from).toBe("+12025550199");
  });

  it("falls back to our number when Twilio refuses the caller's", () => {
    const asked = request({ callToken: "t" });
    const call = consult({ callToken: "t" });
    expect(withOurNumber(call, asked)).toMatchObject({ from: "+12025550199" });
    expect(withOurNumber(call, asked)).not.toHaveProperty("callToken");
    expect(withOurNumber(consult(), request())).toBeNull();
    // The caller calls from the very number that they have called.
    const own = { caller: "+12025550199", callToken: "t" };
    expect(withOurNumber(consult(own), request(own))).toBeNull();
  });
});

describe("warm: the whisper", () => {
  it("tells the human who, why and how urgent, then asks for a key, and ends without one", () => {
    const twiml = whisperTwiml(
      parts("warm", { reason: MARKUP, urgency: "high" }, { caseReference: "CASE-7" }),
    );
    expect(verbs(twiml)).toEqual(["gather", "gather", "redirect"]);
    const words = verb(twiml, "gather")
      .prompts.map(({ text }) => text)
      .join(" ");
    for (const part of [
      "support",
      MARKUP,
      "It is urgent.",
      "The parcel is lost.",
      "CASE-7",
      "Press 1",
    ])
      expect(words).toContain(part);
    const gather = parseXml(renderTwiml(twiml)).children[0];
    expect(gather?.children[0]?.text).toContain(MARKUP);
  });

  it("leaves out what is not known", () => {
    const [first] = verb(
      whisperTwiml(parts("warm", { reason: null, summary: null })),
      "gather",
    ).prompts;
    expect(first?.text).toBe(
      "A call from the assistant support. Press 1 to accept the call, or 2 to decline.",
    );
  });

  it("is spoken in sentences, with or without full stops of the model", () => {
    const texts = { reason: "wants a person", summary: "The parcel is lost!" };
    const [first] = verb(whisperTwiml(parts("warm", texts)), "gather").prompts;
    expect(first?.text).toContain("Reason: wants a person. The parcel is lost! Press 1");
  });

  it("asks once more after a key that means nothing", () => {
    expect(verbs(askAgainTwiml(parts("warm")))).toEqual(["gather", "redirect"]);
  });
});

describe("warm: the human's way on", () => {
  it("leads into the caller's conference, and out of the call with it", () => {
    const twiml = joinTwiml(request(), 3);
    expect(verbs(twiml)).toEqual(["dial", "hangup"]);
    expect(verb(twiml, "dial").target).toMatchObject({
      name: `murelay-${sid(1)}`,
      label: "consult-3",
      startConferenceOnEnter: true,
    });
  });

  it("ends with a word when they declined, or when the caller is gone", () => {
    expect(said(consultGoodbyeTwiml(agent(), "declined"))).toEqual(["Thank you. Goodbye."]);
    expect(said(consultGoodbyeTwiml(agent(), "too_late"))).toEqual([
      "The caller is no longer there. Thank you.",
    ]);
  });
});
