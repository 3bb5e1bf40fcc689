import { Argument, Command, Option } from "commander";
import { OPERATOR_ROLES } from "../domain/operator.js";
import type { CallOptions } from "./call-command.js";
import type { ListOptions, TransferOptions } from "./calls/calls-command.js";
import { LIST_OPTIONS } from "./calls/list-options.js";
import type { CapacityOptions } from "./capacity/capacity-command.js";
import { SHELLS } from "./completion.js";
import type { DrainOptions } from "./drain-command.js";
import type { InitOptions } from "./init-command.js";
import type { CliIo } from "./io.js";
import type { NumberOptions } from "./number-command.js";
import type { OperatorOptions } from "./operator-command.js";
import type { ReplayOptions } from "./replay-command.js";
import type { ServeOptions } from "./serve.js";

/** What each command is called, what it takes, and which module runs it. */

export interface CommandContext {
  readonly io: CliIo;
  /** The whole command line. */
  readonly args: readonly string[];
  /** Told the exit status of the command that was run. */
  readonly ended: (status: number) => void;
}

interface Json {
  readonly json?: boolean;
}

const JSON_FLAG = ["--json", "print the result as JSON"] as const;
const NUMBER_ARGUMENT = "<number>";
const MODELS = ["simulated", "openai"];
const CALL_ARGUMENT = ["<call>", "SID of the call: CA…"] as const;

export function declareCommands(program: Command, context: CommandContext): void {
  declareRelay(program, context);
  declareTrials(program, context);
  declareChecks(program, context);
  declareCalls(program, context);
  declareLiveCalls(program, context);
  declareTwilio(program, context);
  declareOperators(program, context);
  declareOperation(program, context);
}

/** Adds a command. `work` gets its arguments, then its options. */
function add<Options extends object>(
  parent: Command,
  context: CommandContext,
  name: string,
  description: string,
  work: (values: readonly string[], options: Options) => Promise<number>,
): Command {
  const command = new Command(name).description(description).copyInheritedSettings(parent);
  command.action(async () => {
    context.ended(await work(command.args, command.opts<Options>()));
  });
  parent.addCommand(command);
  return command;
}

/** An option with a closed list of values: completed by the shell, and checked. */
function choice(flags: string, description: string, values: readonly string[] = []): Option {
  const option = new Option(flags, description);
  return values.length === 0 ? option : option.choices(values);
}

function declareRelay(program: Command, context: CommandContext): void {
  const { io } = context;
  const record = "flight recorder: keep every message of every call in RECORDINGS_DIR, for replay";
  add<ServeOptions>(
    program,
    context,
    "serve",
    "run the relay until SIGTERM or Ctrl-C",
    async (_, options) => (await import("./serve.js")).serve(io, options),
  )
    .option("--print-config", "print the settings in force, secrets redacted, and exit")
    .option("--record", record);

  // Only `serve` runs it.
  const worker = new Command("worker").option("--record").action(async () => {
    const options = worker.opts<{ record?: boolean }>();
    context.ended(await (await import("./worker.js")).worker(io, options));
  });
  program.addCommand(worker, { hidden: true });
}

