import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../../src/adapters/twilio/twiml-xml.js";
import type { Destination } from "../../../src/domain/agent-profile.js";
import { dial } from "../../../src/transfer/destinations/dial.js";
import { readLink } from "../../../src/transfer/transfer-link.js";
import { parseXml } from "../../adapters/xml-reader.js";
import { destinationNamed, document, parts, verb } from "../document-parts.js";

const base = { name: "desk", description: "", then: null, maxPerHour: null };
const number = { type: "number", e164: "+12025550111" } as const;

function dialed(name: string): Extract<Destination, { kind: "dial" }> {
  const destination = destinationNamed(name);
  if (destination.kind !== "dial") throw new Error(`${name} is not dialled`);
  return destination;
}

describe("dial", () => {
  it("rings the target for its time-out, and has both callbacks brought back", () => {
    const made = verb(document(parts("desk")), "dial");
    expect(made).toMatchObject({
      target: { type: "number", e164: "+12025550111" },
      timeoutS: 20,
      answerOnBridge: true,
    });
    const links = [
      made.action,
      "statusCallback" in made.target ? made.target.statusCallback?.url : undefined,
    ].map((url) => readLink(Object.fromEntries(new URL(url ?? "").searchParams)));
    expect(links).toEqual([links[0], links[0]]);
    expect(links[0]).toMatchObject({ page: "document", revision: 1 });
  });

  it.each([
    ["sip", { type: "sip", uri: "sip:billing@pbx.example.com" }],
    ["anna", { type: "client", identity: "anna" }],
  ] as const)("dials a %s target as what it is", (_name, target) => {
    const destination = { ...dialed("desk"), target };
    const made = parts("desk", {}, { destination });
    expect(verb(dial.document(destination, made), "dial").target).toMatchObject(target);
  });

  it("sends the digits of an extension once the number has answered", () => {
    const destination = { ...dialed("desk"), sendDigits: "ww123#" };
    const twiml = dial.document(destination, parts("desk", {}, { destination }));
    const noun = parseXml(renderTwiml(twiml)).children[0]?.children[0];
    expect(noun).toMatchObject({ name: "Number", text: "+12025550111" });
    expect(noun?.attributes).toMatchObject({ sendDigits: "ww123#" });
  });

  it("sends none where there are none", () => {
    expect(renderTwiml(document(parts("desk")))).not.toContain("sendDigits");
  });

  it("reads its entry, with 20 s to ring unless told otherwise", () => {
    expect(dial.read(base, { dial: number })).toEqual({
      ...base,
      kind: "dial",
      target: number,
      timeoutS: 20,
    });
    expect(dial.read(base, { dial: number, timeout_s: 45, send_digits: "9" })).toMatchObject({
      timeoutS: 45,
      sendDigits: "9",
    });
  });

  it("wants digits for telephone numbers only", () => {
    const sip = { type: "sip", uri: "sip:a@b" } as const;
    expect(dial.problems({ dial: number, send_digits: "1" })).toEqual([]);
    expect(dial.problems({ dial: sip })).toEqual([]);
    expect(dial.problems({ dial: sip, send_digits: "1" })).toEqual([
      { field: "send_digits", problem: "is for phone numbers only" },
    ]);
  });

  it.each([
    ["completed", "answered"],
    ["answered", "answered"],
    ["busy", "busy"],
    ["no-answer", "no_answer"],
    ["failed", "failed"],
    ["canceled", "failed"],
    ["something new", "failed"],
  ])("takes DialCallStatus %s for %s", (DialCallStatus, result) => {
    expect(dial.end({ DialCallStatus, CallStatus: "in-progress" })).toEqual({
      result,
      callOver: false,
    });
  });
});
