/** A call over real sockets is recorded, and played again by the command. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs } from "../../sim/twilio/heard.js";
import { runProgram } from "../../src/cli/program.js";
import { startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(600, 1) };
const LONG = {
  text: "One two three four five six seven eight nine ten.",
  audio: speechLike(8_000, 2),
};
const BYE = { text: "I connect you.", audio: speechLike(500, 3) };
const question = speechLike(700, 4);

const directory = mkdtempSync(join(tmpdir(), "murelay-flight-"));
let file = "";

afterAll(() => rmSync(directory, { recursive: true }));

beforeAll(async () => {
  const stage = await startStage(
    {
      turns: [
        { say: GREETING },
        { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
        { say: LONG },
        {
          say: BYE,
          calls: [{ name: "transfer_call", arguments: { destination: "desk", reason: "asked" } }],
        },
      ],
      transcripts: ["Where is my order?", "A human, please."],
    },
    { env: { RECORDINGS_DIR: directory }, overrides: { recordFlights: true } },
  );
  const { twilio } = stage;
  const call = twilio.placeCall();
  await call.events.until("first_media");
  await stage.until(call.sid, "agent_heard");
  await call.say(question);
  await vi.waitFor(
    () => expect(heardMs(call.streams[0]!, LONG.audio) ?? 0).toBeGreaterThan(1_000),
    15_000,
  );
  await call.say(question);
  await call.ended;
  await stage.until(call.sid, "ended");
  await twilio.settled();
  await stage.close();
  file = join(directory, `${call.sid}.flight.jsonl`);
  await vi.waitFor(() => expect(readFileSync(file, "utf8")).toContain('"event":"ended"'), 5_000);
}, 60_000);

async function replay(
  path: string,
  ...more: string[]
): Promise<{ status: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const status = await runProgram(["replay", path, ...more], {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    env: {},
    onSignal: () => undefined,
  });
  return { status, out: out.join("\n"), err: err.join("\n") };
}

/** The recording with one change. */
function tampered(change: (lines: string[]) => string[]): string {
  const path = join(directory, "tampered.jsonl");
  writeFileSync(path, change(readFileSync(file, "utf8").trim().split("\n")).join("\n"));
  return path;
}

const without = (part: string) => (lines: string[]) => {
  const at = lines.findIndex((line) => line.includes(part));
  if (at < 0) throw new Error(`no line with ${part}`);
  return lines.toSpliced(at, 1);
};

describe("murelay replay", () => {
  it("plays a call with a tool, an interruption and a transfer again, and it is the same", async () => {
    const { status, out, err } = await replay(file);
    expect([status, err]).toEqual([0, ""]);
    expect(out).toMatch(/^CA[0-9a-f]{32}: agent support, \d+\.\d s, recorded by murelay \d/);
    expect(out).toContain("the same, at most");
    const lines = readFileSync(file, "utf8");
    for (const part of [
      '"speech_started"',
      "conversation.item.truncate",
      '"event":"clear"',
      "hand_over",
    ])
      expect(lines).toContain(
        part.replaceAll('"speech_started"', "input_audio_buffer.speech_started"),
      );
  });

  it("writes files that only their owner reads, and no key", async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, "utf8");
    expect(text).not.toContain("Bearer");
    expect(text).not.toContain("sk-");
  });

  it.each([
    ["a clear that is not there any more", without('"event":"clear"'), /phone, at .* new: clear/],
    ["a truncation that is not there any more", without("item.truncate"), /model 1, at .*truncate/],
    ["what the tool answered is not told", without('"function_call_output"'), /model 1/],
    [
      "another place of truncation",
      (lines: string[]) =>
        lines.map((line) =>
          line.replace(
            /"audio_end_ms":(\d+)/,
            (_, ms: string) => `"audio_end_ms":${Number(ms) + 100}`,
          ),
        ),
      /audio_end_ms: was \d+, is \d+/,
    ],
    [
      "one sample of speech",
      (lines: string[]) => {
        let media = 0;
        return lines.map((line) =>
          line.includes('"out":"phone"') && line.includes('"media"') && ++media === 9
            ? line.replace(/"payload":"..../, '"payload":"AAAA')
            : line,
        );
      },
      /the audio differs after/,
    ],
    [
      "another destination",
      (lines: string[]) =>
        lines.map((line) =>
          line.replace(
            '"event":"hand_over","request":{"destination":"desk"',
            '"event":"hand_over","request":{"destination":"shop"',
          ),
        ),
      /host, at .*destination: was "shop", is "desk"/,
    ],
  ])("tells %s, and exits with 1", async (_what, change, difference) => {
    const { status, out } = await replay(tampered(change));
    expect(out).toMatch(difference);
    expect(out).toContain("differs:");
    expect(status).toBe(1);
  });

  it("tells that a relay that never heard of an interruption does otherwise", async () => {
    const { status, out } = await replay(
      tampered((lines) =>
        lines.filter((line) => !line.includes("input_audio_buffer.speech_started")),
      ),
    );
    expect(status).toBe(1);
    expect(out).toContain("differs:");
  });

  it("keeps its own recording where that is wanted, which again is the same when it is played", async () => {
    const again = join(directory, "again.jsonl");
    expect((await replay(file, "--write", again)).status).toBe(0);
    const { status, out } = await replay(again, "--json");
    const result = JSON.parse(out) as {
      same: boolean;
      parts: { offMs: number; differences: string[] }[];
    };
    expect(result.parts.map(({ differences, offMs }) => [differences, offMs])).toEqual([[[], 0]]);
    expect([status, result.same]).toEqual([0, true]);
  });

  it("takes a recording whose writer was killed, as far as it goes", async () => {
    const path = tampered((lines) => [...lines.slice(0, 300), lines[300]!.slice(0, 10)]);
    const { status, out } = await replay(path);
    expect(out).toContain("A line is incomplete");
    expect(status).toBe(0);
  });

  it.each([
    ["is not there", () => join(directory, "none.jsonl"), /cannot be read: there is no such file/],
    ["is empty", () => tampered(() => []), /not a flight recording: it is empty/],
    ["is something else", () => tampered(() => ["{}", "{}"]), /line 1 has no time/],
    [
      "lacks its agent",
      () => tampered(() => ['{"at":0,"is":"call","format":1,"parties":{}}']),
      /line 1 begins a call and lacks its agent/,
    ],
    [
      "is broken in its middle",
      () => tampered((lines) => lines.with(20, "{")),
      /line 21 is not JSON/,
    ],
    [
      "lacks its beginning",
      () => tampered((lines) => lines.slice(2)),
      /line 1 is of a recording whose beginning/,
    ],
    [
      "is of a later format",
      () => tampered((lines) => lines.with(1, lines[1]!.replace('"format":1', '"format":9'))),
      /is of format 9; this version reads 1/,
    ],
  ])("refuses a file that %s, with 2", async (_what, path, why) => {
    const { status, out, err } = await replay(path());
    expect(err).toMatch(why);
    expect([status, out]).toEqual([2, ""]);
  });
});