function declareTrials(program: Command, context: CommandContext): void {
  const { io, args } = context;
  add<InitOptions>(
    program,
    context,
    "init",
    "write an agents file, settings and an example tool for a project of your own; never overwrites",
    async ([folder = "."], options) =>
      (await import("./init-command.js")).init(io, folder, options),
  )
    .argument("[folder]", "where to write them (default: here)")
    .option("--business <name>", "business that the agent answers for")
    .option("--language <tag>", "language of the agent: en-US, es, …")
    .option("--time-zone <name>", "time zone of the agent: America/New_York, …")
    .option("--human <number>", "E.164 number that callers are transferred to")
    .option("--public-url <url>", "https address under which Twilio reaches the relay")
    .option(...JSON_FLAG);
  add(
    program,
    context,
    "dev",
    "try the agents of a file in the browser, by voice and by text, until Ctrl-C",
    async ([file], options) =>
      (await import("./harness-command.js")).runHarness(io, "dev", [io, file, options]),
  )
    .argument("[file]", "agents file, read again on each save (default: AGENTS_FILE)")
    .addOption(
      choice(
        "--model <model>",
        "openai takes OPENAI_API_KEY (default: openai where there is a key, else simulated)",
        MODELS,
      ),
    )
    .option("--port <port>", "port of the page (default: a free one)");
  add(
    program,
    context,
    "test",
    "run conversations written as YAML against an agents file; exit 1 if one fails",
    async (files, options) =>
      (await import("./harness-command.js")).runHarness(io, "test", [io, files, options]),
  )
    .argument("[files...]", "conversation files, or folders of them (default: conversations/)")
    .option("--agents <path>", "agents file (default: the one that the file names, or AGENTS_FILE)")
    .addOption(
      choice("--model <model>", "openai takes OPENAI_API_KEY", MODELS).default("simulated"),
    )
    .option("--only <text>", "only conversations with this text in their name")
    .option("--junit <path>", "write the results as JUnit XML")
    .option(...JSON_FLAG);
  const harness = (name: "demo" | "bench") => async () =>
    (await import("./harness-command.js")).runHarness(io, name, [
      args.slice(args.indexOf(name) + 1),
      io,
    ]);
  add(
    program,
    context,
    "demo",
    "place one whole call over loopback against simulated peers; needs no account",
    harness("demo"),
  )
    .option("--keep", "stay up afterwards, for more calls and for talking in the browser")
    .option(
      "--live",
      "talk in the browser to OpenAI's own model (OPENAI_API_KEY); no scripted call",
    )
    .option("--sip", "use the SIP path: conference, webhook, sideband, warm transfer")
    .allowExcessArguments(false);
  add(
    program,
    context,
    "bench",
    "play Twilio and the model against a relay under load, and measure it",
    harness("bench"),
  )
    // The harness parses, explains and refuses its own flags.
    .helpOption(false)
    .usage("[options]  (bench --help lists them)")
    .allowUnknownOption()
    .allowExcessArguments();
  add<ReplayOptions>(
    program,
    context,
    "replay",
    "play a flight recording through the relay again",
    async ([file = ""], options) =>
      (await import("./replay-command.js")).replayFile(io, file, options),
  )
    .argument("<file>", "a flight recording: CA….flight.jsonl")
    .option(...JSON_FLAG)
    .option("--write <path>", "keep the recording that the replay makes of itself")
    .addHelpText("after", "\nExits with 1 where what the relay sent differs from the recording.");
}

function declareChecks(program: Command, context: CommandContext): void {
  const { io } = context;
  add<Json>(
    program,
    context,
    "doctor",
    "check settings, agents file, Twilio, OpenAI, database, public URL and clock; exit 1 if any fails",
    async (_, options) => (await import("./doctor/doctor.js")).doctor(io, options),
  ).option(...JSON_FLAG);
  const config = new Command("config")
    .description("settings and the agents file")
    .copyInheritedSettings(program);
  program.addCommand(config);
  add<Json>(
    config,
    context,
    "check",
    "check the agents file and everything it names, without settings, network or database; exit 1 on a fault",
    async ([file], options) =>
      (await import("./config-check.js")).checkConfig(io, file ?? null, options),
  )
    .argument("[file]", "agents file (default: AGENTS_FILE)")
    .option(...JSON_FLAG);
  add<Json>(
    config,
    context,
    "print",
    "print the settings in force, secrets redacted",
    async (_, options) => (await import("./config-command.js")).printConfig(io, options),
  ).option(...JSON_FLAG);
  add(
    config,
    context,
    "schema",
    "print a JSON Schema: of the agents file, of conversations, or of what --json prints",
    async ([name]) => (await import("./config-command.js")).printSchema(io, name),
  ).addArgument(
    new Argument("[name]", "what it describes (default: agents)").choices([
      "agents",
      "conversations",
      "output",
    ]),
  );
}

function declareCalls(program: Command, context: CommandContext): void {
  const { io } = context;
  add<CallOptions>(
    program,
    context,
    "call",
    "place an outbound call through the running relay",
    async ([to = ""], options) => (await import("./call-command.js")).call(io, to, options),
  )
    .argument(NUMBER_ARGUMENT, "E.164 number to call")
    .requiredOption("--agent <name>", "agent that talks")
    .option("--from <number>", "caller ID: one of the account's numbers")
    .option("--context <json>", "JSON object that the agent is given")
    .option("--json", "print the result as JSON, which is the only form of it");
}

