import { existsSync } from "node:fs";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";

/** Two busy cores: what is waited for comes, and nobody knows when. */
export const PATIENCE_MS = 45_000;

/**
 * Chromium draws a page for its address bar with each window, which costs more than the page that
 * is tested. Of two such flags Chromium takes the last, so Playwright's own features stand here too.
 */
const WITHOUT = [
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  ...["AimEnabled", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose"],
  ...["HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter"],
  ...["NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch"],
  ...["ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect"],
].join(",");

/** Where the browser is, or what to say about its absence. */
export function findChromium(): { readonly path: string } | { readonly missing: string } {
  const given = process.env["CHROMIUM"];
  const path = [
    ...(given === undefined ? [] : [given]),
    // The same browser without a window system: it takes a third less CPU.
    "/usr/bin/chromium-headless-shell",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
  ].find((one) => existsSync(one));
  return path === undefined
    ? {
        missing:
          "no Chromium is installed (Debian: apt-get install chromium; elsewhere: CHROMIUM=/its/path)",
      }
    : { path };
}

/** Null where there is one; else says loudly what is left out. */
export function chromiumSkip(what: string): string | null {
  const found = findChromium();
  if ("path" in found) return null;
  console.warn(`NOT TESTED: ${what}: ${found.missing}`);
  return found.missing;
}

export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const found = findChromium();
  if ("missing" in found) throw new Error(found.missing);
  return chromium.launch({
    executablePath: found.path,
    args: ["--no-sandbox", "--disable-dev-shm-usage", `--disable-features=${WITHOUT}`, ...args],
    timeout: PATIENCE_MS,
  });
}

/** A page, and all that it complained of: errors of scripts, of loading, of the content security policy. */
export interface WatchedPage {
  readonly page: Page;
  /** Without those that were expected. */
  complaints(expected?: RegExp): string[];
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const said: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") said.push(message.text());
  });
  page.on("pageerror", (error) => said.push(`uncaught: ${error.message}`));
  return {
    page,
    complaints: (expected) => said.filter((text) => expected?.test(text) !== true),
    close: async () => await context.close(),
  };
}

/** Goes on with the Tab key until the control of that name has the focus. @throws Error when it never has. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let presses = 0; presses < 60; presses++) {
    if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("the Tab key does not lead there");
}
