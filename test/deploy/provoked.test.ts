/**
 * Provoked failures: each raises its alert in a real Prometheus that scrapes the failing relay, and
 * the runbook's section of that alert names what is then found. Expressions and thresholds are the
 * shipped ones. Only the times are shorter: `for`, and the windows of "no calls".
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hasPrometheus, type Prometheus, startPrometheus } from "../fakes/prometheus.js";
import { FAILURES, type Failing, type Failure, type Watch } from "../fakes/provoked.js";

const RUNBOOK = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
const RAISED_MS = 30_000;

/** Between two scrapes, and between two evaluations. */
const EVERY = "500ms";

/** A quarter of an hour becomes half a second; yesterday was some seconds ago. */
const sooner = (alerts: string): string =>
  alerts
    .replace(/for: \w+/g, `for: ${EVERY}`)
    .replace("[1d] offset 1d", "[1m] offset 4s")
    .replace("murelay_calls_total[30m]", "murelay_calls_total[3s]");

function sectionOf(alert: string): string {
  const [, rest = ""] = RUNBOOK.split(`## ${alert}\n`);
  return rest.split("\n## ")[0] ?? "";
}

/** Unlike `expect.poll` it may be used by tests that run beside each other. */
async function until<Found>(look: () => Promise<Found | undefined>, what: string): Promise<Found> {
  for (const endMs = performance.now() + RAISED_MS; performance.now() < endMs; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`not within ${RAISED_MS} ms: ${what}`);
}

async function raised(prometheus: Prometheus, { alert, labels }: Failure): Promise<void> {
  const isRaised = (given: Readonly<Record<string, string>>) =>
    Object.entries(labels).every(([key, value]) => given[key] === value);
  await until(
    async () => {
      const alerts = await prometheus.alerts();
      return alerts.find(
        (one) => one.name === alert && one.state === "firing" && isRaised(one.labels),
      );
    },
    `${alert} fires with ${JSON.stringify(labels)}`,
  );
}

async function findsCause(prometheus: Prometheus, failure: Failure, relay: Failing) {
  const { runbook, log, query } = failure.look;
  expect(sectionOf(failure.alert)).toContain(runbook);
  if (log !== undefined) expect(relay.log()).toMatch(log);
  if (query !== undefined) expect(await prometheus.query(query)).not.toEqual([]);
}

const NAME = "a failure raises its alert, and the runbook finds it";
describe.skipIf(!hasPrometheus)(NAME, { concurrent: true }, () => {
  for (const failure of FAILURES) {
    const skipped = (failure.skipped ?? null) !== null;
    it.skipIf(skipped)(`${failure.name}: ${failure.alert}`, { timeout: 90_000 }, async () => {
      const closing: (() => unknown)[] = [];
      let prometheus: Prometheus | null = null;
      const watch: Watch = {
        closes: (close) => void closing.push(close),
        // An increase is seen only from the second scrape on.
        relay: async (adminPort) => {
          const targets = [`127.0.0.1:${adminPort}`];
          const one = await startPrometheus({ targets, alerts: sooner, every: EVERY });
          prometheus = one;
          closing.push(() => one.close());
          await until(async () => (await one.query("murelay_build_info"))[0], "a first scrape");
        },
      };
      try {
        const relay = await failure.start(watch);
        await raised(prometheus!, failure);
        await findsCause(prometheus!, failure, relay);
      } finally {
        for (const close of closing.reverse()) await close();
      }
    });
  }
});