function declareLiveCalls(program: Command, context: CommandContext): void {
  const { io } = context;
  const calls = new Command("calls")
    .description("calls of the running relay and their records")
    .copyInheritedSettings(program);
  program.addCommand(calls);
  const module = () => import("./calls/calls-command.js");
  const list = add<ListOptions>(
    calls,
    context,
    "list",
    "list calls, newest first, or those that a search finds",
    async (_, options) => (await module()).listCalls(io, options),
  );
  for (const [flags, description, choices] of LIST_OPTIONS)
    list.addOption(choice(flags, description, choices));
  list.option("--limit <count>", "how many", "20").option(...JSON_FLAG);
  add<Json>(
    calls,
    context,
    "show",
    "print what is recorded of one call",
    async ([callSid = ""], options) => (await module()).showCall(io, callSid, options),
  )
    .argument(...CALL_ARGUMENT)
    .option(...JSON_FLAG);
  add<Json>(
    calls,
    context,
    "tail",
    "print what happens in live calls as it happens, until Ctrl-C or the end of the call",
    async ([callSid], options) => (await module()).tailCalls(io, callSid ?? null, options),
  )
    .argument("[call]", "SID of one call (default: all calls)")
    .option("--json", "print each event as one line of JSON");
  add<TransferOptions>(
    calls,
    context,
    "transfer",
    "transfer a live call",
    async ([callSid = "", destination = ""], options) =>
      (await module()).transferCall(io, callSid, destination, options),
  )
    .argument(...CALL_ARGUMENT)
    .argument("<destination>", "a destination of the call's agent")
    .option("--reason <text>", "for the record and for the human who answers")
    .option(...JSON_FLAG);
  add<Json>(calls, context, "end", "end a live call", async ([callSid = ""], options) =>
    (await module()).endCall(io, callSid, options),
  )
    .argument(...CALL_ARGUMENT)
    .option(...JSON_FLAG);
}

function declareOperators(program: Command, context: CommandContext): void {
  const { io } = context;
  const operator = new Command("operator")
    .description("people who may use the operator listener")
    .copyInheritedSettings(program);
  program.addCommand(operator);
  add<OperatorOptions>(
    operator,
    context,
    "add",
    "add a named operator to OPERATORS_FILE and print their token",
    async ([name = ""], options) =>
      (await import("./operator-command.js")).addOperator(io, name, options),
  )
    .argument("<name>", "as it stands in call records and in the audit log")
    .addOption(
      choice("--role <role>", "what the operator may do", OPERATOR_ROLES).makeOptionMandatory(),
    )
    .option("--file <path>", "operators file (default: OPERATORS_FILE)")
    .option(...JSON_FLAG);
}

function declareOperation(program: Command, context: CommandContext): void {
  const { io } = context;
  add<DrainOptions>(
    program,
    context,
    "drain",
    "have the running relay accept no new calls; it goes on until it is stopped",
    async (_, options) => (await import("./drain-command.js")).drain(io, options),
  )
    .option("--wait", "return once no call is left")
    .option(...JSON_FLAG);
  add<CapacityOptions>(
    program,
    context,
    "capacity",
    "print what a number of simultaneous calls takes: cores, memory, database, network, limits, cost",
    async (_, options) => (await import("./capacity/capacity-command.js")).capacity(io, options),
  )
    .requiredOption("--calls <count>", "simultaneous calls")
    .option("--minutes <minutes>", "length of a call", "3")
    .option("--responses <count>", "answers of the agent in a minute", "6")
    .option("--calls-per-core <count>", "what bench --find-max measured on your machine")
    .option("--model <name>", "model of the agents (default: OPENAI_REALTIME_MODEL)")
    .option("--prices <path>", "price list (default: the one that is shipped)")
    .option(...JSON_FLAG);
  add(program, context, "completion", "print a completion script for a shell", async ([shell]) =>
    (await import("./completion.js")).printCompletion(io, program, shell),
  ).addArgument(new Argument("<shell>", "that runs it").choices(SHELLS));
}

function declareTwilio(program: Command, context: CommandContext): void {
  const { io } = context;
  const number = new Command("number")
    .description("Twilio numbers of the account")
    .copyInheritedSettings(program);
  program.addCommand(number);
  add<NumberOptions>(
    number,
    context,
    "set",
    "point a number's voice, fallback and status webhooks at this relay",
    async ([e164 = ""], options) =>
      (await import("./number-command.js")).setNumber(io, e164, options),
  )
    .argument(NUMBER_ARGUMENT, "E.164 number of the account")
    .option("--sip", "use the SIP path instead of Media Streams")
    .option("--dry-run", "print what would change, and change nothing")
    .option(...JSON_FLAG);
  const trunk = new Command("trunk")
    .description("the SIP path: numbers in conferences, Elastic SIP Trunks")
    .copyInheritedSettings(program);
  program.addCommand(trunk);
  add<Json>(
    trunk,
    context,
    "check",
    "print what must be set where at OpenAI and Twilio, and check it; exit 1 if anything fails",
    async (_, options) => (await import("./trunk-command.js")).checkTrunk(io, options),
  ).option(...JSON_FLAG);
}
