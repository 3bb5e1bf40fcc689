import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedCrm, startCrm } from "../../sim/crm.js";
import type { Script } from "../../sim/model/script.js";
import type { TwilioOptions } from "../../sim/twilio.js";
import { SpoolFiles } from "../../src/adapters/journal/spool-files.js";
import type { AgentProfile, AgentsFile, CrmEndpoint } from "../../src/domain/agent-profile.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { spoolBatch } from "../../src/ports/spool.js";
import { agent } from "../fakes/call-bench.js";
import { type Stage, startStage } from "../fakes/stage.js";
import { failoverAgent } from "../transfer/directory.js";

const GREETING = { text: "Hello.", audio: speechLike(200, 1) };
const BYE = { text: "I connect you.", audio: speechLike(200, 2) };
const CALLER = "+12025550147";

let folder = "";
let crm: SimulatedCrm;
let stage: Stage | null = null;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "murelay-crm-"));
  crm = await startCrm();
});
afterEach(async () => {
  await stage?.close();
  stage = null;
  await crm.close();
  rmSync(folder, { recursive: true, force: true });
});

const endpoint = (method: CrmEndpoint["method"], path: string, timeoutMs: number): CrmEndpoint => ({
  method,
  url: crm.url + path,
  headers: { authorization: "Bearer crm" },
  timeoutMs,
  allowPrivateHosts: ["127.0.0.1"],
});

function agentsFile(profile: AgentProfile, lookupMs = 800): AgentsFile {
  return {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
    crm: {
      callerLookup: endpoint("GET", "/callers/{from}", lookupMs),
      escalation: endpoint("POST", "/interactions", 3_000),
      callCompleted: endpoint("POST", "/calls", 5_000),
    },
  };
}

async function start(
  script: Script,
  options: {
    readonly agents?: AgentsFile;
    readonly database?: boolean;
    readonly twilio?: Partial<TwilioOptions>;
  } = {},
): Promise<Stage> {
  stage = await startStage(script, {
    agents: options.agents ?? agentsFile(agent({ languages: LANGUAGES })),
    env: { DATABASE_URL: `sqlite:${folder}/murelay.db`, RECORDINGS_DIR: `${folder}/recordings` },
    ...(options.twilio === undefined ? {} : { twilio: options.twilio }),
    database: options.database ?? false,
  });
  return stage;
}

const LANGUAGES = new Map([
  ["en", { voice: null, instructions: null }],
  ["es", { voice: "cedar", instructions: "Habla español." }],
]);

/** What the model was told: its instructions and the items of the conversation. */
const toldTo = async (place: Stage, index = 0): Promise<string> =>
  JSON.stringify((await place.model.session(index)).events);

describe("caller_lookup", () => {
  it("tells the model name, open cases and language before it greets", async () => {
    crm.callers.set(CALLER, {
      name: "Ada Lovelace",
      language: "es",
      notes: "prefers short answers",
      open_cases: [{ id: "C-77", subject: "engine does not stop" }],
    });
    const place = await start({ turns: [{ say: GREETING }] });
    const call = place.twilio.placeCall({ from: CALLER });
    await call.events.until("first_media");
    const told = await toldTo(place);
    for (const word of [
      "Ada Lovelace",
      "C-77",
      "engine does not stop",
      "prefers short answers",
      "Habla español",
      "cedar",
    ])
      expect(told, word).toContain(word);
    call.hangUp();
    await call.ended;
    await place.until(call.sid, "ended");
    expect(crm.requests[0]).toMatchObject({
      method: "GET",
      path: `/callers/${encodeURIComponent(CALLER)}`,
    });
    expect(place.model.violations()).toEqual([]);
  });

  it.each<[string, () => void]>([
    [
      "is slower than its time-out",
      () => {
        crm.faults.delayMs = 60_000;
      },
    ],
    [
      "fails",
      () => {
        crm.faults.statuses.push(500);
      },
    ],
    [
      "breaks the line",
      () => {
        crm.faults.statuses.push(0);
      },
    ],
    ["knows nobody of that number", () => {}],
  ])("the greeting comes all the same when it %s", async (_, fault) => {
    fault();
    const place = await start({ turns: [{ say: GREETING }] }, { agents: agentsFile(agent(), 150) });
    const call = place.twilio.placeCall({ from: CALLER });
    await call.events.until("first_media");
    call.hangUp();
    await call.ended;
    await place.until(call.sid, "ended");
    expect(place.record(call.sid).turns).toMatchObject([{ who: "agent", text: "Hello." }]);
  });
});

