/** Talking to the agent by a browser's microphone: the demo's softphone, the real relay, a real Chromium with a fake microphone. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  consoleAddress,
  NUMBERS,
  type RunningPhone,
  startSoftphone,
  transferTarget,
} from "../../demo/browser-call.js";
import { loadClip } from "../../demo/clips.js";
import { demoScript, loadDemoClips } from "../../demo/script.js";
import { SoftphoneLines } from "../../demo/softphone.js";
import { decodeUlaw } from "../../sim/audio/mulaw.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { agent } from "../fakes/call-bench.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { makeWav } from "../fakes/make-wav.js";
import { type Stage, startStage } from "../fakes/stage.js";

const TEST_MS = 4 * PATIENCE_MS;
const GREETING_MS = 2_500;
const demo = loadDemoClips();
/** Its greeting is a shorter one, which has to be heard before one speaks. */
const clips = {
  ...demo,
  greeting: { ...demo.greeting, audio: demo.greeting.audio.subarray(0, GREETING_MS * 8) },
};
/** What the microphone hears again and again: the greeting's time and a pause, then speech, then a long pause to be answered in. */
const QUIET_MS = GREETING_MS + 2_500;
const AFTER_MS = 20_000;

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(): Promise<{ stage: Stage; phone: RunningPhone }> {
  const lines = new SoftphoneLines();
  const profile = agent({
    name: "walk_in",
    instructions: "A walk-in caller is on the line.",
    transcription: { model: "gpt-live-transcribe", language: null },
    tools: ["lookup_order"].map((name) => ({
      name,
      description: "",
      parameters: {},
      source: { kind: "builtin" as const },
      timeoutMs: 3_000,
      sayWhileWaiting: null,
    })),
  });
  const stage = await startStage(demoScript(clips), {
    agents: {
      agents: new Map([[profile.name, profile]]),
      numbers: new Map(),
      defaultAgent: profile.name,
    },
    twilio: { numbers: NUMBERS, callees: transferTarget, hooks: lines.hooks },
    overrides: { phone: true },
  });
  closers.push(() => stage.close());
  const phone = await startSoftphone({ twilio: stage.twilio, lines, adminPort: stage.adminPort });
  closers.push(() => phone.close());
  return { stage, phone };
}

function microphoneFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "murelay-microphone-"));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const speech = decodeUlaw(loadClip("caller-human").audio);
  const [before, after] = [QUIET_MS * 8, AFTER_MS * 8];
  const file = join(folder, "microphone.wav");
  writeFileSync(
    file,
    makeWav(1, before + speech.length + after, (_channel, frame) => speech[frame - before] ?? 0),
  );
  return file;
}

describe.skipIf(chromiumSkip("talking by a browser") !== null)(
  "the Talk page",
  { timeout: TEST_MS },
  () => {
    it("lets one hear the greeting, be heard and answered, reach a human by a key, and hang up", async () => {
      const { stage, phone } = await start();
      const browser = await launchChromium([
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${microphoneFile()}`,
        "--autoplay-policy=no-user-gesture-required",
      ]);
      closers.push(() => browser.close());
      const { page, complaints } = await openPage(browser, { permissions: ["microphone"] });
      await page.goto(consoleAddress(stage.adminPort, phone.address));
      // The secret does not stay in the address, which may be copied.
      await page.waitForURL(/#\/talk$/);
      await page.getByRole("button", { name: "Call", exact: true }).click();
      const panel = page.locator(".talk");
      await panel.locator("xpath=self::*[@data-state='talking']").waitFor();
      const call: Leg = stage.twilio.legs[0]!;
      // Half a second of the greeting came out of the loudspeaker.
      await expect
        .poll(async () => Number(await panel.getAttribute("data-heard")), { timeout: PATIENCE_MS })
        .toBeGreaterThan(25);
      await page.locator(".turn.agent", { hasText: "Your call is now first in line" }).waitFor();
      // The model heard speech, and answered with what it looked up.
      await page.locator(".turn.caller", { hasText: "(speech" }).first().waitFor();
      await page.locator(".turn.agent", { hasText: "Sorry you're having problems." }).waitFor();
      expect(stage.model.sessions[0]!.speech.length).toBeGreaterThan(0);
      await page.getByRole("button", { name: "Mute" }).click();
      await page.getByRole("button", { name: "Unmute" }).waitFor();
      await page.getByRole("button", { name: "0", exact: true }).click();
      await page.getByText("transferred you").waitFor();
      expect(call.events.find("key", { key: "0" })).toBeDefined();
      await page.getByRole("button", { name: "Hang up" }).click();
      await call.ended;
      await page.getByText("The call has ended.").waitFor();
      await page.getByRole("button", { name: "Call", exact: true }).waitFor();
      expect(complaints()).toEqual([]);
      expect([...stage.twilio.violations(), ...stage.model.violations()]).toEqual([]);
    });

    it("says so when the microphone is refused, and does not call", async () => {
      const { stage, phone } = await start();
      const browser = await launchChromium(["--deny-permission-prompts"]);
      closers.push(() => browser.close());
      const { page, complaints } = await openPage(browser);
      await page.goto(consoleAddress(stage.adminPort, phone.address));
      await page.getByRole("button", { name: "Call", exact: true }).click();
      await page
        .getByRole("alert")
        .getByText(/microphone/)
        .waitFor();
      await page.locator(".talk[data-state='off']").waitFor();
      expect(stage.twilio.legs).toEqual([]);
      expect(complaints()).toEqual([]);
    });
  },
);

describe("the softphone", () => {
  const closed = (socket: WebSocket) =>
    new Promise<string>((resolve) => {
      socket.on("open", () => resolve("open"));
      socket.on("unexpected-response", (_request, response) =>
        resolve(String(response.statusCode)),
      );
      socket.on("error", () => resolve("error"));
    });

  it("opens only for pages of the console that know its secret", async () => {
    const { stage, phone } = await start();
    const origin = `http://127.0.0.1:${stage.adminPort}`;
    const ask = async (address: string, headers: Record<string, string>) => {
      const socket = new WebSocket(address, { headers });
      const answer = await closed(socket);
      socket.terminate();
      return answer;
    };
    expect(await ask(phone.address, { origin })).toBe("open");
    expect(await ask(phone.address, { origin: "https://evil.example" })).toBe("403");
    expect(await ask(phone.address, {})).toBe("403");
    expect(await ask(phone.address.replace(/.$/, "!"), { origin })).toBe("403");
    expect(await ask(phone.address.replace(/phone.*/, ""), { origin })).toBe("403");
  });

  it("hangs up when its page is closed", async () => {
    const { stage, phone } = await start();
    const socket = new WebSocket(phone.address, {
      headers: { origin: `http://127.0.0.1:${stage.adminPort}` },
    });
    expect(await closed(socket)).toBe("open");
    socket.send('{"type":"call"}');
    await expect.poll(() => stage.twilio.legs.length, { timeout: PATIENCE_MS }).toBe(1);
    const call = stage.twilio.legs[0]!;
    await call.events.until("first_media", {}, PATIENCE_MS);
    socket.terminate();
    await call.ended;
    expect(stage.twilio.violations()).toEqual([]);
  });
});
