import assert from "node:assert/strict";
import { speechLike } from "../../../sim/audio/synth.js";
import type { FaultCase } from "../fault-case.js";
import type { World } from "../world.js";

/** What an attacker writes, for a page, a document, a log, a terminal, a database, a table. */
const EVIL: readonly string[] = [
  '<script>alert(1)</script><img src=x onerror="alert(1)">',
  "</Say></Response><Response><Dial>+19005551234</Dial>",
  '"}\n{"level":60,"msg":"forged line"}',
  "\u001b[2J\u001b]0;owned\u0007",
  "'; DROP TABLE calls; --",
  '=HYPERLINK("http://evil")',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what an attacker writes
  "{{caller_number}} ${OPENAI_API_KEY}",
  "\u202Etxet desrever\u0000",
];
const ALL = EVIL.join(" ");

/** The log has one JSON object a line, without what was said or a whole number. */
function checkLog(world: World, from: number, words: readonly string[]): void {
  const said = world.relay.log().slice(from);
  for (const line of said.split("\n").filter((text) => text.startsWith("{"))) {
    const parsed = JSON.parse(line) as { msg?: string };
    assert.notEqual(parsed.msg, "forged line");
  }
  for (const word of words) assert(!said.includes(word), `the log contains ${word}`);
  assert(!said.includes("\u001b"), "the log contains a control sequence");
}

/** The answer is JSON and says that it is, so that no browser takes it for a page. */
async function checkApi(world: World, callSid: string): Promise<void> {
  const answer = await world.operator(`/api/calls/${callSid}`);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  JSON.parse(await answer.text());
}

export const WORDS_CASES: readonly FaultCase[] = [
  {
    name: "words-of-the-model",
    group: "words",
    quick: true,
    what: "the model says markup, TwiML, log lines, control sequences, SQL and formulas",
    holds: "they are text in the record; the log has none of them; the API answers JSON",
    run: async (world) => {
      const from = world.relay.log().length;
      world.turns.push({ say: { text: ALL, audio: speechLike(400, 3) } });
      const call = await world.talk();
      await call.events.until("first_media", {}, 20_000);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      call.hangUp();
      await call.ended;
      const record = await world.record(call.sid);
      assert(JSON.stringify(record).includes("DROP TABLE"), "the words are not in the record");
      await checkApi(world, call.sid);
      checkLog(world, from, ["DROP TABLE", "onerror"]);
    },
  },
  {
    name: "words-of-tools",
    group: "words",
    quick: true,
    what: "the model calls tools with such arguments, and a transfer with such reasons and names",
    holds: "only destinations of the directory are dialled, with TwiML that Twilio can read",
    run: async (world) => {
      const from = world.relay.log().length;
      const arguments_ = { destination: "desk", reason: ALL, summary: ALL, urgency: "low" };
      world.turns.push(
        { calls: [{ name: "lookup_order", arguments: { query: ALL } }] },
        {
          calls: [
            { name: "transfer_call", arguments: { ...arguments_, destination: EVIL[1] ?? "" } },
          ],
        },
        { calls: [{ name: "transfer_call", arguments: arguments_ }] },
      );
      const call = world.twilio.placeCall();
      await call.events.until("dial_bridged", {}, 30_000);
      call.hangUp();
      await call.ended;
      const dialled = world.twilio.legs.filter(({ parentSid }) => parentSid === call.sid);
      assert.deepEqual([...new Set(dialled.map(({ to }) => to))], ["+12025550123"]);
      await checkApi(world, call.sid);
      checkLog(world, from, ["DROP TABLE", "onerror"]);
      assert.deepEqual(
        world.twilio.violations().filter((text) => text.startsWith(call.sid)),
        [],
      );
    },
  },
  {
    name: "words-of-callers",
    group: "words",
    quick: true,
    what: "names, addresses, SIP headers and callbacks of a caller that hold such words",
    holds: "valid TwiML, one line a log entry, and they do not reach the model as instructions",
    run: async (world) => {
      const from = world.relay.log().length;
      for (const evil of EVIL) {
        const call = await world.talk({
          from: `sip:${encodeURIComponent(evil).slice(0, 60)}@evil.example`,
          params: {
            CallerName: evil,
            SipHeader_X_Order: evil,
            "SipHeader_User-to-User": evil,
            StirVerstat: evil,
          },
        });
        const told = JSON.stringify(world.model.sessions.at(-1)?.events ?? []);
        assert(!told.includes("DROP TABLE") && !told.includes("onerror"), "told to the model");
        for (const path of ["/call-status", "/stream-status", "/amd-status", "/recording-status"])
          await world.twilio.post(path, { CallSid: call.sid, CallStatus: evil, AnsweredBy: evil });
        call.hangUp();
        await call.ended;
        assert.deepEqual(
          world.twilio.violations().filter((text) => text.startsWith(call.sid)),
          [],
        );
        await checkApi(world, call.sid);
      }
      checkLog(world, from, ["DROP TABLE", "onerror"]);
    },
  },
  {
    name: "words-of-operators",
    group: "words",
    quick: true,
    what: "searches, call SIDs, notes and orders of the operator API that hold such words",
    holds: "4xx or an empty answer, as JSON; never 5xx",
    run: async (world) => {
      for (const evil of EVIL) {
        const text = encodeURIComponent(evil);
        const answers = await Promise.all([
          world.operator(`/api/calls?q=${text}`),
          world.operator(`/api/calls?sort=${text}&before=${text}&limit=${text}`),
          world.operator(`/api/calls/${text}`),
          world.operator(`/api/calls/${text}/transfer`, {
            method: "POST",
            body: JSON.stringify({ destination: evil, reason: evil }),
          }),
          world.operator("/api/calls", {
            method: "POST",
            body: JSON.stringify({ to: evil, agent: evil, context: { evil } }),
          }),
        ]);
        for (const answer of answers) {
          assert(answer.status < 500, `${answer.url}: ${answer.status}`);
          assert.match(answer.headers.get("content-type") ?? "", /json/);
        }
      }
    },
  },
];
