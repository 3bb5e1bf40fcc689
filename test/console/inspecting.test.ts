/** The inspector in a real browser: what is heard, where the cursor is, and what it shows. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs } from "../../sim/twilio/heard.js";
import type { TimelineEvent } from "../../src/recorder/timeline.js";
import { axeFindings, LOOKS, overflowOf } from "../fakes/axe.js";
import { agent } from "../fakes/call-bench.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { makeWav } from "../fakes/make-wav.js";
import { type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello there.", audio: speechLike(600, 1) };
const ANSWER = { text: "Your order has left.", audio: speechLike(1_500, 2) };
const SILENCE = 0xff;
/** One millisecond, between two silences: nothing else is as loud. */
const CLICK = Uint8Array.from({ length: 16_000 }, (_, i) =>
  i >= 9_600 && i < 9_608 ? 0x80 : SILENCE,
);

/** Beside the loudspeaker stands a microphone: it says when a click went by, in the audio's time. */
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) {
    const at = (input[0] ?? []).findIndex((sample) => Math.abs(sample) > 0.8);
    if (at >= 0) this.port.postMessage(currentTime + at / sampleRate);
    return true;
  }
});`;
const WATCH = `{
  const Native = AudioContext;
  const connect = AudioNode.prototype.connect;
  const TAP = ${JSON.stringify(TAP)};
  globalThis.clicks = [];
  globalThis.AudioContext = class extends Native {
    constructor(...how) {
      super(...how);
      globalThis.sound = this;
      this.tap = this.audioWorklet.addModule(URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }))).then(() => {
        const tap = new AudioWorkletNode(this, "tap");
        tap.port.onmessage = ({ data }) => clicks.push(data);
        connect.call(tap, this.destination);
        return tap;
      });
    }
  };
  AudioNode.prototype.connect = function (to, ...how) {
    if (to instanceof AudioDestinationNode) void this.context.tap.then((tap) => connect.call(this, tap));
    return connect.call(this, to, ...how);
  };
}`;
/** Each picture of the screen: what the loudspeaker plays, and where the cursor is. */
const PAIRS = `{
  globalThis.pairs = [];
  const look = () => {
    const { currentTime, outputLatency } = sound;
    pairs.push([currentTime - outputLatency, Number(document.querySelector(".playhead").dataset.ms)]);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}`;

let home: string;
let stage: Stage;
let browser: Browser;
let callSid: string;

const api = async (path: string, role: RequestInit = {}) =>
  await fetch(`http://127.0.0.1:${stage.adminPort}/api/calls/${path}`, role);

/** Outside of a test. */
async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  const wait = async () => {
    if (!(await check())) throw new Error("not yet");
  };
  await vi.waitFor(wait, { timeout: PATIENCE_MS, interval: 50 });
}

interface Fetched {
  readonly state: string;
  readonly recording: { readonly file: string | null } | null;
}

