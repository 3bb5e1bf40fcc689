import { describe, it } from "vitest";
import { type LoadResult, LoadRun } from "../../bench/load/load-run.js";
import { networkOf, readScenario } from "../../bench/load/scenario.js";
import { type Faults, TutorialRelay } from "./tutorial-relay.js";

/** Short turns and many interruptions: much happens in a few seconds. */
const BUSY = readScenario(
  {
    name: "busy",
    caller: { pause_ms: [100, 300], talk_ms: [300, 500] },
    barge_in: { rate: 1, after_ms: [300, 700] },
    model: {
      onset_ms: 60,
      hangover_ms: 200,
      think_ms: [50, 100],
      answer_ms: [1500, 2500],
      two_items_rate: 0,
      delta_bytes: [97, 1601],
      speed: 4,
      late_deltas: [1, 3],
    },
  },
  "test",
);
/** Without interruptions everything that is sent must be heard. */
const CALM = { ...BUSY, bargeIn: { ...BUSY.bargeIn, rate: 0 } };

const BUSY_FAR = { ...BUSY, network: networkOf([40, 80], [20, 20], "bursts") } as const;

/**
 * As many seconds as the runs of calm calls need, and the longest that one waits for its
 * interruptions.
 */
const CALM_S = 4;
const BUSY_S = 20;
const ENOUGH_BARGE_INS = 6;

/**
 * Three calls: calm ones for a fixed time, busy ones until there were interruptions enough, however
 * slow the machine.
 */
async function measure(faults: Faults, scenario = CALM): Promise<LoadResult> {
  const run = new LoadRun({
    calls: 3,
    durationS: scenario.bargeIn.rate > 0 ? BUSY_S : CALM_S,
    rampPerSecond: 20,
    scenario,
    account: { accountSid: "ACtest", authToken: "token" },
    modelPort: 0,
    restPort: 0,
    tls: null,
  });
  const { modelPort } = await run.listen();
  const relay = new TutorialRelay(`ws://127.0.0.1:${modelPort}/v1/realtime`, faults);
  try {
    const webhookUrl = await relay.listen();
    const target = { webhookUrl, pid: process.pid, exited: () => null };
    return await run.run(target, (_, { bargeIns }) => {
      if (bargeIns >= ENOUGH_BARGE_INS) run.stop();
    });
  } finally {
    relay.close();
    run.close();
  }
}

/** Everything that tells of damage to the audio. */
function damage({ figures }: LoadResult): Record<string, number | null | undefined> {
  const names = [
    "loss_up",
    "loss_down",
    "doubled",
    "reordered",
    "altered",
    "foreign",
    "stale",
    "late",
  ];
  return Object.fromEntries(names.map((name) => [name, figures[name]]));
}

const NONE = {
  loss_up: 0,
  loss_down: 0,
  doubled: 0,
  reordered: 0,
  altered: 0,
  foreign: 0,
  stale: 0,
  late: 0,
};

// Two tests at a time: with more calls in one process, a busy machine makes it the limit.
describe("the load harness", () => {
  it.concurrent("finds nothing wrong with a relay that passes everything on", async ({
    expect,
  }) => {
    const [calm, busy] = await Promise.all([measure({}), measure({}, BUSY)]);
    for (const result of [calm, busy]) {
      expect(Object.fromEntries(result.meters.failures)).toEqual({});
      expect(Object.fromEntries(result.meters.modelErrors)).toEqual({});
      expect(damage(result)).toEqual(NONE);
      expect(result.figures["calls_failed"]).toBe(0);
      expect(result.figures["sessions_leaked"]).toBe(0);
      expect(result.figures["truncates_rejected"]).toBe(0);
      expect(result.meters.up.frames).toBeGreaterThan(3 * 50);
      expect(result.meters.down.frames).toBeGreaterThan(0);
    }
    expect(calm.meters.up.frames).toBeGreaterThan(3 * CALM_S * 50);
    expect(busy.figures["barge_ins"]).toBeGreaterThanOrEqual(ENOUGH_BARGE_INS);
    expect(busy.figures["clears_missing"]).toBe(0);
    expect(busy.figures["truncates_missing"]).toBe(0);
    expect(busy.figures["cpu_ms_per_call_s"]).toBeGreaterThan(0);
  });

  it.concurrent("puts a network between phone and relay, and keeps its delay out of the relay's figures", async ({
    expect,
  }) => {
    const [calm, busy] = await Promise.all([
      measure({}, { ...CALM, network: BUSY_FAR.network }),
      measure({}, BUSY_FAR),
    ]);
    for (const result of [calm, busy]) {
      expect(Object.fromEntries(result.meters.failures)).toEqual({});
      expect(damage(result)).toEqual(NONE);
    }
    const { figures } = busy;
    expect(figures["barge_in_silence_p50_ms"]!).toBeGreaterThan(figures["clear_p50_ms"]! + 75);
    expect(calm.figures["silence_max_ms"]).toBeGreaterThan(250);
    expect(calm.figures["uplink_p50_ms"]).toBeLessThan(40);
  });
});

