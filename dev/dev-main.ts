/**
 * `murelay dev`: the relay with the user's agents file, a simulated phone in the browser, a text
 * chat, and a simulated model or OpenAI's. Stays up until Ctrl-C.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { consoleAddress, startSoftphone } from "../demo/browser-call.js";
import { SoftphoneLines } from "../demo/softphone.js";
import { Timeline } from "../demo/timeline.js";
import { ruleScript } from "../sim/model/rule-script.js";
import { envLookup } from "../src/adapters/system/env-files.js";
import { createLog } from "../src/adapters/system/pino-log.js";
import { checkSessions } from "../src/cli/doctor/session-check.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "../src/cli/io.js";
import { placesOf } from "../src/config/agents/agents-parts.js";
import { fileBeside } from "../src/config/read-problem.js";
import { SETTINGS } from "../src/config/settings.js";
import type { AgentsFile } from "../src/domain/agent-profile.js";
import { RelayError } from "../src/domain/errors.js";
import type { CallSid } from "../src/domain/ids.js";
import type { Refusal } from "../src/relay/call/call-command.js";
import { LiveAgentsFile } from "./live-agents-file.js";
import { type LocalRelay, ownNumber, startLocalRelay } from "./local-relay.js";

export interface DevOptions {
  readonly model?: string;
  /** Of the page. Default: any free port. */
  readonly port?: string;
}

/** Answers a transfer after a moment, takes it, and talks. */
const HUMAN = { afterMs: 400, keys: () => "1", talkMs: 10_000 };

/** Of a typed turn. */
const REFUSED: Partial<Record<Refusal, string>> = {
  not_found: "The call is over.",
  not_live: "The agent is not on the line now.",
  destination_unknown: "There is no such destination.",
  invalid: "There is nothing to say in this text.",
};

/** @returns the exit status: 2 with a fault in options, settings or agents file at the start. */
export async function main(
  io: CliIo,
  given: string | undefined,
  options: DevOptions,
): Promise<number> {
  const path = resolve(given ?? (io.env["AGENTS_FILE"] || SETTINGS.agentsFile.default || ""));
  const hasKey = envLookup(io.env)("OPENAI_API_KEY") !== undefined;
  const model = options.model ?? (hasKey ? "openai" : "simulated");
  const problem = problemOf(path, model, hasKey, options);
  if (problem !== null) {
    io.err(problem);
    return EXIT_USAGE;
  }
  const lines = new SoftphoneLines();
  let relay: LocalRelay;
  try {
    relay = await start(io, path, model === "simulated", options, lines);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    io.err(error.message);
    return EXIT_USAGE;
  }
  try {
    await stayUp(io, relay, path, model, lines);
  } finally {
    await relay.close();
  }
  return EXIT_OK;
}

function problemOf(
  path: string,
  model: string,
  hasKey: boolean,
  { port = "0" }: DevOptions,
): string | null {
  if (model !== "simulated" && model !== "openai")
    return `--model ${model}: the model is simulated or openai`;
  if (model === "openai" && !hasKey)
    return "--model openai needs a key: set OPENAI_API_KEY in the environment or in .env";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return `--port ${port} is no port`;
  if (existsSync(path)) return null;
  const hint = fileBeside(path);
  return `${path} is not there${hint}: write one with murelay init, or name it`;
}

async function start(
  io: CliIo,
  agentsFile: string,
  simulated: boolean,
  { port = "0" }: DevOptions,
  lines: SoftphoneLines,
): Promise<LocalRelay> {
  const timeline = new Timeline((line) => io.out(line));
  return await startLocalRelay({
    env: io.env,
    agentsFile,
    settings: { ADMIN_PORT: port },
    script: simulated ? (session) => ruleScript(session) : null,
    twilio: {
      callees: () => HUMAN,
      queueAgents: () => ({ afterMs: 2_000, talkMs: HUMAN.talkMs }),
      hooks: lines.hooks,
    },
    onEvent: (_callSid, event) => timeline.event(event),
    overrides: {
      recordFlights: false,
      warmTools: true,
      log: createLog({
        level: "warn",
        pretty: true,
        destination: { write: (line) => io.err(line.trimEnd()) },
      }),
    },
  });
}

async function stayUp(
  io: CliIo,
  relay: LocalRelay,
  path: string,
  model: string,
  lines: SoftphoneLines,
): Promise<void> {
  let { agents } = relay.parsed;
  const file = new LiveAgentsFile(
    {
      path,
      model,
      read: relay.readAgents,
      use: async ({ file }) => {
        await relay.app.reload(file, null);
        agents = file;
      },
      check: model === "openai" ? async (file) => await modelNotices(relay, file) : null,
      print: (line) => io.out(line),
    },
    { file: agents, places: placesOf(relay.parsed) },
  );
  const phone = await startSoftphone({
    twilio: relay.twilio,
    lines,
    adminPort: relay.adminPort,
    numberFor: (agent, number) =>
      number ?? ownNumber(agents, agent ?? agents.defaultAgent ?? firstOf(agents.agents)),
    say: async (callSid, text) => {
      const command = { type: "caller_typed", text } as const;
      const refusal = await relay.app.execute(callSid as CallSid, command);
      return refusal === null ? null : (REFUSED[refusal] ?? refusal);
    },
    setup: file,
  });
  file.start();
  io.out(
    `${model === "openai" ? "The model is OpenAI's, which bills the calls to your key." : "The model is simulated."} ` +
      `Talk or type to your agent here:\n\n  ${consoleAddress(relay.adminPort, phone.address)}\n\n` +
      "Saving the agents file or a tool puts it in force. Ctrl-C ends the command.",
  );
  await new Promise<void>((stop) => io.onSignal(() => stop()));
  file.stop();
  phone.close();
}

/** What OpenAI refuses of the agents. Nothing is charged: no response is asked for. */
async function modelNotices(
  { config }: Pick<LocalRelay, "config">,
  agents: AgentsFile,
): Promise<readonly string[]> {
  const notices: string[] = [];
  for await (const { severity, text, fix } of checkSessions(config, agents))
    if (severity !== "ok") notices.push(fix === null ? text : `${text}: ${fix}`);
  return notices;
}

function firstOf(agents: ReadonlyMap<string, unknown>): string {
  return [...agents.keys()][0] ?? "";
}
