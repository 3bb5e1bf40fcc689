import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderTwiml, xmlText } from "../../../src/adapters/twilio/twiml-xml.js";
import type { Twiml, TwimlVerb } from "../../../src/wire/twiml.js";
import { anyCharacter } from "../../fakes/any-character.js";
import { childrenOf, parseXml } from "../xml-reader.js";

const require = createRequire(import.meta.url);

const CASES: readonly (readonly [string, TwimlVerb, string])[] = [
  [
    "say",
    { verb: "say", text: "Hello", language: "en-US", loop: 2 },
    '<Say language="en-US" loop="2">Hello</Say>',
  ],
  ["say, plain", { verb: "say", text: "Hi" }, "<Say>Hi</Say>"],
  ["play", { verb: "play", url: "https://a/b?c=1&d=2" }, "<Play>https://a/b?c=1&amp;d=2</Play>"],
  ["digits", { verb: "play", digits: "ww1" }, '<Play digits="ww1"/>'],
  ["pause", { verb: "pause", seconds: 3 }, '<Pause length="3"/>'],
  ["hangup", { verb: "hangup" }, "<Hangup/>"],
  ["reject", { verb: "reject", reason: "busy" }, '<Reject reason="busy"/>'],
  [
    "redirect",
    { verb: "redirect", url: "https://a/b" },
    '<Redirect method="POST">https://a/b</Redirect>',
  ],
  ["leave", { verb: "leave" }, "<Leave/>"],
  [
    "stream",
    {
      verb: "connect_stream",
      action: "https://a/end",
      url: "wss://a/media",
      statusCallback: "https://a/status",
      parameters: { token: 'a"b', empty: "" },
    },
    '<Connect action="https://a/end" method="POST"><Stream url="wss://a/media" statusCallback="https://a/status" ' +
      'statusCallbackMethod="POST"><Parameter name="token" value="a&quot;b"/><Parameter name="empty" value=""/></Stream></Connect>',
  ],
  [
    "dial, number",
    {
      verb: "dial",
      target: {
        type: "number",
        e164: "+15551112222",
        url: "https://a/whisper",
        statusCallback: { url: "https://a/s", events: ["answered", "completed"] },
      },
      action: "https://a/t?d=x&n=1",
      timeoutS: 20,
      timeLimitS: 3600,
      callerId: "+15550001111",
      answerOnBridge: true,
    },
    '<Dial action="https://a/t?d=x&amp;n=1" method="POST" timeout="20" timeLimit="3600" callerId="+15550001111" ' +
      'answerOnBridge="true"><Number url="https://a/whisper" statusCallback="https://a/s" statusCallbackMethod="POST" ' +
      'statusCallbackEvent="answered completed">+15551112222</Number></Dial>',
  ],
  [
    "dial, sip",
    { verb: "dial", target: { type: "sip", uri: "sip:a@b;transport=tls" } },
    "<Dial><Sip>sip:a@b;transport=tls</Sip></Dial>",
  ],
  [
    "dial, client",
    { verb: "dial", target: { type: "client", identity: "anna" } },
    "<Dial><Client>anna</Client></Dial>",
  ],
  [
    "dial, queue",
    { verb: "dial", target: { type: "queue", name: "q" } },
    "<Dial><Queue>q</Queue></Dial>",
  ],
  [
    "dial, conference",
    {
      verb: "dial",
      target: {
        type: "conference",
        name: "room",
        label: "caller",
        startConferenceOnEnter: true,
        endConferenceOnExit: false,
        beep: false,
        waitUrl: "",
        statusCallback: { url: "https://a/c", events: ["start", "end"] },
      },
    },
    '<Dial><Conference participantLabel="caller" startConferenceOnEnter="true" endConferenceOnExit="false" beep="false" ' +
      'waitUrl="" statusCallback="https://a/c" statusCallbackMethod="POST" statusCallbackEvent="start end">room</Conference></Dial>',
  ],
  [
    "enqueue, queue",
    {
      verb: "enqueue",
      action: "https://a/q",
      waitUrl: "https://a/w",
      target: { type: "queue", name: "support" },
    },
    '<Enqueue action="https://a/q" method="POST" waitUrl="https://a/w">support</Enqueue>',
  ],
  [
    "enqueue, workflow",
    {
      verb: "enqueue",
      action: "https://a/q",
      target: {
        type: "workflow",
        workflowSid: "WW1",
        attributes: { a: "</Task>" },
        priority: 5,
        timeoutS: 60,
      },
    },
    '<Enqueue action="https://a/q" method="POST" workflowSid="WW1"><Task priority="5" timeout="60">{"a":"&lt;/Task&gt;"}</Task></Enqueue>',
  ],
  [
    "gather",
    {
      verb: "gather",
      action: "https://a/g",
      numDigits: 1,
      timeoutS: 5,
      prompts: [{ text: "Press 1", language: "en" }, { text: "or hang up" }],
    },
    '<Gather action="https://a/g" method="POST" numDigits="1" timeout="5"><Say language="en">Press 1</Say><Say>or hang up</Say></Gather>',
  ],
];

