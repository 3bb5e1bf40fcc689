/** Contract O5: what was said is kept, and what cannot be transcribed is not waited for. */
import { afterEach, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { hears } from "../fakes/heard-call.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const question = speechLike(600, 2);
/** The longest wait for transcripts that are due is 3 s. */
const SOON_MS = 1_500;

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function endsSoon(on: Stage, callSid: string, hangUp: () => void): Promise<void> {
  const hungUpMs = performance.now();
  hangUp();
  await on.until(callSid, "ended");
  expect(performance.now() - hungUpMs).toBeLessThan(SOON_MS);
  const record = on.record(callSid);
  expect(record.events).toContainEqual(
    expect.objectContaining({
      name: "transcription_failed",
      fields: { code: "audio_unintelligible" },
    }),
  );
  expect(record.turns.filter(({ who }) => who === "caller").map(({ text }) => text)).toEqual([
    null,
  ]);
}

it("a failed transcription ends the wait for it on Media Streams", async () => {
  stage = await startStage(
    { turns: [{ say: GREETING }, null] },
    { model: { transcription: "failed", transcriptDelayMs: 700 } },
  );
  const { model, twilio } = stage;
  const call = twilio.placeCall();
  await hears(call, GREETING.audio);
  await call.say(question);
  await expect
    .poll(() => model.sessions[0]!.speech.at(-1)?.stoppedAtMs ?? null, { timeout: 5_000 })
    .not.toBe(null);
  await endsSoon(stage, call.sid, () => call.hangUp());
});

it("a failed transcription is noted on SIP", async () => {
  const sip = await startSipStage({
    script: { turns: [{ say: GREETING }, { say: GREETING }] },
    model: { transcription: "failed" },
  });
  stage = sip;
  const caller = sip.place();
  const call = await sip.greeted();
  await sip.ask(caller);
  await sip.said(call, 2);
  await endsSoon(sip, caller.sid, () => caller.hangUp());
});
