/** A thousand live calls in one browser window. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/system/system-clock.js";
import type { CallSid, ItemId, StreamSid } from "../../src/domain/ids.js";
import { agentsRoute } from "../../src/http/agents-route.js";
import { consoleRoutes } from "../../src/http/console-route.js";
import { eventsRoute } from "../../src/http/events-route.js";
import { historyRoutes } from "../../src/http/history-routes.js";
import type { HttpServer } from "../../src/http/listener.js";
import { LiveEvents } from "../../src/records/live-events.js";
import { memoryCalls } from "../../src/records/memory-calls.js";
import { MemoryJournal } from "../../src/records/memory-journal.js";
import { createRedact, STANDARD_REDACT } from "../../src/records/redact.js";
import { agent } from "../fakes/call-bench.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { startOperator } from "../http/harness.js";

const CALLS = 1_000;
/** As many as a row of the console's table may be: see view-live.js. */
const ROWS = 100;
const sid = (n: number) => `CA${n.toString().padStart(32, "0")}` as CallSid;

describe.skipIf(chromiumSkip("a thousand calls in a browser") !== null)(
  "a thousand live calls",
  () => {
    let server: HttpServer | null = null;
    let close: () => Promise<void> = async () => {};
    afterEach(async () => {
      await close();
      server?.close();
    });

    it("are as few rows as ever, drawn a frame at a time, and all to be found", {
      timeout: 4 * PATIENCE_MS,
    }, async () => {
      const journal = new MemoryJournal({ limit: 2 * CALLS });
      const events = new LiveEvents(journal, createRedact(STANDARD_REDACT));
      const side = await startOperator({
        routes: ({ auth, audit }) => [
          ...consoleRoutes({ auth, audit, sessions: null }),
          agentsRoute({ agents: new Map([["support", agent()]]) }, "1"),
          eventsRoute({ events, clock: systemClock }),
          ...historyRoutes({
            store: memoryCalls(journal),
            live: (callSid) => journal.record(callSid),
            remove: async () => false,
            epochMs: () => systemClock.epochMs(),
            newId: randomUUID,
          }),
        ],
      });
      server = side.server;
      const { port } = side;
      const epochMs = systemClock.epochMs();
      const begin = (n: number) => {
        events.write(sid(n), {
          type: "opened",
          epochMs: epochMs + n,
          agent: "support",
          direction: "inbound",
          from: `+1555${String(n).padStart(7, "0")}`,
          to: "+15550001111",
          path: "media-stream",
          node: "a",
        });
        events.write(sid(n), { type: "stream_started", atMs: 1, streamSid: `MZ${n}` as StreamSid });
      };
      const say = (n: number, text: string) => {
        const itemId = `item_${n}_${text}` as ItemId;
        events.write(sid(n), { type: "agent_turn", itemId, startedMs: 10, voiceToVoiceMs: 700 });
        events.write(sid(n), { type: "agent_text", itemId, text });
      };
      // Half of them began before the page was opened.
      for (let n = 0; n < CALLS / 2; n++) begin(n);
      const browser = await launchChromium();
      close = async () => await browser.close();
      const { page, complaints } = await openPage(browser);
      await page.goto(`http://127.0.0.1:${port}/console`);
      await page.locator(".count", { hasText: "500" }).waitFor();
      for (let n = CALLS / 2; n < CALLS; n++) begin(n);
      await page.locator(".count", { hasText: "1000" }).waitFor();
      const rows = page.locator("table.live tbody tr");
      expect(await rows.count()).toBe(ROWS);
      await page.getByText(`Showing the first ${ROWS} of 1,000.`).waitFor();

      // 20,000 events, as fast as they can be told: it draws frames, not events.
      await page.evaluate(`
      window.drawn = 0;
      window.frames = 0;
      new MutationObserver(() => { window.drawn += 1; })
        .observe(document.body, { childList: true, subtree: true, characterData: true });
      requestAnimationFrame(function count() { window.frames += 1; requestAnimationFrame(count); });
    `);
      for (let round = 0; round < 10; round++) {
        for (let n = 0; n < CALLS; n++) say(n, `word ${round}`);
        // Let the sockets take it: a reader that is 1 MiB behind is disconnected.
        await expect
          .poll(async () => (await rows.first().textContent())?.includes(`word ${round}`), {
            timeout: PATIENCE_MS,
          })
          .toBe(true);
      }
      await rows
        .nth(ROWS - 1)
        .getByText("word 9")
        .waitFor();
      // The first may have been in progress already.
      expect(await page.evaluate("window.drawn - window.frames")).toBeLessThan(5);
      expect(await rows.count()).toBe(ROWS);
      expect(await page.evaluate("document.querySelectorAll('*').length")).toBeLessThan(ROWS * 30);

      // An old one, far below what is shown.
      await page.getByRole("searchbox").fill("5550000007");
      await rows.nth(1).waitFor({ state: "detached" });
      expect(await rows.locator("a").getAttribute("href")).toBe(`#/calls/${sid(7)}`);
      expect(complaints()).toEqual([]);
    });
  },
);