const document = (inner: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><Response>${inner}</Response>`;

describe("renderTwiml", () => {
  it.each(CASES)("writes %s", (_name, verb, xml) => {
    expect(renderTwiml([verb])).toBe(document(xml));
  });

  it("writes verbs in their order", () => {
    const twiml: Twiml = [
      { verb: "say", text: "a" },
      { verb: "pause", seconds: 1 },
      { verb: "hangup" },
    ];
    expect(renderTwiml(twiml)).toBe(document('<Say>a</Say><Pause length="1"/><Hangup/>'));
    expect(renderTwiml([])).toBe('<?xml version="1.0" encoding="UTF-8"?><Response/>');
  });

  // What people, models and attackers say; the rest of Unicode by fast-check.
  const hostile = fc.oneof(
    fc.constantFrom(
      "<Hangup/>",
      "</Say><Dial>+19005551234</Dial>",
      "]]>",
      "<!-- -->",
      "&amp;&lt;",
      "&#x0;",
      "\"'`",
      "a\nb\r\nc\td",
      "😀👩‍👩‍👧",
      "</Task>",
      "<?xml?>",
      "\u0000\u0001\u001f\u007f",
      "\ud800",
      "\udc00x",
      "\ufffe\uffff",
    ),
    fc.string({ unit: anyCharacter }),
    fc.string({ unit: "grapheme" }),
  );
  const texts = fc.array(hostile, { maxLength: 4 }).map((parts) => parts.join(""));

  it("brings any text intact through an XML parser, in text and in attributes", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const xml = renderTwiml([
          { verb: "say", text },
          { verb: "connect_stream", action: text, url: "wss://a", parameters: { summary: text } },
          {
            verb: "enqueue",
            action: "https://a",
            target: {
              type: "workflow",
              workflowSid: "WW1",
              attributes: { summary: text },
              priority: 1,
            },
          },
        ]);
        const [say, connect, enqueue, ...rest] = childrenOf(parseXml(xml));
        const kept = xmlText(text);
        expect(rest).toEqual([]);
        expect(say).toMatchObject({ name: "Say", text: kept });
        expect(connect).toMatchObject({ name: "Connect", attributes: { action: kept } });
        expect(connect?.children[0]?.children[0]?.attributes["value"]).toBe(kept);
        const task = enqueue?.children[0];
        expect(task?.name).toBe("Task");
        expect(JSON.parse(task?.text ?? "")).toEqual({
          summary: JSON.parse(xmlText(JSON.stringify(text))),
        });
      }),
      { numRuns: 500 },
    );
  });

  it.skipIf(spawnSync("xmllint", ["--version"]).error !== undefined)(
    "reads the same in libxml2",
    () => {
      for (const text of fc.sample(texts, { seed: 7, numRuns: 20 })) {
        const input = renderTwiml([{ verb: "say", text }]);
        const { stdout, status } = spawnSync("xmllint", ["--xpath", "string(//Say)", "-"], {
          input,
        });
        expect(status).toBe(0);
        // One line break at the end is xmllint's own.
        expect(stdout.toString("utf8").replace(/\n$/, "")).toBe(xmlText(text).replace(/\n$/, ""));
      }
    },
  );

  it("leaves out only what XML cannot hold", () => {
    expect(xmlText("a\u0000b\u001fc\ud800d\ufffee\t\n\r😀\u007f\u0085")).toBe(
      "abcde\t\n\r😀\u007f\u0085",
    );
  });

  it("is Twilio's own builder's output", () => {
    const { VoiceResponse } = require("twilio").twiml;
    const theirs = new VoiceResponse();
    theirs.say({ language: "en-US" }, 'Tom & "Jerry" <3');
    theirs.hangup();
    expect(
      renderTwiml([
        { verb: "say", text: 'Tom & "Jerry" <3', language: "en-US" },
        { verb: "hangup" },
      ]),
    ).toBe(theirs.toString());
  });

  it("holds no text and no parameter that Twilio would refuse the document for", () => {
    const text = renderTwiml([
      { verb: "say", text: "x".repeat(10_000) },
      {
        verb: "connect_stream",
        action: "https://a/b",
        url: "wss://a/c",
        parameters: { from: "y".repeat(10_000), "🐒": "🐒".repeat(1_000) },
      },
    ]);
    expect(/<Say>(x+…)<\/Say>/.exec(text)?.[1]).toHaveLength(4_000);
    for (const [, name = "", value = ""] of text.matchAll(/<Parameter name="(.*?)" value="(.*?)"/g))
      expect(name.length + value.length).toBeLessThan(500);
  });
});
