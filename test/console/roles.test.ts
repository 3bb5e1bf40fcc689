/** The console of operators with different roles, in a real browser. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { type Stage, startStage } from "../fakes/stage.js";

const ROLES = ["viewer", "supervisor", "admin"] as const;
const tokenOf = (role: string): string => `the-token-of-the-${role}`;
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

describe.skipIf(chromiumSkip("roles in the console") !== null)(
  "the console by role",
  { timeout: 4 * PATIENCE_MS },
  () => {
    let home: string;
    let browser: Browser;
    let stage: Stage;
    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), "murelay-console-roles-"));
      const file = join(home, "operators.yaml");
      const entries = ROLES.map(
        (role) => `  a-${role}: {role: ${role}, token_sha256: ${hash(tokenOf(role))}}\n`,
      );
      writeFileSync(file, `operators:\n${entries.join("")}`);
      browser = await launchChromium();
      stage = await startStage(
        { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
        { env: { OPERATORS_FILE: file } },
      );
    }, PATIENCE_MS);
    afterAll(async () => {
      await browser?.close();
      await stage?.close();
      rmSync(home, { recursive: true, force: true });
    });

    async function signIn(role: string, hash: string) {
      const opened = await openPage(browser);
      await opened.page.goto(`http://127.0.0.1:${stage.adminPort}/console${hash}`);
      await opened.page.getByLabel("Operator token").fill(tokenOf(role));
      await opened.page.keyboard.press("Enter");
      await opened.page.getByTitle(`Role: ${role}`).waitFor();
      return opened;
    }

    it("lets a viewer look, with masked numbers, and do nothing", async () => {
      const call = stage.twilio.placeCall({ from: "+15550100001" });
      await stage.until(call.sid, "agent_heard");
      const opened = await signIn("viewer", `#/calls/${call.sid}`);
      const { page } = opened;
      await page.locator(".turn.agent", { hasText: "Hello." }).waitFor();
      await page.getByLabel("Show numbers").check();
      await page.locator("h1", { hasText: "+1••••••••01" }).waitFor();
      expect(await page.getByRole("button", { name: /…$/ }).count()).toBe(0);
      expect(await page.getByRole("link", { name: /Audit|Place a call/ }).count()).toBe(0);
      await opened.close();
      call.hangUp();
    });

    it("lets a supervisor give a note; an admin reads in the audit log who did", async () => {
      const call = stage.twilio.placeCall({ from: "+15550100002" });
      await stage.until(call.sid, "agent_heard");
      const supervisor = await signIn("supervisor", `#/calls/${call.sid}`);
      await supervisor.page.getByRole("button", { name: "Note …" }).click();
      await supervisor.page.getByLabel("Note").fill("They are a vip.");
      await supervisor.page.getByRole("button", { name: "Send note" }).click();
      await supervisor.page.getByText("The model was told.").waitFor();
      expect(JSON.stringify(stage.model.sessions.at(-1)!.events)).toContain("They are a vip.");
      await supervisor.close();
      const admin = await signIn("admin", "#/audit");
      const row = admin.page.locator("table.audit tr", { hasText: call.sid });
      await row.getByText("a-supervisor").waitFor();
      await row.getByText("note", { exact: true }).waitFor();
      await admin.close();
      call.hangUp();
    });

    it("lets a supervisor review a call, which a viewer sees and cannot change", async () => {
      const call = stage.twilio.placeCall({ from: "+15550100003" });
      await stage.until(call.sid, "agent_heard");
      call.hangUp();
      await stage.until(call.sid, "ended");
      const supervisor = await signIn("supervisor", `#/calls/${call.sid}`);
      const review = supervisor.page.locator(".review");
      await review.getByRole("button", { name: "2 of 5" }).click();
      await review.getByText("2 of 5, by a-supervisor").waitFor();
      await review.getByLabel("New tag").fill("Too slow");
      await review.getByRole("button", { name: "Add tag" }).click();
      await review.getByText("too-slow").waitFor();
      await review.getByLabel("New note").fill("Ask +15550100003 again.");
      await review.getByRole("button", { name: "Add note" }).click();
      await review.getByText("Ask +15550100003 again.").waitFor();
      await review.getByRole("button", { name: "Mark as reviewed" }).click();
      await review.getByText(/^Reviewed by a-supervisor/).waitFor();
      await supervisor.close();

      const viewer = await signIn("viewer", "#/ended");
      await viewer.page
        .locator(".facets")
        .getByRole("link", { name: /too-slow/ })
        .click();
      await viewer.page.getByRole("link", { name: "Remove Tag: too-slow" }).waitFor();
      expect(viewer.page.url()).toContain("#/ended?tag=too-slow");
      const found = viewer.page.locator("table.calls tbody th a");
      await expect.poll(() => found.count(), { timeout: 10_000 }).toBe(1);
      await found.click();
      const seen = viewer.page.locator(".review");
      await seen.getByText("Ask +1••••••••03 again.").waitFor();
      expect(await seen.getByRole("button").count()).toBe(0);
      await viewer.close();
    });

    it("ends the session of all tabs of a browser when one signs out", async () => {
      const opened = await signIn("supervisor", "#/live");
      const other = await opened.page.context().newPage();
      await other.goto(`http://127.0.0.1:${stage.adminPort}/console#/wall`);
      await other.getByTitle("Role: supervisor").waitFor();
      await opened.page.getByRole("button", { name: "Sign out" }).click();
      await other.getByLabel("Operator token").waitFor();
      await opened.close();
    });

    it("has keyboard shortcuts with a help sheet, which are quiet while a text is written", async () => {
      const opened = await signIn("viewer", "#/live");
      const { page } = opened;
      await page.locator("h1", { hasText: "Live calls" }).waitFor();
      await page.keyboard.press("g");
      await page.keyboard.press("w");
      await page.locator("h1", { hasText: "Wall" }).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("g");
      await page.keyboard.press("e");
      await page.locator("h1", { hasText: "Ended calls" }).waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("gw?");
      expect(await page.getByLabel("Search", { exact: true }).inputValue()).toBe("gw?");
      await page.locator("h1", { hasText: "Ended calls" }).waitFor();
      await opened.close();
    });

    it("asks for notifications when a button is pressed, and not before", async () => {
      const opened = await openPage(browser, { permissions: ["notifications"] });
      const { page } = opened;
      await page.addInitScript(`
        window.asked = 0;
        Notification.requestPermission = async () => { window.asked += 1; return "granted"; };`);
      await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/live`);
      await page.getByLabel("Operator token").fill(tokenOf("viewer"));
      await page.keyboard.press("Enter");
      const button = page.getByRole("button", { name: "Notify me of trouble" });
      await button.waitFor();
      expect(await page.evaluate("window.asked")).toBe(0);
      await button.click();
      await page.getByRole("button", { name: "Notifications on" }).waitFor();
      expect(await page.evaluate("window.asked")).toBe(1);
      await opened.close();
    });
  },
);
