import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median } from "../../bench/median.js";
import { OVERHEAD_S, type PeerOptions, parseOptions } from "../../bench/peers/options.js";
import { plot } from "../../bench/peers/plot.js";
import { RELAY_NAMES, type RelayName } from "../../bench/peers/relays.js";
import {
  figure,
  type PeerReport,
  readReport,
  section,
  withSection,
} from "../../bench/peers/report.js";
import { byRelay, doubts, type PeerRun, pairedRatio, spread } from "../../bench/peers/summary.js";
import { comparison, refusals } from "../../bench/peers/table.js";

function peerRun(
  relay: RelayName,
  round: number,
  figures: PeerRun["figures"],
  more: Partial<PeerRun> = {},
): PeerRun {
  const program = relay === "murelay" ? "dist/cli.js serve" : `bench/peers/${relay}.mjs`;
  const calm = { harnessLimit: null, failures: {}, modelErrors: {}, program };
  return { relay, round, tls: false, figures, ...calm, ...more };
}

const RUNS = [
  peerRun("murelay", 1, { cpu_ms_per_call_s: 1, loss: 0, uplink_p99_ms: 2 }),
  peerRun("tutorial", 1, { cpu_ms_per_call_s: 2, loss: 0, uplink_p99_ms: 4 }),
  peerRun("agents-sdk", 1, { cpu_ms_per_call_s: 4, loss: 7, uplink_p99_ms: null }),
  peerRun("murelay", 2, { cpu_ms_per_call_s: 3, loss: 0, uplink_p99_ms: 2 }),
  peerRun("tutorial", 2, { cpu_ms_per_call_s: 4, loss: 0, uplink_p99_ms: 4 }),
  peerRun("agents-sdk", 2, { cpu_ms_per_call_s: 6, loss: 9, uplink_p99_ms: null }),
];

const REPORT: PeerReport = {
  command: "npm run bench:peers -- --rounds 2",
  date: "2026-01-31T10:00:00.000Z",
  commit: "abc1234",
  node: "v20.19.0",
  machine: "2 × <CPU>",
  cores: "harness 0, relay 1",
  calls: 200,
  durationS: 20,
  rounds: 2,
  versions: { ws: "8.23.0", fastify: "5.12.8" },
  runs: RUNS,
};

describe("median", () => {
  it.each([
    [[], null],
    [[5], 5],
    [[9, 1, 4], 4],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 2], 9],
  ])("of %j is %j", (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it("has as many values below as above, and leaves its argument as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const before = [...values];
        const middle = median(values)!;
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(below).toBeLessThanOrEqual(values.length / 2);
        expect(above).toBeLessThanOrEqual(values.length / 2);
        expect(values).toEqual(before);
      }),
    );
  });
});

describe("spread", () => {
  it("leaves out the runs that did not measure", () => {
    const runs = [3, null, 1].map((value, i) => peerRun("murelay", i, { hold_p50_ms: value }));
    expect(spread(runs, "hold_p50_ms")).toEqual({ median: 2, low: 1, high: 3, runs: 2 });
    expect(spread(runs, "clear_p99_ms")).toBeNull();
  });
});

describe("pairedRatio", () => {
  it("is the median of each round's own ratio, not the ratio of the medians", () => {
    // A machine twice as slow in round 2: each round still says one half.
    const ours = [1, 2, 1].map((ms, i) => peerRun("murelay", i, { ms }));
    const theirs = [2, 4, 2].map((ms, i) => peerRun("tutorial", i, { ms }));
    expect(pairedRatio(ours, theirs, "ms")).toBe(0.5);
    expect(pairedRatio(ours, [theirs[1]!], "ms")).toBe(0.5);
  });

  it("knows no ratio to nothing", () => {
    const ours = [peerRun("murelay", 1, { ms: 1 })];
    expect(pairedRatio(ours, [peerRun("tutorial", 1, { ms: 0 })], "ms")).toBeNull();
    expect(pairedRatio(ours, [peerRun("tutorial", 1, { ms: null })], "ms")).toBeNull();
    expect(pairedRatio(ours, [peerRun("tutorial", 2, { ms: 4 })], "ms")).toBeNull();
  });
});

describe("byRelay", () => {
  it("keeps TLS apart, murelay first", () => {
    const secure = peerRun("tutorial", 1, {}, { tls: true });
    const runs = [...RUNS].reverse().concat(secure);
    const measured = RELAY_NAMES.filter((name) => name !== "floor");
    expect(byRelay(runs, false).map(({ relay }) => relay)).toEqual(measured);
    expect(byRelay(runs, true)).toEqual([{ relay: "tutorial", runs: [secure] }]);
  });
});

