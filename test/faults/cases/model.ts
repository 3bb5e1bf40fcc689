import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { failed, oversizedEvent, rateLimited } from "../../../sim/model/turns.js";
import type { FaultCase } from "../fault-case.js";
import { until, type World } from "../world.js";

const TEXTS: readonly string[] = [
  "",
  "null",
  "{",
  "[]",
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  '{"type":"response.output_audio.delta","response_id":"none","item_id":"none","delta":"%%%"}',
  '{"type":"response.done","response":null}',
  '{"type":"response.done","response":{"id":"none","status":"completed","output":[{}]}}',
  '{"type":"conversation.item.truncated","item_id":"none","audio_end_ms":-1}',
  '{"type":"input_audio_buffer.speech_started","audio_start_ms":1e300,"item_id":"x"}',
  '{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","limit":-1,"remaining":1e300,"reset_seconds":1e300}]}',
  '{"type":"error","error":null}',
  `{"type":"session.updated","session":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
];

/** A caller whose model does this reaches a person, and is never left in silence. */
async function reachesPerson(world: World): Promise<void> {
  const call = world.twilio.placeCall();
  await call.events.until("dial_bridged", {}, 30_000);
  call.hangUp();
  await call.ended;
}

export const MODEL_CASES: readonly FaultCase[] = [
  ...([401, 403, 429, 503, "silent"] as const).map(
    (handshake): FaultCase => ({
      name: `model-${handshake}`,
      group: "model",
      ...(handshake === 503 ? { quick: true } : {}),
      what: `the model answers the handshake with ${handshake}`,
      holds: "the caller reaches a person",
      run: async (world) => {
        world.model.faults.handshake = handshake;
        await reachesPerson(world);
      },
    }),
  ),
  {
    name: "model-rejects",
    group: "model",
    what: "the model rejects the session: wrong key, unknown model",
    holds: "the caller reaches a person",
    run: async (world) => {
      for (const rejection of ["invalid_api_key", "invalid_model"] as const) {
        world.model.faults.rejectSessions = rejection;
        await reachesPerson(world);
      }
    },
  },
  {
    name: "model-crash",
    group: "model",
    quick: true,
    what: "the model's socket dies in five calls at once",
    holds: "each call has a new session, and no caller is lost",
    run: async (world) => {
      const calls = await Promise.all(Array.from({ length: 5 }, () => world.talk()));
      const before = world.model.sessions.length;
      for (const session of world.model.sessions) if (session.closed === null) session.crash();
      await until(() => world.model.sessions.length >= before + 5, "five new sessions");
      assert(calls.every(({ over }) => !over));
    },
  },
  {
    name: "model-turns",
    group: "model",
    what: "responses that fail, end without output, or meet a rate limit of 31 years",
    holds: "the caller hears the next one, or reaches a person",
    run: async (world) => {
      for (const turn of [failed(), {}, rateLimited(1e9)]) {
        world.turns.push(turn);
        const call = await world.talk();
        call.hangUp();
        await call.ended;
      }
    },
  },
  {
    name: "model-bytes",
    group: "model",
    quick: true,
    what: `${TEXTS.length} kinds of texts that are no event or one that nothing asked for`,
    holds: "the call goes on, or its session is replaced",
    run: async (world) => {
      for (const text of TEXTS) {
        const call = await world.talk();
        world.model.sessions.at(-1)?.sendText(text);
        await sleep(50);
        assert.equal(call.over, false, text.slice(0, 60));
        call.hangUp();
        await call.ended;
      }
      await world.answersNewCaller();
    },
  },
  {
    name: "model-large-event",
    group: "model",
    what: "events of 1 MB each from the model, ten in a row",
    holds: "the call goes on",
    run: async (world) => {
      const call = await world.talk();
      for (let i = 0; i < 10; i++) {
        world.model.sessions.at(-1)?.sendText(JSON.stringify(oversizedEvent(1_000_000)));
        await sleep(100);
      }
      assert.equal(call.over, false);
    },
  },
];
