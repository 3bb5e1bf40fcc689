import { speechLike } from "../../sim/audio/synth.js";
import type { Party } from "../../sim/twilio/party.js";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import { builtinTools } from "./heard-call.js";

export const GREETING = { text: "Hello.", audio: speechLike(200, 1) };
export const BYE = { text: "I connect you.", audio: speechLike(200, 2) };
export const question = speechLike(700, 4);

/** The agent may transfer its calls. */
export function withTransfer(profile: AgentProfile): AgentProfile {
  return { ...profile, tools: builtinTools("transfer_call") };
}

/** A human who presses 1 where they are asked whether they take the call. */
export const accepts = (): Party => ({ keys: () => "1", talkMs: 300 });
