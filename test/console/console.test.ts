/** The console in a real browser, against the real relay between the simulators. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { LINGER_MS } from "../../console/live-calls.js";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script } from "../../sim/model/script.js";
import { heardMs } from "../../sim/twilio/heard.js";
import {
  chromiumSkip,
  launchChromium,
  openPage,
  PATIENCE_MS,
  tabTo,
  type WatchedPage,
} from "../fakes/chromium.js";
import { freePorts } from "../fakes/relay-node.js";
import { type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello from the store.", audio: speechLike(300, 1) };
const LONG = {
  text: "Your order left our house on Monday and will be with you on Thursday, or on Friday when it rains.",
  audio: speechLike(15_000, 2),
};
const SORRY = { text: "Of course, sorry.", audio: speechLike(300, 3) };
const QUESTION = speechLike(600, 4);
const STOP = speechLike(600, 5);
const TOKEN = "a-token-of-some-length";
/** After so long in the background, a page closes its event stream. */
const HIDDEN_MS = 5_000;
const TEST_MS = 4 * PATIENCE_MS;

const script: Script = {
  turns: [
    { say: HELLO },
    { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
    { say: LONG },
    { say: SORRY },
  ],
  transcripts: ["Where is my order?", "Stop, please."],
};

describe.skipIf(chromiumSkip("the console in a browser") !== null)(
  "the console",
  { timeout: TEST_MS },
  () => {
    let browser: Browser;
    let stage: Stage | null = null;
    let opened: WatchedPage | null = null;
    /** Of what a page may complain in this test. */
    let expected: RegExp | undefined;

    beforeAll(async () => {
      browser = await launchChromium();
    }, TEST_MS);
    afterAll(async () => await browser?.close());
    afterEach(async () => {
      const complaints = opened?.complaints(expected) ?? [];
      expected = undefined;
      await opened?.close();
      opened = null;
      await stage?.close();
      stage = null;
      // No script failed, nothing was refused by the policy, nothing could not be loaded.
      expect(complaints).toEqual([]);
    });

    async function start(
      options: Parameters<typeof startStage>[1] = {},
      play: Script = script,
    ): Promise<Stage> {
      stage = await startStage(play, options);
      return stage;
    }

    async function open(
      port: number,
      hash = "",
      options: Parameters<typeof openPage>[1] = {},
      prepare: (page: Page) => Promise<void> = async () => undefined,
    ): Promise<Page> {
      opened = await openPage(browser, options);
      await prepare(opened.page);
      await opened.page.goto(`http://127.0.0.1:${port}/console${hash}`);
      return opened.page;
    }
    /** Its clock goes on by itself, and can be put forward. */
    const withClock = (port: number) => open(port, "", {}, (page) => page.clock.install());
    const ready = (page: Page) => page.locator(".badge.good").waitFor();
    const heading = (page: Page, text: string | RegExp) =>
      page.locator("h1", { hasText: text }).waitFor();

    it("shows a live call as it happens, and its end", async () => {
      const { twilio, adminPort } = await start();
      const page = await withClock(adminPort);
      await page.getByText("There are no live calls.").waitFor();
      await ready(page);
      const call = twilio.placeCall({ from: "+15550100001" });
      const row = page.locator("table.live tbody tr");
      await row.getByText("Hello from the store.").waitFor();
      await row.getByText("+1••••••••01").waitFor();
      await row.getByText("support").waitFor();
      await row.getByText("listening").waitFor();
      await page.getByLabel("Show numbers").check();
      await row.getByText("+15550100001").waitFor();
      await call.say(QUESTION);
      await row.getByText("agent speaks").waitFor();
      // The answer's words, and how long it took.
      await row.getByText("Your order left our house").waitFor();
      await row.locator('[data-label="Latency"]', { hasText: /\d+ ms|\d s/ }).waitFor();
      await call.say(STOP);
      await row.locator('[data-label="Interruptions"]', { hasText: "1" }).waitFor();
      await row.getByText("Of course, sorry.").waitFor();
      call.hangUp();
      await row.getByText(/ended/).waitFor();
      await page.clock.fastForward(LINGER_MS);
      await page.getByText("There are no live calls.").waitFor();
    });

    it("tells apart what an interrupted caller heard and what was generated, and shows tools, cost and a drawing", async () => {
      const { twilio, adminPort, record } = await start();
      const call = twilio.placeCall();
      const page = await open(adminPort, `#/calls/${call.sid}`);
      await page.locator(".turn.agent", { hasText: HELLO.text }).waitFor();
      await page
        .locator(".turn.agent .tag", { hasText: "speaking" })
        .waitFor({ state: "detached" });
      await call.say(QUESTION);
      await page.locator(".turn.caller", { hasText: "Where is my order?" }).waitFor();
      await expect
        .poll(() => heardMs(call.streams[0]!, LONG.audio) ?? 0, { timeout: PATIENCE_MS })
        .toBeGreaterThan(1_000);
      await call.say(STOP);
      const interrupted = page.locator(".turn.interrupted");
      await interrupted.locator(".unheard").waitFor();
      const turn = record(call.sid).turns.find(({ interruptedAtMs }) => interruptedAtMs !== null)!;
      expect(turn.heardText).not.toBe("");
      const said = await interrupted.locator(".said").textContent();
      const rest = (turn.text ?? "").slice((turn.heardText ?? "").length);
      expect(rest.trim()).not.toBe("");
      // Word for word what the record has, and for those who read by ear where it ends.
      expect(said).toBe(`${turn.heardText}Generated, but not heard: ${rest}`);
      await page.locator(".turn.agent", { hasText: SORRY.text }).waitFor();

      const tool = page.locator(".step.tool", { hasText: "lookup_order" });
      await tool.locator("summary").click();
      await tool.locator("pre", { hasText: '"query": "4217"' }).waitFor();
      await tool.locator(".tag.good", { hasText: "ok" }).waitFor();
      await page.getByText(/tokens in/).waitFor();
      const drawing = page.getByRole("img", { name: /interruptions: 1, tool calls: 1/ });
      await drawing.waitFor();
      expect(await drawing.locator(".talk.agent rect.unplayed").count()).toBe(1);
      expect(await drawing.locator(".used").count()).toBe(1);
      call.hangUp();
      await page.locator(".tag.outcome", { hasText: "completed" }).waitFor();
      // It can be read by its address later on, too.
      await page.reload();
      await page.locator(".turn.interrupted .unheard").waitFor();
    });

    it("lets a supervisor transfer a call, to names only", async () => {
      const { twilio, adminPort, record } = await start();
      const call = twilio.placeCall();
      await call.events.until("first_media", {}, PATIENCE_MS);
      const page = await open(adminPort, `#/calls/${call.sid}`);
      await page.getByRole("button", { name: "Transfer …" }).click();
      await page.getByLabel("Destination").selectOption("desk");
      await page.getByLabel("Reason").fill("they know the caller");
      await page.getByRole("button", { name: "Transfer to desk" }).click();
      await call.events.until("dial_bridged", {}, PATIENCE_MS);
      await page.locator(".step.transfer", { hasText: "requested by a supervisor" }).waitFor();
      await page.getByText("they know the caller").waitFor();
      expect(record(call.sid).transfer).toMatchObject({
        destination: "desk",
        by: "supervisor",
        reason: "they know the caller",
      });
      expect(await page.content()).not.toContain("+15551112222");
    });

    it("ends a call by the keyboard alone, after asking", async () => {
      const { twilio, adminPort } = await start();
      const call = twilio.placeCall();
      const page = await open(adminPort);
      const link = page.locator("table.live tbody a");
      await tabTo(page, link);
      await page.keyboard.press("Enter");
      await heading(page, "with support");
      // Whoever reads by ear is told where they are.
      expect(await page.evaluate("document.activeElement.tagName")).toBe("H1");
      const end = page.getByRole("button", { name: "End call …" });
      await tabTo(page, end);
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      expect(call.over).toBe(false);
      await tabTo(page, end);
      await page.keyboard.press("Enter");
      await tabTo(page, dialog.getByRole("button", { name: "End call" }));
      await page.keyboard.press("Enter");
      await call.ended;
      await page.locator(".tag.outcome").waitFor();
      expect(await end.count()).toBe(0);
    });

    it("places a call, and says in words why one is refused", async () => {
      expected = /status of 422/;
      const { twilio, adminPort } = await start();
      const page = await open(adminPort, "#/place");
      await page.getByLabel("Agent", { exact: true }).selectOption("support");
      await page.getByLabel("Number to call").fill("+1 202 555 0199");
      await page.getByLabel("Context").fill("[1]");
      await page.getByRole("button", { name: "Call" }).click();
      await page.getByText("The context is not a JSON object.").waitFor();
      await page.getByLabel("Context").fill('{"order": "4217"}');
      await page.getByRole("button", { name: "Call" }).click();
      await page.getByText("enter a caller ID").waitFor();
      await page.getByLabel("Caller ID").fill("+15550001111");
      await page.getByRole("button", { name: "Call" }).click();
      await heading(page, "called by support");
      await page.locator(".turn.agent", { hasText: HELLO.text }).waitFor();
      const leg = twilio.legs.at(-1)!;
      expect([leg.to, leg.from]).toEqual(["+12025550199", "+15550001111"]);
      leg.hangUp();
      await page.locator(".tag.outcome").waitFor();
    });

    it("lists ended calls by filter and page, and gives them as CSV", async () => {
      const { twilio, adminPort } = await start();
      const calls = ["+15550100001", "+15550100002"].map((from) => twilio.placeCall({ from }));
      for (const call of calls) {
        await call.events.until("first_media", {}, PATIENCE_MS);
        call.hangUp();
      }
      await twilio.settled();
      const page = await open(adminPort, "#/ended");
      const rows = page.locator("table.calls tbody tr");
      await rows.nth(1).waitFor();
      await page.getByText("More filters").click();
      await page.getByLabel("Caller", { exact: true }).fill("+15550100002");
      await page.getByRole("button", { name: "Filter" }).click();
      await rows.nth(1).waitFor({ state: "detached" });
      await rows.getByText("+1••••••••02").waitFor();
      expect(page.url()).toContain("#/ended?from=%2B15550100002");
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        (async () => {
          await page.getByText("Download", { exact: true }).click();
          await page.getByRole("link", { name: /^CSV/ }).click();
        })(),
      ]);
      expect(download.suggestedFilename()).toBe("calls.csv");
      const stream = await download.createReadStream();
      let csv = "";
      for await (const chunk of stream) csv += String(chunk);
      const lines = csv.trim().split(/\r?\n/);
      expect(lines).toHaveLength(2);
      expect(lines[0]).toContain("callSid");
      expect(lines[1]).toContain(calls[1]!.sid);
      await page.getByRole("combobox", { name: "Outcome" }).selectOption("failed");
      await page.getByRole("button", { name: "Filter" }).click();
      await page.getByText("No matching calls.").waitFor();
    });

    it("shows how the relay is", async () => {
      const { twilio, adminPort } = await start();
      const call = twilio.placeCall();
      await call.events.until("first_media", {}, PATIENCE_MS);
      const page = await open(adminPort, "#/health");
      await page.locator(".tile.good", { hasText: "Readiness" }).getByText("ready").waitFor();
      await page
        .locator(".tile", { hasText: "Active calls" })
        .getByText("1", { exact: true })
        .waitFor();
      await page
        .locator(".tile", { hasText: "Event loop lag" })
        .getByText(/ms|–/)
        .first()
        .waitFor();
    });

    it("wants the token, keeps the page that was asked for, and forgets all when one signs out", async () => {
      expected = /status of 401/;
      const { adminPort } = await start({ env: { ADMIN_TOKEN: TOKEN } });
      const page = await open(adminPort, "#/health");
      const token = page.getByLabel("Operator token");
      await token.fill("not the token");
      await page.keyboard.press("Enter");
      await page.getByText("The token is wrong.").waitFor();
      await token.fill(TOKEN);
      await page.keyboard.press("Enter");
      await heading(page, "Health");
      await ready(page);
      expect(await page.evaluate("document.cookie")).toBe("");
      expect(await page.evaluate("localStorage.length + sessionStorage.length")).toBe(0);
      await page.reload();
      await heading(page, "Health");
      await page.getByRole("button", { name: "Sign out" }).click();
      await token.waitFor();
      const refused = await page.evaluate(async () => (await fetch("/api/calls")).status);
      expect(refused).toBe(401);
    });

    it("is let in by a link on another site, to whom the browser shows no cookie at first", async () => {
      expected = /status of 401/;
      const { adminPort } = await start({ env: { ADMIN_TOKEN: TOKEN } });
      const page = await open(adminPort);
      await page.getByLabel("Operator token").fill(TOKEN);
      await page.keyboard.press("Enter");
      await heading(page, "Live calls");
      // Another site, as far as a browser is concerned.
      await page.route("http://chat.example/", (route) =>
        route.fulfill({
          contentType: "text/html",
          body: `<a href="http://127.0.0.1:${adminPort}/console#/health">look</a>`,
        }),
      );
      await page.goto("http://chat.example/");
      await page.getByText("look").click();
      await heading(page, "Health");
    });

    it("says that the relay has gone, comes back by itself, and knows what there is then", async () => {
      expected = /ERR_|Failed to load/;
      const port = await freePorts(1);
      const first = await start({ env: { ADMIN_PORT: String(port) } });
      const before = first.twilio.placeCall({ from: "+15550100001" });
      const page = await open(port);
      await page.locator("table.live").getByText("+1••••••••01").waitFor();
      await before.events.until("first_media", {}, PATIENCE_MS);
      await first.close();
      stage = null;
      await page.getByRole("alert").getByText("The relay cannot be reached.").waitFor();
      await page.getByText("not connected").waitFor();
      const second = await start({ env: { ADMIN_PORT: String(port) } });
      const after = second.twilio.placeCall({ from: "+15550100002" });
      await page.locator("table.live").getByText("+1••••••••02").waitFor();
      await page.getByText("not connected").waitFor({ state: "detached" });
      // The call of the relay that is gone is not shown any more.
      expect(await page.getByText("+1••••••••01").count()).toBe(0);
      await page.locator("table.live").getByText(HELLO.text).waitFor();
      after.hangUp();
    });

    it("asks for the token again when the session is over", async () => {
      expected = /ERR_|Failed to load/;
      const port = await freePorts(1);
      const env = { ADMIN_PORT: String(port), ADMIN_TOKEN: TOKEN };
      const first = await start({ env });
      const page = await open(port);
      await page.getByLabel("Operator token").fill(TOKEN);
      await page.keyboard.press("Enter");
      await ready(page);
      await page.context().clearCookies();
      await first.close();
      await start({ env });
      await page.getByLabel("Operator token").waitFor();
    });

    it("closes the stream while the page is hidden, and reads everything again when it is shown", async () => {
      const { twilio, adminPort } = await start();
      const page = await withClock(adminPort);
      await ready(page);
      const streams: string[] = [];
      page.on("request", (request) => {
        if (request.url().endsWith("/api/events")) streams.push(request.url());
      });
      const look = (hidden: boolean) =>
        page.evaluate(
          `Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} }); document.dispatchEvent(new Event("visibilitychange"))`,
        );
      const ended = page.waitForEvent("requestfailed", (request) =>
        request.url().endsWith("/api/events"),
      );
      await look(true);
      await page.clock.fastForward(HIDDEN_MS);
      await ended;
      const call = twilio.placeCall();
      await call.events.until("first_media", {}, PATIENCE_MS);
      expect(streams).toEqual([]);
      await look(false);
      await page.locator("table.live").getByText(HELLO.text).waitFor();
      expect(streams).toHaveLength(1);
      call.hangUp();
    });

    it("shows what people and models say as text, whatever it looks like", async () => {
      const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
      const { twilio, adminPort } = await start(
        {},
        {
          turns: [
            { say: { text: evil, audio: speechLike(400, 1) } },
            { calls: [{ name: "lookup_order", arguments: { query: evil } }] },
            { say: { text: `${evil} 2`, audio: speechLike(400, 2) } },
          ],
          transcripts: [evil],
        },
      );
      const call = twilio.placeCall({ from: `sip:${evil}` });
      const page = await open(adminPort);
      await page.getByLabel("Show numbers").check();
      await page.locator("table.live").getByText(evil).first().waitFor();
      const images = await page.locator("img").count();
      await page.locator("table.live tbody a").click();
      await page.locator(".turn.agent", { hasText: evil }).waitFor();
      await call.say(QUESTION);
      await page.locator(".turn.caller", { hasText: evil }).waitFor();
      await page.locator(".turn.agent", { hasText: `${evil} 2` }).waitFor();
      await page.locator(".step.tool summary").click();
      await page.locator(".step.tool pre", { hasText: "onerror" }).first().waitFor();
      expect(await page.locator("img").count()).toBe(images);
      expect(await page.locator("main img, main script").count()).toBe(0);
      expect(await page.title()).toBe("Call · murelay");
    });

    it("can be used on a phone, in the dark, without scrolling sideways", async () => {
      const { twilio, adminPort } = await start();
      const call = twilio.placeCall();
      const page = await open(adminPort, "", {
        viewport: { width: 360, height: 700 },
        colorScheme: "dark",
      });
      await page.locator("table.live").getByText(HELLO.text).waitFor();
      const overflow = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect(await overflow()).toBe(0);
      const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(ground).toBe("rgb(16, 21, 27)");
      await page.locator("table.live tbody a").click();
      await page.locator(".turn.agent", { hasText: HELLO.text }).waitFor();
      expect(await overflow()).toBe(0);
      for (const [hash, title] of [
        ["#/ended", "Ended calls"],
        ["#/place", "Place a call"],
        ["#/health", "Health"],
      ] as const) {
        await page.goto(`http://127.0.0.1:${adminPort}/console${hash}`);
        await heading(page, title);
        expect([hash, await overflow()]).toEqual([hash, 0]);
      }
      call.hangUp();
    });
  },
);