describe("the load harness and damaged audio", () => {
  it.concurrent("sees what befalls the caller's frames", async ({ expect }) => {
    const at = (mishap: "drop" | "double" | "alter" | "swap") => (n: number) =>
      n % 40 === 20 && n < 130 ? mishap : "pass";
    const [dropped, doubled, altered, swapped] = await Promise.all([
      measure({ uplink: at("drop") }),
      measure({ uplink: at("double") }),
      measure({ uplink: at("alter") }),
      measure({ uplink: at("swap") }),
    ]);
    // Three calls, three mishaps each.
    expect(damage(dropped!)).toEqual({ ...NONE, loss_up: 9 });
    expect(damage(doubled!)).toEqual({ ...NONE, doubled: 9 });
    expect(damage(altered!)).toEqual({ ...NONE, altered: 9 });
    expect(damage(swapped!)).toEqual({ ...NONE, reordered: 9 });
  });

  it.concurrent("sees what befalls the model's audio", async ({ expect }) => {
    const at = (mishap: "drop" | "double" | "alter") => (n: number) => (n === 4 ? mishap : "pass");
    const [dropped, doubled, altered] = await Promise.all([
      measure({ downlink: at("drop") }),
      measure({ downlink: at("double") }),
      measure({ downlink: at("alter") }),
    ]);
    // A delta holds no whole number of frames: the frames at its ends are damaged rather than lost.
    expect(dropped!.figures["loss_down"]! + dropped!.figures["altered"]!).toBeGreaterThanOrEqual(3);
    expect(doubled!.figures["doubled"]! + doubled!.figures["altered"]!).toBeGreaterThanOrEqual(3);
    expect(damage(altered!)).toEqual({ ...NONE, altered: 3 });
  });
});

describe("the load harness and other faults", () => {
  it.concurrent("sees a relay that handles interruptions wrongly", async ({ expect }) => {
    const [noClear, noTruncate, tooLong, off, stale] = await Promise.all([
      measure({ noClear: true }, BUSY),
      measure({ noTruncate: true }, BUSY),
      measure({ truncateOffByMs: 100_000 }, BUSY),
      measure({ truncateOffByMs: -250 }, BUSY),
      measure({ stale: true }, BUSY),
    ]);
    expect(noClear!.figures["clears_missing"]).toBeGreaterThan(0);
    expect(noTruncate!.figures["truncates_missing"]).toBeGreaterThan(0);
    expect(noTruncate!.figures["clears_missing"]).toBe(0);
    expect(tooLong!.figures["truncates_above"]).toBe(tooLong!.figures["truncates"]);
    expect(tooLong!.figures["truncates_rejected"]).toBe(tooLong!.figures["truncates"]);
    // audio_end_ms cannot be negative: an interruption that comes early shows less
    // than the whole 250 ms.
    expect(off!.figures["truncation_error_low_ms"]).toBeLessThan(-100);
    expect(off!.figures["truncates_rejected"]).toBe(0);
    expect(stale!.figures["stale"]).toBeGreaterThan(0);
  });

  it.concurrent("counts a call that is not answered as failed", async ({ expect }) => {
    const run = new LoadRun({
      calls: 2,
      durationS: 1,
      rampPerSecond: 50,
      scenario: CALM,
      account: { accountSid: "ACtest", authToken: "token" },
      modelPort: 0,
      restPort: 0,
      tls: null,
    });
    await run.listen();
    // A closed port: what was just free.
    const closed = new TutorialRelay("ws://127.0.0.1:9");
    const webhookUrl = await closed.listen();
    closed.close();
    const result = await run.run({ webhookUrl, pid: null, exited: () => null }, () => {});
    run.close();
    expect(result.figures["calls_failed"]).toBe(2);
    expect(result.figures["cpu_ms_per_call_s"]).toBeNull();
  });
});
