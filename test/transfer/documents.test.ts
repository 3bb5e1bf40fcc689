import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../src/adapters/twilio/twiml-xml.js";
import { kindOf } from "../../src/transfer/destinations/kinds.js";
import {
  apologyTwiml,
  callbackUrl,
  dialCallerId,
  isOwnNumber,
  shortReason,
} from "../../src/transfer/documents.js";
import { readLink } from "../../src/transfer/transfer-link.js";
import { parseXml } from "../adapters/xml-reader.js";
import { agent, sid } from "../fakes/call-bench.js";
import { document, parts, request, said, verbs } from "./document-parts.js";

describe("the words before a document connects", () => {
  it("are left out when the agent has said goodbye, but not from the second step on", () => {
    expect(said(document(parts("desk")))).toEqual([]);
    expect(said(document(parts("desk", {}, { step: 1 })))).toEqual([
      "One moment please, I am connecting you.",
    ]);
  });

  it("are in the caller's language, an apology in the agent's own words", () => {
    expect(said(document(parts("desk", { preface: "moment", language: "es-MX" })))).toEqual([
      "Un momento, por favor, le paso la llamada.",
    ]);
    expect(said(document(parts("desk", { preface: "apology" })))).toEqual(["Sorry."]);
  });
});

describe("the number that a human sees", () => {
  const shown = (changes: Parameters<typeof request>[0], configured: string | null = null) => {
    const { transfer } = agent();
    return dialCallerId(
      agent({ transfer: { ...transfer, callerId: configured } }),
      request(changes),
    ).callerId;
  };

  it.each<[string, Parameters<typeof request>[0], string | null, string | undefined]>([
    ["the caller's own, which Twilio shows unasked", {}, null, undefined],
    ["what the agents file says", {}, "+12025550177", "+12025550177"],
    ["ours for a withheld word", { caller: "anonymous" }, null, "+12025550199"],
    [
      "ours for a number that stands for such a word",
      { caller: "+266696687" },
      null,
      "+12025550199",
    ],
    ["ours for a SIP caller", { caller: "sip:anna@pbx.example.com" }, null, "+12025550199"],
    ["ours for a client", { caller: "client:anna" }, null, "+12025550199"],
    ["ours for an outbound call", { direction: "outbound" }, null, "+12025550199"],
    [
      "ours, written as a tel: URI",
      { caller: "", ours: "tel:+1-202-555-0199" },
      null,
      "+12025550199",
    ],
    ["none that Twilio would refuse", { caller: "anonymous", ours: "sip:us@x" }, null, undefined],
  ])("is %s", (_what, changes, configured, expected) => {
    expect(shown(changes, configured)).toBe(expected);
  });

  it("is not their own when it is withheld or an address of another kind", () => {
    expect(isOwnNumber("+12025550100")).toBe(true);
    for (const caller of ["", "anonymous", "+7378742833", "sip:+12025550100@x", "client:a"])
      expect(isOwnNumber(caller), caller).toBe(false);
  });
});

describe("a callback URL", () => {
  it("says where in which transfer it belongs, and nothing about the caller", () => {
    const made = parts("desk", { by: "key" }, { step: 2, revision: 7, attempt: 9 });
    const url = callbackUrl(made, "/transfer-status", "document");
    expect(readLink(Object.fromEntries(new URL(url).searchParams))).toEqual({
      call: sid(1),
      agent: "support",
      first: "desk",
      step: 2,
      revision: 7,
      attempt: 9,
      by: "key",
      page: "document",
    });
    expect(url).not.toContain("2025550100");
    expect(url).not.toContain("parcel");
  });
});

describe("documents that go by REST", () => {
  it("stay within Twilio's 4,000 characters, whatever is said", () => {
    const texts = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 6_000, size: "max" }),
      fc
        .constantFrom("&", '"', "<", "\n", "🐒", "'", "\\", "\u0001")
        .map((unit) => unit.repeat(4_000)),
      fc.constant(null),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("desk", "sip", "queue", "experts", "warm"),
        texts,
        texts,
        (name, reason, summary) => {
          const made = parts(name, { reason, summary, preface: "moment" });
          const whisper = kindOf(made.destination).consult?.whisper(made) ?? [];
          for (const twiml of [document(made), whisper]) {
            const text = renderTwiml(twiml);
            expect(text.length).toBeLessThanOrEqual(4_000);
            parseXml(text);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("the document after the last step", () => {
  it("is an apology in the agent's words and a hang-up, with no promise of a connection", () => {
    expect(verbs(apologyTwiml(agent()))).toEqual(["say", "hangup"]);
    expect(said(apologyTwiml(agent()))).toEqual(["Sorry."]);
  });

  it("shortens a reason for those who only glance at it", () => {
    expect(shortReason(request({ reason: null }))).toBeNull();
    expect(shortReason(request({ reason: "x".repeat(500) }))).toHaveLength(300);
  });
});
