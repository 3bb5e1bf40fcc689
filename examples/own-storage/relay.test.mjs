import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ruleScript, simulatedSettings, startModel, startTwilio } from "murelay/testing";
import { startRelay } from "./relay.mjs";

test("each call is stored with the words that were heard", async () => {
  const folder = await mkdtemp(join(tmpdir(), "own-storage-"));
  const file = join(folder, "calls.jsonl");
  const model = await startModel({ script: (session) => ruleScript(session, { speechMs: 300 }) });
  const twilio = await startTwilio({ publicUrl: "https://relay.test" });
  const settings = {
    ...simulatedSettings(model, twilio),
    AGENTS_FILE: join(import.meta.dirname, "agents.yaml"),
    DATABASE_URL: `sqlite:${join(folder, "calls.db")}`,
    RECORDINGS_DIR: join(folder, "recordings"),
  };
  const { relay, ports } = await startRelay(settings, file);
  try {
    twilio.route("https://relay.test", `http://127.0.0.1:${ports.publicPort}`);
    const call = twilio.placeCall();
    await call.events.until("first_media");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    call.hangUp();
    await call.ended;
    const stored = JSON.parse(await waitFor(file));
    assert.equal(stored.callSid, call.sid);
    assert.deepEqual(stored.words, [{ who: "agent", text: "Hello, how can I help?" }]);
    assert.deepEqual(twilio.violations(), []);
  } finally {
    await relay.stop();
    await twilio.close();
    await model.close();
    await rm(folder, { recursive: true });
  }
});

async function waitFor(file) {
  for (let tries = 0; tries < 100; tries++) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (text !== "") return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("no call was stored");
}
