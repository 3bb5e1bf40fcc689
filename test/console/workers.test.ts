/** The console of a machine with two workers, through the supervisor. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";

const PUBLIC_URL = "https://relay.test";
const TOKEN = "a-token-of-some-length";
const WORKERS = 2;

let model: SimulatedModel;
let twilio: SimulatedTwilio;
let node: RelayNode;
beforeAll(async () => {
  model = await startModel({
    script: { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
  });
  twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
  node = await startNode(
    { model, twilio, publicUrl: PUBLIC_URL },
    { WORKERS: String(WORKERS), ADMIN_TOKEN: TOKEN },
  );
}, 90_000);
afterAll(async () => {
  await twilio?.close();
  await node?.remove();
  await model?.close();
});

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${node.adminPort}${path}`, init);

describe("the console of two workers", () => {
  it("is signed in to once, and every worker knows it, their events included", {
    timeout: 60_000,
  }, async () => {
    expect((await ask("/console")).status).toBe(401);
    expect((await ask("/console/main.js")).headers.get("etag")).toMatch(/^"/);
    const session = await ask("/console/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: TOKEN }),
    });
    expect(session.status).toBe(204);
    const cookie = session.headers.getSetCookie()[0]!.split(";")[0]!;
    // More often than there are workers: whichever is asked lets it in.
    for (let n = 0; n < 3 * WORKERS; n++) {
      const page = await ask("/console", { headers: { cookie } });
      expect([page.status, page.headers.get("content-security-policy")]).toEqual([
        200,
        expect.stringContaining("default-src 'none'"),
      ]);
      expect((await ask("/api/agents", { headers: { cookie } })).status).toBe(200);
    }
    expect((await ask("/api/events")).status).toBe(401);

    const events = await ask("/api/events", { headers: { cookie } });
    expect(events.status).toBe(200);
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (wanted: string) => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? "";
    };
    // Each worker's part begins with a line of its own.
    while ((text.match(/:\n\n/g) ?? []).length < WORKERS) text += (await reader.read()).value ?? "";
    for (let n = 0; n < WORKERS; n++) {
      twilio.route(PUBLIC_URL, `http://127.0.0.1:${node.publicPort + 1 + n}`);
      const call = twilio.placeCall();
      await call.events.until("first_media", {}, 20_000);
      await until(`"callSid":"${call.sid}"`);
      call.hangUp();
      await call.ended;
    }
    await reader.cancel();
  });
});
