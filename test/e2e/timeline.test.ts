/** GET /api/calls/:callSid/timeline of a whole call with a flight recording. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs } from "../../sim/twilio/heard.js";
import type { TimelineEvent } from "../../src/recorder/timeline.js";
import { type Stage, startStage } from "../fakes/stage.js";

const LONG = { text: "One two three four five six.", audio: speechLike(6_000, 1) };
const SORRY = { text: "Sorry.", audio: speechLike(500, 2) };
const QUESTION = speechLike(900, 3);
/** 10 ms. */
const PIECE = 80;

interface Timeline {
  readonly startedAt: string;
  readonly flight: boolean;
  readonly envelope: { stepMs: number; caller: number[]; agent: number[] } | null;
  readonly events: readonly TimelineEvent[];
  readonly leftOut: number;
}

let home: string;
let stage: Stage;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "murelay-timeline-"));
  stage = await startStage(
    {
      turns: [
        { say: SORRY },
        { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
        { say: LONG },
        { say: SORRY },
      ],
      transcripts: ["Where is my order?", "Stop."],
    },
    {
      database: true,
      env: {
        DATABASE_URL: `sqlite:${join(home, "murelay.db")}`,
        RECORDINGS_DIR: join(home, "recordings"),
      },
      overrides: { recordFlights: true },
    },
  );
}, 30_000);
afterAll(async () => {
  await stage?.close();
  rmSync(home, { recursive: true, force: true });
});

const read = async (path: string) => await fetch(`http://127.0.0.1:${stage.adminPort}${path}`);

it("has every event of the flight recording at its time, and what the record tells", {
  timeout: 60_000,
}, async () => {
  const call = stage.twilio.placeCall();
  await call.events.until("first_media");
  const heard = (audio: Uint8Array): number => heardMs(call.streams[0]!, audio) ?? 0;
  await expect.poll(() => heard(SORRY.audio), { timeout: 10_000 }).toBe(500);
  await call.say(QUESTION);
  await expect.poll(() => heard(LONG.audio), { timeout: 10_000 }).toBeGreaterThan(1_000);
  await call.say(QUESTION);
  call.hangUp();
  await call.ended;
  const ended = async () => {
    const answer = await read(`/api/calls/${call.sid}`);
    return ((await answer.json()) as { state: string }).state;
  };
  await expect.poll(ended, { timeout: 15_000 }).toBe("ended");
  const file = join(home, "recordings", `${call.sid}.flight.jsonl`);
  const text = () => readFileSync(file, "utf8");
  await expect.poll(text, { timeout: 5_000 }).toContain('"ended"');
  const timeline = (await (await read(`/api/calls/${call.sid}/timeline`)).json()) as Timeline;
  expect([timeline.flight, timeline.leftOut]).toEqual([true, 0]);
  const lines = text()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const header = lines.find((line) => line["is"] === "call")!;
  const offsetMs = (header["epochMs"] as number) - Date.parse(timeline.startedAt);
  const times = new Map<number, number>();
  for (const { atMs } of timeline.events) times.set(atMs, (times.get(atMs) ?? 0) + 1);
  let media = 0;
  for (const line of lines) {
    if (line["is"] === "call" || line["is"] === "writer") continue;
    const atMs = Math.round((line["at"] as number) + offsetMs);
    const message = line["message"] as { event?: string; media?: object } | undefined;
    if (line["in"] === "phone" && message?.event === "media") {
      media++;
      continue;
    }
    const left = times.get(atMs) ?? 0;
    expect([line["in"] ?? line["out"] ?? line["is"], atMs, left > 0]).toEqual([
      line["in"] ?? line["out"] ?? line["is"],
      atMs,
      true,
    ]);
    times.set(atMs, left - 1);
  }
  expect(media).toBeGreaterThan(50);
  const { stepMs, caller, agent } = timeline.envelope!;
  expect(Math.max(...caller)).toBeGreaterThan(5);
  expect(Math.max(...agent)).toBeGreaterThan(5);
  expect(caller.length * stepMs).toBeGreaterThan(500);
  const names = new Set(timeline.events.map(({ lane, name }) => `${lane} ${name}`));
  for (const one of [
    "caller turn",
    "agent turn",
    "tool lookup_order",
    "agent delta_received",
    "agent sent",
    "agent truncated",
    "phone clear_sent",
    "phone mark_sent",
    "phone mark",
    "uplink append",
    "caller local_speech_started",
    "model input_audio_buffer.speech_started",
    "model response.done",
    "relay ended",
  ])
    expect(names).toContain(one);
  await hearsBothDirections(call.sid, timeline);
  const order = timeline.events.map(({ atMs }) => atMs);
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

/** The rebuilt sound has speech where the timeline says so, and the agent's as the phone played it. */
async function hearsBothDirections(callSid: string, { events }: Timeline): Promise<void> {
  const sound = Buffer.from(await (await read(`/api/calls/${callSid}/audio`)).arrayBuffer());
  const header = sound.subarray(0, 58);
  expect([header.toString("latin1", 0, 4), header.readUInt16LE(20)]).toEqual(["RIFF", 7]);
  const channel = (which: number) =>
    Buffer.from(sound.subarray(58).filter((_, i) => i % 2 === which));
  const [caller, agent] = [channel(0), channel(1)];
  // On a busy machine there are gaps, as the phone has them: a piece at a gap is in two parts.
  const piecesIn = (all: Buffer, audio: Uint8Array) => {
    let [from, found] = [0, 0];
    for (let at = 0; at + PIECE <= audio.length; at += PIECE) {
      const place = all.indexOf(Buffer.from(audio.subarray(at, at + PIECE)), from);
      if (place >= 0) [from, found] = [place + PIECE, found + 1];
    }
    return found;
  };
  expect(piecesIn(caller, QUESTION)).toBe(QUESTION.length / PIECE);
  expect(piecesIn(agent, SORRY.audio)).toBeGreaterThan(0.8 * (SORRY.audio.length / PIECE));
  // The long answer was cut off.
  const heard = piecesIn(agent, LONG.audio);
  expect(heard).toBeGreaterThan(80);
  expect(heard).toBeLessThan(LONG.audio.length / PIECE - 80);
  const sent = events.find(({ lane, name }) => lane === "agent" && name === "sent")!;
  const first = agent.indexOf(Buffer.from(SORRY.audio.subarray(0, PIECE))) / 8;
  expect(first).toBeGreaterThan(sent.atMs - 2);
  const part = await fetch(`http://127.0.0.1:${stage.adminPort}/api/calls/${callSid}/audio`, {
    headers: { range: "bytes=58-157" },
  });
  expect(part.status).toBe(206);
  expect(Buffer.from(await part.arrayBuffer()).equals(sound.subarray(58, 158))).toBe(true);
}

it("is there without a flight recording too, and not for a call that does not exist", async () => {
  expect((await read("/api/calls/CA9/timeline")).status).toBe(404);
  const calls = (await (await read("/api/calls?limit=1")).json()) as {
    calls: { callSid: string }[];
  };
  const [{ callSid }] = calls.calls as [{ callSid: string }];
  rmSync(join(home, "recordings", `${callSid}.flight.jsonl`));
  const timeline = (await (await read(`/api/calls/${callSid}/timeline`)).json()) as Timeline;
  expect([timeline.flight, timeline.envelope]).toEqual([false, null]);
  expect(timeline.events.some(({ name }) => name === "turn")).toBe(true);
});
