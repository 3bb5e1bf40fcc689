/** Ends of the caller's turns that the model misses: the caller is answered all the same. */
import type { ExpectStatic } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { ModelSession } from "../../sim/model/session.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "I am still here.", audio: speechLike(400, 2) };
const MOST_SILENCE_MS = 8_000;

const started = { type: "input_audio_buffer.speech_started", item_id: "missed", audio_start_ms: 0 };
const stopped = { type: "input_audio_buffer.speech_stopped", item_id: "missed", audio_end_ms: 90 };

/** Of the context of a test. */
interface Beside {
  readonly closes: Closes;
  readonly expect: ExpectStatic;
}

/** A greeted caller; then the session says what `tell` lets it say, and the caller waits. */
async function answered(
  { closes, expect }: Beside,
  path: "media-stream" | "sip",
  tell: (session: ModelSession) => void,
) {
  const script = { turns: [{ say: GREETING }, { say: ANSWER }] };
  const options = { twilio: { speed: 1 } };
  const on =
    path === "sip"
      ? await startSipStage({ script, ...options })
      : await startStage(script, options);
  closes(on);
  const call = on.twilio.placeCall();
  await on.until(call.sid, "agent_heard");
  const session = on.model.sessions[0]!;
  tell(session);
  const toldMs = performance.now();
  const heard = (): unknown[] =>
    on.record(call.sid).turns.flatMap(({ text, heardMs }) => ((heardMs ?? 0) > 0 ? [text] : []));
  await expect.poll(heard, { timeout: 15_000 }).toContain(ANSWER.text);
  expect(performance.now() - toldMs).toBeLessThan(MOST_SILENCE_MS);
  expect(session.responses).toHaveLength(2);
  expect(on.model.violations()).toEqual([]);
}

it.concurrent("a start of speech without an end, while the caller is silent", async ({
  closes,
  expect,
}) => {
  await answered({ closes, expect }, "media-stream", (session) => session.send(started));
});

it.concurrent.for(["media-stream", "sip"] as const)(
  "a turn that the model never commits, on the path %s",
  async (path, { closes, expect }) => {
    await answered({ closes, expect }, path, (session) => {
      session.send(started);
      session.send(stopped);
    });
  },
);
