import { expect } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script, ScriptedCall, Turn } from "../../sim/model/script.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { agent } from "./call-bench.js";
import { builtinTools, hears, onlyAgent } from "./heard-call.js";
import { type Stage, startStage } from "./stage.js";

/** A call whose agent hands it over or ends it by a tool, at the caller's first words. */

export const GREETING = { text: "Hello.", audio: speechLike(300, 1) };
export const BYE = { text: "I connect you.", audio: speechLike(300, 2) };
export const question = speechLike(600, 6);

/** Starts the relay with an agent that has the tools of a call. */
export function startHandover(
  script: Script,
  options: Parameters<typeof startStage>[1] = {},
): Promise<Stage> {
  const tools = builtinTools("lookup_order", "transfer_call", "end_call");
  return startStage(script, { agents: onlyAgent(agent({ tools })), ...options });
}

/** A caller who is greeted and says something. */
export async function asks(on: Stage): Promise<Leg> {
  const call = on.twilio.placeCall();
  await hears(call, GREETING.audio);
  await call.say(question);
  return call;
}

export async function over(on: Stage, callSid: string): Promise<void> {
  await on.until(callSid, "ended");
  await on.twilio.settled();
  expect(on.twilio.violations()).toEqual([]);
}

export function toolTurn(call: ScriptedCall, ...others: readonly ScriptedCall[]): Turn {
  return { say: BYE, calls: [call, ...others] };
}
