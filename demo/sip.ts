/**
 * `murelay demo --sip`: the same support call on the SIP path. The caller's audio does not pass
 * through the relay: Twilio puts the caller into a conference, SIP adds the model, and the relay
 * controls both by webhooks, REST and a sideband socket. At the end the model's leg is hung up, and
 * the transfer target stays.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type SimulatedModel, startModel } from "../sim/model.js";
import type { SipCall } from "../sim/sip/call.js";
import type { Leg } from "../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../sim/twilio.js";
import type { App } from "../src/app/app.js";
import type { CallRecord } from "../src/domain/call-record.js";
import type { CallSid } from "../src/domain/ids.js";
import type { MemoryJournal } from "../src/records/memory-journal.js";
import { PUBLIC_URL, startRelay } from "./relay.js";
import { type DemoClips, loadDemoClips, sipDemoScript } from "./script.js";
import { Timeline } from "./timeline.js";

/** Between two things that a person says. */
const BREATH_MS = 600;
/** The caller may be alone on the line and hear nothing for at most this long. */
const MOST_ALONE_MS = 2_000;
/** How long caller and transfer target talk before the caller hangs up. */
const TALK_MS = 1_500;

interface DemoParts {
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
  readonly app: App;
  readonly journal: MemoryJournal;
  readonly timeline: Timeline;
}

/** How the legs were connected while caller and transfer target talked. */
interface Talk {
  readonly callerWith: readonly string[];
  readonly targetWith: readonly string[];
  readonly modelState: string;
  /** What the transfer target heard before the caller was put through. */
  readonly whisper: string;
}

/** @returns the exit status. */
export async function runSipDemo(): Promise<number> {
  console.log("murelay demo: one support call on the SIP path, every part on this machine\n");
  const clips = loadDemoClips();
  const parts = await startParts(clips);
  try {
    return (await runCall(parts, clips)) === 0 ? 0 : 1;
  } finally {
    await parts.twilio.close();
    await parts.app.stop();
    await parts.model.close();
  }
}

async function startParts(clips: DemoClips): Promise<DemoParts> {
  const timeline = new Timeline((line) => console.log(line));
  const model = await startModel({ script: sipDemoScript(clips) });
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    voiceUrl: `${PUBLIC_URL}/sip/incoming-call`,
    sip: model.sip.invite,
    // A person who listens to the whisper and presses 1.
    callees: () => ({ afterMs: 400, keys: () => "1", keysAfterMs: 5_000 }),
    hooks: { onLeg: (leg) => watchLeg(leg, timeline) },
  });
  const { app, journal, origin } = await startRelay(model, twilio, timeline, "./agents-sip.yaml", {
    OPENAI_BASE_URL: model.baseUrl,
    OPENAI_WEBHOOK_SECRET: model.sip.secret,
    OPENAI_PROJECT_ID: model.sip.projectId,
  });
  model.sip.deliverTo(`${origin}/openai/webhook`);
  return { model, twilio, app, journal, timeline };
}

/** Acts the caller, then prints the report. @returns how many checks failed. */
async function runCall(parts: DemoParts, clips: DemoClips): Promise<number> {
  const { twilio, model, journal, timeline } = parts;
  const caller = twilio.placeCall();
  const call = await model.sip.call(0);
  watchModel(call, timeline);
  await modelSaid(call, 1);
  await caller.say(clips.problem.audio);
  await modelSaid(call, 3);
  await caller.say(clips.human.audio);
  const target = await calledTarget(twilio);
  await target.events.until("conference_joined", {}, 20_000);
  await settledWithin(call.ended, 10_000, "the model's leg did not go");
  await pause(TALK_MS);
  const talk: Talk = {
    callerWith: twilio.connections.now(caller.sid).with,
    targetWith: twilio.connections.now(target.sid).with,
    modelState: call.state,
    whisper: String(target.events.find("gather")?.detail["prompt"] ?? ""),
  };
  caller.hangUp();
  await caller.ended;
  await settledWithin(
    Promise.all(twilio.legs.map((leg) => leg.ended)),
    10_000,
    "a leg was left behind",
  );
  await twilio.settled();

  const record = await recordOf(journal, caller.sid);
  const aloneMs = twilio.connections.longestAloneMs(caller.sid);
  const faults = [
    ...twilio.violations(),
    ...model.violations(),
    ...complaints(record, talk, aloneMs, caller),
  ];
  report(parts, caller, record, talk, aloneMs);
  console.log(
    faults.length === 0
      ? "\nEverything held."
      : `\nDid not hold:\n${faults.map((text) => `  ${text}`).join("\n")}`,
  );
  return faults.length;
}

