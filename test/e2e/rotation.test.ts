/**
 * Twilio's auth token is rotated while two nodes run: one still has the old token first, the other
 * has the new one. Twilio signs with either; webhooks and streams reach either node.
 */
import { afterEach, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { heardMs } from "../../sim/twilio/heard.js";
import { type App, createApp } from "../../src/app/app.js";
import { loadConfig } from "../../src/config/load.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { PUBLIC_URL, type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello.", audio: speechLike(400, 1) };
const NEXT_TOKEN = "fedcba9876543210fedcba9876543210";

let stage: Stage | null = null;
let other: App | null = null;
afterEach(async () => {
  await stage?.close();
  await other?.stop();
  stage = null;
  other = null;
});

it("no call is dropped while Twilio's auth token is rotated", async () => {
  const first = await startStage(
    { turns: () => ({ say: HELLO }) },
    {
      env: { TWILIO_AUTH_TOKEN_SECONDARY: NEXT_TOKEN },
      twilio: { callees: () => ({ talkMs: 50 }) },
    },
  );
  stage = first;
  const settings = {
    ...first.settings,
    TWILIO_AUTH_TOKEN: NEXT_TOKEN,
    TWILIO_AUTH_TOKEN_SECONDARY: first.twilio.authToken,
    // The API key stays valid while auth tokens change.
    TWILIO_API_KEY: `SK${"0".repeat(32)}`,
    TWILIO_API_SECRET: first.twilio.authToken,
  };
  const log = new FakeLog();
  const journal = { write: () => undefined };
  other = await createApp(loadConfig(settings), first.agents, { journal, log });
  const { publicPort } = await other.start();
  const nodes = [`http://127.0.0.1:${first.publicPort}`, `http://127.0.0.1:${publicPort}`];
  // A call that began before goes on through all of it.
  const old = first.twilio.placeCall();
  await old.events.until("first_media");
  const heard = (call: typeof old) =>
    call.stream === null ? 0 : heardMs(call.stream, HELLO.audio);
  for (let offset = 0; offset < 2; offset++) {
    // The webhook at one node, the stream at the other.
    let request = offset;
    first.twilio.route(PUBLIC_URL, () => nodes[request++ % 2]!);
    const call = first.twilio.placeCall();
    await expect.poll(() => heard(call), { timeout: 10_000 }).toBeGreaterThanOrEqual(380);
    first.twilio.route(PUBLIC_URL, nodes[offset]!);
    call.hangUp();
    await call.ended;
    expect(call.events.entries.filter(({ kind }) => kind === "webhook_failed")).toEqual([]);
  }
  first.twilio.route(PUBLIC_URL, nodes[0]!);
  await old.say(speechLike(500, 2));
  expect(old.over).toBe(false);
  old.hangUp();
  await old.ended;
  const refused = [...first.log.lines, ...log.lines].filter((line) => line.includes("refused"));
  expect(refused).toEqual([]);
}, 60_000);
