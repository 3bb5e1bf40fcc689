/** How long it takes until the first calls of a page of the console are drawn, in Chromium. */
import { chromium } from "playwright-core";
import { findChromium } from "../../test/fakes/chromium.js";

/** Pages of ended calls, by the address behind the "#". */
export const PAGES = ["/ended", "/ended?q=order", "/ended?sort=cost", "/review"] as const;

/**
 * Waits for the first row, then for the frame that shows it, and gives the time since the navigation
 * began. A hidden page draws nothing; this one is never hidden.
 */
const DRAWN = `new Promise((resolve) => {
  const look = () =>
    document.querySelector("table.calls tbody tr") === null
      ? requestAnimationFrame(look)
      : requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  look();
})`;

/** For the first row. */
const PATIENCE_MS = 30_000;

/** @returns a null instead of the times where there is no Chromium. */
export async function drawTimes(
  port: number,
  rounds: number,
): Promise<readonly { readonly page: string; readonly times: readonly number[] }[] | null> {
  const found = findChromium();
  if ("missing" in found) {
    console.log(`not measured: when the first page is drawn: ${found.missing}`);
    return null;
  }
  const browser = await chromium.launch({
    executablePath: found.path,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    const drawn = [];
    for (const page of PAGES) {
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        // Nothing is in the cache of a new context.
        const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
        const tab = await context.newPage();
        await tab.goto(`http://127.0.0.1:${port}/console#${page}`, { waitUntil: "commit" });
        // Playwright limits how long this waits, and not how long the page evaluates.
        const [drawnMs] = await Promise.all([
          tab.evaluate<number>(DRAWN),
          tab.waitForSelector("table.calls tbody tr", { timeout: PATIENCE_MS }),
        ]);
        times.push(drawnMs);
        await context.close();
      }
      drawn.push({ page, times });
    }
    return drawn;
  } finally {
    await browser.close();
  }
}
