/** Streams that REST starts on a simulated call, to fork its audio. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallLeg } from "../../sim/twilio/call-leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { PlainRelay, PUBLIC } from "./plain-relay.js";

const TO_RELAY_MS = 120;

let relay: PlainRelay;
let twilio: SimulatedTwilio;
const seen: { readonly event: string; readonly atMs: number }[] = [];

beforeEach(async () => {
  seen.length = 0;
  relay = new PlainRelay();
  relay.onMessage = ({ event }) => seen.push({ event, atMs: performance.now() });
  relay.paths["/incoming-call"] = '<Pause length="600"/>';
  const relayUrl = await relay.listen();
  twilio = await startTwilio({
    publicUrl: PUBLIC,
    relayUrl,
    network: { toRelayMs: TO_RELAY_MS },
  });
});
afterEach(async () => {
  await twilio.close();
  await relay.close();
});

async function answered(): Promise<CallLeg> {
  const call = twilio.placeCall();
  await call.events.until("pause");
  return call;
}

async function rest(call: CallLeg, path: string, form: Record<string, string>) {
  const url = `${twilio.apiBaseUrl}/2010-04-01/Accounts/${twilio.accountSid}/Calls/${call.sid}`;
  const reply = await fetch(`${url}/Streams${path}.json`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${twilio.accountSid}:${twilio.authToken}`)}` },
    body: new URLSearchParams(form),
  });
  return { status: reply.status, json: JSON.parse(await reply.text()) };
}

const STREAM = {
  Url: "wss://relay.test/fork",
  Name: "tap",
  StatusCallback: `${PUBLIC}/stream-status`,
};
const told = () => relay.forms("/stream-status");

describe("a stream that REST starts", () => {
  it("tells its status callback that it has started and stopped", async () => {
    const call = await answered();
    const { json } = await rest(call, "", STREAM);
    await call.events.until("fork_started");
    await twilio.settled();
    expect(told()).toMatchObject([
      { CallSid: call.sid, StreamSid: json.sid, StreamName: "tap", StreamEvent: "stream-started" },
    ]);
    await rest(call, "/tap", { Status: "stopped" });
    await call.events.until("fork_closed");
    await twilio.settled();
    expect(told().map(({ StreamEvent }) => StreamEvent)).toEqual([
      "stream-started",
      "stream-stopped",
    ]);
    expect(twilio.violations()).toEqual([]);
  });

  it("tells its status callback why it could not start, by the method that was asked for", async () => {
    relay.refuseUpgrade = 403;
    const call = await answered();
    expect((await rest(call, "", { ...STREAM, StatusCallbackMethod: "PUT" })).status).toBe(400);
    await rest(call, "", { ...STREAM, StatusCallbackMethod: "GET" });
    await call.events.until("fork_refused");
    await twilio.settled();
    const asked = relay.seen.filter(({ path }) => path.startsWith("/stream-status"));
    expect(asked.map(({ method }) => method)).toEqual(["GET"]);
    const query = new URLSearchParams(asked[0]!.path.split("?")[1]);
    expect(query.get("StreamEvent")).toBe("stream-error");
    expect(query.get("StreamError")).toContain("31920");
  });

  it("takes the network's time, also for its stop and its close", async () => {
    const call = await answered();
    const askedMs = performance.now();
    await rest(call, "", STREAM);
    await call.events.until("fork_started");
    expect(seen).toEqual([]);
    await expect.poll(() => seen.map(({ event }) => event)).toEqual(["connected", "start"]);
    expect(seen[0]!.atMs - askedMs).toBeGreaterThanOrEqual(TO_RELAY_MS);
    const endedMs = performance.now();
    call.hangUp();
    await call.events.until("fork_closed");
    expect(seen.at(-1)!.event).toBe("stop");
    expect(seen.at(-1)!.atMs - endedMs).toBeGreaterThanOrEqual(TO_RELAY_MS - 1);
  });
});
