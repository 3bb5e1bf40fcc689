/** The report of a load run: as data, and as a page in a browser. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baselineText, readBaseline } from "../../bench/load/baseline.js";
import { LivePage } from "../../bench/load/live-page.js";
import { parseOptions } from "../../bench/load/options.js";
import { reportJson } from "../../bench/load/report-data.js";
import { reportHtml } from "../../bench/load/report-file.js";
import { judge, judgeMeasured, parseSlo } from "../../bench/load/slo.js";
import { UsageError } from "../../bench/load/usage-error.js";
import { axeFindings, LOOKS, overflowOf } from "../fakes/axe.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { loadFacts, loadResult, SLO } from "../fakes/load-result.js";

const folder = mkdtempSync(join(tmpdir(), "murelay-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const earlier = join(folder, "earlier.json");
const result = loadResult();
const data = reportJson(result, loadFacts(result));

beforeAll(() => {
  const slow = loadResult(1.5);
  writeFileSync(
    earlier,
    JSON.stringify(reportJson(slow, { ...loadFacts(slow), commit: "fedcba9" })),
  );
});

describe("the result of a run as data", () => {
  it("has how often each duration was measured", () => {
    expect(data.counts).toMatchObject({ uplink: 4_000, downlink: 900, hold: 0 });
    expect(data.samples[13]).toMatchObject({ uplinkP99Ms: null, uplinkCount: 0 });
  });

  it("can be compared with, and nothing else can", () => {
    const baseline = readBaseline(earlier);
    expect(baseline).toMatchObject({ calls: 100, durationS: 30, commit: "fedcba9" });
    expect(baselineText(result.figures, baseline)).toContain("cpu_ms_per_call_s");
    expect(baselineText(result.figures, baseline)).toMatch(/cpu_ms_per_call_s +3 → 2 +-33 %/);
    const other = join(folder, "other.json");
    writeFileSync(other, "{}");
    expect(() => readBaseline(other)).toThrow("has no figures");
    writeFileSync(other, "{");
    expect(() => readBaseline(other)).toThrow("is not JSON");
    expect(() => readBaseline(join(folder, "none"))).toThrow(UsageError);
  });

  it("is asked for with --baseline and --live", () => {
    expect(parseOptions(["--baseline", "a.json", "--live"])).toMatchObject({
      ...{ baselineFile: "a.json", live: true },
    });
  });
});

it("a limit that nobody gave, or of a run that goes on, is not broken by what was not measured", () => {
  const limits = parseSlo("uplink_p99_ms<20,hold_p99_ms<100,loss=1");
  expect(result.figures["hold_p99_ms"]).toBeNull();
  const { verdicts, unmeasured } = judgeMeasured(limits, result.figures);
  expect(verdicts.map(({ metric, ok }) => [metric, ok])).toEqual([
    ["uplink_p99_ms", true],
    ["loss", false],
  ]);
  expect(unmeasured).toEqual([limits[1]]);
  expect(judge(limits, result.figures).map(({ ok }) => ok)).toEqual([true, false, false]);
});

describe("the page of a run that goes on", () => {
  it("is for this machine alone, and gives newer seconds only", async () => {
    const page = new LivePage(null);
    const address = await page.listen();
    page.show(() => data);
    try {
      expect(new URL(address).hostname).toBe("127.0.0.1");
      const html = await (await fetch(address)).text();
      expect(html).toContain('"live":true');
      const newer = (await (
        await fetch(`${address}data.json?run=1&from=29`)
      ).json()) as typeof data;
      expect(newer.samples.map(({ second }) => second)).toEqual([29, 30]);
      expect((await fetch(`${address}x`)).status).toBe(404);
      expect((await fetch(address, { method: "POST" })).status).toBe(405);
      const { request } = await import("node:http");
      const status = await new Promise((resolve) => {
        request(address, { headers: { host: "evil.example" } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).end();
      });
      expect(status).toBe(403);
    } finally {
      page.close();
    }
  });
});

describe("the page of several runs", () => {
  const poll = async (address: string, query: string) =>
    (await (await fetch(`${address}data.json?${query}`)).json()) as typeof data & { run: number };

  it("gives every second of a run that the page has not seen", async () => {
    const page = new LivePage(null);
    const address = await page.listen();
    try {
      page.show(() => data);
      const first = await poll(address, "run=0&from=0");
      expect((await poll(address, `run=${first.run}&from=30`)).samples).toHaveLength(1);
      page.show(() => ({ ...data, samples: data.samples.slice(0, 3) }));
      const second = await poll(address, `run=${first.run}&from=30`);
      expect([second.run === first.run, second.samples.length]).toEqual([false, 3]);
    } finally {
      page.close();
    }
  });

  it("waits at its end for an open page, for a limited time, and for no other", async () => {
    const page = new LivePage(null);
    const address = await page.listen();
    const { text: _, ...soFar } = data;
    page.show(() => soFar);
    await page.finish(data);
    page.show(() => soFar);
    expect((await poll(address, "")).text).toBeUndefined();
    let isOver = false;
    const finished = page.finish(data).then(() => {
      isOver = true;
    });
    await fetch(address);
    expect(isOver).toBe(false);
    expect((await poll(address, "")).text).toBe(data.text);
    await finished;
    page.close();

    const impatient = new LivePage(null, 300);
    await poll(await impatient.listen(), "");
    await impatient.finish(data);
    impatient.close();
  });
});

describe.skipIf(chromiumSkip("the load report in a browser") !== null)(
  "the page in a browser",
  { timeout: 4 * PATIENCE_MS },
  () => {
    let browser: Browser;
    const file = join(folder, "run.html");
    beforeAll(async () => {
      writeFileSync(file, reportHtml(data, readBaseline(earlier)));
      browser = await launchChromium();
    }, PATIENCE_MS);
    afterAll(async () => await browser?.close());

    const chart = (page: Page, title: string) => page.locator("figure", { hasText: title });

    it("says of each limit whether it holds, and by how much", async () => {
      const opened = await openPage(browser);
      const { page } = opened;
      await page.goto(`file://${file}`);
      const rows = await page.locator(".limits tbody tr").allTextContents();
      const words = rows.map((row) => row.replace(/\s+/g, " ").trim());
      expect(words[0]).toMatch(/^uplink_p99_ms < 20 3\.\d+ ?pass ?16\.\d+ \(8\d\.\d+ %\) below$/);
      expect(words[1]).toMatch(
        /^clear_p99_ms <= 5 1\d\.\d+ ?fail ?\d\.\d+ \(1\d\d(\.\d)? %\) above$/,
      );
      expect(words[2]).toMatch(/^loss = 0 0 ?pass ?exactly at the limit$/);
      expect(words[3]).toMatch(/^hold_p99_ms < 100 – ?fail ?not measured$/);
      expect(await page.locator(".limits h2").textContent()).toContain("2 of 4 limits broken");
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });

    it("says of usual limits which were not measured, and calls none of those broken", async () => {
      const opened = await openPage(browser);
      const { page } = opened;
      const usual = join(folder, "usual.html");
      const judged = judgeMeasured(parseSlo(SLO), result.figures);
      writeFileSync(usual, reportHtml({ ...data, ...judged, limitsGiven: false }));
      await page.goto(`file://${usual}`);
      expect(await page.locator(".limits h2").textContent()).toContain("1 of 3 limits broken");
      const last = await page.locator(".limits tbody tr").last().textContent();
      expect(last?.replace(/\s+/g, " ").trim()).toBe("hold_p99_ms < 100–not measured");
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });

    it("has gaps where nothing was measured, and values with their samples under the pointer", async () => {
      const { page, close } = await openPage(browser);
      await page.goto(`file://${file}`);
      const uplink = chart(page, "Uplink transit");
      const drawn = await uplink.locator("path").first().getAttribute("d");
      expect(drawn?.match(/M/g)).toHaveLength(2);
      expect(drawn).not.toContain("NaN");
      await uplink.scrollIntoViewIfNeeded();
      const box = (await uplink.locator("svg").boundingBox())!;
      const at = (second: number) => box.x + ((46 + (second / 30) * 422) / 480) * box.width;
      await page.mouse.move(at(20), box.y + 50);
      expect(await uplink.locator("output").textContent()).toMatch(
        /^20 s: p50 [\d.]+ ms \(2020 samples\), p99 [\d.]+ ms \(2020 samples\), p50, earlier/,
      );
      await uplink.locator("svg").focus();
      for (let press = 0; press < 7; press++) await page.keyboard.press("ArrowLeft");
      expect(await uplink.locator("output").textContent()).toContain("13 s: p50 not measured");
      const transit = chart(page, "Transit, share");
      await transit.locator("svg").hover();
      expect(await transit.locator("output").textContent()).toMatch(/≤ [\d.]+ ms: .+ % of 4,000/);
      await close();
    });

    it("compares with an earlier run", async () => {
      const { page, close } = await openPage(browser);
      await page.goto(`file://${file}`);
      const row = page.locator(".baseline tr", { hasText: "cpu_ms_per_call_s" });
      expect((await row.textContent())?.replace(/\s+/g, " ")).toContain("−1 (−33 %), better");
      const loss = page.locator(".baseline tr", { hasText: /^loss/ });
      expect(await loss.textContent()).toContain("−3 (−100 %), better");
      expect(await page.locator("path.earlier").count()).toBeGreaterThan(3);
      await close();
    });

    it.each(LOOKS)(
      "has no finding of axe-core and no cut text, $colorScheme $viewport.width",
      async (look) => {
        const { page, close } = await openPage(browser, look);
        await page.goto(`file://${file}`);
        for (const summary of await page.locator("summary").all()) await summary.click();
        expect(await axeFindings(page)).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
        const cut =
          await page.evaluate(`[...document.querySelectorAll("svg text")].flatMap((text) => {
        const [box, frame] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
        return box.left < frame.left - 1 || box.right > frame.right + 1 ? [text.textContent] : [];
      })`);
        expect(cut).toEqual([]);
        const shots = process.env["SCREENSHOTS"];
        if (shots !== undefined)
          await page.screenshot({
            path: join(shots, `report-${look.colorScheme}-${look.viewport.width}.png`),
            fullPage: true,
          });
        await close();
      },
    );

    it("shows a run while it goes on, and its end", async () => {
      const live = new LivePage(null);
      const address = await live.listen();
      const { figures, samples } = data;
      let seconds = 3;
      live.show(() => ({ figures, samples: samples.slice(0, seconds) }));
      const opened = await openPage(browser);
      const { page } = opened;
      await page.goto(address);
      await page.locator(".live", { hasText: "Running: 2 s, 40 calls" }).waitFor();
      seconds = 6;
      await page.locator(".live", { hasText: "Running: 5 s, 100 calls" }).waitFor();
      live.show(() => ({ figures, samples: samples.slice(0, 2) }));
      await page.locator(".live", { hasText: "Running: 1 s, 20 calls" }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      live.close();
      await page.locator(".live", { hasText: "The harness has ended" }).waitFor();
      await opened.close();
    });

    it("shows the result of a run that it has followed, after the harness has ended", async () => {
      const live = new LivePage(null, PATIENCE_MS);
      const address = await live.listen();
      live.show(() => ({ figures: data.figures, samples: data.samples.slice(0, 3) }));
      const opened = await openPage(browser);
      const { page } = opened;
      await page.goto(address);
      await page.waitForResponse(/data\.json/);
      await live.finish(data);
      live.close();
      await page.getByText("As it was printed").waitFor();
      expect(await page.locator(".live").count()).toBe(0);
      expect(opened.complaints()).toEqual([]);
      await opened.close();
    });
  },
);