describe.skipIf(chromiumSkip("the inspector in a browser") !== null)(
  "the inspector",
  { timeout: 4 * PATIENCE_MS },
  () => {
    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), "murelay-inspecting-"));
      const recording = { enabled: true, channels: "dual" as const, transcribe: null };
      const transcription = { model: "gpt-live-transcribe", language: null };
      const profile = agent({ recording, transcription });
      stage = await startStage(
        {
          turns: [
            { say: HELLO },
            { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
            { say: ANSWER },
          ],
          transcripts: ["Where is my order?"],
        },
        {
          database: true,
          agents: {
            agents: new Map([[profile.name, profile]]),
            numbers: new Map(),
            defaultAgent: profile.name,
          },
          env: {
            DATABASE_URL: `sqlite:${join(home, "murelay.db")}`,
            RECORDINGS_DIR: join(home, "recordings"),
          },
          overrides: { recordFlights: true },
        },
      );
      browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
      const call = stage.twilio.placeCall();
      callSid = call.sid;
      await call.events.until("first_media", {}, PATIENCE_MS);
      const heard = (audio: Uint8Array, ms: number) =>
        until(() => heardMs(call.streams[0]!, audio) === ms);
      await heard(HELLO.audio, 600);
      await call.say(speechLike(900, 3));
      await heard(ANSWER.audio, 1_500);
      await call.say(CLICK);
      call.hangUp();
      await stage.twilio.settled();
      const record = async () => (await (await api(callSid)).json()) as Fetched;
      await until(async () => (await record()).state === "ended");
      const file = join(home, "recordings", `${callSid}.flight.jsonl`);
      await until(() => readFileSync(file, "utf8").includes('"out":"host","event":"ended"'));
      await until(async () => typeof (await record()).recording?.file === "string");
    }, 4 * PATIENCE_MS);
    afterAll(async () => {
      await browser?.close();
      await stage?.close();
      rmSync(home, { recursive: true, force: true });
    });

    const open = async (page: Page, query = "") => {
      const isThere = page.url().includes("/console#");
      await page.goto(
        `http://127.0.0.1:${stage.adminPort}/console#/calls/${callSid}/inspect${query}`,
      );
      // An address that differs behind "#" alone loads nothing.
      if (isThere) await page.reload();
      await page.locator("canvas.inspect").waitFor();
    };
    const cursor = async (page: Page) =>
      Number(await page.locator(".playhead").getAttribute("data-ms"));

    it("has its cursor within 30 ms of what is heard", async () => {
      // The console's policy lets no foreign script in, the microphone's neither.
      const opened = await openPage(browser, { bypassCSP: true });
      const { page } = opened;
      await page.addInitScript(WATCH);
      const wav = Buffer.from(await (await api(`${callSid}/audio`)).arrayBuffer());
      const caller = Buffer.from(wav.subarray(58).filter((_, i) => i % 2 === 0));
      const click = caller.indexOf(Buffer.from(CLICK.subarray(9_600, 9_608))) / 8;
      expect(click).toBeGreaterThan(3_000);
      await open(page, `?at=${Math.round(click - 1_500)}`);
      await page.getByRole("button", { name: "Play" }).click();
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.evaluate(PAIRS);
      await expect
        .poll(() => page.evaluate("clicks.length"), { timeout: PATIENCE_MS })
        .toBeGreaterThan(0);
      await expect.poll(() => cursor(page), { timeout: PATIENCE_MS }).toBeGreaterThan(click + 200);
      const [clickS] = (await page.evaluate("clicks")) as [number];
      const pairs = (await page.evaluate("pairs")) as [number, number][];
      const after = pairs.findIndex(([atS]) => atS >= clickS);
      const [[beforeS, beforeMs], [afterS, afterMs]] = [pairs[after - 1]!, pairs[after]!];
      const share = (clickS - beforeS) / (afterS - beforeS || 1);
      const shownMs = beforeMs + share * (afterMs - beforeMs);
      expect(Math.abs(shownMs - click)).toBeLessThan(30);
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });

    it("leads from a bar to its turn and back, and to the same instant by its address", async () => {
      const opened = await openPage(browser);
      const { page } = opened;
      await open(page);
      const { turns } = (await (await api(callSid)).json()) as {
        turns: { who: string; startedMs: number; endedMs: number }[];
      };
      const lengthMs = Number(await page.getByRole("slider").getAttribute("max"));
      const box = (await page.locator("canvas.inspect").boundingBox())!;
      const spoken = turns.find(({ who }) => who === "caller")!;
      const middleMs = (spoken.startedMs + spoken.endedMs) / 2;
      await page.mouse.click(box.x + (middleMs / lengthMs) * box.width, box.y + 50);
      const chosen = page.locator(".inspect-turns .chosen");
      expect(await chosen.textContent()).toContain("Where is my order?");
      expect(Math.abs((await cursor(page)) - middleMs)).toBeLessThan(lengthMs / box.width + 1);
      expect(await chosen.textContent()).toContain("first audio sent");
      const answer = turns.findLast(({ who }) => who === "agent")!;
      await page.locator(".inspect-turns .agent button").last().click();
      expect(await chosen.textContent()).toContain("Your order has left.");
      expect(await cursor(page)).toBe(answer.startedMs);
      await page.getByRole("button", { name: "Zoom in" }).click();
      await page.getByRole("button", { name: "Zoom in" }).click();
      await expect.poll(() => page.url()).toContain(`?at=${Math.round(answer.startedMs)}&zoom=4`);
      const address = page.url();
      const other = await openPage(browser);
      await other.page.goto(address);
      await other.page.locator("canvas.inspect").waitFor();
      await expect.poll(() => cursor(other.page)).toBe(answer.startedMs);
      await other.close();
      await page.getByRole("button", { name: "Whole call" }).click();
      await expect.poll(() => page.url()).not.toContain("zoom");
      // Another link to the same call, in which the cursor is far from where the view was.
      await page.evaluate(
        `location.hash = "#/calls/${callSid}/inspect?at=${spoken.endedMs}&zoom=8"`,
      );
      await expect.poll(() => cursor(page)).toBe(spoken.endedMs);
      expect(await page.locator(".playhead").isVisible()).toBe(true);
      await page.getByRole("slider").fill("1");
      await page.evaluate('location.hash = "#/live"');
      await page.locator("table.live, .empty").first().waitFor();
      expect(page.url()).toContain("#/live");
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });

    it("lists each kind of event at its time, and the lines that it was made from", async () => {
      const { page, close } = await openPage(browser);
      const { events } = (await (await api(`${callSid}/timeline`)).json()) as {
        events: TimelineEvent[];
      };
      const kinds = new Map(events.map((event) => [`${event.lane} ${event.name}`, event]));
      expect(kinds.size).toBeGreaterThan(20);
      await open(page, "?zoom=4");
      for (const { atMs, lane, name } of [...kinds.values()].slice(0, 25)) {
        await page.getByRole("slider").fill(String(Math.round(atMs)));
        const listed = page.locator(".near li", {
          hasText: `${(atMs / 1000).toFixed(3)} s ${lane}`,
        });
        await listed
          .filter({ hasText: name.replaceAll("_", " ") })
          .first()
          .waitFor();
      }
      const sent = events.find(({ lane, name }) => lane === "agent" && name === "sent")!;
      await page.getByRole("slider").fill(String(Math.round(sent.atMs)));
      await page.getByRole("button", { name: "Show lines at the cursor" }).click();
      expect(await page.locator("pre.raw").textContent()).toContain('"out":"phone"');
      await close();
    });

    it.each(LOOKS)(
      "has no finding of axe-core, and fits, with $colorScheme $viewport.width",
      async (look) => {
        const { page, close } = await openPage(browser, look);
        await open(page, "?at=1000&zoom=2");
        await page.getByRole("button", { name: "Show lines at the cursor" }).click();
        await page.locator("pre.raw").waitFor();
        await page.locator(".inspect-turns button").first().click();
        expect(await axeFindings(page)).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
        const shots = process.env["SCREENSHOTS"];
        if (shots !== undefined)
          await page.screenshot({
            path: join(shots, `inspect-${look.colorScheme}-${look.viewport.width}.png`),
            fullPage: true,
          });
        await close();
      },
    );

    it("gives the sound, the timeline, the record and the flight recording as files", async () => {
      const { page, close } = await openPage(browser, { acceptDownloads: true });
      await open(page);
      await page.locator(".files li").nth(3).waitFor();
      const names: string[] = [];
      for (const link of await page.locator(".files a").all()) {
        const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
        names.push(download.suggestedFilename());
        const bytes = readFileSync(await download.path());
        expect(bytes.length).toBeGreaterThan(500);
      }
      expect(names).toEqual([
        `${callSid}.wav`,
        `${callSid}.timeline.json`,
        `${callSid}.json`,
        `${callSid}.flight.jsonl`,
      ]);
      await close();
    });

    it("plays Twilio's recording where there is no other, and is quiet where there is none", async () => {
      rmSync(join(home, "recordings", `${callSid}.flight.jsonl`));
      const { recording } = (await (await api(callSid)).json()) as { recording: { file: string } };
      const file = join(home, "recordings", recording.file);
      writeFileSync(
        file,
        makeWav(2, 8_000 * 30, (_, frame) => 9_000 * Math.sin(frame / 4)),
      );
      const opened = await openPage(browser);
      const { page } = opened;
      await open(page, "?at=25000");
      await page.getByRole("button", { name: "Play" }).click();
      await expect.poll(() => cursor(page), { timeout: PATIENCE_MS }).toBeGreaterThan(25_500);
      expect(await page.locator(".axis-card").textContent()).toContain("Twilio's recording");
      await page.getByRole("button", { name: "Pause" }).click();
      const paused = await cursor(page);
      await page.getByRole("slider").fill("5000");
      await page.getByRole("checkbox", { name: "Agent" }).uncheck();
      // A frame of the screen, in which the cursor would have gone back to where it was paused.
      await page.evaluate(
        "new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))",
      );
      expect(await cursor(page)).toBe(5_000);

      // The block at 15 s is on its way when the cursor is moved on.
      let arrive = (): void => {};
      const held = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      await page.route("**/recording*", async (route) => {
        await held;
        await route.continue();
      });
      await page.getByRole("slider").fill("15000");
      await page.getByRole("button", { name: "Play" }).click();
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.getByRole("slider").fill("27000");
      arrive();
      await expect.poll(() => cursor(page), { timeout: PATIENCE_MS }).toBeGreaterThan(27_200);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.unroute("**/recording*");
      expect(opened.complaints()).toEqual([]);

      // A block of which nothing is known yet cannot be read: it is not requested again and again.
      let requests = 0;
      await page.goto("about:blank");
      await open(page, "?at=25000&zoom=8");
      await page.getByRole("button", { name: "Play" }).waitFor();
      await page.route("**/recording*", async (route) => {
        requests++;
        await route.abort();
      });
      await page.getByRole("slider").fill("5000");
      await page.getByRole("alert").filter({ hasText: "The sound cannot be read" }).waitFor();
      const asked = requests;
      for (let ms = 5_010; ms < 5_100; ms += 10) await page.getByRole("slider").fill(String(ms));
      expect([asked, requests]).toEqual([1, 1]);
      await page.unroute("**/recording*");
      rmSync(file);
      await open(page, `?at=${Math.round(paused)}`);
      await page.getByRole("alert").filter({ hasText: "not on this machine" }).waitFor();
      expect(await page.getByRole("button", { name: "Play" }).count()).toBe(0);
      expect(await page.locator(".inspect-turns li").count()).toBeGreaterThan(2);
      await opened.close();
    });
  },
);
