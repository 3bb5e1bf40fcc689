/** A record tells what happened in its order, on one clock, and ends with `ended`. */
import { afterEach, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Turn } from "../../sim/model/script.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const transfer: Turn = {
  say: { text: "I connect you.", audio: speechLike(300, 2) },
  calls: [{ name: "transfer_call", arguments: { destination: "desk", reason: "asked" } }],
};
const ends: Turn = {
  say: { text: "Goodbye.", audio: speechLike(300, 3) },
  calls: [{ name: "end_call", arguments: { reason: "done" } }],
};
const question = speechLike(600, 4);

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function asked(path: "media-stream" | "sip", turn: Turn, key: string | null) {
  const script = { turns: [{ say: GREETING }, turn], transcripts: ["Where is my order?"] };
  const model = { transcriptDelayMs: 700 };
  stage =
    path === "sip"
      ? await startSipStage({ script, model, destinations: ["desk"] })
      : await startStage(script, { model });
  const call = stage.twilio.placeCall();
  await stage.until(call.sid, "agent_heard");
  if (key === null) await call.say(question);
  else await call.press(key);
  return { on: stage, call };
}

it.each<["media-stream" | "sip", string, Turn, string | null]>([
  ["media-stream", "a transfer by the agent", transfer, null],
  ["media-stream", "a transfer by key", transfer, "0"],
  ["media-stream", "the agent's end_call", ends, null],
  ["sip", "a transfer by the agent", transfer, null],
  ["sip", "a transfer by key", transfer, "0"],
  ["sip", "the agent's end_call", ends, null],
])("on the path %s, after %s", async (path, _, turn, key) => {
  const { on, call } = await asked(path, turn, key);
  if (turn === transfer) {
    await on.until(call.sid, "transfer_outcome");
    call.hangUp();
  }
  await on.until(call.sid, "ended");
  await on.twilio.settled();
  const written = on.written(call.sid);
  expect(written.at(-1)?.type).toBe("ended");
  expect(written.filter(({ type }) => type === "ended")).toHaveLength(1);
  const times = written.flatMap((event) => ("atMs" in event ? [event.atMs] : []));
  expect(times.length).toBeGreaterThan(0);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  const types = written.map(({ type }) => type);
  if (turn === transfer)
    expect(types.indexOf("transfer_requested")).toBeLessThan(types.indexOf("transfer_outcome"));
  const { startedAt, endedAt } = on.record(call.sid);
  const lastMs = Date.parse(String(endedAt)) - Date.parse(String(startedAt));
  // Both stand on the wall clock; the events count from the call's opening.
  expect(Math.abs(lastMs - times.at(-1)!)).toBeLessThan(500);
});
