/**
 * Every expression that is shipped, evaluated by a real Prometheus that has scraped a real relay
 * under load each second. MURELAY_SCRAPE_SECONDS makes the load longer than a test run needs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { busyScript, keepBusy } from "../fakes/busy-line.js";
import { hasPrometheus, type Prometheus, startPrometheus } from "../fakes/prometheus.js";
import { shippedExpressions } from "../fakes/shipped-rules.js";
import { type Stage, startStage } from "../fakes/stage.js";

const LOAD_MS = Number(process.env["MURELAY_SCRAPE_SECONDS"] ?? 8) * 1000;
const directory = mkdtempSync(join(tmpdir(), "murelay-scraped-"));
let stage: Stage;
let prometheus: Prometheus;

describe.skipIf(!hasPrometheus)("a Prometheus that scrapes a relay under load", () => {
  beforeAll(async () => {
    stage = await startStage(busyScript, {
      database: true,
      env: {
        DATABASE_URL: `sqlite:${join(directory, "murelay.db")}`,
        RECORDINGS_DIR: join(directory, "recordings"),
      },
      twilio: { callees: () => ({ talkMs: 200 }) },
    });
    prometheus = await startPrometheus({ targets: [`127.0.0.1:${stage.adminPort}`] });
    const calls = await keepBusy(stage.twilio, { callers: 4, ms: LOAD_MS });
    expect(calls).toBeGreaterThan(4);
  }, LOAD_MS + 60_000);

  afterAll(async () => {
    await prometheus?.close();
    await stage?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("evaluates every rule without error", async () => {
    expect(await prometheus.faults()).toEqual([]);
  });

  it("evaluates every shipped expression, and what is not an alert has a value", async () => {
    const withoutValue = async (): Promise<string[]> => {
      const empty: string[] = [];
      for (const { where, kind, expr } of shippedExpressions()) {
        const series = await prometheus.query(expr).catch((error: Error) => {
          throw new Error(`${where}: ${error.message}`);
        });
        if (kind !== "alert" && series.length === 0) empty.push(where);
      }
      return empty;
    };
    // A recording rule is evaluated each second, and a rate wants two scrapes.
    await expect.poll(withoutValue, { timeout: 20_000, interval: 500 }).toEqual([]);
  });

  it("fires no alert while all is well", async () => {
    const firing = (await prometheus.alerts()).filter(({ state }) => state === "firing");
    expect(firing.map(({ name }) => name)).toEqual([]);
  });
});
