/** Runs the conversations of a file, one after the other, on a relay in this process. */
import { ruleScript } from "../sim/model/rule-script.js";
import type { Turn } from "../sim/model/script.js";
import { createLog } from "../src/adapters/system/pino-log.js";
import type { Environment } from "../src/config/load.js";
import type { CallRecord } from "../src/domain/call-record.js";
import {
  type CallTimes,
  ConversationCall,
  type ConversationResult,
  type StepFailure,
} from "./conversation-call.js";
import type { Conversation, ModelResponse } from "./conversation-file.js";
import { type LocalRelay, ownNumber, startLocalRelay } from "./local-relay.js";

export type ModelChoice = "simulated" | "openai";

export interface RunOptions {
  readonly env: Environment;
  readonly agentsFile: string;
  readonly model: ModelChoice;
  /** Lines of the relay's log, from "warn" on. */
  readonly log: (line: string) => void;
}

/** The simulated model's speech is short: a conversation is about words. */
const SPEECH_MS = 200;

const TIMES: Readonly<Record<ModelChoice, CallTimes>> = {
  simulated: { quietMs: 80, stepMs: 15_000 },
  // Transcripts come a little later than what they are of.
  openai: { quietMs: 600, stepMs: 60_000 },
};

/** Answers a transfer at once, takes it, and talks for a moment. */
const HUMAN = { afterMs: 50, keys: () => "1", talkMs: 300 };

/** @throws as startLocalRelay. */
export async function runConversations(
  conversations: readonly Conversation[],
  options: RunOptions,
  done: (result: ConversationResult) => void,
): Promise<readonly ConversationResult[]> {
  const { model, log } = options;
  const scripted = new ScriptedResponses();
  const relay = await startLocalRelay({
    env: options.env,
    agentsFile: options.agentsFile,
    script:
      model === "openai"
        ? null
        : (session) =>
            ruleScript(session, {
              scripted: () => scripted.next(),
              speechMs: SPEECH_MS,
              delayMs: 0,
            }),
    twilio: {
      callees: () => HUMAN,
      queueAgents: () => ({ afterMs: 50, talkMs: HUMAN.talkMs }),
      speed: 50,
    },
    overrides: {
      recordFlights: false,
      // A module that starts on a busy machine takes longer than a tool has to answer.
      warmTools: true,
      log: createLog({ level: "warn", pretty: true, destination: { write: log } }),
    },
  });
  try {
    const results: ConversationResult[] = [];
    for (const conversation of conversations) {
      const result = await runOne(relay, conversation, TIMES[model], scripted);
      results.push(result);
      done(result);
    }
    return results;
  } finally {
    await relay.close();
  }
}

async function runOne(
  relay: LocalRelay,
  conversation: Conversation,
  times: CallTimes,
  scripted: ScriptedResponses,
): Promise<ConversationResult> {
  const startedMs = performance.now();
  const { name, line } = conversation;
  const result = (failures: readonly StepFailure[], record: CallRecord | null) => ({
    name,
    line,
    ok: failures.length === 0,
    ms: Math.round(performance.now() - startedMs),
    failures,
    transcript: record === null ? [] : transcriptOf(record),
  });
  const called = calledAgent(relay, conversation);
  if ("problem" in called) return result([setUpFailure(line, called.problem)], null);
  scripted.give([]);
  const call = new ConversationCall(relay, times, called.number, conversation);
  const failures: StepFailure[] = [];
  const problem = await call.connected(called.greets);
  if (problem !== null) failures.push(setUpFailure(line, problem));
  else
    for (const [i, step] of conversation.turns.entries()) {
      scripted.give(step.model ?? []);
      const differences = await call.take(step);
      if (differences.length === 0) continue;
      const { line: at, caller = null } = step;
      failures.push({ line: at, turn: i + 1, caller, differences });
      // What follows answers something that was not said.
      break;
    }
  await call.hangUp();
  return result(failures, call.record);
}

type Called = { readonly number: string; readonly greets: boolean } | { readonly problem: string };

function calledAgent({ parsed: { agents } }: LocalRelay, { agent, number }: Conversation): Called {
  const names = [...agents.agents.keys()];
  const name =
    agent ??
    (number === undefined
      ? (agents.defaultAgent ?? names[0])
      : (agents.numbers.get(number) ?? agents.defaultAgent ?? undefined));
  const profile = name === undefined ? undefined : agents.agents.get(name);
  if (name === undefined || profile === undefined)
    return {
      problem:
        agent === undefined
          ? `no agent answers ${number ?? "a call"}`
          : `there is no agent ${agent}; the file has ${names.join(", ")}`,
    };
  return {
    number: agent === undefined && number !== undefined ? number : (ownNumber(agents, name) ?? ""),
    greets: profile.greeting !== null,
  };
}

function setUpFailure(line: number, actual: string): StepFailure {
  return {
    line,
    turn: 0,
    caller: null,
    differences: [{ expected: "a call with the agent", actual }],
  };
}

/** The responses that the file gives the simulated model for the current step. */
class ScriptedResponses {
  #waiting: ModelResponse[] = [];

  give(responses: readonly ModelResponse[]): void {
    this.#waiting = [...responses];
  }

  /** Undefined: the rules answer. */
  next(): Turn | undefined {
    const response = this.#waiting.shift();
    if (response === undefined) return undefined;
    const { say, call, arguments: given = {} } = response;
    return {
      ...(say === undefined ? {} : { say }),
      ...(call === undefined ? {} : { calls: [{ name: call, arguments: given }] }),
    };
  }
}

/** @returns a line for each turn, tool call and transfer, in order. */
export function transcriptOf(record: CallRecord): readonly string[] {
  const transfers = [
    ...record.earlierTransfers,
    ...(record.transfer === null ? [] : [record.transfer]),
  ];
  const lines = [
    ...record.turns.map(({ who, text, startedMs }) => ({
      atMs: startedMs ?? 0,
      line: `${who}: ${text ?? "(no words)"}`,
    })),
    ...record.tools.map(({ name, arguments: given, output, atMs }) => ({
      atMs,
      line: `tool: ${name} ${given} → ${output}`,
    })),
    ...transfers.map(({ destination, outcome, requestedMs }) => ({
      atMs: requestedMs,
      line: `transfer: ${destination} (${outcome ?? "under way"})`,
    })),
  ];
  return lines.sort((a, b) => a.atMs - b.atMs).map(({ line }) => line);
}
