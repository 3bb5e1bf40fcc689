/**
 * The relay with a user's agents file between a simulated Twilio and a model, all in this process:
 * for `murelay dev` and `murelay test`.
 */

import { liveSettings } from "../demo/live.js";
import { type DemoRelay, PUBLIC_URL, runRelay } from "../demo/relay.js";
import type { Script } from "../sim/model/script.js";
import type { ModelSession } from "../sim/model/session.js";
import { type SimulatedModel, startModel } from "../sim/model.js";
import { type SimulatedTwilio, startTwilio, type TwilioOptions } from "../sim/twilio.js";
import type { AppOverrides } from "../src/app/app-overrides.js";
import {
  type ParsedAgentsFile,
  parseConfiguredAgentsFile,
} from "../src/config/agents/agents-file.js";
import { placesOf } from "../src/config/agents/agents-parts.js";
import type { ReadAgents } from "../src/config/agents/read-apart.js";
import { type Config, type Environment, loadConfig } from "../src/config/load.js";
import type { AgentsFile } from "../src/domain/agent-profile.js";
import type { CallSid } from "../src/domain/ids.js";
import type { RecordEvent } from "../src/domain/record-event.js";

export interface LocalRelayOptions {
  /** The user's environment, merged with the settings file. */
  readonly env: Environment;
  readonly agentsFile: string;
  /** Settings that go before the user's. */
  readonly settings?: Environment;
  /** Null: OpenAI's, with the key of the environment. */
  readonly script: ((session: ModelSession) => Script) | null;
  readonly twilio: Pick<TwilioOptions, "callees" | "queueAgents" | "hooks" | "speed">;
  readonly onEvent?: (callSid: CallSid, event: RecordEvent) => void;
  readonly overrides: AppOverrides;
}

export type LocalAgents = Pick<ReadAgents, "file" | "places">;

export interface LocalRelay extends DemoRelay {
  readonly twilio: SimulatedTwilio;
  /** Null: the model is OpenAI's. */
  readonly model: SimulatedModel | null;
  readonly config: Config;
  /** The agents file as it was at the start. */
  readonly parsed: ParsedAgentsFile;
  /**
   * Reads the agents file again, here: a thread of its own takes a second to start from the sources,
   * and a developer's file a few milliseconds to read.
   *
   * @throws AgentsFileError with every fault.
   */
  readAgents(): LocalAgents;
  close(): Promise<void>;
}

/** @throws ConfigError, AgentsFileError or RelayError config_invalid; nothing is left running. */
export async function startLocalRelay(options: LocalRelayOptions): Promise<LocalRelay> {
  const { script } = options;
  const model =
    script === null ? null : await startModel({ script, transcriptDelayMs: 0, keepAudio: false });
  const twilio = await startTwilio({ publicUrl: PUBLIC_URL, ...options.twilio });
  let relay: DemoRelay | null = null;
  const close = async () => {
    await twilio.close();
    await relay?.app.stop();
    await model?.close();
  };
  try {
    const env = {
      ...localSettings(options.env, options.agentsFile, twilio, model),
      ...options.settings,
    };
    const config = loadConfig(env);
    const readAgents = (): LocalAgents => {
      const { agents, ...rest } = readLocalAgents(config, env);
      return { file: agents, places: placesOf({ agents, ...rest }) };
    };
    const parsed = readLocalAgents(config, env);
    const { onEvent, overrides } = options;
    const watch = onEvent === undefined ? {} : { onEvent };
    relay = await runRelay(config, parsed.agents, twilio, watch, overrides);
    return { ...relay, twilio, model, config, parsed, readAgents, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The user's settings with the simulated peers in the place of the real ones. */
function localSettings(
  env: Environment,
  agentsFile: string,
  twilio: SimulatedTwilio,
  model: SimulatedModel | null,
): Environment {
  return {
    ...liveSettings(env, twilio),
    AGENTS_FILE: agentsFile,
    ...(model === null
      ? {}
      : {
          OPENAI_API_KEY: model.apiKey,
          OPENAI_API_KEY_FILE: "",
          OPENAI_REALTIME_URL: model.url,
        }),
  };
}

function readLocalAgents(config: Config, env: Environment): ParsedAgentsFile {
  const parsed = parseConfiguredAgentsFile(config, env);
  return { ...parsed, agents: withOwnNumbers(parsed.agents) };
}

const OWN_NUMBERS = "+1555990";

/** A number of each agent's own, so that each can be called whatever the file's numbers are. */
export function ownNumber(agents: AgentsFile, agent: string): string | null {
  const place = [...agents.agents.keys()].indexOf(agent);
  return place < 0 ? null : `${OWN_NUMBERS}${String(place).padStart(4, "0")}`;
}

/** The numbers that the file itself names. */
export function namedNumbers(agents: AgentsFile): readonly string[] {
  return [...agents.numbers.keys()].filter(
    (number) => number.startsWith("+") && !number.startsWith(OWN_NUMBERS),
  );
}

function withOwnNumbers(agents: AgentsFile): AgentsFile {
  const numbers = new Map(agents.numbers);
  for (const agent of agents.agents.keys()) {
    const number = ownNumber(agents, agent);
    if (number !== null) numbers.set(number, agent);
  }
  return { ...agents, numbers };
}
