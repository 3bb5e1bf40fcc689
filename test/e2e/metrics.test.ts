import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Turn } from "../../sim/model/script.js";
import { rateLimited } from "../../sim/model/turns.js";
import { heardMs } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { AgentsFile } from "../../src/domain/agent-profile.js";
import { METRIC_PREFIX } from "../../src/domain/metric-definition.js";
import { METRICS } from "../../src/domain/metric-table.js";
import { agent } from "../fakes/call-bench.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(600, 1) };
const LONG = { text: "A long answer that the caller will interrupt.", audio: speechLike(8_000, 2) };
/** Generated slower than it is spoken: the phone runs dry in the middle of it. */
const SLOW = { text: "Let me see.", audio: speechLike(2_500, 4) };
const question = speechLike(700, 3);
/**
 * Moved elsewhere: only a record that the database refuses for minutes is dropped
 * (test/records/record-writer.test.ts).
 */
const NOT_HERE: ReadonlySet<string> = new Set(["records_dropped_total"]);
const directory = mkdtempSync(join(tmpdir(), "murelay-metrics-"));

let stage: Stage;
let profileName: string;
/** What the model does next, whatever is asked. */
let next: Turn[] = [];

beforeAll(async () => {
  const profile = agent({
    noiseReduction: "near_field",
    transcription: { model: "gpt-live-transcribe", language: null },
    tools: [
      {
        name: "lookup_order",
        description: "",
        parameters: {},
        source: { kind: "builtin" },
        timeoutMs: 3_000,
        sayWhileWaiting: null,
      },
    ],
  });
  profileName = profile.name;
  const agents: AgentsFile = {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
  };
  stage = await startStage(
    { turns: () => next.shift() ?? { say: GREETING } },
    {
      agents,
      database: true,
      env: {
        DATABASE_URL: `sqlite:${join(directory, "murelay.db")}`,
        RECORDINGS_DIR: join(directory, "recordings"),
        MAX_CALLS: "1",
        // Longer together with the retry than what the caller says is kept.
        UPSTREAM_TIMEOUT_MS: "6000",
      },
      model: { faults: { refuseParts: [{ path: "audio.input.noise_reduction" }] } },
    },
  );
});

afterAll(async () => {
  await stage.close();
  rmSync(directory, { recursive: true, force: true });
});

async function heard(call: Leg, audio: Uint8Array, ms = audio.length / 8 - 1): Promise<void> {
  const far = () => (call.stream === null ? 0 : (heardMs(call.stream, audio) ?? 0));
  await expect.poll(far, { timeout: 20_000 }).toBeGreaterThanOrEqual(ms);
}

/** The largest value that each series has shown, by name without labels. */
const seen = new Map<string, number>();

async function scrape(): Promise<void> {
  for (const line of (await stage.metrics()).split("\n")) {
    const series = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line);
    if (series === null) continue;
    const [, name = "", value = "0"] = series;
    seen.set(name, Math.max(seen.get(name) ?? 0, Number(value)));
  }
}

const moved = (name: string): boolean =>
  ["", "_count"].some((end) => (seen.get(METRIC_PREFIX + name + end) ?? 0) > 0);

async function untilMoved(name: string): Promise<void> {
  const scraped = async () => {
    await scrape();
    return moved(name);
  };
  await expect.poll(scraped, { timeout: 30_000 }).toBe(true);
}

describe("one run of the relay", () => {
  it("moves every metric of the page", async () => {
    const { twilio, model, publicPort } = stage;

    // A call with a refused part, a gap, a tool, an event of a later protocol, an interruption and a refused truncation.
    next = [
      { say: GREETING },
      { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
      { say: LONG, events: [{ type: "response.of_tomorrow", event_id: "e1" }] },
      { say: SLOW, ratio: 0.4 },
      rateLimited(0.2),
      { say: GREETING, fault: { afterMs: 300, kind: "stall" } },
    ];
    model.faults.audioShorterByMs = 7_500;
    const call = twilio.placeCall({
      quirks: { loses: (frame: number) => frame % 40 === 0, startDelayMs: 400 },
    });
    await untilMoved("warm_sessions");
    await heard(call, GREETING.audio);
    await scrape();
    await call.say(question);
    await heard(call, LONG.audio, 1_500);
    await call.say(question);
    await untilMoved("playout_underruns_total");

    // A second caller finds no room, and a stranger no entrance.
    const second = twilio.placeCall();
    await second.ended;
    await fetch(`http://127.0.0.1:${publicPort}/incoming-call`, { method: "POST", body: "a=b" });
    await fetch(`http://127.0.0.1:${stage.adminPort}/api/calls`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ to: "+19005551234", from: "+12025550100", agent: profileName }),
    });
    await scrape();

    // The socket dies in mid-call, the next responses fail and stall.
    model.sessions.at(-1)?.crash();
    await call.say(question);
    await scrape();

    // The thread that carries audio is held for a moment.
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (const end = performance.now() + 60; performance.now() < end; );
    await new Promise((resolve) => setTimeout(resolve, 150));

    call.press("0");
    await call.events.until("dial", {}, 20_000);
    await call.ended;
    await scrape();

    // A caller who speaks for longer than is kept, to a model that does not answer.
    model.faults.handshake = "silent";
    const unheard = twilio.placeCall();
    await unheard.events.until("stream_started");
    // The fallback takes the caller away in mid-sentence.
    void unheard.say(speechLike(15_000, 9));
    await unheard.ended;
    model.faults.handshake = null;
    await scrape();

    // A response longer than five minutes, given at once.
    next = [{ say: { text: "Once upon a time.", audio: speechLike(320_000, 5) }, ratio: 2_000 }];
    const listener = twilio.placeCall();
    await listener.events.until("stream_started");
    await untilMoved("downlink_dropped_frames_total");
    listener.hangUp();
    await listener.ended;

    await stage.app.drain();
    await scrape();
    const still = Object.values(METRICS)
      .map(({ name }) => name)
      .filter((name) => !moved(name) && !NOT_HERE.has(name));
    expect(still).toEqual([]);
  }, 120_000);
});
