import { figures, NOT_MEASURED } from "../../bench/load/figures.js";
import type { LoadResult, Sample } from "../../bench/load/load-run.js";
import { Meters } from "../../bench/load/meters.js";
import type { ReportFacts } from "../../bench/load/report-data.js";
import { DEFAULT_SCENARIO } from "../../bench/load/scenario.js";
import { judge, parseSlo } from "../../bench/load/slo.js";
import { Random } from "../../bench/random.js";

/** What a run might have measured: the same each time. @param slower  how much slower than usual. */
export function loadResult(slower = 1): LoadResult {
  const random = new Random(7);
  const meters = new Meters();
  const fill = (
    name: "uplink" | "uplinkIdle" | "downlink" | "clear" | "lead",
    n: number,
    ms: number,
  ) => {
    for (let i = 0; i < n; i++) meters[name].record(slower * ms * (0.4 + 3 * random.next() ** 6));
  };
  fill("uplink", 4_000, 1);
  fill("uplinkIdle", 2_000, 40);
  fill("downlink", 900, 3);
  fill("clear", 60, 4);
  fill("lead", 900, 60);
  meters.up.lost = slower > 1 ? 3 : 0;
  meters.framesSent = 6_000;
  meters.responses = 120;
  meters.bargeIns = 60;
  const samples = Array.from({ length: 31 }, (_, second): Sample => {
    const isQuiet = second < 2 || (second >= 12 && second < 16);
    const value = (ms: number) => (isQuiet ? null : slower * ms * (0.8 + 0.4 * random.next()));
    return {
      second,
      live: Math.min(100, second * 20),
      uplinkP50Ms: value(0.9),
      uplinkP99Ms: value(4),
      uplinkCount: isQuiet ? 0 : 2_000 + second,
      downlinkP99Ms: value(6),
      downlinkCount: isQuiet ? 0 : 40,
      relayCpuPercent: second === 0 ? null : slower * Math.min(40, second * 8),
      relayRssMb: 90 + Math.min(20, second),
      harnessCpuPercent: 20 + 4 * random.next(),
      lateP99Ms: 1 + random.next(),
      lateCount: 50,
      lost: 0,
      underruns: 0,
    };
  });
  return {
    figures: figures(meters, 100, { ...NOT_MEASURED, relayCpuMsPerCallSecond: 2 * slower }),
    meters,
    samples,
    harnessLimit: null,
    relayExit: null,
    rampPerSecond: 20,
  };
}

export const SLO = "uplink_p99_ms<20,clear_p99_ms<=5,loss=0,hold_p99_ms<100";

export function loadFacts({ figures: made }: LoadResult, slo = SLO): ReportFacts {
  return {
    command: "npm run bench -- --calls 100 --duration 30",
    relay: "node dist/cli.js serve",
    date: "2026-11-30T12:00:00.000Z",
    commit: "0123abc",
    node: "v20.20.2",
    machine: "2 × Example CPU with a name that is long enough to be broken, Linux 6.1",
    cores: "harness 0, relay 1",
    scenario: DEFAULT_SCENARIO,
    durationS: 30,
    verdicts: judge(parseSlo(slo), made),
    unmeasured: [],
    limitsGiven: true,
    steps: null,
  };
}
