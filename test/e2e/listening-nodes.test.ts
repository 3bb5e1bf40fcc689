/** Listening to and taking over calls that another worker or another node has. */
import { afterAll, describe, type ExpectStatic, vi } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { heardMs, playedAudio } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Listener, listen } from "../fakes/listener.js";
import { startNode } from "../fakes/relay-node.js";
import { PUBLIC_URL } from "../fakes/stage.js";
import { storeKinds } from "../fakes/stores.js";

const TALK = { text: "One two three four five six seven.", audio: speechLike(60_000, 1) };
const BACK = { text: "I am back.", audio: speechLike(600, 2) };
const VOICE = speechLike(1_500, 4);
const TOKEN = "a-token-of-some-length";
const PATIENCE = { timeout: 30_000 };
const AGENT = 1;
/** Each starts two nodes: at the same time they would starve each other. */
const NODES = { timeout: 120_000 };

const postgres = storeKinds().find(({ name }) => name === "postgres")!;

interface Peers {
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
}

async function startPeers(closes: Closes): Promise<Peers & { readonly publicUrl: string }> {
  const model = closes(await startModel({ script: { turns: [{ say: TALK }, { say: BACK }] } }));
  const twilio = closes(await startTwilio({ publicUrl: PUBLIC_URL, speed: 1 }));
  return { model, twilio, publicUrl: PUBLIC_URL };
}

async function api(adminPort: number, path: string, body?: object) {
  const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

/** A microphone: 20 ms at a time. */
async function speak(listener: Listener, ulaw: Uint8Array): Promise<void> {
  for (let at = 0; at < ulaw.length; at += 160) {
    listener.speak(ulaw.subarray(at, at + 160));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Through this operator listener: hears the call, is heard by its caller, and hands it back. */
async function hearsAndSpeaks(
  expect: ExpectStatic,
  call: Leg,
  adminPort: number,
): Promise<Listener> {
  await call.events.until("first_media", {}, 20_000);
  const listener = await listen(adminPort, call.sid, TOKEN);
  await expect.poll(() => listener.heard(AGENT).length, PATIENCE).toBeGreaterThan(4_000);
  expect(Buffer.from(TALK.audio).includes(listener.heard(AGENT))).toBe(true);
  const one = `/api/calls/${call.sid}`;
  const { listener: id } = listener.told[0]!;
  expect((await api(adminPort, `${one}/take-over`, { listener: id })).status).toBe(202);
  await speak(listener, VOICE);
  const played = () => playedAudio(call.streams[0]!);
  await expect.poll(() => played().includes(Buffer.from(VOICE)), PATIENCE).toBe(true);
  expect((await api(adminPort, `${one}/hand-back`, { note: "Granted." })).status).toBe(202);
  await expect.poll(() => heardMs(call.streams[0]!, BACK.audio), PATIENCE).toBe(600);
  return listener;
}

describe("two workers of a node", () => {
  it("let a supervisor hear and take over the calls of either", { timeout: 90_000 }, async ({
    closes,
    expect,
  }) => {
    const peers = await startPeers(closes);
    const node = await startNode(peers, { WORKERS: "2", ADMIN_TOKEN: TOKEN });
    closes({ close: () => node.remove() });
    for (const worker of [0, 1]) {
      peers.twilio.route(PUBLIC_URL, `http://127.0.0.1:${node.publicPort + 1 + worker}`);
      const call = peers.twilio.placeCall();
      const listener = await hearsAndSpeaks(expect, call, node.adminPort);
      call.hangUp();
      expect(await listener.closed).toBe(1000);
    }
    expect(peers.twilio.violations()).toEqual([]);
  });
});

describe.skipIf(postgres.skipped !== null)("two nodes", NODES, () => {
  afterAll(() => postgres.dispose());

  /** Node "one", with two workers, gets the calls; operators ask node "two". */
  async function startNodes(closes: Closes, env: Readonly<Record<string, string>> = {}) {
    const peers = await startPeers(closes);
    const shared = { DATABASE_URL: await postgres.newDatabase(), ADMIN_TOKEN: TOKEN };
    const one = await startNode(peers, { ...shared, NODE_NAME: "one", WORKERS: "2", ...env });
    closes({ close: () => one.remove() });
    const two = await startNode(peers, { ...shared, NODE_NAME: "two" });
    closes({ close: () => two.remove() });
    await vi.waitUntil(
      async () => /"one".*"one".*"two"/s.test((await api(two.adminPort, "/api/nodes")).text),
      PATIENCE,
    );
    peers.twilio.route(PUBLIC_URL, `http://127.0.0.1:${one.publicPort + 2}`);
    return { ...peers, one, two };
  }

  it("let a supervisor of one hear and take over the calls of the other", async ({
    closes,
    expect,
  }) => {
    const { twilio, one, two } = await startNodes(closes);
    const call = twilio.placeCall();
    const listener = await hearsAndSpeaks(expect, call, two.adminPort);
    // Whoever was let in by a ticket cannot be let in by it again, and no ticket replaces a token.
    await expect(listen(one.adminPort, call.sid)).rejects.toThrow("401");
    call.hangUp();
    expect(await listener.closed).toBe(1000);
    const ended = async () => (await api(two.adminPort, `/api/calls/${call.sid}`)).text;
    await expect.poll(ended, PATIENCE).toContain('"state":"ended"');
    const { events } = JSON.parse(await ended()) as {
      events: { name: string; fields: { by?: string; reason?: string } }[];
    };
    expect(
      events
        .filter(({ name }) => /^(?:listener|supervisor)_/.test(name))
        .map(({ name, fields }) => `${name} ${fields.by} ${fields.reason ?? ""}`.trim()),
    ).toEqual([
      "listener_joined admin",
      "supervisor_took_over admin",
      "supervisor_handed_back admin asked",
      "listener_left admin call_ended",
    ]);
    const audit = await api(two.adminPort, `/api/audit?callSid=${call.sid}`);
    const { entries } = JSON.parse(audit.text) as { entries: Record<string, unknown>[] };
    expect(
      entries.map(({ operator, action, status }) => `${operator} ${action} ${status}`).sort(),
    ).toEqual(["admin hand_back 202", "admin listen 101", "admin take_over 202"]);
  });

  it("give the caller back to the agent when the supervisor's node dies", async ({
    closes,
    expect,
  }) => {
    const { twilio, two } = await startNodes(closes);
    const call = twilio.placeCall();
    await call.events.until("first_media", {}, 20_000);
    const listener = await listen(two.adminPort, call.sid, TOKEN);
    await expect.poll(() => listener.told.length, PATIENCE).toBe(1);
    const { listener: id } = listener.told[0]!;
    const one = `/api/calls/${call.sid}`;
    expect((await api(two.adminPort, `${one}/take-over`, { listener: id })).status).toBe(202);
    two.kill();
    await expect.poll(() => heardMs(call.streams[0]!, BACK.audio), PATIENCE).toBe(600);
    call.hangUp();
  });

  it("tell a supervisor that the node is out of reach, and of a call's node that died", async ({
    closes,
    expect,
  }) => {
    const { twilio, one, two } = await startNodes(closes, { PEER_URL: "http://127.0.0.1:1" });
    const call = twilio.placeCall();
    await call.events.until("first_media", {}, 20_000);
    await expect(listen(two.adminPort, call.sid, TOKEN)).rejects.toThrow("409");
    const listener = await listen(one.adminPort, call.sid, TOKEN);
    one.kill();
    expect(await listener.closed).not.toBe(1000);
  });
});
