/** Every page of the console in Firefox: the other engine, and the other resampler of sound. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { playedAudio } from "../../sim/twilio/heard.js";
import { Firefox, type FirefoxPage, firefoxSkip } from "../fakes/firefox.js";
import { decoded, KEEP_OUTPUT } from "../fakes/page-audio.js";
import { type SoundServer, soundSkip, startSoundServer } from "../fakes/sound-server.js";
import { type Stage, startStage } from "../fakes/stage.js";

const PATIENCE_MS = 45_000;
const TOKEN = "the-token-of-ada";
const ENTER = "\uE007";
const HELLO = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "It left on Monday.", audio: speechLike(1_500, 2) };
const QUESTION = speechLike(600, 3);
const isMissing = firefoxSkip("the console in Firefox") !== null;
const isSilent = isMissing || soundSkip("listening in Firefox") !== null;

describe.skipIf(isMissing)("the console in Firefox", { timeout: 4 * PATIENCE_MS }, () => {
  let home: string;
  let sound: SoundServer | null;
  let firefox: Firefox;
  let stage: Stage;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "murelay-console-firefox-"));
    const file = join(home, "operators.yaml");
    const hash = createHash("sha256").update(TOKEN).digest("hex");
    writeFileSync(file, `operators:\n  ada: {role: admin, token_sha256: ${hash}}\n`);
    sound = isSilent ? null : await startSoundServer();
    firefox = await Firefox.launch(sound?.address);
    stage = await startStage(
      { turns: [{ say: HELLO }, { say: ANSWER }] },
      { twilio: { speed: 1 }, env: { OPERATORS_FILE: file } },
    );
  }, 2 * PATIENCE_MS);
  afterAll(async () => {
    await firefox?.close();
    await sound?.close();
    await stage?.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** Signs in on the page of that address. */
  async function signIn(hash: string): Promise<FirefoxPage> {
    const page = await firefox.openPage();
    await page.addInitScript(KEEP_OUTPUT);
    await page.goto(`http://127.0.0.1:${stage.adminPort}/console${hash}`);
    await page.waitFor("form");
    await page.click("Operator token");
    await page.type(TOKEN + ENTER);
    await page.waitFor("[title='Role: admin']");
    return page;
  }

  it("shows every page, without an error of a script or of the content security policy", async () => {
    const ended = stage.twilio.placeCall();
    await stage.until(ended.sid, "agent_heard");
    ended.hangUp();
    await stage.until(ended.sid, "ended");
    const call = stage.twilio.placeCall();
    await stage.until(call.sid, "agent_heard");
    const page = await signIn("#/live");
    for (const [hash, ready] of [
      ["#/live?sort=trouble", "table.live tbody tr"],
      ["#/ended", "table.calls tbody tr"],
      ["#/review", ".lead"],
      [`#/calls/${ended.sid}`, ".review .rating"],
      ["#/wall", ".plain tbody tr"],
      [`#/calls/${call.sid}`, ".turn.agent"],
      [`#/calls/${ended.sid}/inspect`, "canvas.inspect"],
      ["#/audit", "table.audit tbody tr"],
      ["#/place", "form"],
      ["#/health", ".tile"],
    ] as const) {
      await page.evaluate(`void (location.hash = ${JSON.stringify(hash)})`);
      await page.waitFor(ready);
      expect([hash, ...page.complaints]).toEqual([hash]);
    }
    await page.close();
    call.hangUp();
    await stage.until(call.sid, "ended");
  });

  it.skipIf(isSilent)(
    "plays a call sample for sample, and lets the caller hear the microphone",
    async () => {
      const call = stage.twilio.placeCall();
      await stage.until(call.sid, "agent_heard");
      const page = await signIn(`#/calls/${call.sid}`);
      await page.click("Listen", "button");
      await page.waitFor(".tag.good", "listening");
      await call.say(QUESTION);
      const played = async (side: 0 | 1) =>
        (await page.evaluate<number[]>(`window.played[${side}]`))
          .map((sample) => Math.round(sample * 32_768))
          .filter((sample) => sample !== 0);
      const [question, answer] = [decoded(QUESTION), decoded(ANSWER.audio)];
      await expect
        .poll(async () => (await played(1)).length, { timeout: PATIENCE_MS })
        .toBeGreaterThanOrEqual(answer.length);
      expect(await played(1)).toEqual(answer);
      expect((await played(0)).join()).toContain(question.join());
      await page.click("Take over", "button");
      await page.waitFor("body", "the caller hears you");
      const before = playedAudio(call.streams[0]!).length;
      const voice = () => decoded(playedAudio(call.streams[0]!).subarray(before));
      await expect
        .poll(() => Math.max(0, ...voice().map(Math.abs)), { timeout: PATIENCE_MS })
        .toBeGreaterThan(2_000);
      await page.click("Hand back", "button");
      await page.click("Stop listening", "button");
      await page.waitFor("button", "Listen");
      call.hangUp();
      await stage.until(call.sid, "ended");
      expect(page.complaints.filter((text) => !text.includes("ScriptProcessorNode"))).toEqual([]);
      await page.close();
    },
  );
});
