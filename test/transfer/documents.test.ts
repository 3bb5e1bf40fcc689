import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../src/adapters/twilio/twiml-xml.js";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import {
  briefingTwiml,
  type DocumentParts,
  fallbackTwiml,
  rungTwiml,
  waitTwiml,
} from "../../src/transfer/documents.js";
import {
  afterLastStep,
  type FullTransferRequest,
  failoverListOf,
} from "../../src/transfer/transfer-request.js";
import type { Twiml, TwimlVerb } from "../../src/wire/twiml.js";
import { parseXml } from "../adapters/xml-reader.js";
import { agent, sid } from "../fakes/call-bench.js";
import { DESTINATIONS, ladderAgent } from "./directory.js";

const NASTY = "a < b & \"c\" </Task> 'd'\n<Dial>+19005550100</Dial> 🐒 ]]>";

function request(changes: Partial<FullTransferRequest> = {}): FullTransferRequest {
  return {
    callSid: sid(1),
    destination: "desk",
    reason: "lost parcel",
    summary: "The parcel is lost.",
    urgency: null,
    by: "agent",
    caller: "+12025550100",
    ours: "+12025550199",
    direction: "inbound",
    language: "en",
    preface: "none",
    ...changes,
  };
}

function parts(
  name: string,
  changes: Partial<FullTransferRequest> = {},
  more: Partial<DocumentParts> = {},
): DocumentParts {
  return {
    request: request({ destination: name, ...changes }),
    agent: ladderAgent(name),
    destination: DESTINATIONS[name]!,
    rung: 0,
    doc: 1,
    ring: 1,
    url: (path, query) => `https://relay.example.com${path}?${new URLSearchParams(query)}`,
    recordUrl: null,
    caseReference: null,
    ...more,
  };
}