function complaints(record: CallRecord, talk: Talk, aloneMs: number, caller: Leg): string[] {
  const out: string[] = [];
  const must = (holds: boolean, text: string): void => {
    if (!holds) out.push(text);
  };
  must(record.path === "sip", `the record says path ${record.path}`);
  must(
    record.tools.some(({ outcome }) => outcome === "ok"),
    "no question was answered through a tool",
  );
  must(record.transfer?.outcome === "answered", "the transfer was not answered");
  must(
    record.outcome === "transferred",
    `the record says ${record.outcome ?? "nothing"}, not transferred`,
  );
  must(talk.whisper.includes("4217"), "the whisper does not name the order");
  must(talk.modelState === "over", "the model stayed on the line");
  const { callerWith, targetWith } = talk;
  must(
    callerWith.length === 1 && targetWith.length === 1,
    `caller and target were not connected: ${callerWith.join()} / ${targetWith.join()}`,
  );
  must(
    aloneMs <= MOST_ALONE_MS,
    `the caller was alone and heard nothing for ${Math.round(aloneMs)} ms (${caller.sid})`,
  );
  return out;
}

function report(
  parts: DemoParts,
  caller: Leg,
  record: CallRecord,
  talk: Talk,
  aloneMs: number,
): void {
  const lines = ["", "Call report", "-----------"];
  const row = (name: string, value: string): void => void lines.push(`${name.padEnd(22)}${value}`);
  const { callSid, agent, outcome, path } = record;
  row("call", `${callSid}, agent ${agent ?? "?"}, ${outcome ?? "?"}, path ${path}`);
  for (const tool of record.tools) row("tool", `${tool.name}: ${tool.outcome}, ${tool.ms} ms`);
  if (record.transfer !== null)
    row(
      "transfer",
      `${record.transfer.destination} (${record.transfer.kind}): ${record.transfer.outcome ?? "?"}`,
    );
  row("whisper", `“${talk.whisper}”`);
  row(
    "at the end",
    `caller with ${talk.callerWith.join(", ")}; the model's leg: ${talk.modelState}`,
  );
  row("alone and silent", `${Math.round(aloneMs)} ms at most`);
  row(
    "cost",
    record.costUsd === null
      ? "no price known"
      : `${record.costUsd.toFixed(4)} USD (simulated tokens)`,
  );
  lines.push("", "Who was with the caller", parts.twilio.connections.text(caller.sid));
  const folder = join("data", "demo");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${caller.sid}.json`);
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
  lines.push("", `call record   ${file}`);
  for (const line of lines) console.log(line);
}

/** Prints what happens to a leg. */
function watchLeg(leg: Leg, timeline: Timeline): void {
  const who =
    leg.direction === "inbound" ? "caller" : leg.to.startsWith("sip:") ? "model" : "target";
  leg.events.watch(({ kind, detail }) => {
    if (kind === "conference_joined") timeline.line("twilio", `${who} is in the conference`);
    else if (kind === "conference_left") timeline.line("twilio", `${who} has left the conference`);
    else if (kind === "gather") timeline.line("target", `hears: “${String(detail["prompt"])}”`);
    else if (kind === "key") timeline.line(who, `presses ${String(detail["key"])}`);
  });
}

function watchModel(call: SipCall, timeline: Timeline): void {
  timeline.line("model", `is called at ${call.uri}`);
  call.events.watch(({ kind, detail }) => {
    if (kind === "delivery")
      timeline.line("model", `webhook: answered ${String(detail["status"])}`);
    else if (kind === "accepted") timeline.line("model", "is told to accept");
    else if (kind === "sideband")
      timeline.line("relay", "controls the model's session by the sideband");
    else if (kind === "ended") timeline.line("model", `off the line (${String(detail["by"])})`);
  });
}

/** Waits until this many responses were made and heard. @throws Error after half a minute. */
async function modelSaid(call: SipCall, responses: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    const { session } = call;
    const made = session?.responses.filter(({ status }) => status === "completed").length ?? 0;
    if (made >= responses && session?.playback?.playing === false && session.active === null) {
      await pause(BREATH_MS);
      return;
    }
    await pause(20);
  }
  throw new Error(`the model did not speak; so far:\n${call.events.text()}`);
}

/** The leg to the transfer target: the first that is neither the caller's nor the model's. */
async function calledTarget(twilio: SimulatedTwilio): Promise<Leg> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    const leg = twilio.legs.find(
      ({ direction, sipCallee: called }) => direction !== "inbound" && called === null,
    );
    if (leg !== undefined) return leg;
    await pause(20);
  }
  throw new Error("the transfer target was not called");
}

async function recordOf(journal: MemoryJournal, callSid: string): Promise<CallRecord> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 20) {
    const record = journal.record(callSid as CallSid);
    if (record?.state === "ended") return record;
    await pause(20);
  }
  throw new Error("the relay kept no record of the call's end");
}

async function settledWithin(what: Promise<unknown>, ms: number, complaint: string): Promise<void> {
  const late = pause(ms).then(() => "late" as const);
  if ((await Promise.race([what, late])) === "late") throw new Error(complaint);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
