import { speechLike } from "../../sim/audio/synth.js";
import type { Script } from "../../sim/model/script.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { ANSWER, type FaultRow } from "./fault-rows.js";
import { onlyAgent } from "./heard-call.js";
import { sipAgent, startSipStage } from "./sip-stage.js";
import { type Stage, startStage } from "./stage.js";

/** What the caller of one row heard on one path. */
export interface FaultCell {
  /** In words: what came before the outcome, and the outcome. */
  readonly hears: string;
  /** The longest silence, from the end of the caller's question or from the answer of the call. */
  readonly silenceMs: number;
}

export type FaultPath = "media-stream" | "sip";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const REPLY = { text: ANSWER, audio: speechLike(500, 2) };
const question = speechLike(500, 3);
/** From the fault to an outcome. */
const OUTCOME_MS = 70_000;
const LOOK_MS = 50;
/** The model's participant in the caller's conference. */
const MODEL_LABEL = "virtual agent";

/** A call in which the row's fault happens, until the caller is served. */
export async function callWithFault(row: FaultRow, path: FaultPath): Promise<FaultCell> {
  const stage = await stageOf(row, path);
  try {
    const { model, rest, accept } = row;
    if (model !== undefined && path === "media-stream") Object.assign(stage.model.faults, model);
    if (rest !== undefined) stage.twilio.failRest(rest);
    if (accept !== undefined && path === "sip") stage.model.sip.fail(accept);
    const call = stage.twilio.placeCall();
    let fromMs: number | null = null;
    if (row.fromStart !== true) {
      await until(() => heardTurns(stage, call).includes(GREETING.text));
      await call.say(question);
      fromMs = call.events.elapsedMs;
    }
    const outcome = await outcomeOf(row, stage, call);
    const silenceMs = silenceOf(stage, call, path, fromMs);
    return { hears: [...signs(stage, call), outcome].join(", then "), silenceMs };
  } finally {
    await stage.close();
  }
}

function stageOf(row: FaultRow, path: FaultPath): Promise<Stage> {
  const shop = {
    name: "shop",
    description: "",
    parameters: {},
    source: { kind: "mcp" as const, server: { server_url: "https://mcp.example.com" } },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  };
  const profile = sipAgent("desk");
  const options = {
    agents: onlyAgent({ ...profile, tools: [...profile.tools, shop] }),
    model: { mcpServers: { shop: { tools: [{ name: "stock" }] } } },
    twilio: { speed: 1, callees: () => row.callee ?? { talkMs: 60_000 } },
  };
  // One script for all sessions of the call: a redial goes on with the next turn.
  const script = scriptOf(row);
  return path === "sip"
    ? startSipStage({ ...options, script, destinations: ["desk"] })
    : startStage(script, options);
}

function scriptOf({ turns = [], always, fromStart }: FaultRow): Script {
  let taken = 0;
  return {
    turns: () => {
      const index = taken++;
      if (fromStart === true) return { say: REPLY };
      if (index === 0) return { say: GREETING };
      const turn = always === true ? turns[0] : turns[index - 1];
      return turn === undefined ? { say: REPLY } : turn;
    },
  };
}

function heardTurns(stage: Stage, call: Leg): string[] {
  try {
    const { turns } = stage.record(call.sid);
    return turns.flatMap(({ who, text, heardMs }) =>
      who === "agent" && text !== null && (heardMs ?? 0) > 0 ? [text] : [],
    );
  } catch {
    // The relay has not written a record yet.
    return [];
  }
}

async function outcomeOf(row: FaultRow, stage: Stage, call: Leg): Promise<string> {
  const found = (): string | null => {
    if (call.over) return "the end of the call";
    const isWithPerson = stage.twilio.legs.some(
      (leg) => leg !== call && leg.sipCallee === null && leg.answeredAtMs !== null,
    );
    if (isWithPerson) return "a person";
    const heard = heardTurns(stage, call);
    if (heard.includes(ANSWER)) return "the answer";
    return row.cut === true && heard.some((text) => ANSWER.startsWith(text))
      ? "the beginning of the answer"
      : null;
  };
  await until(() => found() !== null);
  return found() ?? "nothing";
}

/** What the relay itself let the caller hear on the way. */
function signs(stage: Stage, call: Leg): string[] {
  const notes = stage.record(call.sid).events.map(({ name }) => name);
  const said = call.events.all("say").map(({ detail }) => String(detail["text"]));
  return [
    ...(notes.includes("comfort") ? ["a waiting tone"] : []),
    ...[...new Set(said)].map((text) => `“${text}”`),
  ];
}

/** @param askedMs  when the question ended; null: there was none, and the answer of the call counts. */
function silenceOf(stage: Stage, call: Leg, path: FaultPath, askedMs: number | null): number {
  if (path === "media-stream")
    return stage.twilio.longestSilence(call, askedMs === null ? {} : { fromMs: askedMs }).ms;
  const { startMs } = call.events;
  const sinceMs = askedMs === null ? (call.answeredAtMs ?? startMs) : startMs + askedMs;
  const nowMs = call.events.startMs + call.events.elapsedMs;
  let longest = 0;
  let silentFromMs: number | null = null;
  const end = (atMs: number): void => {
    if (silentFromMs !== null) longest = Math.max(longest, atMs - silentFromMs);
    silentFromMs = null;
  };
  for (const state of stage.twilio.connections.states(call.sid)) {
    const model = state.with.filter((name) => name === MODEL_LABEL);
    const isSilent =
      state.live &&
      state.sound === null &&
      state.talking.length === 0 &&
      state.with.length === model.length;
    if (isSilent) silentFromMs ??= Math.max(state.atMs, sinceMs);
    else end(Math.max(state.atMs, sinceMs));
  }
  end(nowMs);
  return longest;
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + OUTCOME_MS;
  while (!isSo() && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