describe("escalation", () => {
  it("opens a case before the human is rung, and the human hears its name", async () => {
    const profile = failoverAgent("warm");
    const tool = {
      name: "transfer_call",
      description: "",
      parameters: {},
      source: { kind: "builtin" as const },
      timeoutMs: 3_000,
      sayWhileWaiting: null,
    };
    const place = await start(
      {
        turns: ({ index }) => {
          if (index === 0) return { say: GREETING };
          const asked = {
            destination: "warm",
            reason: "broken <engine>",
            summary: "wants a new one",
            urgency: "high",
          };
          return { say: BYE, calls: [{ name: "transfer_call", arguments: asked }] };
        },
      },
      {
        agents: agentsFile({ ...profile, tools: [tool] }),
        twilio: { callees: () => ({ keys: () => "1", talkMs: 300 }) },
      },
    );
    const call = place.twilio.placeCall({ from: CALLER });
    await call.events.until("first_media");
    await call.say(speechLike(700, 4));
    await place.until(call.sid, "transfer_outcome");
    call.hangUp();
    await call.ended;
    await place.until(call.sid, "ended");
    expect(crm.cases).toMatchObject([
      {
        callSid: call.sid,
        from: CALLER,
        agent: "support",
        destination: "warm",
        reason: "broken <engine>",
        summary: "wants a new one",
        urgency: "high",
      },
    ]);
    const human = place.twilio.legs.find((leg) => leg.to === "+12025550122");
    expect(JSON.stringify(human?.events.find("gather")?.detail)).toContain("CASE-1");
    const { transfer } = place.record(call.sid);
    expect(transfer).toMatchObject({ outcome: "answered" });
    const steps = transfer?.steps.map(({ step, detail }) => `${step} ${detail ?? ""}`.trim()) ?? [];
    expect(steps).toContain("escalated CASE-1");
    expect(steps.indexOf("escalated CASE-1")).toBeLessThan(steps.indexOf("screening"));
  });
});

describe("call_completed", () => {
  async function shortCall(place: Stage): Promise<string> {
    const call = place.twilio.placeCall({ from: CALLER });
    await call.events.until("first_media");
    call.hangUp();
    await call.ended;
    await place.twilio.settled();
    return call.sid;
  }
  const toCalls = () => crm.requests.filter(({ path }) => path === "/calls");
  const waiting = () => readdirSync(join(folder, "crm")).filter((name) => name.endsWith(".json"));

  it("is given the whole record, again until it is accepted", async () => {
    const place = await start({ turns: [{ say: GREETING }] }, { database: true });
    crm.faults.statuses.push(404);
    const call = place.twilio.placeCall({ from: CALLER });
    await call.events.until("first_media");
    crm.faults.statuses.push(503, 0);
    call.hangUp();
    await call.ended;
    await expect.poll(() => crm.calls.size, { timeout: 20_000 }).toBe(1);
    expect(toCalls().map(({ idempotencyKey }) => idempotencyKey)).toEqual([
      call.sid,
      call.sid,
      call.sid,
    ]);
    expect(crm.calls.get(call.sid)).toMatchObject({
      callSid: call.sid,
      from: CALLER,
      state: "ended",
      outcome: "completed",
      turns: [{ who: "agent", text: "Hello." }],
    });
    await expect.poll(waiting).toEqual([]);
  });

  it("hears of calls that a process took with it when it was killed", async () => {
    const gone = await SpoolFiles.open(join(folder, "spool"), "gone", {
      epochMs: () => Date.now(),
    });
    const callSid = "CA00000000000000000000000000000077" as CallSid;
    const opened: RecordEvent = {
      type: "opened",
      epochMs: Date.now(),
      agent: "support",
      direction: "inbound",
      from: CALLER,
      to: "+15550001111",
      path: "media-stream",
      node: "gone",
    };
    await gone.append([spoolBatch([{ seq: 1, callSid, event: opened }])]);
    await gone.close();
    // Its mark names this process, which lives; that of one that is gone is like this.
    const mark = { host: hostname(), pid: process.pid, startTicks: "1" };
    writeFileSync(join(folder, "spool", gone.writer, "holder.json"), JSON.stringify(mark));
    await start({ turns: [] }, { database: true });
    await expect
      .poll(() => crm.calls.get(callSid), { timeout: 10_000 })
      .toMatchObject({
        callSid,
        from: CALLER,
        outcome: "failed",
        endReason: "process_lost",
      });
  });

  it("waits on disk over a restart", async () => {
    const first = await start({ turns: [{ say: GREETING }] }, { database: true });
    crm.faults.statuses.push(404, ...Array.from({ length: 50 }, () => 503));
    const sid = await shortCall(first);
    await expect.poll(() => toCalls().length, { timeout: 10_000 }).toBeGreaterThan(0);
    await first.close();
    expect(waiting()).toHaveLength(1);
    expect(crm.calls.size).toBe(0);
    crm.faults.statuses.length = 0;
    await start({ turns: [{ say: GREETING }] }, { database: true });
    await expect.poll(() => [...crm.calls.keys()], { timeout: 10_000 }).toEqual([sid]);
    await expect.poll(waiting).toEqual([]);
  });
});
