import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { agent } from "../fakes/call-bench.js";
import { type Stage, startStage } from "../fakes/stage.js";

const HELLO = { text: "Hello, my card is 4111 1111 1111 1111.", audio: speechLike(400, 1) };

let folder = "";
let stage: Stage | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-"));
});
afterEach(async () => {
  await stage?.close();
  stage = null;
  rmSync(folder, { recursive: true, force: true });
});

function start(): Promise<Stage> {
  const profile = agent({ recording: { enabled: true, channels: "dual", transcribe: null } });
  return startStage(
    { turns: [{ say: HELLO }] },
    {
      database: true,
      agents: {
        agents: new Map([[profile.name, profile]]),
        numbers: new Map(),
        defaultAgent: profile.name,
      },
      env: { DATABASE_URL: `sqlite:${folder}/murelay.db`, RECORDINGS_DIR: `${folder}/recordings` },
    },
  );
}

async function call(place: Stage): Promise<string> {
  const leg = place.twilio.placeCall();
  await leg.events.until("first_media");
  // The live call can be read while it is going on.
  await expect
    .poll(async () => JSON.stringify(await read(place, `/api/calls/${leg.sid}`)), {
      timeout: 5_000,
    })
    .toContain("[card]");
  await leg.press("0");
  await leg.events.until("dial_bridged", {}, 10_000);
  await leg.ended;
  await place.twilio.settled();
  return leg.sid;
}

const read = async (place: Stage, path: string): Promise<Record<string, unknown>> =>
  (await (await fetch(`http://127.0.0.1:${place.adminPort}${path}`)).json()) as Record<
    string,
    unknown
  >;

describe("a call in the database", () => {
  it("tells the same story, masked, after a restart; its recording was fetched; and it can be removed whole", async () => {
    stage = await start();
    const sid = await call(stage);
    expect(await read(stage, "/ready")).toEqual({ ready: true, reason: "ok" });
    await expect
      .poll(async () => (await read(stage!, `/api/calls/${sid}`))["recording"], { timeout: 20_000 })
      .toMatchObject({ file: expect.stringMatching(/\.wav$/) });
    await stage.close();
    stage = await start();
    const record = await read(stage, `/api/calls/${sid}`);
    expect(record).toMatchObject({
      callSid: sid,
      state: "ended",
      outcome: "transferred",
      agent: "support",
      transfer: { destination: "desk", by: "key", outcome: "answered" },
    });
    expect(JSON.stringify(record)).toContain("[card]");
    expect(JSON.stringify(record)).not.toContain("4111");
    const list = await read(stage, "/api/calls?state=ended&limit=10");
    expect(JSON.stringify(list)).toContain(sid);
    expect(readdirSync(join(folder, "recordings"))).toHaveLength(1);
    const removed = await fetch(`http://127.0.0.1:${stage.adminPort}/api/calls/${sid}`, {
      method: "DELETE",
    });
    expect(removed.status).toBe(204);
    expect(readdirSync(join(folder, "recordings"))).toEqual([]);
    expect(await read(stage, `/api/calls/${sid}`)).toMatchObject({ error: "not_found" });
  });

  it("is recorded although Twilio answers 500 at the start of the recording", async () => {
    stage = await start();
    stage.twilio.failRest({ operation: "recordings.create", kind: "500" });
    const leg = stage.twilio.placeCall();
    const asked = () =>
      stage!.twilio.requests.filter(({ operation }) => operation === "recordings.create").length;
    await expect.poll(asked, { timeout: 5_000 }).toBe(2);
    await leg.press("0");
    await leg.ended;
    await expect
      .poll(async () => (await read(stage!, `/api/calls/${leg.sid}`))["recording"], {
        timeout: 20_000,
      })
      .toMatchObject({ file: expect.stringMatching(/\.wav$/) });
  });
});
