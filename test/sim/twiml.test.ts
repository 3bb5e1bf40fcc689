import { describe, expect, it } from "vitest";
import { checkTwiml } from "../../sim/twilio/twiml.js";

const wrap = (verbs: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><Response>${verbs}</Response>`;
const stream = (attributes: string, children = "") =>
  `<Connect action="https://r.test/e"><Stream ${attributes}>${children}</Stream></Connect>`;

describe("checkTwiml accepts", () => {
  it.each([
    ["a stream with parameters", stream('url="wss://r.test/m"', '<Parameter name="a" value="b"/>')],
    [
      "what comes after a stream",
      `${stream('url="wss://r.test/m"')}<Say language="en-US">Sorry</Say><Hangup/>`,
    ],
    [
      "a number",
      '<Dial action="https://r.test/t" timeout="20"><Number>+15551112222</Number></Dial>',
    ],
    ["a bare number followed by a verb", "<Dial>+15551112222</Dial><Say>No answer.</Say>"],
    [
      "a SIP URI with headers",
      '<Dial action="https://r.test/t"><Sip>sip:a@b.test;transport=tls?X-A=1&amp;X-B=2</Sip></Dial>',
    ],
    [
      "a conference",
      '<Dial action="https://r.test/t"><Conference participantLabel="caller" endConferenceOnExit="true" ' +
        'waitUrl="" statusCallback="https://r.test/c" statusCallbackEvent="join leave">call</Conference></Dial>',
    ],
    ["a queue", '<Enqueue action="https://r.test/q" waitUrl="https://r.test/w">support</Enqueue>'],
    [
      "a workflow with a task",
      '<Enqueue action="https://r.test/q" workflowSid="WW1"><Task priority="5">{"a":"b"}</Task></Enqueue>',
    ],
    [
      "a gather",
      '<Gather action="https://r.test/g" numDigits="1" timeout="5"><Say>Press 1.</Say></Gather>',
    ],
    ["a reject first", '<Reject reason="busy"/>'],
    [
      "a number behind a PBX",
      '<Dial action="https://r.test/t"><Number sendDigits="wwww1928#">+15551112222</Number></Dial>',
    ],
    ["keys to play", '<Play digits="ww12#"/>'],
    ["nothing at all", ""],
  ])("%s", (_name, verbs) => {
    expect(checkTwiml(wrap(verbs)).violations).toEqual([]);
  });

  it("entities and CDATA as what they stand for", () => {
    const [say] = checkTwiml(wrap("<Say>&lt;a&gt; &amp; &#66;&#x43;<![CDATA[<d>]]></Say>")).verbs;
    expect(say?.text).toBe("<a> & BC<d>");
  });
});

describe("checkTwiml objects to", () => {
  it.each([
    ["an unknown verb", "<Speak>Hi</Speak>", "<Speak> is not known"],
    ["an unknown attribute", '<Say tone="x">Hi</Say>', "no attribute tone"],
    [
      "a Connect without action",
      '<Connect><Stream url="wss://r.test/m"/></Connect>',
      "<Connect> lacks action",
    ],
    [
      "a relative action",
      '<Connect action="/e"><Stream url="wss://r.test/m"/></Connect>',
      "no absolute",
    ],
    ["a stream over ws", stream('url="ws://r.test/m"'), "31922"],
    ["a stream with a query", stream('url="wss://r.test/m?token=1"'), "31920"],
    [
      "a track that Connect lacks",
      stream('url="wss://r.test/m" track="both_tracks"'),
      "none of inbound_track",
    ],
    [
      "two streams",
      `<Connect action="https://r.test/e"><Stream url="wss://r.test/m"/><Stream url="wss://r.test/m"/></Connect>`,
      "2 children",
    ],
    [
      "a number that is not E.164",
      '<Dial action="https://r.test/t"><Number>5551112222</Number></Dial>',
      "13221",
    ],
    ["a dial at the end without action", "<Dial>+15551112222</Dial>", "without action"],
    [
      "a timeout out of range",
      '<Dial action="https://r.test/t" timeout="0"><Number>+15551112222</Number></Dial>',
      "not a whole number",
    ],
    [
      "a task that is no JSON",
      '<Enqueue action="https://r.test/q" workflowSid="WW1"><Task>{a}</Task></Enqueue>',
      "not JSON",
    ],
    [
      "a workflow and a queue name",
      '<Enqueue action="https://r.test/q" workflowSid="WW1">support</Enqueue>',
      "beside workflowSid",
    ],
    ["an empty Say", "<Say></Say>", "<Say> is empty"],
    ["text between verbs", "hello<Hangup/>", "text between"],
    ["a reject after another verb", "<Say>Hi</Say><Reject/>", "not the first verb"],
    ["Leave outside a wait", "<Leave/>", "outside a waitUrl"],
    ["a redirect to nowhere", "<Redirect>next</Redirect>", "no absolute"],
    [
      "a stream in a Gather",
      '<Gather action="https://r.test/g"><Stream url="wss://r.test/m"/></Gather>',
      "not known here",
    ],
  ])("%s", (_name, verbs, complaint) => {
    const { violations, readable } = checkTwiml(wrap(verbs));
    expect(readable).toBe(true);
    expect(violations.join("\n")).toContain(complaint);
  });

  it("a Connect in a wait document", () => {
    expect(checkTwiml(wrap(stream('url="wss://r.test/m"')), true).violations.join()).toContain(
      "waitUrl",
    );
  });
});

it("checkTwiml does not run a parameter of 500 characters, name and value together", () => {
  const parameter = (length: number) =>
    checkTwiml(
      wrap(stream('url="wss://r.test/m"', `<Parameter name="a" value="${"x".repeat(length)}"/>`)),
    );
  expect(parameter(498)).toMatchObject({ readable: true, violations: [] });
  const refused = parameter(499);
  expect(refused.readable).toBe(false);
  expect(refused.violations).toEqual([expect.stringContaining("500 characters")]);
});

describe("checkTwiml cannot read", () => {
  it.each([
    ["nothing", ""],
    ["another root", "<Twiml/>"],
    ["an unclosed verb", "<Response><Say>Hi</Response>"],
    ["a bare ampersand", "<Response><Say>a & b</Say></Response>"],
    ["an unknown entity", "<Response><Say>&nbsp;</Say></Response>"],
    ["a control character", "<Response><Say>\u0007</Say></Response>"],
    ["an attribute twice", '<Response><Say loop="1" loop="2">Hi</Say></Response>'],
    ["an attribute without quotes", "<Response><Say loop=1>Hi</Say></Response>"],
    ["two roots", "<Response/><Response/>"],
  ])("%s", (_name, source) => {
    const { readable, violations } = checkTwiml(source);
    expect(readable).toBe(false);
    expect(violations[0]).toMatch(/^12100/);
  });
});
