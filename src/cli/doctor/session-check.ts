import { Network } from "../../adapters/network/network.js";
import { probeSession, type SessionProbeResult } from "../../adapters/openai/session-probe.js";
import { createLog } from "../../adapters/system/pino-log.js";
import { systemClock } from "../../adapters/system/system-clock.js";
import { ToolLauncher } from "../../adapters/tools/launcher-client.js";
import { AgentKits } from "../../app/agent-kits.js";
import type { Config } from "../../config/load.js";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import { sessionInstructions } from "../../relay/call/session-facts.js";
import { RELAYED_FORMAT, type SessionTool } from "../../relay/model/model-session.js";
import { closeFailure, fatalError } from "../../relay/model/openai-realtime/failures.js";
import { sessionConfig } from "../../relay/model/openai-realtime/session-config.js";
import { reduceSession } from "../../relay/model/openai-realtime/session-parts.js";
import { MemoryOrderBook } from "../../tools/memory-orders.js";
import type { RealtimeSession } from "../../wire/realtime-client.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";

const SUBJECT = "model";
const TIMEOUT_MS = 10_000;
/** An agent whose session is refused in more parts has other problems. */
const MAX_PARTS = 12;

type Probe = (session: RealtimeSession, model: string) => Promise<SessionProbeResult>;

/**
 * Opens and configures a session for each agent, as a call would, and reports what the model
 * refuses.
 */
export async function* checkSessions(
  config: Pick<Config, "openaiRealtimeUrl" | "openaiApiKey" | "httpsProxy" | "noProxy">,
  agents: AgentsFile,
): AsyncGenerator<CheckResult> {
  const network = new Network(config);
  const kits = await kitsOf(agents, network);
  if (kits === null) return;
  const probe: Probe = (session, model) =>
    probeSession(session, {
      url: config.openaiRealtimeUrl,
      model,
      apiKey: config.openaiApiKey,
      network,
      clock: systemClock,
      log: createLog({ level: "silent", pretty: false }),
      timeoutMs: TIMEOUT_MS,
    });
  for (const agent of agents.agents.values())
    yield* checkSession(agent, kits.kitOf(agent).specs, probe);
}

/** Null: a tool has a fault, which the check of the tools reports. */
async function kitsOf(agents: AgentsFile, network: Network): Promise<AgentKits | null> {
  const launcher = new ToolLauncher({ warn: () => undefined });
  try {
    const deps = { orders: new MemoryOrderBook(), network, launcher };
    return await AgentKits.load(agents, deps, null);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    return null;
  } finally {
    launcher.stop();
  }
}

/** Leaves out what the model refuses and tries again, as a call does. */
export async function* checkSession(
  agent: AgentProfile,
  tools: readonly SessionTool[],
  probe: Probe,
): AsyncGenerator<CheckResult> {
  let session = sessionConfig({
    model: agent.model,
    voice: agent.voice,
    instructions: instructionsOf(agent),
    turnDetection: agent.turnDetection,
    noiseReduction: agent.noiseReduction,
    transcription: agent.transcription,
    tools,
    ...(agent.modelSettings === undefined ? {} : { settings: agent.modelSettings }),
  });
  for (let refused = 0; refused < MAX_PARTS; refused++) {
    const result = await probe(session, agent.model);
    if (result.kind !== "refused") {
      yield judged(agent, result);
      return;
    }
    const { fault } = result;
    const said = `${fault.param === null ? "" : `${fault.param}: `}${fault.message ?? fault.code ?? "no reason"}`;
    const fatal = fatalError(fault.code);
    const reduced = fatal === null ? reduceSession(session, fault) : null;
    if (reduced === null) {
      const fix = fatal?.code === "upstream_account" ? ACCOUNT_FIX : FIX;
      yield fail(SUBJECT, `${agent.name}: the model refuses the session (${said})`, fix);
      return;
    }
    const part = reduced.tool === null ? reduced.part : `the tool ${reduced.tool}`;
    yield warn(
      SUBJECT,
      `${agent.name}: the model refuses ${part} (${said}); calls go on without it`,
      FIX,
    );
    session = reduced.session;
  }
  yield fail(SUBJECT, `${agent.name}: the model refuses more than ${MAX_PARTS} parts`, FIX);
}

const FIX = "correct it in the agents file";
const ACCOUNT_FIX = "check OPENAI_API_KEY, its quota, and the agent's model";

function judged(
  agent: AgentProfile,
  result: Exclude<SessionProbeResult, { readonly kind: "refused" }>,
): CheckResult {
  const who = `${agent.name}: `;
  switch (result.kind) {
    case "configured":
      if (result.input === RELAYED_FORMAT && result.output === RELAYED_FORMAT)
        return ok(SUBJECT, `${who}a session with ${agent.model} was configured`);
      return fail(
        SUBJECT,
        `${who}the session has ${result.input} in and ${result.output} out, not ${RELAYED_FORMAT}`,
        "choose another model",
      );
    case "timeout":
      return fail(
        SUBJECT,
        `${who}no configured session within ${TIMEOUT_MS / 1000} s`,
        "check the network and OPENAI_REALTIME_URL",
      );
    case "closed": {
      const { code, detail } = closeFailure(result.failure, null);
      const fix =
        code === "upstream_account" ? ACCOUNT_FIX : "check OPENAI_REALTIME_URL and the network";
      return fail(SUBJECT, `${who}no session with ${agent.model}: ${code} (${detail})`, fix);
    }
  }
}

function instructionsOf(agent: AgentProfile): string {
  const facts = { epochMs: systemClock.epochMs(), callerNumber: null, caller: {} };
  return sessionInstructions(agent.instructions, agent, agent.language, facts);
}