const verb = <V extends TwimlVerb["verb"]>(
  twiml: Twiml,
  name: V,
): Extract<TwimlVerb, { verb: V }> => {
  const found = twiml.find((one) => one.verb === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found as Extract<TwimlVerb, { verb: V }>;
};

describe("a rung's document", () => {
  it("dials a number, SIP or client target with a URL to come back to", () => {
    const dial = verb(rungTwiml(parts("desk")), "dial");
    expect(dial).toMatchObject({
      target: { type: "number", e164: "+12025550111" },
      timeoutS: 20,
      answerOnBridge: true,
    });
    expect(new URL(dial.action!).searchParams.get("call")).toBe(sid(1));
    expect(verb(rungTwiml(parts("sip")), "dial").target).toMatchObject({
      type: "sip",
      uri: "sip:billing@pbx.example.com",
    });
  });

  it("says a line first unless the agent has said goodbye, and always from the second rung on", () => {
    const said = (twiml: Twiml): string[] =>
      twiml.flatMap((one) => (one.verb === "say" ? [one.text] : []));
    expect(said(rungTwiml(parts("desk")))).toEqual([]);
    expect(said(rungTwiml(parts("desk", {}, { doc: 2 })))).toEqual([
      "One moment please, I am connecting you.",
    ]);
    expect(said(rungTwiml(parts("desk", { preface: "moment", language: "es-MX" })))).toEqual([
      "Un momento, por favor, le paso la llamada.",
    ]);
    expect(said(rungTwiml(parts("desk", { preface: "apology" })))).toEqual(["Sorry."]);
  });

  it.each<[string, Partial<FullTransferRequest>, string | null, string | undefined]>([
    ["the caller's own number", {}, null, undefined],
    ["what the agents file says", {}, "+12025550177", "+12025550177"],
    ["our number for a withheld one", { caller: "anonymous" }, null, "+12025550199"],
    ["our number for an outbound call", { direction: "outbound" }, null, "+12025550199"],
    ["nothing it could be refused for", { caller: "anonymous", ours: "client:x" }, null, undefined],
  ])("shows the human %s", (_, changes, configured, shown) => {
    const base = ladderAgent("desk");
    const profile: AgentProfile = { ...base, transfer: { ...base.transfer, callerId: configured } };
    expect(verb(rungTwiml(parts("desk", changes, { agent: profile })), "dial").callerId).toBe(
      shown,
    );
  });

  it("makes a task with all that is known, its priority by urgency, every character intact", () => {
    const made = rungTwiml(
      parts(
        "experts",
        { reason: NASTY, summary: NASTY, urgency: "high" },
        { recordUrl: "https://desk.example.com/calls/1", caseReference: "CASE-7" },
      ),
    );
    const xml = parseXml(renderTwiml(made));
    const task = xml.children[0]!.children[0]!;
    expect(task.name).toBe("Task");
    expect(task.attributes).toMatchObject({ priority: "10" });
    expect(JSON.parse(task.text)).toEqual({
      reason: NASTY,
      summary: NASTY,
      urgency: "high",
      caller: "+12025550100",
      language: "en",
      agent: "support",
      callSid: sid(1),
      record: "https://desk.example.com/calls/1",
      case: "CASE-7",
    });
    expect(xml.children).toHaveLength(1);
  });

  it("stays within what Twilio takes, whatever is said", () => {
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
          for (const twiml of [
            rungTwiml(made),
            ...(name === "warm" ? [briefingTwiml(made)] : []),
          ]) {
            const text = renderTwiml(twiml);
            expect(text.length).toBeLessThanOrEqual(4_000);
            parseXml(text);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("cuts a summary visibly, and leaves the rest of the task alone", () => {
    const enqueue = verb(
      rungTwiml(parts("experts", { summary: "word ".repeat(2_000) })),
      "enqueue",
    );
    const attributes = enqueue.target.type === "workflow" ? enqueue.target.attributes : {};
    expect(attributes["summary"]).toMatch(/^(word )+.*…$/);
    expect(attributes["reason"]).toBe("lost parcel");
  });
});

describe("the briefing", () => {
  it("tells the human who, why and how urgent, then asks for a key, and ends with no key pressed", () => {
    const twiml = briefingTwiml(
      parts("warm", { reason: NASTY, urgency: "high" }, { caseReference: "CASE-7" }),
    );
    expect(twiml.map((one) => one.verb)).toEqual(["gather", "gather", "redirect"]);
    const said = verb(twiml, "gather")
      .prompts.map(({ text }) => text)
      .join(" ");
    for (const part of [
      "support",
      NASTY,
      "It is urgent.",
      "The parcel is lost.",
      "CASE-7",
      "Press 1",
    ])
      expect(said).toContain(part);
    const gather = parseXml(renderTwiml(twiml)).children[0]!;
    expect(gather.children[0]!.text).toContain(NASTY);
  });
});

describe("the wait in a queue", () => {
  it("tells the place in line and plays something", () => {
    expect(waitTwiml(3, 20, "en", "https://x.example.com/a.mp3")).toEqual([
      { verb: "say", text: "You are number 3 in line. Thank you for holding.", language: "en-US" },
      { verb: "play", url: "https://x.example.com/a.mp3" },
    ]);
  });

  it("ends after half an hour", () => {
    expect(waitTwiml(1, 1_800, "en", null)).toEqual([{ verb: "leave" }]);
  });
});

describe("the fallback that needs nobody", () => {
  const url = (path: string): string => `https://relay.example.com${path}`;

  it("apologises and dials the default destination, a warm one too", () => {
    for (const name of ["desk", "warm"]) {
      const twiml = fallbackTwiml(ladderAgent(name), request({ by: "failure" }), url);
      expect(twiml.map((one) => one.verb)).toEqual(["say", "dial"]);
      expect(verb(twiml, "dial").target.type).toBe("number");
    }
  });

  it("apologises and hangs up where there is none", () => {
    const base = agent();
    const lone = agent({ transfer: { ...base.transfer, default: null, destinations: new Map() } });
    expect(fallbackTwiml(lone, request(), url).map((one) => one.verb)).toEqual(["say", "hangup"]);
  });
});

describe("a ladder", () => {
  it("follows then, each destination once", () => {
    expect(
      failoverListOf(ladderAgent("desk", "queue", "sip"), "queue").map(({ name }) => name),
    ).toEqual(["queue", "sip"]);
    const base = ladderAgent("desk", "sip");
    const round = new Map(base.transfer.destinations);
    round.set("sip", { ...DESTINATIONS["sip"]!, then: "desk" });
    const endless = { ...base, transfer: { ...base.transfer, destinations: round } };
    expect(failoverListOf(endless, "desk")).toHaveLength(2);
    expect(failoverListOf(base, "nowhere")).toEqual([]);
  });

  it("ends with the agent, but not for callers whom the agent sent away for good", () => {
    expect(
      (["agent", "key", "supervisor", "failure", "limit"] as const).map(afterLastStep),
    ).toEqual(["agent", "agent", "agent", "apology", "apology"]);
  });
});