describe("doubts", () => {
  it("finds none in a calm run", () => {
    const calm = {
      others_cpu_percent: 20,
      cpu_waited_percent: 5,
      cpu_percent: 95,
      calls_failed: 0,
    };
    expect(doubts([peerRun("murelay", 1, calm)])).toEqual([]);
  });

  it("tells of each kind how many runs it concerns, and the worst", () => {
    const bad = {
      others_cpu_percent: 150,
      cpu_waited_percent: 8.4,
      cpu_percent: 99,
      calls_failed: 3,
    };
    const runs = [
      peerRun("murelay", 1, {}),
      peerRun(
        "murelay",
        2,
        { ...bad, calls_failed: 12 },
        { harnessLimit: "it used 93 % of its core" },
      ),
      peerRun("murelay", 3, bad, {
        program: "--import file:///x/node_modules/tsx/dist/loader.mjs src/cli.ts serve",
      }),
    ];
    expect(doubts(runs)).toEqual([
      { kind: "the harness was the bottleneck", runs: 1, worst: "it used 93 % of its core" },
      { kind: "other programs used the machine", runs: 2, worst: "150 % of a core" },
      { kind: "kept waiting for its core", runs: 2, worst: "8 % of the time" },
      { kind: "no core left", runs: 2, worst: "99 %" },
      { kind: "calls failed", runs: 2, worst: "12" },
      { kind: "run from the sources, not from the build", runs: 1, worst: "" },
    ]);
  });
});

describe("comparison", () => {
  it("shows medians with their range, and ratios only where less is better", () => {
    const lines = comparison(RUNS, false).split("\n");
    expect(lines[0]).toBe(
      "| plain socket to the model | murelay | tutorial style | OpenAI Agents SDK | murelay ÷ tutorial style | murelay ÷ OpenAI Agents SDK |",
    );
    expect(lines).toContain(
      "| CPU, ms per call-second | 2.00 (1.00–3.00) | 3.00 (2.00–4.00) | 5.00 (4.00–6.00) | 0.63 | 0.38 |",
    );
    expect(lines).toContain("| frames lost | 0 | 0 | 8 (7–9) |  |  |");
    expect(lines).toContain("| … p99 ms | 2.00 | 4.00 | – | 0.50 | – |");
  });

  it("has the same number of cells in every row, whichever relays ran", () => {
    fc.assert(
      fc.property(fc.subarray([...RELAY_NAMES], { minLength: 1 }), (relays) => {
        const table = comparison(
          RUNS.filter((run) => relays.includes(run.relay)),
          false,
        );
        const rows = table.split("\n").filter((line) => line.startsWith("|"));
        expect(new Set(rows.map((row) => row.split("|").length)).size).toBe(1);
      }),
    );
  });

  it("says below the table what is to be doubted, by kind", () => {
    const runs = [
      peerRun("murelay", 1, {}),
      peerRun("murelay", 2, { calls_failed: 2 }),
      peerRun("tutorial", 1, { calls_failed: 5 }),
    ];
    expect(comparison(runs, false).split("\n").slice(-2)).toEqual([
      "- calls failed — murelay in 1 of 2 runs: 2; tutorial style in 1 of 1 runs: 5",
      "",
    ]);
    expect(comparison([runs[0]!], false)).not.toContain("with care");
  });

  it("adds up what the model refused over the runs", () => {
    const refused = { modelErrors: { "invalid_value: too long": 2 }, failures: { "no sound": 1 } };
    const runs = [1, 2].map((round) => peerRun("tutorial", round, {}, refused));
    expect(refusals(runs)).toBe(
      "- tutorial style: the model refused “invalid_value: too long” (4)\n- tutorial style: calls failed: no sound (2)\n",
    );
    expect(refusals(RUNS)).toBe("");
  });
});

describe("plot", () => {
  it("draws one bar for each relay and figure that was measured, the longest the highest", () => {
    const svg = plot(RUNS, ["200 calls"]);
    // CPU of three relays; uplink of two; memory of none.
    expect(svg.match(/<rect class="(ours|theirs)"/g)).toHaveLength(5);
    expect(svg).not.toContain("Memory");
    const widths = [...svg.matchAll(/<rect class="(?:ours|theirs)"[^>]*width="([\d.]+)"/g)].map(
      ([, width]) => Number(width),
    );
    expect(widths[0]! / widths[2]!).toBeCloseTo(2 / 5, 2);
    expect(widths[3]! / widths[4]!).toBeCloseTo(0.5, 2);
  });

  it("is well-formed whatever the machine is called", () => {
    const svg = figure(REPORT);
    expect(svg).toContain("2 × &lt;CPU&gt;");
    expect(svg).not.toContain("NaN");
    expect(svg).not.toContain("Infinity");
    const open = svg.match(/<(?!\/)(?:svg|style|text|rect|path)\b[^>]*(?<!\/)>/g)?.length;
    expect(svg.match(/<\/(?:svg|style|text|rect|path)>/g)).toHaveLength(open!);
  });

  it("survives figures of nought", () => {
    expect(plot([peerRun("murelay", 1, { uplink_p99_ms: 0 })], [])).not.toContain("NaN");
  });
});

