import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Scraper } from "../../bench/load/scraper.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("scrapes every other second, and holds those against the seconds between", async () => {
  const server = createServer((_, response) => response.end("x".repeat(1_000))).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const scraper = new Scraper(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  scraper.start();
  // Of one call: a second without a scrape, one with, and so on. The third with one is disturbed by
  // something else.
  for (const ms of [1, 3, 1, 5, 3, 80, 2]) {
    scraper.uplink.record(ms);
    vi.advanceTimersByTime(1_000);
  }
  await vi.waitFor(() => expect(scraper.figures()["scrapes"]).toBe(4));
  expect(scraper.figures()).toMatchObject({ scrapes_failed: 0, scrape_bytes: 1_000 });
  expect(scraper.figures()["uplink_p99_unscraped_ms"]).toBeCloseTo(1.5, 1);
  expect(scraper.figures()["uplink_p99_scraped_ms"]).toBeCloseTo(5, 1);
  expect(scraper.figures()["scrape_effect_ms"]).toBeCloseTo(3.5, 1);
  scraper.stop();
  vi.advanceTimersByTime(10_000);
  expect(scraper.figures()["scrapes"]).toBe(4);
  server.close();
});

it("counts what is not answered", async () => {
  const server = createServer((_, response) => response.writeHead(503).end()).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const scraper = new Scraper(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  scraper.start();
  vi.advanceTimersByTime(1_000);
  await vi.waitFor(() => expect(scraper.figures()["scrapes_failed"]).toBe(1));
  server.closeAllConnections();
  server.close();
  vi.advanceTimersByTime(2_000);
  await vi.waitFor(() => expect(scraper.figures()["scrapes_failed"]).toBe(2));
  expect(scraper.figures()["scrape_effect_ms"]).toBeNull();
  scraper.stop();
});
