/** axe-core on the pages of the console: light and dark, wide and narrow. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { type Stage, startStage } from "../fakes/stage.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What is in order is not described, which takes most of the time. */
const RUN = 'axe.run({ resultTypes: ["violations"] })';
/** Until the page before is not shown any more. */
const goTo = (hash: string): string => `new Promise((done) => {
  const drawn = () => requestAnimationFrame(() => requestAnimationFrame(done));
  addEventListener("hashchange", drawn, { once: true });
  location.hash = ${JSON.stringify(hash)};
})`;
const HELLO = { text: "Hello.", audio: speechLike(400, 1) };

interface Result {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

describe.skipIf(chromiumSkip("axe-core on the console") !== null)(
  "the console's pages",
  { timeout: 4 * PATIENCE_MS },
  () => {
    let browser: Browser;
    let stage: Stage;
    let callSid: string;
    let over: { readonly sid: string };
    beforeAll(async () => {
      browser = await launchChromium();
      stage = await startStage({
        turns: [
          { say: HELLO },
          { calls: [{ name: "lookup_order", arguments: { query: "none" } }] },
          { say: HELLO },
        ],
        transcripts: ["Where is it?"],
      });
      const first = stage.twilio.placeCall();
      over = first;
      await stage.until(over.sid, "agent_heard");
      first.hangUp();
      await stage.until(over.sid, "ended");
      const call = stage.twilio.placeCall();
      callSid = call.sid;
      await stage.until(callSid, "agent_heard");
      const note = { method: "POST", headers: { "content-type": "application/json" } };
      const at = `http://127.0.0.1:${stage.adminPort}/api/calls/${callSid}/note`;
      await fetch(at, { ...note, body: '{"text":"A vip."}' });
    }, PATIENCE_MS);
    afterAll(async () => {
      await browser?.close();
      await stage?.close();
    });

    it.each([
      ["light", "wide"],
      ["light", "narrow"],
      ["dark", "wide"],
      ["dark", "narrow"],
    ] as const)("have no finding of axe-core, %s and %s", async (colorScheme, width) => {
      const viewport =
        width === "wide" ? { width: 1200, height: 800 } : { width: 360, height: 700 };
      const opened = await openPage(browser, { colorScheme, viewport });
      const { page } = opened;
      await page.goto(`http://127.0.0.1:${stage.adminPort}/console`);
      await page.locator("table.live tbody tr").first().waitFor();
      await page.evaluate(AXE);
      for (const [hash, ready] of [
        ["#/live?sort=trouble", "table.live tbody tr"],
        ["#/ended?interrupted=false", "table.calls tbody tr"],
        ["#/review", ".lead"],
        [`#/calls/${over.sid}`, ".review .rating"],
        ["#/wall", ".plain tbody tr"],
        [`#/calls/${callSid}`, ".turn.agent"],
        [`#/calls/${callSid}/inspect`, "canvas.inspect"],
        ["#/audit?refused=false", "table.audit tbody tr"],
        ["#/place", "form"],
        ["#/health", ".tile"],
      ] as const) {
        await page.evaluate(goTo(hash));
        await page.locator(ready).first().waitFor();
        const { violations } = (await page.evaluate(RUN)) as Result;
        const found = violations.flatMap(({ id, nodes }) =>
          nodes.map(({ html, failureSummary }) => `${hash} ${id}: ${html} ${failureSummary}`),
        );
        expect(found).toEqual([]);
      }
      await page.keyboard.press("?");
      await page.locator("dialog.sheet").waitFor();
      const sheet = (await page.evaluate(RUN)) as Result;
      expect(sheet.violations.map(({ id }) => id)).toEqual([]);
      await opened.close();
    });
  },
);
