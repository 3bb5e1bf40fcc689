/** Listening to a live call in a real browser: the samples at its output are those of the phone line. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { playedAudio } from "../../sim/twilio/heard.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { framesBehind, NumberedVoice, openCounting } from "../fakes/listening-tap.js";
import { decoded, keepAudio, played as playedIn } from "../fakes/page-audio.js";
import { type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "It left on Monday.", audio: loud(speechLike(1_500, 2)) };
const QUESTION = loud(speechLike(600, 3));
const FRAME_MS = 20;
/** Of 60 ms: enough to see past a moment in which the machine was busy. */
const MESSAGES = 34;

/**
 * Without pauses, and never zero: a page that was held up skips pauses and plays silence where
 * nothing has come, neither of which can then be taken for a voice.
 */
function loud(ulaw: Uint8Array): Uint8Array {
  return ulaw.map((byte) => byte & 0xaf);
}

const medianOf = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

describe.skipIf(chromiumSkip("listening in a browser") !== null)(
  "listening in the console",
  { timeout: 4 * PATIENCE_MS },
  () => {
    let browser: Browser;
    let stage: Stage;
    beforeAll(async () => {
      browser = await launchChromium([
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
      ]);
      stage = await startStage(
        { turns: [{ say: HELLO }, { say: ANSWER }] },
        { twilio: { speed: 1 } },
      );
    }, PATIENCE_MS);
    afterAll(async () => {
      await browser?.close();
      await stage?.close();
    });

    it("lets the caller hear the browser's microphone in place of the agent, and hands back", async () => {
      const call = stage.twilio.placeCall();
      await stage.until(call.sid, "agent_heard");
      const opened = await openPage(browser);
      const { page } = opened;
      await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${call.sid}`);
      await page.getByRole("button", { name: "Listen" }).click();
      await page.getByRole("button", { name: "Take over" }).click();
      await page.getByText("the caller hears you").waitFor();
      const before = playedAudio(call.streams[0]!).length;
      const voice = () => playedAudio(call.streams[0]!).subarray(before);
      // Chromium's fake microphone beeps once a second.
      await expect.poll(() => voice().length, { timeout: PATIENCE_MS }).toBeGreaterThan(16_000);
      const peak = Math.max(...decoded(voice()).map(Math.abs));
      expect(peak).toBeGreaterThan(2_000);
      await page.getByLabel("Note for the agent").fill("Refund granted.");
      await page.getByRole("button", { name: "Hand back" }).click();
      await page.getByRole("button", { name: "Take over" }).waitFor();
      const told = () => JSON.stringify(stage.model.sessions.at(-1)!.events);
      await expect.poll(told, { timeout: PATIENCE_MS }).toContain("Refund granted.");
      call.hangUp();
      await stage.until(call.sid, "ended");
      await page.getByText("completed").first().waitFor();
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });

    it("plays what the caller heard and said, sample for sample and in order", async () => {
      const call = stage.twilio.placeCall();
      await stage.until(call.sid, "agent_heard");
      const opened = await openPage(browser);
      const { page } = opened;
      await keepAudio(page);
      await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${call.sid}`);
      await page.getByRole("button", { name: "Listen" }).click();
      await page.locator(".tag.good", { hasText: "listening" }).waitFor();
      await call.say(QUESTION);
      const played = (side: 0 | 1) => playedIn(page, side);
      await expect
        .poll(async () => (await played(1)).length, { timeout: PATIENCE_MS })
        .toBeGreaterThanOrEqual(decoded(ANSWER.audio).length);
      const voice = async (side: 0 | 1) => (await played(side)).filter((sample) => sample !== 0);
      expect(await voice(1)).toEqual(decoded(ANSWER.audio));
      expect((await voice(0)).join()).toContain(decoded(QUESTION).join());
      await page.getByRole("button", { name: "Stop listening" }).click();
      await page.getByRole("button", { name: "Listen" }).waitFor();
      call.hangUp();
      await stage.until(call.sid, "ended");
      expect(opened.complaints(/ScriptProcessorNode/)).toEqual([]);
      await opened.close();
    });

    it("is less than 300 ms behind the caller, and again after the page stood still", async () => {
      const call = stage.twilio.placeCall({ voice: new NumberedVoice() });
      await stage.until(call.sid, "agent_heard");
      const opened = await openCounting(browser, ulawToLinear);
      const { page } = opened;
      await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${call.sid}`);
      await page.getByRole("button", { name: "Listen" }).click();
      await page.locator(".tag.good", { hasText: "listening" }).waitFor();
      /** The usual delay of the sound in what arrives from now on: frames, counted, not measured. */
      const delayMs = async () => {
        const known = (await framesBehind(page)).length;
        await expect
          .poll(async () => (await framesBehind(page)).length, { timeout: PATIENCE_MS })
          .toBeGreaterThanOrEqual(known + MESSAGES);
        return FRAME_MS * medianOf((await framesBehind(page)).slice(known, known + MESSAGES));
      };
      await expect.poll(delayMs, { timeout: PATIENCE_MS }).toBeLessThan(300);
      await page.evaluate("{ const from = Date.now(); while (Date.now() - from < 500); }");
      await expect.poll(delayMs, { timeout: PATIENCE_MS }).toBeLessThan(300);
      call.hangUp();
      await stage.until(call.sid, "ended");
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });
  },
);