describe("the page", () => {
  it("holds command, commit, date, Node, machine, versions and the kept result beside the figures", () => {
    const text = section(REPORT, "../bench/results/2026-01-31-peers.json");
    for (const fact of [
      REPORT.command,
      REPORT.commit,
      REPORT.date,
      REPORT.node,
      REPORT.machine,
      REPORT.cores,
    ])
      expect(text).toContain(fact);
    expect(text).toContain("| tutorial style | ws 8.23.0 |");
    expect(text).toContain("[2026-01-31-peers.json](../bench/results/2026-01-31-peers.json)");
    expect(text).not.toContain("TLS to the model");
  });

  it("is rewritten between its markers only, and the same each time", () => {
    const [begin, end] = [
      "<!-- bench:peers begin: written by `npm run bench:peers -- --write-docs` -->",
      "<!-- bench:peers end -->",
    ];
    const page = `# Top\n${begin}\nold\n${end}\nbelow\n`;
    const once = withSection(page, "new $& text\n");
    expect(once).toBe(`# Top\n${begin}\n\nnew $& text\n\n${end}\nbelow\n`);
    expect(withSection(once, "new $& text\n")).toBe(once);
    expect(() => withSection("# Top\n", "new")).toThrow(/lacks the lines/);
    expect(() => withSection(`${end}\n${begin}`, "new")).toThrow(/lacks the lines/);
  });

  it("is written again from what was kept, and from nothing else", () => {
    expect(readReport(JSON.stringify(REPORT), "x.json")).toEqual(REPORT);
    const stranger = { ...RUNS[0], relay: "another" };
    for (const wrong of [null, {}, { ...REPORT, calls: "200" }, { ...REPORT, runs: [stranger] }])
      expect(() => readReport(JSON.stringify(wrong), "x.json")).toThrow("x.json");
  });
});

describe("options of bench:peers", () => {
  it("has the documented defaults", () => {
    expect(parseOptions([])).toEqual({
      calls: 200,
      durationS: 20,
      rampS: 5,
      rounds: 3,
      tls: "none",
      relays: RELAY_NAMES,
      tlsRelays: RELAY_NAMES,
      jsonFile: null,
      writeDocs: false,
      fromFile: null,
    });
  });

  it("takes some relays in the order of a round", () => {
    expect(parseOptions(["--only", "agents-sdk, murelay", "--tls"])).toMatchObject({
      relays: ["murelay", "agents-sdk"],
      tlsRelays: ["murelay", "agents-sdk"],
      tls: "also",
    });
  });

  it("makes the runs as long as the minutes allow, whatever is measured", () => {
    const seconds = (...argv: string[]) => {
      const { durationS, rampS, rounds, relays, tlsRelays, tls } = parseOptions(
        argv,
      ) as PeerOptions;
      const runs =
        rounds * ((tls === "only" ? 0 : relays.length) + (tls === "none" ? 0 : tlsRelays.length));
      return runs * (durationS + 2 * rampS + OVERHEAD_S);
    };
    const plain = seconds("--minutes", "9", "--rounds", "5");
    const both = seconds("--minutes", "12", "--rounds", "5", "--tls", "--tls-of", "murelay,floor");
    const only = seconds("--minutes", "8", "--rounds", "5", "--tls-only");
    for (const [sum, minutes] of [
      [plain, 9],
      [both, 12],
      [only, 8],
    ] as const) {
      expect(sum).toBeLessThanOrEqual(minutes * 60);
      expect(sum).toBeGreaterThan(minutes * 60 * 0.9);
    }
  });

  it("says how many minutes the runs take that do not fit", () => {
    expect(() => parseOptions(["--minutes", "2", "--rounds", "5"])).toThrow(
      "--minutes 2: 20 runs take 6 minutes or more",
    );
    expect(parseOptions(["--minutes", "6", "--rounds", "5"])).toMatchObject({ durationS: 4 });
  });

  it.each([
    ["--only", "pipecat"],
    ["--calls", "0"],
    ["--rounds", "1.5"],
    ["--duration", ""],
    ["--fast"],
    ["--minutes", "8", "--duration", "5"],
    ["--tls-of", "murelay"],
    ["--tls", "--tls-of", "pipecat"],
  ])("refuses %s %s", (...argv) => {
    expect(() => parseOptions(argv)).toThrow();
  });
});
