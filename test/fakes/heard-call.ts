import { expect, vi } from "vitest";
import { heardMs } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { AgentProfile, AgentsFile, ToolDefinition } from "../../src/domain/agent-profile.js";

/** An agents file with this agent alone. */
export function onlyAgent(profile: AgentProfile): AgentsFile {
  return {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
  };
}

export function builtinTools(...names: readonly string[]): ToolDefinition[] {
  return names.map((name) => ({
    name,
    description: "",
    parameters: {},
    source: { kind: "builtin" as const },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  }));
}

/** How much of the beginning of `audio` the caller has heard in any stream of the call. */
export function heardOf(call: Leg, audio: Uint8Array): number {
  return Math.max(0, ...call.streams.map((stream) => heardMs(stream, audio) ?? 0));
}

/** The caller has heard `audio` to its end. */
export async function hears(call: Leg, audio: Uint8Array, timeoutMs = 15_000): Promise<void> {
  await vi.waitFor(
    () => expect(heardOf(call, audio)).toBeGreaterThanOrEqual(audio.length / 8 - 1),
    { timeout: timeoutMs },
  );
}
