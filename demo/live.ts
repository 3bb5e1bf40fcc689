/**
 * `murelay demo --live`: the demo's relay and simulated Twilio with OpenAI's real model. A browser
 * talks to the agent: that of AGENTS_FILE where it is set, else the demo's own.
 */
import { type SimulatedTwilio, startTwilio } from "../sim/twilio.js";
import { envLookup } from "../src/adapters/system/env-files.js";
import { onInterrupt } from "../src/cli/process-signals.js";
import { readAgentsFile } from "../src/config/agents/agents-file.js";
import { type Config, loadConfig } from "../src/config/load.js";
import type { AgentsFile } from "../src/domain/agent-profile.js";
import { RelayError } from "../src/domain/errors.js";
import { consoleAddress, NUMBERS, startSoftphone, transferTarget } from "./browser-call.js";
import { DEMO_FOLDER, demoAgents, demoSettings, PUBLIC_URL, runRelay } from "./relay.js";
import { SoftphoneLines } from "./softphone.js";
import { Timeline } from "./timeline.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The console of a demo is on loopback and needs no token, one process carries its calls, and Twilio
 * is simulated.
 */
const NOT_IN_A_DEMO: readonly string[] = [
  "ADMIN_HOST",
  "ADMIN_TOKEN",
  "OPERATORS_FILE",
  "WORKERS",
  "MEDIA_URL",
  "TWILIO_AUTH_TOKEN",
  "TWILIO_API_KEY",
  "TWILIO_API_SECRET",
];

/**
 * The user's own settings, in which the demo replaces addresses, ports and the Twilio account.
 * Recordings go where the user's settings say.
 */
export function liveSettings(env: Environment, twilio: SimulatedTwilio): Environment {
  const own = Object.entries(env).filter(
    ([name]) =>
      !NOT_IN_A_DEMO.includes(name.replace(/_FILE$/, "")) && !NOT_IN_A_DEMO.includes(name),
  );
  const recordings = env["RECORDINGS_DIR"] || DEMO_FOLDER;
  // A proxy of the user's reaches the model, and not this machine's Twilio.
  const direct = [env["NO_PROXY"] || env["no_proxy"], "127.0.0.1"].filter(Boolean).join(",");
  return {
    ...Object.fromEntries(own),
    ...demoSettings(twilio),
    RECORDINGS_DIR: recordings,
    NO_PROXY: direct,
  };
}

/** The number that the browser calls: the first that the user's agents file names. */
export function calledNumber(agents: AgentsFile): string | undefined {
  return [...agents.numbers.keys()].find((number) => number.startsWith("+"));
}

/**
 * Stays up until Ctrl-C.
 *
 * @param env  the environment, merged with the settings file.
 * @returns    the exit status: 2 without a key, or with a fault in settings or agents file.
 */
export async function runLiveDemo(
  env: Environment,
  print: (line: string) => void,
): Promise<number> {
  if (envLookup(env)("OPENAI_API_KEY") === undefined) {
    print(
      "murelay demo --live needs a key for OpenAI's model: " +
        "set OPENAI_API_KEY in the environment or in .env",
    );
    return 2;
  }
  const lines = new SoftphoneLines();
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    numbers: NUMBERS,
    callees: transferTarget,
    hooks: lines.hooks,
  });
  try {
    const loaded = load(env, twilio, print);
    return loaded === null ? 2 : await stayUp(loaded, twilio, lines, print);
  } finally {
    await twilio.close();
  }
}

interface Loaded {
  readonly config: Config;
  readonly agents: AgentsFile;
  /** Undefined: the demo's own number. */
  readonly number: string | undefined;
}

/** Null after every fault was printed. */
function load(
  env: Environment,
  twilio: SimulatedTwilio,
  print: (line: string) => void,
): Loaded | null {
  try {
    const settings = liveSettings(env, twilio);
    const config = loadConfig(settings);
    if (!env["AGENTS_FILE"])
      return { config, agents: demoAgents("./agents.yaml", config), number: undefined };
    const agents = readAgentsFile(config, settings);
    return { config, agents, number: calledNumber(agents) };
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    print(error.message);
    return null;
  }
}

async function stayUp(
  { config, agents, number }: Loaded,
  twilio: SimulatedTwilio,
  lines: SoftphoneLines,
  print: (line: string) => void,
): Promise<number> {
  const timeline = new Timeline(print);
  const { app, adminPort } = await runRelay(config, agents, twilio, {
    onEvent: (_callSid, event) => timeline.event(event),
  });
  const phone = await startSoftphone({ twilio, lines, adminPort, to: number });
  print(
    "murelay demo with OpenAI's model. OpenAI bills the calls to your key. " +
      `Talk to the agent here:\n\n  ${consoleAddress(adminPort, phone.address)}\n\nCtrl-C ends`,
  );
  await new Promise<void>((resolve) => onInterrupt(resolve));
  phone.close();
  await app.stop();
  return 0;
}
