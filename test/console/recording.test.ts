/** A call's recording in a real browser, from Twilio to its player, in parts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { agent } from "../fakes/call-bench.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { makeWav } from "../fakes/make-wav.js";
import { startStage } from "../fakes/stage.js";

const SECONDS = 120;

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe.skipIf(chromiumSkip("playing a recording in a browser") !== null)("a recording", () => {
  it("can be heard from its beginning to its end", { timeout: 4 * PATIENCE_MS }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "murelay-recording-"));
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    const profile = agent({ recording: { enabled: true, channels: "dual", transcribe: null } });
    const stage = await startStage(
      { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
      {
        database: true,
        agents: {
          agents: new Map([[profile.name, profile]]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
        env: {
          DATABASE_URL: `sqlite:${folder}/murelay.db`,
          RECORDINGS_DIR: `${folder}/recordings`,
        },
      },
    );
    closers.push(() => stage.close());
    const call = stage.twilio.placeCall();
    await call.events.until("first_media", {}, PATIENCE_MS);
    call.hangUp();
    await stage.twilio.settled();
    const record = async () =>
      (await (await fetch(`http://127.0.0.1:${stage.adminPort}/api/calls/${call.sid}`)).json()) as {
        recording: { file: string | null } | null;
      };
    await expect
      .poll(async () => (await record()).recording?.file ?? null, { timeout: PATIENCE_MS })
      .not.toBeNull();
    // Longer than what is answered at once.
    const { recording } = await record();
    writeFileSync(
      join(folder, "recordings", recording?.file ?? ""),
      makeWav(2, SECONDS * 8_000, (_channel, frame) => 3_000 * Math.sin(frame / 4)),
    );
    const browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
    closers.push(() => browser.close());
    const { page, complaints } = await openPage(browser);
    await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${call.sid}`);
    await page.getByLabel("Recording of the call").waitFor();
    const player = "document.querySelector('audio')";
    await expect
      .poll(() => page.evaluate(`${player}.duration`), { timeout: PATIENCE_MS })
      .toBe(SECONDS);
    await page.evaluate(`${player}.currentTime = ${SECONDS - 1}; ${player}.play()`);
    await expect.poll(() => page.evaluate(`${player}.ended`), { timeout: PATIENCE_MS }).toBe(true);
    expect(await page.evaluate(`${player}.error`)).toBeNull();
    expect(complaints()).toEqual([]);
  });
});
